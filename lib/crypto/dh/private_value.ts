/** Private values of the groups whose arithmetic is ours to feed: drawn evenly from a range. */

import { CryptoError } from "../../errors.ts";
import { toBigInt } from "../big_integers.ts";
import type { RandomSource } from "./key_exchange.ts";
import { MODP_GROUPS } from "./modp_groups.ts";
import type { EcpAlgorithm, ModpAlgorithm } from "./transforms.ts";

/** What a private value may be. */
interface Range {
  /** Octets drawn. */
  readonly size: number;
  /** The bits of the first octet that it may have. */
  readonly firstOctet: number;
  readonly from: bigint;
  /** The first one that is too large. */
  readonly to: bigint;
}

/** From 1 to the order of the group, exclusive (RFC 5903, section 3). */
function ecp(size: number, firstOctet: number, order: bigint): Range {
  return { size, firstOctet, from: 1n, to: order };
}

/** Far shorter than the prime, and not so short that the public value gives it away (RFC 3526, section 8). */
function modp(algorithm: ModpAlgorithm): Range {
  const size = MODP_GROUPS[algorithm].privateSize;
  return { size, firstOctet: 0xff, from: 1n << 128n, to: 1n << BigInt(8 * size) };
}

const RANGES: Readonly<Record<EcpAlgorithm | ModpAlgorithm, Range>> = {
  ecp256: ecp(32, 0xff, 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n),
  ecp384: ecp(
    48,
    0xff,
    0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  ),
  ecp521: ecp(
    66,
    0x01,
    0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  ),
  modp2048: modp("modp2048"),
  modp3072: modp("modp3072"),
  modp4096: modp("modp4096"),
  modp6144: modp("modp6144"),
  modp8192: modp("modp8192"),
};

/** More than ever needed: a draw is out of range with a chance of 2^-32 or less. A source that always gives the same must end. */
const MAX_DRAWS = 64;

/** Draws until a value is in range (FIPS 186-5, appendix A.2.2). */
export function drawPrivateValue(
  algorithm: EcpAlgorithm | ModpAlgorithm,
  random: RandomSource,
): Uint8Array<ArrayBuffer> {
  const { size, firstOctet, from, to } = RANGES[algorithm];
  const drawn = new Uint8Array(size);
  for (let i = 0; i < MAX_DRAWS; i++) {
    random(drawn);
    drawn[0]! &= firstOctet;
    const value = toBigInt(drawn);
    if (value >= from && value < to) return drawn;
  }
  throw new CryptoError(
    "ERR_CRYPTO_FAILED",
    `Cannot draw a private value of ${algorithm}: the source of randomness gave ${MAX_DRAWS} values out of range`,
  );
}
