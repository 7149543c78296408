/**
 * What can protect a message, found by the numbers of IKEv2 and by the keywords that strongSwan's users write: ciphers, each of which has
 * a file in `ciphers/`, and integrity transforms, whose rows are here.
 *
 * Numbers are of IKEv2's registries "Transform Type 1" (encryption) and "Transform Type 3" (integrity). Sizes are octets.
 *
 * @module
 */

import type { MacAlgorithm } from "./algorithm_names.ts";
import { AES_BITS } from "./ciphers/family.ts";
import { ENCRYPTION_TRANSFORMS, type EncryptionTransform } from "./ciphers/table.ts";

export type { EncryptionRow } from "./ciphers/family.ts";
export { ENCRYPTION_TRANSFORMS, type EncryptionMode, type EncryptionTransform } from "./ciphers/table.ts";

/** A row of type 3. */
export interface IntegrityTransform {
  /** Transform ID of type 3. */
  readonly id: number;
  /** As IANA writes it. */
  readonly name: string;
  /** As strongSwan writes it in a proposal. */
  readonly keyword: string;
  /** Octets of key. */
  readonly keySize: number;
  /** Octets of the MAC that are sent. */
  readonly icvSize: number;
  /** The algorithm that a provider must have. */
  readonly algorithm: MacAlgorithm;
}

/** Every integrity transform, those to be preferred first: RFC 4868, RFC 4494, RFC 3566 and RFC 2404. */
export const INTEGRITY_TRANSFORMS: readonly IntegrityTransform[] = [
  hmacRow(12, "AUTH_HMAC_SHA2_256_128", "sha256", 32, 16),
  hmacRow(13, "AUTH_HMAC_SHA2_384_192", "sha384", 48, 24),
  hmacRow(14, "AUTH_HMAC_SHA2_512_256", "sha512", 64, 32),
  {
    id: 8,
    name: "AUTH_AES_CMAC_96",
    keyword: "aescmac",
    keySize: 16,
    icvSize: 12,
    algorithm: "aes-128-cmac",
  },
  {
    id: 5,
    name: "AUTH_AES_XCBC_96",
    keyword: "aesxcbc",
    keySize: 16,
    icvSize: 12,
    algorithm: "aes-128-xcbc",
  },
  hmacRow(2, "AUTH_HMAC_SHA1_96", "sha1", 20, 12),
];

function hmacRow(
  id: number,
  name: string,
  keyword: "sha1" | "sha256" | "sha384" | "sha512",
  keySize: number,
  icvSize: number,
): IntegrityTransform {
  return { id, name, keyword, keySize, icvSize, algorithm: `hmac-${keyword}` };
}

/** Other spellings that strongSwan takes. */
const ALIASES: Readonly<Record<string, string>> = {
  aes: "aes128",
  sha: "sha1",
  sha2_256: "sha256",
  sha2_384: "sha384",
  sha2_512: "sha512",
  ...Object.fromEntries(
    AES_BITS.flatMap((bits) =>
      [8, 12, 16].flatMap((icv) => [
        [`aes${bits}gcm${icv * 8}`, `aes${bits}gcm${icv}`],
        [`aes${bits}ccm${icv * 8}`, `aes${bits}ccm${icv}`],
      ])
    ),
  ),
};

const encryptionByKeyword = new Map(ENCRYPTION_TRANSFORMS.map((row) => [row.keyword, row]));
const integrityByKeyword = new Map(INTEGRITY_TRANSFORMS.map((row) => [row.keyword, row]));

/**
 * The encryption transform of a strongSwan keyword; undefined when there is none.
 *
 * @example
 * ```ts
 * import { encryptionTransform } from "iketcp/crypto";
 * import { strictEqual } from "node:assert";
 *
 * strictEqual(encryptionTransform("aes256gcm16")?.id, 20);
 * strictEqual(encryptionTransform("aes256gcm128"), encryptionTransform("aes256gcm16"));
 * ```
 */
export function encryptionTransform(keyword: string): EncryptionTransform | undefined {
  return encryptionByKeyword.get(ALIASES[keyword] ?? keyword);
}

/** The integrity transform of a strongSwan keyword; undefined when there is none. */
export function integrityTransform(keyword: string): IntegrityTransform | undefined {
  return integrityByKeyword.get(ALIASES[keyword] ?? keyword);
}

/**
 * The encryption transform of IKEv2's numbers: the Transform ID, and the Key Length attribute in bits where one was sent.
 *
 * @example
 * ```ts
 * import { encryptionTransformById } from "iketcp/crypto";
 * import { strictEqual } from "node:assert";
 *
 * strictEqual(encryptionTransformById(20, 256)?.keyword, "aes256gcm16");
 * strictEqual(encryptionTransformById(28)?.keyword, "chacha20poly1305");
 * strictEqual(encryptionTransformById(28, 256), undefined);
 * ```
 */
export function encryptionTransformById(id: number, keyBits?: number): EncryptionTransform | undefined {
  return ENCRYPTION_TRANSFORMS.find((row) =>
    row.id === id && (row.keyLengthAttribute ? row.keySize * 8 : undefined) === keyBits
  );
}

/** The integrity transform of IKEv2's Transform ID. */
export function integrityTransformById(id: number): IntegrityTransform | undefined {
  return INTEGRITY_TRANSFORMS.find((row) => row.id === id);
}
