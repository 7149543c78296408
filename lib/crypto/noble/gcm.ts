/** AES-GCM (NIST SP 800-38D), with ICVs that may be cut short. */

import { gcm } from "@noble/ciphers/aes.js";
import { concat } from "../../bytes/concat.ts";
import type { AeadPrimitive } from "../types.ts";
import { equalOctets } from "../constant_time.ts";

/** Octets of an ICV that is not cut. */
const WHOLE_ICV_SIZE = 16;

/** AES-GCM by noble. */
export class NobleGcm implements AeadPrimitive {
  readonly nonce: Uint8Array = new Uint8Array(12);
  readonly prefix: Uint8Array = new Uint8Array(12);
  readonly #key: Uint8Array;
  readonly #icvSize: number;
  #slab: Uint8Array = new Uint8Array(0);

  /** Copies the key. */
  constructor(key: Uint8Array, icvSize: number) {
    this.#key = key.slice();
    this.#icvSize = icvSize;
  }

  bind(slab: Uint8Array): void {
    this.#slab = slab;
  }

  seal(prefixSize: number, aadStart: number, aadEnd: number, bodyStart: number, bodyEnd: number): void {
    const aad = this.#aad(prefixSize, aadStart, aadEnd);
    const sealed = this.#encrypt(aad, this.#slab.subarray(bodyStart, bodyEnd));
    this.#slab.set(sealed.subarray(0, bodyEnd - bodyStart + this.#icvSize), bodyStart);
  }

  open(
    prefixSize: number,
    aadStart: number,
    aadEnd: number,
    bodyStart: number,
    bodyEnd: number,
  ): boolean {
    const size = bodyEnd - bodyStart;
    const aad = this.#aad(prefixSize, aadStart, aadEnd);
    let plaintext: Uint8Array;
    if (this.#icvSize === WHOLE_ICV_SIZE) {
      try {
        const sealed = this.#slab.subarray(bodyStart, bodyEnd + WHOLE_ICV_SIZE);
        plaintext = gcm(this.#key, this.nonce, aad).decrypt(sealed);
      } catch {
        // The one thing that decryption may throw for octets of the right number: a wrong ICV.
        return false;
      }
    } else {
      // noble opens whole ICVs only. A counter mode decrypts by encrypting, so the ciphertext is encrypted for the
      // plaintext, and the plaintext for the ICV.
      plaintext = this.#encrypt(aad, this.#slab.subarray(bodyStart, bodyEnd)).subarray(0, size);
      const sealed = this.#encrypt(aad, plaintext);
      if (!equalOctets(sealed, size, this.#slab, bodyEnd, this.#icvSize)) return false;
    }
    this.#slab.set(plaintext, bodyStart);
    return true;
  }

  dispose(): void {
    this.#key.fill(0);
  }

  #encrypt(aad: Uint8Array, octets: Uint8Array): Uint8Array {
    return gcm(this.#key, this.nonce, aad).encrypt(octets);
  }

  #aad(prefixSize: number, start: number, end: number): Uint8Array {
    return concat([this.prefix.subarray(0, prefixSize), this.#slab.subarray(start, end)]);
  }
}
