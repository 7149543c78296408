/** The order of packets in a capture. */

/** When a packet came: its number in the capture tells before from after, since clocks may step. */
export interface Arrival {
  /** Packets of the capture before it. */
  readonly number: number;
  /** Seconds since the epoch. */
  readonly time: number;
}

/** Which of two packets came after the other. */
export function later(one: Arrival, other: Arrival): Arrival {
  return one.number >= other.number ? one : other;
}
