/** Growing delays between attempts. */

/** Doubles from `first` to `most` milliseconds, each shortened at random by up to a quarter, so that clients spread. */
export class Backoff {
  readonly #first: number;
  readonly #most: number;
  #attempts = 0;

  /** Starts with the shortest delay. */
  constructor(first: number, most: number) {
    this.#first = first;
    this.#most = most;
  }

  /** The delay before the next attempt, in milliseconds. */
  next(): number {
    const delay = Math.min(this.#most, this.#first * 2 ** Math.min(this.#attempts++, 30));
    return Math.round(delay * (1 - Math.random() / 4));
  }

  /** Begins anew, after a success. */
  reset(): void {
    this.#attempts = 0;
  }
}
