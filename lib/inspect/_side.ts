/** The two ends of a conversation. */

/** The end whose address and port the conversation has first, or the other. */
export type Side = 0 | 1;

/** The other end. */
export function otherSide(side: Side): Side {
  return side === 0 ? 1 : 0;
}
