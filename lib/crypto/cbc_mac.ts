/**
 * AES-CMAC (RFC 4493) and AES-XCBC-MAC (RFC 3566): the last block of an AES-CBC, after a subkey was mixed into the message's
 * last block. Made of a provider's AES-128-CBC, so that every provider has them.
 */

import type { CbcMacAlgorithm } from "./algorithm_names.ts";
import type { CipherPrimitive, MacPrimitive } from "./types.ts";

const BLOCK_SIZE = 16;

/** Makes an AES-128-CBC that encrypts. */
export type CreateCbc = (key: Uint8Array) => CipherPrimitive;

/** Octets of messages that are copied into memory which is kept: an ESP packet's are. */
const KEPT_SIZE = 65_536;

/** Where messages are put together; one for all MACs, since work is synchronous and never nested. All zero between messages. */
let kept: Uint8Array = new Uint8Array(0);

/** Keys of a MAC: that of the cipher, and what is mixed into a last block that is whole, or filled up. */
interface Subkeys {
  readonly cipher: Uint8Array;
  readonly whole: Uint8Array;
  readonly filled: Uint8Array;
}

const SUBKEYS: Readonly<Record<CbcMacAlgorithm, (key: Uint8Array, createCbc: CreateCbc) => Subkeys>> = {
  /** RFC 4493, section 2.3: the block of zeros encrypted, doubled once and twice in GF(2^128). */
  "aes-128-cmac": (key, createCbc) => {
    const whole = doubled(encryptBlock(key, 0x00, createCbc));
    return { cipher: key.slice(), whole, filled: doubled(whole) };
  },
  /** RFC 3566, section 4: blocks of ones, twos and threes encrypted. */
  "aes-128-xcbc": (key, createCbc) => ({
    cipher: encryptBlock(key, 0x01, createCbc),
    whole: encryptBlock(key, 0x02, createCbc),
    filled: encryptBlock(key, 0x03, createCbc),
  }),
};

/** A MAC on a cipher. */
export class CbcMac implements MacPrimitive {
  readonly suffix: Uint8Array = new Uint8Array(4);
  readonly digest: Uint8Array = new Uint8Array(BLOCK_SIZE);
  readonly #cbc: CipherPrimitive;
  readonly #whole: Uint8Array;
  readonly #filled: Uint8Array;
  #slab: Uint8Array = new Uint8Array(0);

  /** Keeps subkeys; the key itself is with the cipher. */
  constructor(algorithm: CbcMacAlgorithm, key: Uint8Array, createCbc: CreateCbc) {
    const { cipher, whole, filled } = SUBKEYS[algorithm](key, createCbc);
    this.#cbc = createCbc(cipher);
    this.#whole = whole;
    this.#filled = filled;
    cipher.fill(0);
  }

  bind(slab: Uint8Array): void {
    this.#slab = slab;
  }

  compute(start: number, end: number, suffixSize: number): void {
    const size = end - start + suffixSize;
    const paddedSize = Math.max(1, Math.ceil(size / BLOCK_SIZE)) * BLOCK_SIZE;
    const octets = octetsFor(paddedSize);
    octets.set(this.#slab.subarray(start, end));
    octets.set(this.suffix.subarray(0, suffixSize), end - start);
    if (size < paddedSize) octets[size] = 0x80;
    const subkey = size < paddedSize ? this.#filled : this.#whole;
    const last = paddedSize - BLOCK_SIZE;
    for (let i = 0; i < BLOCK_SIZE; i++) octets[last + i]! ^= subkey[i]!;
    this.#cbc.iv.fill(0);
    this.#cbc.bind(octets);
    this.#cbc.apply(0, paddedSize);
    this.digest.set(octets.subarray(last, paddedSize));
    octets.fill(0, 0, paddedSize);
  }

  dispose(): void {
    this.#cbc.dispose();
    for (const octets of [this.#whole, this.#filled, this.digest]) octets.fill(0);
  }
}

function encryptBlock(key: Uint8Array, octet: number, createCbc: CreateCbc): Uint8Array {
  const block = new Uint8Array(BLOCK_SIZE).fill(octet);
  const cbc = createCbc(key);
  cbc.iv.fill(0);
  cbc.bind(block);
  cbc.apply(0, BLOCK_SIZE);
  cbc.dispose();
  return block;
}

/** Twice a number of GF(2^128), without a branch on secrets. */
function doubled(block: Uint8Array): Uint8Array {
  const twice = new Uint8Array(BLOCK_SIZE);
  for (let i = 0; i < BLOCK_SIZE; i++) {
    const next = i + 1 < BLOCK_SIZE ? block[i + 1]! : 0;
    twice[i] = block[i]! << 1 | next >>> 7;
  }
  twice[BLOCK_SIZE - 1]! ^= 0x87 & -(block[0]! >>> 7);
  return twice;
}

function octetsFor(size: number): Uint8Array {
  if (size > KEPT_SIZE) return new Uint8Array(size);
  if (kept.length < size) kept = new Uint8Array(Math.min(KEPT_SIZE, 2 * size));
  return kept;
}
