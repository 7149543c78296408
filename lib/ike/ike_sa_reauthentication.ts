/**
 * How one IKE SA takes the place of another with both ends authenticated anew (RFC 7296, section 2.8.3), and nothing is cut off
 * meanwhile: first IKE_SA_INIT and IKE_AUTH, then every child SA once more, then the old IKE SA is deleted with its own.
 *
 * ```text
 *   old  ──────────── carries packets ───────────────────────┐ D
 *   new        IKE_SA_INIT ─▶ IKE_AUTH ─▶ CREATE_CHILD_SA … ─┴─────── carries packets ──▶
 * ```
 *
 * The protocol has no message for it: who answers sees an IKE SA like any other, and knows it by who and where the peer is, and by
 * the traffic that it asks for. While it is under way, nothing is begun on the old SA, and what the peer begins there is put off.
 */

import { type ChildSa, type ChildSelectors, overlaps, type WantedChild, wantedLike } from "./child_sa.ts";
import type { FailureReason } from "./events.ts";
import type { IkeSa } from "./ike_sa.ts";
import { sameAddress, sameEndpoint } from "./_endpoints.ts";

/** Both ends of an IKE SA authenticated anew. */
export class IkeSaReauthentication {
  readonly #sa: IkeSa;
  /** The IKE SA whose place this one is to take. */
  #old: IkeSa | null = null;
  /** The IKE SA under way that is to take this one's place. */
  #attempt: IkeSa | null = null;
  /** Child SAs of the old one that this one has, or has tried to make. */
  #tried: Map<ChildSa, "wanted" | "made"> | null = null;

  /** Takes the IKE SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  /** Another IKE SA is about to take this one's place. */
  get isBeingReplaced(): boolean {
    return this.#attempt !== null;
  }

  /** The IKE SA that is about to take this one's place. */
  get attempt(): IkeSa | null {
    return this.#attempt;
  }

  /** The SA takes part in a reauthentication, as the old one or as the new one. */
  get isUnderWay(): boolean {
    return this.#attempt !== null || this.#old !== null;
  }

  /** The IKE SA whose place this one is to take, where this end wants it so. */
  get old(): IkeSa | null {
    return this.#old;
  }

  // This end begins.

  /**
   * Begins a new IKE SA on the same path. Only who asked first does: the other end could neither run EAP nor ask for an address
   * (section 2.8.3). It has said how long authentication holds (RFC 4478), and ends the SA when that is over.
   */
  begin(): void {
    const sa = this.#sa;
    if (sa.state !== "established" || !sa.askedFirst || this.#attempt !== null) return;
    if (sa.timers.at("linger") !== undefined) return; // it was redundant, and waits only to be deleted
    const { succession, exchanges, services, connection, path } = sa;
    const isBusy = this.#old !== null || succession.isUnderWay || exchanges.isBusyWithChildren();
    if (isBusy) return this.#tryLater();
    const carrying = this.#carrying();
    services.initiate({
      connection,
      path,
      children: carrying.map((child) => inPlaceOf(child)),
      prepare: (attempt) => {
        this.#attempt = attempt;
        attempt.replaces = sa.id;
        attempt.reauthentication.#old = sa;
        attempt.reauthentication.#tried = new Map(carrying.map((child) => [child, "wanted"]));
      },
    });
  }

  /** A child SA of this IKE SA has taken the place of one of the old IKE SA's. */
  noteMade(child: ChildSa): void {
    this.#tried?.set(child, "made");
  }

  /** Nothing more is under way for a child SA: when that holds for all, the old IKE SA has had its time, or goes on. */
  noteSettled(): void {
    const [sa, old, tried] = [this.#sa, this.#old, this.#tried];
    if (old === null || tried === null || sa.state !== "established") return;
    if (sa.exchanges.isBusyWithChildren() || sa.retries.waiting > 0) return;
    const carrying = old.reauthentication.#carrying();
    const untried = carrying.filter((child) => !tried.has(child)); // they came meanwhile
    for (const child of untried) {
      tried.set(child, "wanted");
      sa.children.create(inPlaceOf(child));
    }
    if (untried.length > 0 && sa.exchanges.isBusyWithChildren()) return;
    const lost = carrying.find((child) => tried.get(child) !== "made");
    if (lost !== undefined) {
      const text = `Child SA ${lost.name} could not be made on the new IKE SA`;
      return sa.end.delete("local", { reason: "refused", text }); // which tells the old one
    }
    this.#old = null;
    this.#tried = null;
    old.reauthentication.#attempt = null;
    old.retries.moveTo(sa);
    old.end.delete("replaced");
  }

  /** The caller wants neither the old one nor the new one. */
  cancel(): void {
    const others = [this.#attempt, this.#old];
    this.#part();
    for (const other of others) other?.end.delete();
  }

  /** This SA is gone: the old one goes on, or the new one stands for itself. */
  noteClosed(reason: FailureReason | undefined, text: string | undefined): void {
    const old = this.#old;
    this.#part();
    if (old === null || old.state !== "established") return;
    old.services.emit({
      type: "ike_reauthentication_failed",
      ikeSa: old.id,
      reason: reason ?? "refused",
      text: text ?? "The new IKE SA was deleted before it had every child SA",
    });
    old.reauthentication.#tryLater();
  }

  /** Old and new have nothing to do with each other any more. */
  #part(): void {
    const [old, attempt] = [this.#old, this.#attempt];
    if (old !== null) old.reauthentication.#attempt = null;
    if (attempt !== null) [attempt.reauthentication.#old, attempt.reauthentication.#tried] = [null, null];
    [this.#old, this.#attempt, this.#tried] = [null, null, null];
  }

  /** At random a little later, until the lifetime ends. */
  #tryLater(): void {
    const { services, timers, retries } = this.#sa;
    timers.set("reauthenticate", services.now + retries.delay(timers.at("expire_ike")));
  }

  /** Child SAs that have no successor yet. */
  #carrying(): ChildSa[] {
    return this.#sa.children.all().filter(({ state }) => state === "installed");
  }

  // The peer begins.

  /**
   * Whether this SA, which the peer began, takes the place of another: one of the same peer at the same place, which has the address
   * or the traffic that is asked for. A peer that knew nothing of that one would have said INITIAL_CONTACT.
   */
  recognise(offer: ChildSelectors | null): void {
    const sa = this.#sa;
    const old = sa.services.siblings(sa).find((other) =>
      other.state === "established" && sameEndpoint(other.path.remote, sa.path.remote) &&
      (haveCommonLease(other, sa) ||
        (offer !== null && other.children.all().some((child) => overlaps(child, offer))))
    );
    if (old !== undefined) sa.replaces = old.id;
  }

  /**
   * The child SA that has carried what a new one is for, on the IKE SA whose place this one takes. Of several for the same traffic each
   * has one that takes its place. Who began knows which of its own does, and takes what the peer makes for one more.
   */
  findOverlapping(selectors: ChildSelectors): ChildSa | undefined {
    const { replaces, services, askedFirst } = this.#sa;
    if (askedFirst) return undefined;
    const old = replaces === undefined ? undefined : services.ikeSa(replaces);
    return old?.children.all().find((child) =>
      child.state === "installed" && child.takenOverBy?.children !== this.#sa.children &&
      overlaps(child, selectors)
    );
  }
}

/** What is wanted in the place of a child SA. */
function inPlaceOf(child: ChildSa): WantedChild {
  return { ...wantedLike(child), inPlaceOf: child };
}

function haveCommonLease(a: IkeSa, b: IkeSa): boolean {
  return a.leases.some((one) => b.leases.some(({ address }) => sameAddress(one.address, address)));
}
