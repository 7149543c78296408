/**
 * TCP without packets: octets arrive in order, in segments that are cut and joined anywhere, until either end closes its half or
 * a reset drops what is under way, at any octet.
 */

import type { Clock } from "./_clock.ts";
import type { SimRandom } from "./_random.ts";

/** Who reads an end. */
export interface StreamReader {
  handleBytes(chunk: Uint8Array): void;
  /** The other end has closed its half. */
  handleEnd(): void;
  /** The connection broke. */
  handleReset(): void;
}

/** How a connection treats octets. */
export interface StreamQuality {
  /** Milliseconds that everything takes, and what chance adds. */
  delay: readonly [number, number];
  /** Share of segments that are cut in two, and in two again. */
  readonly cuts: number;
  /** Share of segments that arrive joined to the next one. */
  readonly joins: number;
  /** Share of segments that arrive with another bit, which the checksum of TCP has not noticed. */
  damage: number;
}

/** Octets of the longest segment. */
const MSS = 1400;

/** One direction. */
class Half {
  reader: StreamReader | null = null;
  /** When the last octet arrives: nothing overtakes. */
  last = 0;
  /** Octets that have been sent and not delivered, the oldest first. */
  segments: Uint8Array[] = [];
  /** Its writer has closed it, or the connection is gone. */
  closed = false;
}

/** A connection; end 0 has opened it. */
export class ByteStream {
  readonly #clock: Clock;
  readonly #random: SimRandom;
  readonly #quality: StreamQuality;
  /** By the end that writes. */
  readonly #halves: readonly [Half, Half] = [new Half(), new Half()];
  #broken = false;
  #damaged = false;

  constructor(clock: Clock, random: SimRandom, quality: StreamQuality) {
    this.#clock = clock;
    this.#random = random;
    this.#quality = quality;
  }

  get broken(): boolean {
    return this.#broken;
  }

  /** Whether something arrives that nobody has written. */
  get damaged(): boolean {
    return this.#damaged;
  }

  /** Octets under way in both directions. */
  get size(): number {
    return this.#halves.reduce((sum, { segments }) => sum + lengthOf(segments), 0);
  }

  /** Says who reads an end. */
  attach(end: 0 | 1, reader: StreamReader): void {
    this.#halves[1 - end]!.reader = reader;
  }

  /** Writes at an end; what is written to a closed or broken connection is lost. */
  write(end: 0 | 1, octets: Uint8Array): void {
    const half = this.#halves[end];
    if (half.closed || this.#broken) return;
    for (const segment of this.#cut(octets)) {
      half.segments.push(this.#damage(segment));
      this.#schedule(half, () => this.#deliver(half));
    }
  }

  /** Closes an end's half: the other end reads what was written, then the end. */
  end(end: 0 | 1): void {
    const half = this.#halves[end];
    if (half.closed || this.#broken) return;
    half.closed = true;
    this.#schedule(half, () => {
      this.#flush(half, lengthOf(half.segments));
      half.reader?.handleEnd();
    });
  }

  /**
   * The connection breaks: of what is under way some octets arrive yet, the rest never does. Each end is told after a while of
   * its own, and until then writes into nothing.
   */
  reset(patience: number): void {
    if (this.#broken) return;
    for (const half of this.#halves) this.#flush(half, this.#random.below(lengthOf(half.segments) + 1));
    this.#broken = true;
    for (const half of this.#halves) {
      half.segments = [];
      this.#clock.plan(this.#random.below(patience + 1), () => {
        half.reader?.handleReset();
        half.reader = null;
      });
    }
  }

  #cut(octets: Uint8Array): Uint8Array[] {
    if (octets.length > MSS) {
      return [...this.#cut(octets.subarray(0, MSS)), ...this.#cut(octets.subarray(MSS))];
    }
    if (octets.length < 2 || !this.#random.chance(this.#quality.cuts)) return [octets];
    const at = 1 + this.#random.below(octets.length - 1);
    return [...this.#cut(octets.subarray(0, at)), ...this.#cut(octets.subarray(at))];
  }

  #damage(segment: Uint8Array): Uint8Array {
    const { damage } = this.#quality;
    if (damage === 0 || segment.length === 0 || !this.#random.chance(damage)) return segment;
    this.#damaged = true;
    const octets = segment.slice();
    octets[this.#random.below(octets.length)]! ^= 1 << this.#random.below(8);
    return octets;
  }

  #schedule(half: Half, act: () => void): void {
    const [least, more] = this.#quality.delay;
    half.last = Math.max(half.last, this.#clock.now + least + this.#random.below(more + 1));
    this.#clock.planAt(half.last, () => {
      if (!this.#broken) act();
    });
  }

  /** A segment arrives, with those that waited for it; or it waits for the next one. */
  #deliver(half: Half): void {
    if (half.segments.length === 0) return; // went along with an earlier one
    let count = 1;
    while (count < half.segments.length && this.#random.chance(this.#quality.joins)) count++;
    this.#flush(half, lengthOf(half.segments.slice(0, count)));
  }

  /** The first octets of what is under way arrive in one chunk, which is the reader's. */
  #flush(half: Half, size: number): void {
    if (size === 0) return;
    const chunk = new Uint8Array(size);
    for (let filled = 0; filled < size;) {
      const segment = half.segments.shift()!;
      const taken = Math.min(segment.length, size - filled);
      chunk.set(segment.subarray(0, taken), filled);
      if (taken < segment.length) half.segments.unshift(segment.subarray(taken));
      filled += taken;
    }
    half.reader?.handleBytes(chunk);
  }
}

function lengthOf(segments: readonly Uint8Array[]): number {
  return segments.reduce((sum, { length }) => sum + length, 0);
}
