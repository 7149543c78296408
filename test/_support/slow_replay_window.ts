/** The slow, obvious twin of `ReplayWindow`: big integers in a set, and the rule of RFC 4303, appendix A, as it is told. */

const SPACE = 1n << 32n;

/** Remembers every sequence number that it was told of. */
export class SlowReplayWindow {
  readonly #seen = new Set<bigint>();
  readonly #size: bigint;
  readonly #esn: boolean;
  #top: bigint;
  readonly #start: bigint;

  constructor(size: number, esn: boolean, top: bigint) {
    this.#size = BigInt(size);
    this.#esn = esn;
    this.#top = top;
    this.#start = top;
  }

  /** The whole number that a lower half means: the only one from the window's bottom on, and less than 2^32 above it. */
  whole(low: number): bigint {
    if (!this.#esn) return BigInt(low);
    const bottom = this.#top - this.#size + 1n;
    let high = (bottom >> 32n) - 1n;
    while (high * SPACE + BigInt(low) < bottom) high++;
    return high * SPACE + BigInt(low);
  }

  /** What `check` says. */
  check(low: number): string {
    const number = this.whole(low);
    if (number <= 0n || number >= SPACE * SPACE) return "invalid";
    if (number <= this.#top - this.#size) return "too_old";
    return this.#seen.has(number) || number <= this.#start ? "replayed" : "fresh";
  }

  /** What `mark` says. */
  mark(low: number): string {
    const verdict = this.check(low);
    if (verdict !== "fresh") return verdict;
    const number = this.whole(low);
    this.#seen.add(number);
    if (number > this.#top) this.#top = number;
    return verdict;
  }
}
