/** A token bucket: so many a second, and no more than that many at once. Handed its time, in milliseconds from any start. */

/** Counts what may still be done. */
export class TokenBucket {
  readonly #perSecond: number;
  #tokens: number;
  #last: number | undefined;

  /** A full bucket; with 0 one that never has anything. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
  }

  /** Takes a token; false when there is none. */
  take(now: number): boolean {
    const elapsed = Math.max(0, now - (this.#last ?? now));
    this.#last = now;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + this.#perSecond * elapsed / 1000);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
