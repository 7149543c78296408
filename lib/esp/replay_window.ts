/**
 * The anti-replay window (RFC 4303, section 3.4.3 and appendix A): 32-bit sequence numbers, or 64-bit ones whose upper
 * half is not sent and is inferred. First `check`, then verify the packet, then `mark`: only what was authentic moves it.
 */

import { checkInteger } from "./_check.ts";

/** What a window says of a sequence number. */
export type ReplayVerdict =
  /** Not seen before. */
  | "fresh"
  /** Seen before. */
  | "replayed"
  /** Below the window: nobody knows. */
  | "too_old"
  /** No sender uses it: 0, or past the last of 64 bits. */
  | "invalid";

/** The largest window. */
export const MAX_REPLAY_WINDOW: number = 4096;

/** A window for TCP may be small, one for UDP not: this is what strongSwan and Linux peers cope with on either. */
export const DEFAULT_REPLAY_WINDOW: number = 64;

/** What a {@linkcode ReplayWindow} takes. */
export interface ReplayWindowOptions {
  /** Sequence numbers remembered below the highest, itself included: 1 to 4096 (default: 64). */
  readonly size?: number;
  /** Whether sequence numbers have 64 bits (default: false). */
  readonly esn?: boolean;
  /** The highest sequence number so far, all up to it counting as seen (default: 0). */
  readonly highest?: { readonly high?: number; readonly low: number };
}

/**
 * A ring of bits, one for each sequence number of the window; its size is a power of two, so that a number's bit does not
 * move and 2^32 is a whole number of rounds.
 *
 * @example
 * ```ts
 * import { ReplayWindow } from "iketcp/esp";
 * import { strictEqual } from "node:assert";
 *
 * const window = new ReplayWindow({ size: 64 });
 * strictEqual(window.check(100), "fresh");
 * window.mark(100);
 * strictEqual(window.check(100), "replayed");
 * strictEqual(window.check(36), "too_old");
 * ```
 */
export class ReplayWindow {
  /** Sequence numbers remembered. */
  readonly size: number;
  /** Whether sequence numbers have 64 bits. */
  readonly esn: boolean;
  readonly #bits: Uint32Array;
  readonly #mask: number;
  #high: number;
  #low: number;

  /** Makes a window. */
  constructor(options: ReplayWindowOptions = {}) {
    this.size = checkInteger("replay window", options.size ?? DEFAULT_REPLAY_WINDOW, 1, MAX_REPLAY_WINDOW);
    this.esn = options.esn ?? false;
    this.#high = this.esn ? checkInteger("highest.high", options.highest?.high ?? 0, 0, 0xffffffff) : 0;
    this.#low = checkInteger("highest.low", options.highest?.low ?? 0, 0, 0xffffffff);
    let bits = 32;
    while (bits < this.size) bits *= 2;
    this.#bits = new Uint32Array(bits / 32).fill(0xffffffff);
    this.#mask = bits - 1;
  }

  /** Upper half of the highest sequence number marked. */
  get high(): number {
    return this.#high;
  }

  /** Lower half of the highest sequence number marked. */
  get low(): number {
    return this.#low;
  }

  /**
   * The upper half that goes with a lower half (RFC 4303, appendix A2.1); 0 without ESN. It is -1 or 2^32 for a number
   * that cannot be.
   */
  inferHigh(low: number): number {
    if (!this.esn) return 0;
    const bottom = this.#low - this.size + 1;
    if (bottom >= 0) return low >= bottom ? this.#high : this.#high + 1; // the window lies in one subspace
    return low >= bottom + 0x100000000 ? this.#high - 1 : this.#high; // it spans two
  }

  /** Tells whether a packet may be new; `high` is that of `inferHigh`. */
  check(low: number, high: number = this.inferHigh(low)): ReplayVerdict {
    // RFC 4303, section 3.3.3: the first packet has 1.
    if (high < 0 || high > 0xffffffff || (high === 0 && low === 0)) return "invalid";
    const behind = this.#behind(low, high);
    if (behind < 0) return "fresh";
    if (behind >= this.size) return "too_old";
    return this.#has(low) ? "replayed" : "fresh";
  }

  /** Remembers an authentic packet. The answer is that of `check`: only a fresh one changes anything. */
  mark(low: number, high: number = this.inferHigh(low)): ReplayVerdict {
    const verdict = this.check(low, high);
    if (verdict !== "fresh") return verdict;
    const ahead = -this.#behind(low, high);
    if (ahead > 0) {
      this.#clearAhead(ahead);
      this.#high = high;
      this.#low = low;
    }
    const bit = low & this.#mask;
    this.#bits[bit >>> 5]! |= 1 << (bit & 31);
    return verdict;
  }

  /** How far below the highest number this one is; exact wherever it is small, and of the right sign. */
  #behind(low: number, high: number): number {
    const behind = this.#low - low;
    return high === this.#high ? behind : behind + (this.#high - high) * 0x100000000;
  }

  #has(low: number): boolean {
    const bit = low & this.#mask;
    return (this.#bits[bit >>> 5]! & 1 << (bit & 31)) !== 0;
  }

  /** Forgets the numbers between the highest and one that is so far ahead of it: at most one round of the ring. */
  #clearAhead(ahead: number): void {
    const bits = this.#bits;
    if (ahead > this.#mask) {
      bits.fill(0);
      return;
    }
    const first = this.#low + 1;
    for (let i = 0; i < ahead; i++) {
      const bit = (first + i) & this.#mask;
      bits[bit >>> 5]! &= ~(1 << (bit & 31));
    }
  }
}
