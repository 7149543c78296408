/** AES-CBC without padding, and AES-CTR (NIST SP 800-38A). */

import { cbc, ctr } from "@noble/ciphers/aes.js";
import type { CipherAlgorithm, CipherDirection, CipherPrimitive } from "../types.ts";

/** AES-CBC or AES-CTR by noble. */
export class NobleCipher implements CipherPrimitive {
  readonly iv: Uint8Array = new Uint8Array(16);
  readonly #key: Uint8Array;
  readonly #chained: boolean;
  readonly #direction: CipherDirection;
  #slab: Uint8Array = new Uint8Array(0);

  /** Copies the key. */
  constructor(algorithm: CipherAlgorithm, key: Uint8Array, direction: CipherDirection) {
    this.#key = key.slice();
    this.#chained = algorithm.endsWith("cbc");
    this.#direction = direction;
  }

  bind(slab: Uint8Array): void {
    this.#slab = slab;
  }

  apply(start: number, end: number): void {
    if (start === end) return;
    const cipher = this.#chained
      ? cbc(this.#key, this.iv, { disablePadding: true })
      : ctr(this.#key, this.iv);
    const octets = this.#slab.subarray(start, end);
    this.#slab.set(this.#direction === "seal" ? cipher.encrypt(octets) : cipher.decrypt(octets), start);
  }

  dispose(): void {
    this.#key.fill(0);
  }
}
