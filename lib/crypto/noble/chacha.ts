/** ChaCha20-Poly1305 (RFC 8439). */

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { concat } from "../../bytes/concat.ts";
import type { AeadPrimitive } from "../types.ts";

const ICV_SIZE = 16;

/** ChaCha20-Poly1305 by noble. */
export class NobleChacha implements AeadPrimitive {
  readonly nonce: Uint8Array = new Uint8Array(12);
  readonly prefix: Uint8Array = new Uint8Array(12);
  readonly #key: Uint8Array;
  #slab: Uint8Array = new Uint8Array(0);

  /** Copies the key. */
  constructor(key: Uint8Array) {
    this.#key = key.slice();
  }

  bind(slab: Uint8Array): void {
    this.#slab = slab;
  }

  seal(prefixSize: number, aadStart: number, aadEnd: number, bodyStart: number, bodyEnd: number): void {
    const cipher = this.#cipher(prefixSize, aadStart, aadEnd);
    this.#slab.set(cipher.encrypt(this.#slab.subarray(bodyStart, bodyEnd)), bodyStart);
  }

  open(
    prefixSize: number,
    aadStart: number,
    aadEnd: number,
    bodyStart: number,
    bodyEnd: number,
  ): boolean {
    const cipher = this.#cipher(prefixSize, aadStart, aadEnd);
    let plaintext: Uint8Array;
    try {
      plaintext = cipher.decrypt(this.#slab.subarray(bodyStart, bodyEnd + ICV_SIZE));
    } catch {
      // The one thing that decryption may throw for octets of the right number: a wrong ICV.
      return false;
    }
    this.#slab.set(plaintext, bodyStart);
    return true;
  }

  dispose(): void {
    this.#key.fill(0);
  }

  #cipher(prefixSize: number, start: number, end: number) {
    const aad = concat([this.prefix.subarray(0, prefixSize), this.#slab.subarray(start, end)]);
    return chacha20poly1305(this.#key, this.nonce, aad);
  }
}
