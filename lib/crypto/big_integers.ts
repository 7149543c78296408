/** Large integers and their octets, most significant first. `bigint` takes time by its value: keep long-lived secrets away. */

import { fromHex, toHex } from "../bytes/hex.ts";

/** The integer that octets stand for; zero for none. */
export function toBigInt(octets: Uint8Array): bigint {
  return octets.length === 0 ? 0n : BigInt(`0x${toHex(octets)}`);
}

/** An integer in exactly so many octets. */
export function fromBigInt(value: bigint, size: number): Uint8Array<ArrayBuffer> {
  return fromHex(value.toString(16).padStart(2 * size, "0"));
}

/** base^exponent mod modulus. */
export function powerOf(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = result * square % modulus;
    square = square * square % modulus;
  }
  return result;
}
