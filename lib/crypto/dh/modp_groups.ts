/** The MODP groups of RFC 3526: their primes, by the formula that each section gives, and the size of private values. */

import type { ModpAlgorithm } from "./transforms.ts";

/** A group; its generator is 2. */
export interface ModpGroup {
  /** Bits of the prime. */
  readonly bits: number;
  /** Octets of private values: twice the strength that RFC 3526, section 8, gives the group at most, or more. */
  readonly privateSize: number;
}

/** What the formula of each group adds to the digits of pi. */
const OFFSETS: Readonly<Record<ModpAlgorithm, bigint>> = {
  modp2048: 124476n,
  modp3072: 1690314n,
  modp4096: 240904n,
  modp6144: 929484n,
  modp8192: 4743158n,
};

/** Every group. */
export const MODP_GROUPS: Readonly<Record<ModpAlgorithm, ModpGroup>> = {
  modp2048: { bits: 2048, privateSize: 48 },
  modp3072: { bits: 3072, privateSize: 56 },
  modp4096: { bits: 4096, privateSize: 64 },
  modp6144: { bits: 6144, privateSize: 72 },
  modp8192: { bits: 8192, privateSize: 80 },
};

/** The generator of every group. */
export const MODP_GENERATOR: bigint = 2n;

const primes = new Map<ModpAlgorithm, bigint>();

/**
 * The prime of a group: 2^n - 2^(n-64) - 1 + 2^64 * ([2^(n-130) pi] + k) (RFC 3526, sections 3 to 7). Computed once; pi
 * takes some milliseconds.
 */
export function modpPrime(algorithm: ModpAlgorithm): bigint {
  let prime = primes.get(algorithm);
  if (prime === undefined) {
    const n = BigInt(MODP_GROUPS[algorithm].bits);
    const digits = piTimesPowerOf2(n - 130n) + OFFSETS[algorithm];
    prime = (1n << n) - (1n << (n - 64n)) - 1n + (digits << 64n);
    primes.set(algorithm, prime);
  }
  return prime;
}

/** Bits that are computed and thrown away: each of some thousand steps is wrong by less than one unit. */
const GUARD_BITS = 64n;

/** [2^bits pi], by Machin's formula: pi = 16 arctan(1/5) - 4 arctan(1/239). */
function piTimesPowerOf2(bits: bigint): bigint {
  const one = 1n << (bits + GUARD_BITS);
  return (16n * arctanOfInverse(5n, one) - 4n * arctanOfInverse(239n, one)) >> GUARD_BITS;
}

/** arctan(1/x) = 1/x - 1/(3 x^3) + 1/(5 x^5) - ..., in units of 1/one. */
function arctanOfInverse(x: bigint, one: bigint): bigint {
  const square = x * x;
  let power = one / x;
  let sum = power;
  for (let n = 3n, sign = -1n; power !== 0n; n += 2n, sign = -sign) {
    power /= square;
    sum += sign * (power / n);
  }
  return sum;
}
