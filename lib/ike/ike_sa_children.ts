/** The child SAs of one IKE SA: made, renewed, deleted, and found by their SPIs. What the exchanges for it hold is in `tasks/`. */

import { type ChildSa, overlaps, type WantedChild, wantedLike } from "./child_sa.ts";
import type { ChildSaDeleted, ChildSaId } from "./events.ts";
import type { IkeSa } from "./ike_sa.ts";
import { isEstablished } from "./state.ts";
import {
  createChildOperation,
  deleteChildOperation,
  rekeyChildOperation,
  unwantedChildOperation,
} from "./tasks/operations.ts";

/** Timers that a child SA has of its IKE SA, by the child's number. */
const CHILD_TIMERS = ["rekey_child", "expire_child", "switch_child", "confirm_child"] as const;

const NO_CHILDREN: readonly ChildSa[] = [];

/** The child SAs of an IKE SA. */
export class IkeSaChildren {
  readonly #sa: IkeSa;
  /** The oldest first: a handful, so that looking through them is cheaper than an index. */
  #all: readonly ChildSa[] = NO_CHILDREN;
  /** SPIs that packets on replaced child SAs may still come with, by the number of these. */
  #late: Map<ChildSaId, number> | null = null;
  /** SPIs of child SAs that the peer deleted before this end knew that it had made them. */
  #deletedUnseen: Set<number> | null = null;

  /** Takes the IKE SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  /** How many there are. */
  get size(): number {
    return this.#all.length;
  }

  /** All of them, the oldest first. */
  all(): readonly ChildSa[] {
    return this.#all;
  }

  /** The one of a number. */
  byId(id: number): ChildSa | undefined {
    return this.all().find((child) => child.id === id);
  }

  /** The one that this end sends on with an SPI. */
  bySpiOut(spi: number | undefined): ChildSa | undefined {
    return this.all().find(({ spiOut }) => spiOut === spi);
  }

  /** Whether a child SA is still one of them. */
  has(child: ChildSa): boolean {
    return this.#all.includes(child);
  }

  /** Takes one in. */
  add(child: ChildSa): void {
    this.#all = [...this.#all, child];
  }

