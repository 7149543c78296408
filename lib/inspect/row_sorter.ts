/**
 * Brings rows in the order in which their last octets arrived. They come in that order by themselves, but for what waits
 * behind a gap of one TCP direction: rows of others are held until it is filled or given up.
 */

import type { Arrival } from "./_arrival.ts";

/** Rows that may be held. */
export const MAX_HELD_ROWS = 8192;

/** Holds rows back, in order. */
export class RowSorter<Row> {
  #held: { readonly row: Row; readonly arrival: Arrival }[] = [];

  /** How many rows are held. */
  get size(): number {
    return this.#held.length;
  }

  /** Files a row behind all that arrived before it or with it. */
  push(row: Row, arrival: Arrival): void {
    let low = 0;
    let high = this.#held.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#held[middle]!.arrival.number <= arrival.number) low = middle + 1;
      else high = middle;
    }
    this.#held.splice(low, 0, { row, arrival });
  }

  /** Gives out the rows that nothing can come before any more: all, or those that arrived before `limit`. */
  release(limit: Arrival | undefined, emit: (row: Row, arrival: Arrival) => void): void {
    let count = 0;
    while (
      count < this.#held.length && (limit === undefined || this.#held[count]!.arrival.number < limit.number)
    ) count++;
    for (const { row, arrival } of this.#held.splice(0, count)) emit(row, arrival);
  }
}
