/** Comparison that takes the same time wherever the octets differ. */

/**
 * Tells whether `size` octets of two buffers are the same, without stopping at the first difference.
 *
 * @example
 * ```ts
 * import { equalOctets } from "iketcp/crypto";
 * import { strictEqual } from "node:assert";
 *
 * const slab = Uint8Array.of(9, 9, 1, 2, 3);
 * strictEqual(equalOctets(slab, 2, Uint8Array.of(1, 2, 3), 0, 3), true);
 * strictEqual(equalOctets(slab, 1, Uint8Array.of(1, 2, 3), 0, 3), false);
 * ```
 */
export function equalOctets(
  a: Uint8Array,
  aStart: number,
  b: Uint8Array,
  bStart: number,
  size: number,
): boolean {
  // Beyond an end there is undefined, which must not count as zero: a caller's mistake would accept anything.
  if (aStart < 0 || bStart < 0 || aStart + size > a.length || bStart + size > b.length) return false;
  let difference = 0;
  for (let i = 0; i < size; i++) difference |= a[aStart + i]! ^ b[bStart + i]!;
  return difference === 0;
}
