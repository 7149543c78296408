/**
 * What the peer has refused for the moment (RFC 7296, section 2.25): it is tried again after a while, at random a little later
 * than the peer might try its own, and not for ever. "If a peer continues to receive TEMPORARY_FAILURE on the same IKE SA after
 * several minutes, it SHOULD conclude that the state information is out of sync and close the IKE SA."
 */

import type { WantedChild } from "./child_sa.ts";
import type { IkeSa } from "./ike_sa.ts";

/** Milliseconds before a next try where the life of an SA leaves little time: the peer "MUST" be left some (section 2.25). */
const LEAST_DELAY = 1000;

/** What waits for its next try. */
export class IkeSaRetries {
  readonly #sa: IkeSa;
  /** Child SAs that are wanted, by the key of their timers. */
  #children: Map<number, WantedChild> | null = null;
  #next = 1;
  /** Since when every CREATE_CHILD_SA of ours was refused with TEMPORARY_FAILURE; null while none was. */
  #refusedSince: number | null = null;

  /** Takes the IKE SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  /** How many child SAs wait. */
  get waiting(): number {
    return this.#children?.size ?? 0;
  }

  /**
   * Milliseconds from now to a try, at random between one and two times `retry_time`; earlier, and with room for others, where what
   * is to be renewed ends before long.
   */
  delay(end?: number): number {
    const { services } = this.#sa;
    const { retry_time } = services.limits;
    const usual = retry_time + services.randomBelow(retry_time);
    if (end === undefined) return usual;
    const share = Math.floor((end - services.now) / 4);
    return Math.min(usual, Math.max(LEAST_DELAY, share) + services.randomBelow(Math.max(LEAST_DELAY, share)));
  }

  /** The peer answered TEMPORARY_FAILURE; false when it has done so for too long, and the SA ends. */
  noteTemporaryFailure(): boolean {
    const { services, end } = this.#sa;
    const { temporary_failure_time } = services.limits;
    this.#refusedSince ??= services.now;
    if (services.now - this.#refusedSince < temporary_failure_time) return true;
    const text =
      `The peer answers TEMPORARY_FAILURE for ${temporary_failure_time} ms: the ends do not agree any more`;
    end.delete("local", { reason: "refused", text });
    return false;
  }

  /** A CREATE_CHILD_SA of ours did what it was for. */
  noteSuccess(): void {
    this.#refusedSince = null;
  }

  /** Makes a child SA later; gives the time until then, or null where too many wait. */
  createLater(wanted: WantedChild, delay: number = this.delay()): number | null {
    const { services, timers } = this.#sa;
    if (this.waiting >= services.limits.max_queued_tasks) return null;
    const key = this.#next++;
    this.#children ??= new Map();
    this.#children.set(key, wanted);
    timers.set("retry", services.now + delay, key);
    return delay;
  }

  /** The time of one has come. */
  handle(key: number): void {
    const wanted = this.#take(key);
    if (wanted !== undefined) this.#sa.children.create(wanted);
  }

  /** Another IKE SA has taken over: what waits is done there. */
  moveTo(successor: IkeSa): void {
    for (const key of [...this.#children?.keys() ?? []]) {
      const at = this.#sa.timers.at("retry", key);
      this.#sa.timers.clear("retry", key);
      const wanted = this.#take(key);
      if (wanted !== undefined && at !== undefined) successor.retries.#adopt(wanted, at);
    }
  }

  #adopt(wanted: WantedChild, at: number): void {
    const key = this.#next++;
    this.#children ??= new Map();
    this.#children.set(key, wanted);
    this.#sa.timers.set("retry", at, key);
  }

  #take(key: number): WantedChild | undefined {
    const wanted = this.#children?.get(key);
    this.#children?.delete(key);
    return wanted;
  }
}
