/** So many things a second and no more (RFC 7296, section 2.21.4: answers to unprotected messages are limited). */

/** Allows bursts of one second's worth. */
export class RateLimiter {
  readonly #perSecond: number;
  #allowance: number;
  #last: number | undefined;

  /** Takes how many a second. */
  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#allowance = perSecond;
  }

  /** Whether one more is allowed now; if so, it is counted. */
  take(now: number): boolean {
    const passed = now - (this.#last ?? now);
    this.#last = now;
    this.#allowance = Math.min(this.#perSecond, this.#allowance + passed * this.#perSecond / 1000);
    if (this.#allowance < 1) return false;
    this.#allowance--;
    return true;
  }
}
