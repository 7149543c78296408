/** Pseudorandom functions (RFC 7296, section 2.13) on the MACs of providers, and prf+. */

import { concat } from "../../bytes/concat.ts";
import { CodedRangeError } from "../../errors.ts";
import type { MacPrimitive } from "../types.ts";
import type { PrfKeyRule, PrfTransform } from "./transforms.ts";

/** A pseudorandom function without a key. */
export interface Prf {
  /** The row of the table that it serves. */
  readonly transform: PrfTransform;
  /** Octets of output. */
  readonly size: number;
  /** The preferred size of keys; every size is taken. */
  readonly keySize: number;
  /** `prf(key, data)`, with the pieces of data joined. The result is the caller's to wipe. */
  compute(key: Uint8Array, ...data: readonly Uint8Array[]): Uint8Array<ArrayBuffer>;
}

/** Makes the MAC that a pseudorandom function is made of. */
export type CreateMac = (key: Uint8Array) => MacPrimitive;

/** prf+ counts its blocks in one octet (RFC 7296, section 2.13). */
export const MAX_PRF_BLOCKS: number = 255;

const MAC_KEY_SIZE = 16;

/** The key that the MAC gets. Always a copy, or made anew: the caller wipes it. */
const MAC_KEYS: Readonly<Record<PrfKeyRule, (key: Uint8Array, prf: MacPrf) => Uint8Array>> = {
  "any": (key) => key.slice(),
  "fill-or-hash": (key, prf) => {
    if (key.length > MAC_KEY_SIZE) return prf.compute(new Uint8Array(MAC_KEY_SIZE), key);
    const filled = new Uint8Array(MAC_KEY_SIZE);
    filled.set(key);
    return filled;
  },
  "hash": (key, prf) =>
    key.length === MAC_KEY_SIZE ? key.slice() : prf.compute(new Uint8Array(MAC_KEY_SIZE), key),
};

/** A pseudorandom function made of a MAC. */
export class MacPrf implements Prf {
  readonly transform: PrfTransform;
  readonly #createMac: CreateMac;

  /** Takes a row of the table and the way to a MAC of its algorithm. */
  constructor(transform: PrfTransform, createMac: CreateMac) {
    this.transform = transform;
    this.#createMac = createMac;
  }

  get size(): number {
    return this.transform.size;
  }

  get keySize(): number {
    return this.transform.size;
  }

  compute(key: Uint8Array, ...data: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
    const macKey = MAC_KEYS[this.transform.key](key, this);
    const mac = this.#createMac(macKey);
    macKey.fill(0);
    const message = concat(data);
    try {
      mac.bind(message);
      mac.compute(0, message.length, 0);
      return mac.digest.slice() as Uint8Array<ArrayBuffer>;
    } finally {
      mac.dispose();
      // Data may be secret too: a shared secret, or the last block of prf+.
      message.fill(0);
    }
  }
}

/**
 * `prf+(key, seed)`, as many octets as wanted: T1 = prf(K, S | 0x01), T2 = prf(K, T1 | S | 0x02), and so on (RFC 7296,
 * section 2.13). The result is the caller's to wipe.
 *
 * @example
 * ```ts
 * import { CryptoProviders, nobleProvider, prfPlus, prfTransform } from "iketcp/crypto";
 * import { strictEqual } from "node:assert";
 *
 * const prf = new CryptoProviders([nobleProvider()]).createPrf(prfTransform("prfsha256")!);
 * strictEqual(prfPlus(prf, new Uint8Array(32), new Uint8Array(32), 100).length, 100);
 * ```
 */
export function prfPlus(
  prf: Prf,
  key: Uint8Array,
  seed: Uint8Array,
  length: number,
): Uint8Array<ArrayBuffer> {
  const blocks = Math.ceil(length / prf.size);
  if (!Number.isInteger(length) || length < 0 || blocks > MAX_PRF_BLOCKS) {
    throw new CodedRangeError(
      "ERR_CRYPTO_PRF_LENGTH",
      `Cannot expand a key: expected 0 to ${
        MAX_PRF_BLOCKS * prf.size
      } octets of ${prf.transform.name}, got ${length}`,
    );
  }
  const stream = new Uint8Array(blocks * prf.size);
  const counter = new Uint8Array(1);
  let last = stream.subarray(0, 0);
  for (let i = 0; i < blocks; i++) {
    counter[0] = i + 1;
    const block = prf.compute(key, last, seed, counter);
    stream.set(block, i * prf.size);
    block.fill(0);
    last = stream.subarray(i * prf.size, (i + 1) * prf.size);
  }
  const result = stream.slice(0, length);
  stream.fill(0);
  return result;
}
