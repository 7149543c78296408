/** Which of two exchanges that replace one SA is redundant (RFC 7296, sections 2.8.1 and 2.8.2). */

/** Both nonces of an exchange. */
export type NoncePair = readonly [Uint8Array, Uint8Array];

/**
 * Whether the lowest of four nonces is in the first exchange: then what that exchange has made goes. "Octet by octet, instead of,
 * for instance, comparing their lengths"; a nonce that another one begins with is the lower.
 *
 * @example
 * ```ts
 * import { isRedundant } from "iketcp/ike";
 * import { strictEqual } from "node:assert";
 *
 * const [low, middle, high] = [Uint8Array.of(1), Uint8Array.of(1, 0), Uint8Array.of(9)];
 * strictEqual(isRedundant([high, low!], [middle, high]), true);
 * strictEqual(isRedundant([middle, high], [high, low!]), false);
 * ```
 */
export function isRedundant(ours: NoncePair, theirs: NoncePair): boolean {
  return compareNonces(lower(...ours), lower(...theirs)) < 0;
}

function lower(a: Uint8Array, b: Uint8Array): Uint8Array {
  return compareNonces(a, b) < 0 ? a : b;
}

function compareNonces(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}
