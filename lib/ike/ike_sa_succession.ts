/**
 * How one IKE SA is replaced by another (RFC 7296, sections 2.8, 2.18): whose rekey is under way, who has made what, and the
 * moment at which the new one takes over what outlives the old one. The exchange itself is in `tasks/ike_rekey.ts`.
 */

import { NOTIFY, notifyName, PROTOCOL } from "./codec/mod.ts";
import type { FailureReason } from "./events.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { Incoming } from "./messages.ts";
import type { NoncePair } from "./nonce_order.ts";
import { announceWindowOperation, rekeyIkeOperation } from "./tasks/operations.ts";

/** What comes before and after an IKE SA. */
export class IkeSaSuccession {
  readonly #sa: IkeSa;
  /** A rekey by this end is under way. */
  rekeying = false;
  /** What the peer has made to replace this SA, and the nonces of that exchange. */
  peerSuccessor: { readonly successor: IkeSa; readonly nonces: NoncePair } | null = null;
  /** The peer has asked for a rekey, whatever was answered. */
  peerHasAsked = false;
  /** The IKE SA that has taken over the children. */
  successor: IkeSa | null = null;
  /** The IKE SA that the peer wants this one to replace, until it is known whether it does. */
  predecessor: IkeSa | null = null;
  /** How many SAs of the same row have been replaced and are not gone yet; null where none ever was. */
  #replaced: { count: number } | null = null;
  /** The peer has made it to replace an IKE SA that ours has replaced: its maker deletes it (section 2.8.2), if it knows it at all. */
  isForNothing = false;
  /** Nobody else may know this SA: see `noteDeleted`. */
  mayBeUnknown = false;
  /**
   * The peer may not know yet that it has taken over: it may not have our answer, or wait with its own rekey for D of the old SA. Requests
   * wait until the peer is heard here, or the old SA is gone: it might drop them, and on a stream nothing is sent twice (RFC 9329,
   * section 6.2).
   */
  isHeld = false;
  /** What this end has made for nothing: it is deleted when the old SA is gone, as the peer may not know before how that ends. */
  #redundant: IkeSa | null = null;

  /** Takes the IKE SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  /** A rekey by either end is under way, or one that has made this SA, which may be for nothing. */
  get isUnderWay(): boolean {
    return this.rekeying || this.peerSuccessor !== null || this.#isUndecided ||
      this.#sa.exchanges.isBusyWith("ike_rekey");
  }

