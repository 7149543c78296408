/** How many of the first octets of a stream are the prefix; the part that reader and refuser share. */

import { STREAM_PREFIX } from "./constants.ts";

/** How many octets of `chunk` go on with the prefix, of which `matched` octets came before. */
export function matchPrefix(chunk: Uint8Array, matched: number): number {
  let count = 0;
  // Behind the prefix `STREAM_PREFIX` gives `undefined`, behind the chunk the first test ends the loop.
  while (count < chunk.length && chunk[count] === STREAM_PREFIX[matched + count]) count++;
  return count;
}
