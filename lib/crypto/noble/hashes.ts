/** Hashes by noble, by the names of this room. */

import { sha1 } from "@noble/hashes/legacy.js";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import type { HashAlgorithm } from "../algorithm_names.ts";

const HASHES = { sha1, sha256, sha384, sha512 } satisfies Readonly<Record<HashAlgorithm, unknown>>;

/** Hashes octets. */
export function nobleHash(algorithm: HashAlgorithm, data: Uint8Array): Uint8Array<ArrayBuffer> {
  return HASHES[algorithm](data) as Uint8Array<ArrayBuffer>;
}
