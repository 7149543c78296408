/** What a public value must be before it meets a private one: RFC 6989, section 2, and RFC 5903, section 8. */

import { CryptoError } from "../../errors.ts";
import { toBigInt } from "../big_integers.ts";
import { modpPrime } from "./modp_groups.ts";
import type {
  EcpAlgorithm,
  KeyExchangeAlgorithm,
  KeyExchangeTransform,
  ModpAlgorithm,
} from "./transforms.ts";

/** Says why a value is refused; null when it is not. */
type Check = (value: Uint8Array) => string | null;

/** A prime and the b of y^2 = x^3 - 3x + b (RFC 5903, section 3). */
interface Curve {
  readonly p: bigint;
  readonly b: bigint;
}

const CURVES: Readonly<Record<EcpAlgorithm, Curve>> = {
  ecp256: {
    p: (1n << 256n) - (1n << 224n) + (1n << 192n) + (1n << 96n) - 1n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  },
  ecp384: {
    p: (1n << 384n) - (1n << 128n) - (1n << 96n) + (1n << 32n) - 1n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  },
  ecp521: {
    p: (1n << 521n) - 1n,
    b: 0x051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
  },
};

const CHECKS: Readonly<Record<KeyExchangeAlgorithm, Check>> = {
  // Every string of the right size is a public value (RFC 7748, section 5); what is bad shows in the shared secret.
  x25519: () => null,
  x448: () => null,
  ecp256: onCurve("ecp256"),
  ecp384: onCurve("ecp384"),
  ecp521: onCurve("ecp521"),
  modp2048: inRange("modp2048"),
  modp3072: inRange("modp3072"),
  modp4096: inRange("modp4096"),
  modp6144: inRange("modp6144"),
  modp8192: inRange("modp8192"),
};

/** Throws a `CryptoError` `ERR_CRYPTO_PUBLIC_VALUE` for a value that no honest peer sends. */
export function checkPublicValue(transform: KeyExchangeTransform, value: Uint8Array): void {
  const reason = value.length === transform.publicSize
    ? CHECKS[transform.algorithm](value)
    : `expected ${transform.publicSize} octets, got ${value.length}`;
  if (reason === null) return;
  throw new CryptoError(
    "ERR_CRYPTO_PUBLIC_VALUE",
    `Cannot use the peer's public value of ${transform.keyword}: ${reason}`,
  );
}

/** RFC 6989, section 2.1: 1 < r < p-1. All groups here have safe primes. */
function inRange(algorithm: ModpAlgorithm): Check {
  return (octets) => {
    const value = toBigInt(octets);
    return value > 1n && value < modpPrime(algorithm) - 1n ? null : "it is not between 1 and p-1";
  };
}

/** RFC 6989, section 2.3. The point at infinity cannot be written. */
function onCurve(algorithm: EcpAlgorithm): Check {
  const { p, b } = CURVES[algorithm];
  return (octets) => {
    const x = toBigInt(octets.subarray(0, octets.length / 2));
    const y = toBigInt(octets.subarray(octets.length / 2));
    if (x >= p || y >= p) return "a coordinate is not below p";
    return (y * y - x * x * x + 3n * x - b) % p === 0n ? null : "it is not a point of the curve";
  };
}
