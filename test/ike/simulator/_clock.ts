/** A clock that is turned by what is planned, and never waits. */

import type { SimRandom } from "./_random.ts";

interface Entry {
  readonly at: number;
  readonly act: () => void;
}

/** Time in milliseconds, and what is to be done when. What is planned for one moment is done in the order of planning. */
export class Clock {
  #now: number;
  /** The earliest first. */
  readonly #agenda: Entry[] = [];

  constructor(now: number) {
    this.#now = now;
  }

  get now(): number {
    return this.#now;
  }

  /** When something is planned next. */
  get next(): number {
    return this.#agenda[0]?.at ?? Infinity;
  }

  /** Plans something. */
  plan(delay: number, act: () => void): void {
    this.planAt(this.#now + delay, act);
  }

  /** Plans something for a moment; what is over is done next. */
  planAt(at: number, act: () => void): void {
    const entry = { at: Math.max(at, this.#now), act };
    let [low, high] = [0, this.#agenda.length];
    while (low < high) {
      const middle = low + high >> 1;
      if (this.#agenda[middle]!.at > entry.at) high = middle;
      else low = middle + 1;
    }
    this.#agenda.splice(low, 0, entry);
  }

  /** Plans something again and again, at random with a mean of `pause`, until `end`. */
  every(pause: number, end: number, random: SimRandom, act: () => void): void {
    const again = () => {
      if (this.#now >= end) return;
      act();
      this.plan(random.below(2 * pause), again);
    };
    this.plan(random.below(2 * pause), again);
  }

  /** Turns to a moment that is not before now. */
  turn(to: number): void {
    this.#now = Math.max(this.#now, to);
  }

  /** Turns to what is planned next, and does it. */
  act(): void {
    const entry = this.#agenda.shift()!;
    this.turn(entry.at);
    entry.act();
  }
}
