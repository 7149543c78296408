/**
 * RSA in plain JavaScript, to verify with (RFC 8017): public keys hold no secret that the time of an operation could tell.
 * To sign is left to providers whose arithmetic takes the same time for every key.
 */

import { concat } from "../../bytes/concat.ts";
import { fromHex } from "../../bytes/hex.ts";
import { fromBigInt, powerOf, toBigInt } from "../big_integers.ts";
import { equalOctets } from "../constant_time.ts";
import type { PublicKey } from "../signature/keys.ts";
import type { HashAlgorithm } from "../algorithm_names.ts";
import { nobleHash } from "./hashes.ts";

type RsaKey = PublicKey & { readonly type: "rsa" };

/** DigestInfo in front of a digest (RFC 8017, section 9.2, note 1). */
const DIGEST_INFO: Readonly<Record<HashAlgorithm, string>> = {
  sha1: "3021300906052b0e03021a05000414",
  sha256: "3031300d060960864801650304020105000420",
  sha384: "3041300d060960864801650304020205000430",
  sha512: "3051300d060960864801650304020305000440",
};

/** RSASSA-PKCS1-v1_5 (section 8.2.2). */
export function verifyRsaPkcs1(
  key: RsaKey,
  hash: HashAlgorithm,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  const encoded = recover(key, signature, key.size);
  if (encoded === null) return false;
  // What must be there is written and compared, and nothing parsed: parsers have let forgeries through.
  const info = concat([fromHex(DIGEST_INFO[hash]), nobleHash(hash, data)]);
  const expected = new Uint8Array(key.size).fill(0xff);
  expected.set([0x00, 0x01]);
  expected[key.size - info.length - 1] = 0x00;
  expected.set(info, key.size - info.length);
  return equalOctets(encoded, 0, expected, 0, key.size);
}

/** RSASSA-PSS (sections 8.1.2 and 9.1.2) with MGF1 of the same hash and a salt as long as the hash. */
export function verifyRsaPss(
  key: RsaKey,
  hash: HashAlgorithm,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  const encodedBits = key.modulus.toString(2).length - 1;
  const size = Math.ceil(encodedBits / 8);
  const encoded = recover(key, signature, size);
  if (encoded === null) return false;
  const digest = nobleHash(hash, data);
  const hashSize = digest.length;
  const maskedSize = size - hashSize - 1;
  const saltStart = maskedSize - hashSize;
  if (saltStart < 1 || encoded[size - 1] !== 0xbc) return false;
  const masked = encoded.slice(0, maskedSize);
  const check = encoded.subarray(maskedSize, maskedSize + hashSize);
  // Bits that the modulus has no room for.
  const firstMask = 0xff >> (8 * size - encodedBits);
  if (masked[0]! & ~firstMask) return false;
  const mask = mgf1(hash, check, maskedSize);
  for (let i = 0; i < maskedSize; i++) masked[i]! ^= mask[i]!;
  masked[0]! &= firstMask;
  // Zeros, and a one in front of the salt.
  for (let i = 0; i < saltStart - 1; i++) if (masked[i] !== 0) return false;
  if (masked[saltStart - 1] !== 0x01) return false;
  const salt = masked.subarray(saltStart);
  const expected = nobleHash(hash, concat([new Uint8Array(8), digest, salt]));
  return equalOctets(check, 0, expected, 0, hashSize);
}

/** The message that was signed, s^e mod n, in so many octets; null for a signature that cannot be one. */
function recover(key: RsaKey, signature: Uint8Array, size: number): Uint8Array | null {
  if (signature.length !== key.size) return null;
  const s = toBigInt(signature);
  if (s >= key.modulus) return null;
  const message = powerOf(s, key.exponent, key.modulus);
  return message >> BigInt(8 * size) === 0n ? fromBigInt(message, size) : null;
}

/** Appendix B.2.1. */
function mgf1(hash: HashAlgorithm, seed: Uint8Array, size: number): Uint8Array {
  const blocks: Uint8Array[] = [];
  const counter = new Uint8Array(4);
  for (let i = 0, made = 0; made < size; i++) {
    new DataView(counter.buffer).setUint32(0, i);
    const block = nobleHash(hash, concat([seed, counter]));
    blocks.push(block);
    made += block.length;
  }
  return concat(blocks).subarray(0, size);
}
