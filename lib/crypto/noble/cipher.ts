/** AES-CBC without padding, and AES-CTR (NIST SP 800-38A). */

import { cbc, ctr } from "@noble/ciphers/aes.js";
import type { CipherAlgorithm } from "../ciphers/table.ts";
import type { CipherDirection, CipherPrimitive } from "../types.ts";
import { lacking } from "./lacking.ts";

/** How noble makes a cipher for one message. */
type Make = (key: Uint8Array, iv: Uint8Array) => ReturnType<typeof ctr>;

const chained: Make = (key, iv) => cbc(key, iv, { disablePadding: true });
const counted: Make = (key, iv) => ctr(key, iv);

/** What noble has. */
const CIPHERS: Readonly<Partial<Record<CipherAlgorithm, Make>>> = {
  "aes-128-cbc": chained,
  "aes-192-cbc": chained,
  "aes-256-cbc": chained,
  "aes-128-ctr": counted,
  "aes-192-ctr": counted,
  "aes-256-ctr": counted,
};

/** AES-CBC or AES-CTR by noble. */
export class NobleCipher implements CipherPrimitive {
  readonly iv: Uint8Array = new Uint8Array(16);
  readonly #key: Uint8Array;
  readonly #make: Make;
  readonly #direction: CipherDirection;
  #slab: Uint8Array = new Uint8Array(0);

  /** Copies the key. */
  constructor(algorithm: CipherAlgorithm, key: Uint8Array, direction: CipherDirection) {
    this.#make = CIPHERS[algorithm] ?? lacking(algorithm);
    this.#key = key.slice();
    this.#direction = direction;
  }

  bind(slab: Uint8Array): void {
    this.#slab = slab;
  }

  apply(start: number, end: number): void {
    if (start === end) return;
    const cipher = this.#make(this.#key, this.iv);
    const octets = this.#slab.subarray(start, end);
    this.#slab.set(this.#direction === "seal" ? cipher.encrypt(octets) : cipher.decrypt(octets), start);
  }

  dispose(): void {
    this.#key.fill(0);
  }
}