  /** Makes another one. */
  create(wanted: WantedChild): void {
    const { state, exchanges, succession, reauthentication, retries } = this.#sa;
    if (succession.successor !== null) return succession.successor.children.create(wanted);
    if (state !== "established" || this.#carries(wanted)) return;
    const isTaken = reauthentication.isBeingReplaced
      ? retries.createLater(wanted) !== null // on the new IKE SA, or here if there will be none
      : exchanges.begin(createChildOperation(this.#sa, wanted));
    if (isTaken) return;
    const { id, services } = this.#sa;
    const text =
      `Too many operations wait for their turn: the limit max_queued_tasks (${services.limits.max_queued_tasks}) is reached`;
    services.emit({ type: "child_sa_failed", ikeSa: id, name: wanted.config.name, reason: "limit", text });
  }

  /** Whether another child SA has the traffic of one whose life is over. */
  #carries({ config, unlessCarried }: WantedChild): boolean {
    if (unlessCarried === undefined) return false;
    const carrying = this.#all.find((child) =>
      child.config === config && child.state !== "deleting" && overlaps(child, unlessCarried)
    );
    if (carrying !== undefined) carrying.standsIn = true;
    return carrying !== undefined;
  }

  /** Replaces one, unless that is under way. */
  rekey(child: ChildSa): void {
    const { state, exchanges, reauthentication } = this.#sa;
    if (state !== "established" || child.state !== "installed") return;
    const isTaken = !reauthentication.isBeingReplaced &&
      exchanges.begin(rekeyChildOperation(this.#sa, child));
    if (!isTaken) this.retryRekey(child);
  }

  /** One could not be replaced: it is tried again, at random a little later than the peer might. Gives the time until then. */
  retryRekey(child: ChildSa): number {
    const { services, timers, retries } = this.#sa;
    const delay = retries.delay(timers.at("expire_child", child.id));
    timers.set("rekey_child", services.now + delay, child.id);
    return delay;
  }

  /** Packets are to be sent on this one from now on. */
  switchTo(child: ChildSa): void {
    this.#sa.services.emit({ type: "child_sa_switched", ikeSa: this.#sa.id, child: child.id });
  }

  /**
   * One on which packets were sent is gone: what the peer has made in its place takes over, unless that was for nothing and waits to be
   * deleted itself. Tells whether it does.
   */
  switchFrom({ successor }: ChildSa): boolean {
    if (successor === undefined || !this.has(successor.child)) return false;
    const { state, successor: next } = successor.child;
    if (state !== "installed" && state !== "rekeying" && next === undefined) return false;
    this.switchTo(successor.child);
    return true;
  }

  /** Packets go on to be sent on a child SA of another IKE SA, until that is gone or has had its time. */
  waitFor(before: ChildSa, child: ChildSa): void {
    const { timers, services } = this.#sa;
    before.takenOverBy = { children: this, child };
    timers.set("switch_child", services.now + services.limits.linger_time, child.id);
  }

  /** One on which packets wait for those that still come on another takes over: that one is gone, or has had its time. */
  takeOver(child: ChildSa): void {
    const { timers } = this.#sa;
    if (timers.at("switch_child", child.id) === undefined) return;
    timers.clear("switch_child", child.id);
    this.switchTo(child);
  }

  /** Deletes one in order. */
  delete(child: ChildSa, by: ChildSaDeleted["by"] = "local"): void {
    if (child.state === "deleting" || !isEstablished(this.#sa.state)) return;
    child.state = "deleting"; // from now on, though the window may let D wait
    this.#sa.exchanges.enqueue(deleteChildOperation(this.#sa, child, by)); // one a child SA, and no more
  }

  /** The life of one is over: it is used no more from this moment on, and D tells the peer when the window lets it go. */
  expire(child: ChildSa): void {
    // Its D is under way, or waits for the window; unless the IKE SA goes, which lets go of what waits.
    const isDeleting = child.state === "deleting" && this.#sa.exchanges.isDeleting(child);
    if (this.#letGo(child, "expired") === undefined) return;
    const goesOn = this.switchFrom(child);
    if (isDeleting) child.expired = true;
    else this.deleteUnwanted(child.spiIn);
    if (child.state === "rekeying") child.missed = true; // what comes of that takes its place
    else if (child.state !== "deleting" && !goesOn) this.renew(child);
  }

  /**
   * The life of one is over, and nothing has replaced it in time: as long as the IKE SA lives, its traffic has a child SA. Where both ends
   * had it expire, there would be two: the one that asked first makes it, and the other one waits a little, and sees.
   */
  renew(child: ChildSa): void {
    const { askedFirst, retries, services } = this.#sa;
    const wanted = { ...wantedLike(child), unlessCarried: { local: child.local, remote: child.remote } };
    if (askedFirst) this.create(wanted);
    else retries.createLater(wanted, retries.delay(services.now));
  }

  /** Whether the peer, which has made this one, may not know it yet: it has yet to delete the old one, and our answer can still come. */
  awaitsPeer(child: ChildSa): boolean {
    return this.#replacedBy(child)?.answeredOn === this;
  }

  #replacedBy(child: ChildSa): ChildSa["successor"] {
    return this.#all.find(({ successor }) => successor?.child === child)?.successor;
  }

  /**
   * The peer has replaced a child SA by this one, and then an IKE SA has taken over, on which our answer never comes if it was lost before:
   * who still has the old one a while later may know nothing of this one. A rekey tells, and mends it (section 2.25.1).
   */
  confirm(child: ChildSa): void {
    if (this.#replacedBy(child) !== undefined) this.rekey(child);
  }

  /** Deletes one that the peer has made and this end did not take. */
  deleteUnwanted(spi: number): void {
    const { exchanges, services } = this.#sa;
    const { max_queued_tasks, max_children } = services.limits;
    const isTaken = exchanges.begin(unwantedChildOperation(this.#sa, spi), max_queued_tasks + max_children);
    if (!isTaken) services.releaseChildSpi(spi);
  }

  /** Lets one go, and says so. */
  remove(child: ChildSa, by: ChildSaDeleted["by"]): void {
    if (this.#letGo(child, by) === "unused") this.#sa.services.releaseChildSpi(child.spiIn);
  }

  /** Says that one is gone, and whether its SPI is of no more use or packets may still come on it; undefined when it was gone before. */
  #letGo(child: ChildSa, by: ChildSaDeleted["by"]): "unused" | "late" | undefined {
    if (!this.has(child)) return undefined;
    const rest = this.#all.filter((other) => other !== child);
    this.#all = rest.length === 0 ? NO_CHILDREN : rest;
    const { id, services, timers } = this.#sa;
    for (const name of CHILD_TIMERS) timers.clear(name, child.id);
    const receivesFor = by === "replaced" ? this.#receiveLate(child) : 0;
    services.emit({
      type: "child_sa_deleted",
      ikeSa: id,
      child: child.id,
      name: child.name,
      by,
      ...(receivesFor === 0 ? {} : { receivesFor }),
    });
    const next = child.takenOverBy;
    if (next?.children.has(next.child)) next.children.takeOver(next.child);
    return receivesFor === 0 ? "unused" : "late";
  }

  /**
   * A replaced child SA is deleted by messages that other threads and queues of the peer may let overtake its last packets: these are
   * taken in for a time, and its SPI is nobody else's before.
   */
  #receiveLate({ id, spiIn }: ChildSa): number {
    const { services, timers } = this.#sa;
    const { late_packet_time, max_children } = services.limits;
    if (late_packet_time === 0) return 0;
    this.#late ??= new Map();
    if (this.#late.size >= max_children) this.forget(this.#late.keys().next().value!);
    this.#late.set(id, spiIn);
    services.retireChildSpi(spiIn);
    timers.set("late_packets", services.now + late_packet_time, id);
    return late_packet_time;
  }

  /** Packets on a replaced child SA cannot be under way any more. */
  forget(id: ChildSaId): void {
    const spi = this.#late?.get(id);
    if (spi === undefined) return;
    this.#late!.delete(id);
    const { services, timers } = this.#sa;
    timers.clear("late_packets", id);
    services.releaseChildSpi(spi);
    services.emit({ type: "child_sa_forgotten", ikeSa: this.#sa.id, child: id });
  }

  /** The IKE SA ends, and all of them with it; what is under way to those of a replaced one is received by its successor. */
  removeAll(by: "ike_sa" | "replaced"): void {
    for (const child of this.all()) this.remove(child, by);
    if (this.#late === null) return;
    const { id, services } = this.#sa;
    const successor = by === "replaced" ? services.successorOf(id) : undefined;
    if (successor === undefined) { for (const late of [...this.#late.keys()]) this.forget(late); }
    else this.#moveLate(successor);
  }

  /** Gives all of them to the IKE SA that replaces this one, with their timers; gives the moved ones. */
  moveTo(successor: IkeSa): readonly ChildSa[] {
    const moved = this.all();
    this.#all = NO_CHILDREN;
    const { timers } = this.#sa;
    for (const child of moved) {
      successor.children.add(child);
      for (const name of CHILD_TIMERS) {
        const at = timers.at(name, child.id);
        timers.clear(name, child.id);
        if (at !== undefined) successor.timers.set(name, at, child.id);
      }
      const { services, retries } = successor;
      const next = child.successor?.child;
      if (next === undefined || !moved.includes(next)) continue;
      if (timers.at("confirm_child", next.id) !== undefined) continue; // it moves along
      successor.timers.set("confirm_child", services.now + retries.delay(services.now), next.id);
    }
    this.#moveLate(successor);
    return moved;
  }

  #moveLate(successor: IkeSa): void {
    const { timers } = this.#sa;
    for (const [id, spi] of this.#late ?? []) {
      const at = timers.at("late_packets", id)!;
      timers.clear("late_packets", id);
      const { children } = successor;
      children.#late ??= new Map();
      children.#late.set(id, spi);
      successor.timers.set("late_packets", at, id);
    }
    this.#late = null;
  }

  /** The peer deletes one that there is not: one that it has made just now, perhaps, whose answer is still under way. */
  noteDeletedUnseen(spiOut: number): void {
    if (!this.#sa.exchanges.isBusyWithChildren()) {
      this.#deletedUnseen = null;
      return;
    }
    this.#deletedUnseen ??= new Set();
    const { max_children } = this.#sa.services.limits;
    if (this.#deletedUnseen.size < max_children) this.#deletedUnseen.add(spiOut);
  }

  /** Whether the peer has deleted one before its answer came; asked once. */
  takeDeletedUnseen(spiOut: number): boolean {
    return this.#deletedUnseen?.delete(spiOut) === true;
  }
}
