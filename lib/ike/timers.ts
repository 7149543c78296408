/**
 * Timers by name, for any number of SAs, in one queue: the engine's deadline is its head. Setting, moving and clearing cost
 * logarithmic time, so that 10000 idle SAs cost nothing while nothing is due.
 */

/** What a timer of an IKE SA, or of the engine, is for. To add one, add its name here and a case where timers expire. */
export type TimerName =
  /** A request goes out again, or has been without an answer for too long. */
  | "retransmit"
  /** The initiator of a half-open SA was silent (RFC 7296, section 2.6). */
  | "half_open"
  /** Nothing was heard of the peer for `dpd_delay` (section 2.4). */
  | "liveness"
  /** The IKE SA wants to be rekeyed (section 2.8). */
  | "rekey_ike"
  /** The IKE SA was not rekeyed in time. */
  | "expire_ike"
  /** The peer wants to be authenticated anew (`reauth_time`). */
  | "reauthenticate"
  /** A child SA wants to be rekeyed. */
  | "rekey_child"
  /** A child SA was not rekeyed in time. */
  | "expire_child"
  /** Packets go out on a child SA that takes the place of one of another IKE SA, whether or not that one is deleted. */
  | "switch_child"
  /** The peer has not deleted a child SA that it has replaced on another IKE SA: it is asked for the new one. */
  | "confirm_child"
  /** What was refused for the moment is tried again (section 2.25). */
  | "retry"
  /** An error in IKE_SA_INIT, which anybody could have sent, has not been followed by anything better (section 2.21.1). */
  | "init_error"
  /** A message of which only fragments came is given up (RFC 7383, section 2.6). */
  | "reassembly"
  /** An SA that the peer has to delete was not deleted. */
  | "linger"
  /** The peer was not heard on an IKE SA that has taken over, and the old one is still there. */
  | "release"
  /** Packets on a replaced child SA cannot be under way any more. */
  | "late_packets"
  /** The last response of a closed SA has been kept for long enough. */
  | "closed_response";

/** What timers are set for. They hang on it as a list, of a handful, through which to look is cheaper than an index. */
export interface TimerOwner {
  /** The first one; only {@linkcode Timers} changes it. */
  firstTimer: SetTimer | null;
  /** One has run out. */
  handle(name: TimerName, key: number): void;
}

/** A timer that has run out. */
export interface ExpiredTimer {
  /** Whose timer. */
  readonly owner: TimerOwner;
  /** What it is for. */
  readonly name: TimerName;
  /** Which one of that name, where an owner has several (a child SA's number). */
  readonly key: number;
}

/** A timer that is set. */
export interface SetTimer extends ExpiredTimer {
  /** When it runs out. */
  at: number;
  /** Its place in the heap. */
  index: number;
  /** Another timer of its owner. */
  next: SetTimer | null;
}

/** All timers, the earliest first: a binary heap whose entries know their places. */
export class Timers {
  readonly #heap: SetTimer[] = [];

  /** How many are set. */
  get size(): number {
    return this.#heap.length;
  }

  /** When the first one runs out; null when none is set. */
  get deadline(): number | null {
    return this.#heap[0]?.at ?? null;
  }

  /** Sets a timer, or moves it. */
  set(owner: TimerOwner, name: TimerName, at: number, key = 0): void {
    const entry = this.#find(owner, name, key);
    if (entry !== undefined) {
      entry.at = at;
      this.#settle(entry);
      return;
    }
    const added: SetTimer = {
      owner,
      name,
      key,
      at,
      index: this.#heap.length,
      next: owner.firstTimer,
    };
    owner.firstTimer = added;
    this.#heap.push(added);
    this.#settle(added);
  }

  /** When a timer runs out; undefined when it is not set. */
  at(owner: TimerOwner, name: TimerName, key = 0): number | undefined {
    return this.#find(owner, name, key)?.at;
  }

  /** Forgets a timer, if it is set. */
  clear(owner: TimerOwner, name: TimerName, key = 0): void {
    const entry = this.#find(owner, name, key);
    if (entry !== undefined) this.#remove(entry);
  }

  /** Forgets every timer of an owner. */
  clearAll(owner: TimerOwner): void {
    while (owner.firstTimer !== null) this.#remove(owner.firstTimer);
  }

  /** Takes the first timer that has run out by `now`; undefined when there is none. */
  expire(now: number): ExpiredTimer | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.#remove(first);
    return first;
  }

  #find(owner: TimerOwner, name: TimerName, key: number): SetTimer | undefined {
    let entry = owner.firstTimer;
    while (entry !== null && (entry.name !== name || entry.key !== key)) entry = entry.next;
    return entry ?? undefined;
  }

  #remove(entry: SetTimer): void {
    const last = this.#heap.pop()!;
    if (last !== entry) {
      this.#heap[entry.index] = last;
      last.index = entry.index;
      this.#settle(last);
    }
    this.#unlink(entry);
  }

  #unlink(entry: SetTimer): void {
    const { owner, next } = entry;
    if (owner.firstTimer === entry) {
      owner.firstTimer = next;
      return;
    }
    let before = owner.firstTimer!;
    while (before.next !== entry) before = before.next!;
    before.next = next;
  }

  /** Moves an entry up or down to where it belongs. */
  #settle(entry: SetTimer): void {
    const heap = this.#heap;
    for (;;) {
      const parent = heap[entry.index - 1 >> 1];
      if (entry.index === 0 || parent!.at <= entry.at) break;
      this.#swap(entry, parent!);
    }
    for (;;) {
      const left = heap[2 * entry.index + 1];
      const right = heap[2 * entry.index + 2];
      const child = right !== undefined && right.at < left!.at ? right : left;
      if (child === undefined || child.at >= entry.at) break;
      this.#swap(entry, child);
    }
  }

  #swap(a: SetTimer, b: SetTimer): void {
    const { index } = a;
    this.#heap[b.index] = a;
    this.#heap[index] = b;
    a.index = b.index;
    b.index = index;
  }
}