  get #isUndecided(): boolean {
    return this.predecessor?.state === "established";
  }

  /** Replaces the SA, unless that is under way. */
  rekey(): void {
    const { state, exchanges, reauthentication, timers, services, retries } = this.#sa;
    if (state !== "established" || exchanges.isBusyWith("ike_rekey")) return;
    if (timers.at("linger") !== undefined) return; // it was redundant, and waits only to be deleted
    const isTaken = !reauthentication.isUnderWay && !this.#isUndecided &&
      exchanges.begin(rekeyIkeOperation(this.#sa));
    if (!isTaken) timers.set("rekey_ike", services.now + retries.delay(timers.at("expire_ike")));
  }

  /** Whether the peer has replaced so many without deleting them that it may not replace this one, too. */
  get isTooLong(): boolean {
    return (this.#replaced?.count ?? 0) >= this.#sa.services.limits.max_replaced_ike_sas;
  }

  /** The SA is gone. */
  noteClosed(): void {
    this.successor?.succession.release();
    this.#redundant?.end.delete("replaced");
    if (this.successor !== null) this.#replaced!.count--;
    const before = this.predecessor?.succession;
    if (before?.peerSuccessor?.successor === this.#sa) before.peerSuccessor = null; // another one may follow
    this.predecessor = null;
  }

  /** The peer did not take a rekey: it is tried again until the lifetime ends, or in another way. */
  rekeyRefused(notify: number): void {
    const { id, state, services, timers, retries, reauthentication, askedFirst } = this.#sa;
    services.emit({ type: "ike_rekey_failed", ikeSa: id, reason: notifyName(notify) });
    if (state !== "established") return;
    if (notify === NOTIFY.temporaryFailure && !retries.noteTemporaryFailure()) return;
    timers.set("rekey_ike", services.now + retries.delay(timers.at("expire_ike")));
    // Section 4: of a peer that takes no more SAs, "the implementation MUST be capable of instead deleting the old SA and creating a
    // new one".
    if (notify === NOTIFY.noAdditionalSas && askedFirst) reauthentication.begin();
  }

  /** The peer has made a successor, and what this end does about its own rekey decides when that takes over. */
  offeredByPeer(successor: IkeSa, nonces: NoncePair): void {
    this.peerSuccessor = { successor, nonces };
    successor.succession.predecessor = this.#sa;
  }

  /** The SA that the peer has made takes over, if there is one; whatever becomes of our own rekey. */
  yieldToPeer(): boolean {
    const successor = this.peerSuccessor?.successor;
    if (this.#sa.state !== "established" || successor === undefined || successor.state === "closed") {
      return false;
    }
    this.handOver(successor);
    return true;
  }

  /** Requests on it wait no longer. */
  release(): void {
    if (!this.isHeld) return;
    this.isHeld = false;
    this.#sa.timers.clear("release");
    this.#sa.exchanges.proceed();
  }

  /** This end has made an SA for nothing, in the place of which the peer's takes over. */
  handOverToPeer(successor: IkeSa, redundant: IkeSa): void {
    redundant.establish();
    redundant.move("rekeyed");
    redundant.timers.endLife();
    redundant.timers.set("linger", redundant.services.now + redundant.services.limits.linger_time);
    this.#redundant = redundant;
    this.handOver(successor);
  }

  /** Of two that were to replace one, the other one does. */
  giveWay(): void {
    const sa = this.#sa;
    if (sa.state === "created") sa.establish();
    if (sa.state !== "established") return;
    this.isForNothing = true;
    this.predecessor = null;
    sa.move("rekeyed");
    sa.timers.endLife();
  }

  /**
   * The peer has answered our deletion of this SA. If it had our answer to its own rekey by then, it deletes what was for nothing just now;
   * if not, it has forgotten that rekey (section 2.25.2), and nobody else knows of what this end made of it.
   */
  noteDeleted(): void {
    const made = this.peerSuccessor?.successor;
    if (made === undefined || made.wasHeard) return;
    made.succession.mayBeUnknown = true;
    if (made.state !== "rekeyed" || !made.succession.isForNothing) return;
    made.timers.set("linger", made.services.now + made.services.limits.linger_time);
  }

  /** What was made to replace an SA that goes, goes with it, unless it has taken over. */
  deleteUndecided(why?: { reason: FailureReason; text: string }): void {
    if (this.successor === null) this.peerSuccessor?.successor.end.delete("local", why);
  }

  /** The caller wants neither this SA nor the one that it may be about to replace. */
  cancel(): void {
    this.predecessor?.end.delete();
  }

  /** A request of the peer has come: if it begins anything on this SA, this is the one that it goes on with (section 2.8.2). */
  noteRequest(message: Incoming): void {
    const deletes = message.all("D").some(({ protocol }) => protocol === PROTOCOL.ike);
    if (!deletes) this.predecessor?.succession.yieldToPeer();
  }

  /** Another SA takes the children over, and everything else that outlives this one. */
  handOver(successor: IkeSa): void {
    const sa = this.#sa;
    sa.move("rekeyed");
    this.successor = successor;
    successor.succession.predecessor = null;
    const replaced = successor.succession.#replaced = this.#replaced ??= { count: 0 };
    replaced.count++;
    this.rekeying = false;
    successor.leases = sa.leases;
    sa.leases = [];
    if (successor.state === "created") successor.establish();
    if (this.peerHasAsked && !successor.wasHeard) {
      successor.succession.isHeld = true;
      successor.timers.set("release", sa.services.now + sa.services.limits.linger_time);
    }
    const moved = sa.children.moveTo(successor);
    sa.retries.moveTo(successor);
    sa.services.emit({
      type: "child_sas_moved",
      from: sa.id,
      to: successor.id,
      children: moved.map(({ id }) => id),
    });
    sa.timers.endLife();
    if (sa.services.limits.window_size > 1) successor.exchanges.enqueue(announceWindowOperation(successor));
    // What has not begun is done on the new one.
    for (const operation of sa.exchanges.takeQueued()) {
      const again = operation.moveTo?.(successor);
      if (again !== undefined) successor.exchanges.enqueue(again);
    }
  }
}
