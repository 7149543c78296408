/**
 * Pseudorandom functions that are HMACs, by their hash alone (RFC 2104): two hashes, each in one call. IKE has a new key for
 * almost every call, and a MAC that is made for one key takes runtimes up to twice as long, and leaves them more to collect.
 */

import type { Prf } from "./prf.ts";
import type { PrfTransform } from "./transforms.ts";

/** A hash of a provider. */
export interface HmacHash {
  /** Octets of the digest. */
  readonly digestSize: number;
  /** Octets of the blocks that it works in. */
  readonly blockSize: number;
  /** Hashes octets in one call. */
  hash(data: Uint8Array): Uint8Array<ArrayBuffer>;
}

const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/** A pseudorandom function that is an HMAC. */
export class HmacPrf implements Prf {
  readonly transform: PrfTransform;
  readonly #hash: HmacHash;

  /** Takes a row of the table and the hash of its HMAC. */
  constructor(transform: PrfTransform, hash: HmacHash) {
    this.transform = transform;
    this.#hash = hash;
  }

  get size(): number {
    return this.transform.size;
  }

  get keySize(): number {
    return this.transform.size;
  }

  compute(key: Uint8Array, ...data: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
    const { digestSize, blockSize } = this.#hash;
    const isLong = key.length > blockSize;
    const fitting = isLong ? this.#hash.hash(key) : key;
    let size = blockSize;
    for (const piece of data) size += piece.length;
    const inner = padded(fitting, INNER_PAD, blockSize, size);
    let end = blockSize;
    for (const piece of data) {
      inner.set(piece, end);
      end += piece.length;
    }
    const digest = this.#hash.hash(inner);
    const outer = padded(fitting, OUTER_PAD, blockSize, blockSize + digestSize);
    outer.set(digest, blockSize);
    const result = this.#hash.hash(outer);
    // Data may be secret as well as the key: a shared secret, or the last block of prf+.
    inner.fill(0);
    outer.fill(0);
    digest.fill(0);
    if (isLong) fitting.fill(0);
    return result;
  }
}

/** A block of the key and a pad, and room behind it. */
function padded(key: Uint8Array, pad: number, blockSize: number, size: number): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(size);
  for (let i = 0; i < key.length; i++) octets[i] = key[i]! ^ pad;
  return octets.fill(pad, key.length, blockSize);
}
