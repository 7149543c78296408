/** HMAC (RFC 2104). */

import { type _HMAC as Hmac, hmac } from "@noble/hashes/hmac.js";
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import type { HmacAlgorithm } from "../algorithm_names.ts";
import type { MacPrimitive } from "../types.ts";

const HASHES = {
  "hmac-sha1": sha1,
  "hmac-sha256": sha256,
  "hmac-sha384": sha384,
  "hmac-sha512": sha512,
} satisfies Readonly<Record<HmacAlgorithm, unknown>>;

// deno-lint-ignore no-explicit-any -- noble's type parameter names the type itself.
type KeyedHash = Hmac<any>;

/** HMAC by noble, whose state after the key is kept and copied for each message. */
export class NobleMac implements MacPrimitive {
  readonly suffix: Uint8Array = new Uint8Array(4);
  readonly digest: Uint8Array;
  readonly #keyed: KeyedHash;
  readonly #work: KeyedHash;
  #slab: Uint8Array = new Uint8Array(0);

  /** Keeps nothing of the key but the two hash states that it leads to. */
  constructor(algorithm: HmacAlgorithm, key: Uint8Array) {
    this.#keyed = hmac.create(HASHES[algorithm], key);
    this.#work = this.#keyed.clone();
    this.digest = new Uint8Array(this.#keyed.outputLen);
  }

  bind(slab: Uint8Array): void {
    this.#slab = slab;
  }

  compute(start: number, end: number, suffixSize: number): void {
    const work = this.#keyed._cloneInto(this.#work);
    work.update(this.#slab.subarray(start, end));
    if (suffixSize > 0) work.update(this.suffix.subarray(0, suffixSize));
    work.digestInto(this.digest);
  }

  dispose(): void {
    this.#keyed.destroy();
    this.#work.destroy();
    this.digest.fill(0);
  }
}
