/**
 * Replaces a child SA (RFC 7296, sections 1.3.3, 2.8): a new one is made, then the old one is deleted by whoever began. Where both
 * ends do it at once, the exchange with the lowest nonce was for nothing (section 2.8.1); where one end deletes what the other
 * replaces, the notifies of section 2.25 tell.
 */

import { type ChildSa, spiNumber, spiOctets, wantedLike } from "../child_sa.ts";
import { NOTIFY, notifyName, notifyPayload, PROTOCOL } from "../codec/mod.ts";
import type { IkeSa } from "../ike_sa.ts";
import type { Incoming, Outgoing } from "../messages.ts";
import { ChildCreateTask } from "./child_create.ts";
import { PeerChildCreateTask } from "./peer_child_create.ts";
import type { Task, TaskStep } from "./task.ts";

/** CREATE_CHILD_SA with N(REKEY_SA) that this end begins. */
export class ChildRekeyTask implements Task {
  readonly name = "child_rekey";
  readonly #sa: IkeSa;
  readonly #old: ChildSa;
  #create: ChildCreateTask;
  /** A request went out, and another one may follow with another group. */
  #begun = false;
  #over = false;

  /** Takes the child SA to be replaced. */
  constructor(sa: IkeSa, old: ChildSa) {
    this.#sa = sa;
    this.#old = old;
    this.#create = new ChildCreateTask(sa, wantedLike(old), old);
  }

  get done(): boolean {
    return this.#over || this.#create.done;
  }

  build(message: Outgoing): TaskStep {
    const { spiIn, state } = this.#old;
    const exists = this.#sa.children.has(this.#old);
    // The peer was first, with a rekey or a deletion; or this end wanted it twice.
    if (!exists || state !== (this.#begun ? "rekeying" : "installed")) {
      this.#over = true;
      return this.#renew();
    }
    this.#begun = true;
    this.#old.state = "rekeying";
    message.add(notifyPayload(NOTIFY.rekeySa, undefined, { protocol: PROTOCOL.esp, spi: spiOctets(spiIn) }));
    return this.#create.build(message);
  }

  process(message: Incoming): TaskStep {
    const sa = this.#sa;
    const old = this.#old;
    const exists = sa.children.has(old);
    const error = message.error();
    if (error?.type === NOTIFY.childSaNotFound) {
      this.abort();
      // The peer has asked for the old one itself, and will know it when our answer has reached it.
      if (exists && sa.children.awaitsPeer(old)) return void sa.children.retryRekey(old);
      this.#renew();
      // The peer knows nothing of the old one; unless it has just deleted it, traffic needs another (section 2.25.1).
      if (exists && old.successor === undefined) {
        sa.children.remove(old, "peer");
        sa.children.create(wantedLike(old));
      }
      return;
    }
    const temporary = error?.type === NOTIFY.temporaryFailure;
    if (temporary) this.#over = true;
    const step = temporary ? undefined : this.#create.process(message);
    if (temporary) this.#create.abort();
    if (!this.done) return step; // another group is tried
    const { child, nonces } = this.#create;
    if (child === null || nonces === null) return this.#keepOld(exists, error?.type);
    const { successor } = old;
    if (exists) old.state = "rekeyed";
    if (successor !== undefined && this.#create.isForNothing) {
      // Ours was for nothing. The peer deletes the old one, on which packets are sent until then: its end of the new one may not be ready.
      sa.children.delete(child, "replaced");
      if (!exists && sa.children.has(successor.child)) sa.children.switchTo(successor.child);
      return;
    }
    // The peer's, if there is one, was for nothing: the peer deletes it.
    if (successor?.child.state === "installed") successor.child.state = "rekeyed";
    if (exists) sa.children.delete(old, "replaced");
  }

  /** Nothing came of it: the old one goes on, and it is tried again. */
  #keepOld(exists: boolean, error: number | undefined): void {
    if (!exists) return this.#renew();
    if (this.#old.state !== "rekeying") return;
    this.#old.state = this.#old.successor === undefined ? "installed" : "rekeyed";
    if (this.#old.successor !== undefined) return;
    const { retries, reauthentication, askedFirst } = this.#sa;
    if (error === NOTIFY.temporaryFailure && !retries.noteTemporaryFailure()) return;
    const retryIn = this.#sa.children.retryRekey(this.#old);
    // Section 4: "the implementation MUST be capable of instead deleting the old SA and creating a new one".
    if (error === NOTIFY.noAdditionalSas && askedFirst) return reauthentication.begin();
    if (error === NOTIFY.temporaryFailure) {
      const text = `The peer answered ${notifyName(error)}; it is tried again`;
      const { name } = this.#old;
      this.#sa.services.emit({
        type: "child_sa_failed",
        ikeSa: this.#sa.id,
        name,
        reason: notifyName(error),
        text,
        retryIn,
      });
    }
  }

  /** The life of the old one was over meanwhile, and nothing has come of this. */
  #renew(): void {
    if (this.#old.missed !== true || this.#old.successor !== undefined) return;
    this.#old.missed = false;
    this.#sa.children.renew(this.#old);
  }

  abort(): void {
    this.#over = true;
    this.#create.abort();
    if (this.#begun && this.#old.state === "rekeying") this.#old.state = "installed";
  }
}

/** CREATE_CHILD_SA with N(REKEY_SA) that the peer begins. */
export class PeerChildRekeyTask implements Task {
  readonly name = "child_rekey";
  readonly #sa: IkeSa;
  #create: PeerChildCreateTask | null = null;
  #old: ChildSa | null = null;
  #refusal: { readonly notify: number; readonly spi: Uint8Array } | null = null;
  done = false;

  /** Takes the SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  process(message: Incoming): TaskStep {
    const sa = this.#sa;
    const { spi } = message.notify(NOTIFY.rekeySa)!;
    const old = sa.children.bySpiOut(spiNumber(spi));
    // Section 2.25.1: what is gone is not found; what goes just now is refused for the moment.
    // While an answer that makes a child SA is under way, it may be that one.
    if (old === undefined && !sa.exchanges.isBusyWithChildren()) {
      this.#refusal = { notify: NOTIFY.childSaNotFound, spi: spi.slice() };
    } else if (
      old === undefined || old.state === "deleting" || isReplaced(old) ||
      sa.children.all().filter(isReplaced).length >= sa.services.limits.max_children
    ) {
      this.#refusal = { notify: NOTIFY.temporaryFailure, spi: new Uint8Array(0) };
    } else {
      this.#old = old;
      this.#create = new PeerChildCreateTask(sa, old);
      return this.#create.process(message);
    }
  }

  build(message: Outgoing): TaskStep {
    this.done = true;
    if (this.#refusal !== null) {
      const { notify, spi } = this.#refusal;
      const about = spi.length === 0 ? undefined : { protocol: PROTOCOL.esp, spi };
      message.add(notifyPayload(notify, undefined, about));
      return;
    }
    const [create, old] = [this.#create!, this.#old!];
    const step = create.build(message);
    const { child, nonces } = create;
    if (child === null || nonces === null) return step;
    old.successor = { child, nonces, answeredOn: this.#sa.children };
    // With a rekey of ours under way, its response decides; else the old one has had its time.
    if (old.state === "installed") {
      old.state = "rekeyed";
      this.#sa.timers.clear("rekey_child", old.id);
    }
    return step;
  }

  abort(): void {
    this.#create?.abort();
  }
}

/** Whether one of the ends has made another one in its place, and one of them has to delete it. */
function isReplaced({ state, successor }: ChildSa): boolean {
  return state === "rekeyed" || successor !== undefined;
}
