/**
 * The one table of what can protect a message: each row an IANA number, the keyword that strongSwan's users write, sizes,
 * and the algorithm that a provider must have. To add a cipher, add its row here, and its algorithm to `algorithm_names.ts` and `algorithms.ts`.
 *
 * Numbers are of IKEv2's registries "Transform Type 1" (encryption) and "Transform Type 3" (integrity). Sizes are octets.
 *
 * @module
 */

import type { AeadAlgorithm, CipherAlgorithm, MacAlgorithm } from "./algorithm_names.ts";

/** How a transform treats the body. */
export type EncryptionMode = "aead" | "gmac" | "cbc" | "ctr" | "null";

/** What every row of type 1 has. */
export interface EncryptionRow {
  /** Transform ID of type 1. */
  readonly id: number;
  /** As IANA writes it. */
  readonly name: string;
  /** As strongSwan writes it in a proposal. */
  readonly keyword: string;
  /** Octets of key. */
  readonly keySize: number;
  /** Octets of salt behind the key in the key material, which begin every nonce. */
  readonly saltSize: number;
  /** Octets of IV in each message. */
  readonly ivSize: number;
  /** The body's size is a multiple of it. ESP aligns to 4 besides (RFC 4303, section 2.4). */
  readonly blockSize: number;
  /** Octets of ICV; 0 where an integrity transform brings it. */
  readonly icvSize: number;
  /** Whether IKEv2 sends a Key Length attribute with it (RFC 7296, section 3.3.5). */
  readonly keyLengthAttribute: boolean;
  /** Whether the nonce is made from the sequence number and no IV is sent (RFC 8750). */
  readonly implicitIv: boolean;
}

/** A row of type 1, by its mode. */
export type EncryptionTransform =
  & EncryptionRow
  & (
    | { readonly mode: "aead" | "gmac"; readonly algorithm: AeadAlgorithm }
    | { readonly mode: "cbc" | "ctr"; readonly algorithm: CipherAlgorithm }
    | { readonly mode: "null"; readonly algorithm: null }
  );

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

const AES_BITS = [128, 192, 256] as const;

/** AES-GCM: RFC 4106; the salt and the IV make a nonce of 12 octets. */
function gcmRows(id: number, icvSize: 8 | 12 | 16): EncryptionTransform[] {
  return AES_BITS.map((bits) => ({
    id,
    name: `ENCR_AES_GCM_${icvSize}`,
    keyword: `aes${bits}gcm${icvSize}`,
    mode: "aead",
    keySize: bits / 8,
    saltSize: 4,
    ivSize: 8,
    blockSize: 1,
    icvSize,
    keyLengthAttribute: true,
    implicitIv: false,
    algorithm: `aes-${bits}-gcm`,
  }));
}

/** AES-CCM: RFC 4309; a salt of 3 octets, and so a nonce of 11. */
function ccmRows(id: number, icvSize: 8 | 12 | 16): EncryptionTransform[] {
  return AES_BITS.map((bits) => ({
    id,
    name: `ENCR_AES_CCM_${icvSize}`,
    keyword: `aes${bits}ccm${icvSize}`,
    mode: "aead",
    keySize: bits / 8,
    saltSize: 3,
    ivSize: 8,
    blockSize: 1,
    icvSize,
    keyLengthAttribute: true,
    implicitIv: false,
    algorithm: `aes-${bits}-ccm`,
  }));
}

/** AES-GMAC as an encryption transform that does not encrypt: RFC 4543. */
function gmacRows(): EncryptionTransform[] {
  return AES_BITS.map((bits) => ({
    id: 21,
    name: "ENCR_NULL_AUTH_AES_GMAC",
    keyword: `aes${bits}gmac`,
    mode: "gmac",
    keySize: bits / 8,
    saltSize: 4,
    ivSize: 8,
    blockSize: 1,
    icvSize: 16,
    keyLengthAttribute: true,
    implicitIv: false,
    algorithm: `aes-${bits}-gcm`,
  }));
}

/** AES-CBC: RFC 3602. */
function cbcRows(): EncryptionTransform[] {
  return AES_BITS.map((bits) => ({
    id: 12,
    name: "ENCR_AES_CBC",
    keyword: `aes${bits}`,
    mode: "cbc",
    keySize: bits / 8,
    saltSize: 0,
    ivSize: 16,
    blockSize: 16,
    icvSize: 0,
    keyLengthAttribute: true,
    implicitIv: false,
    algorithm: `aes-${bits}-cbc`,
  }));
}

/** AES-CTR: RFC 3686; a nonce of 4 octets behind the key. */
function ctrRows(): EncryptionTransform[] {
  return AES_BITS.map((bits) => ({
    id: 13,
    name: "ENCR_AES_CTR",
    keyword: `aes${bits}ctr`,
    mode: "ctr",
    keySize: bits / 8,
    saltSize: 4,
    ivSize: 8,
    blockSize: 1,
    icvSize: 0,
    keyLengthAttribute: true,
    implicitIv: false,
    algorithm: `aes-${bits}-ctr`,
  }));
}

/** ChaCha20-Poly1305: RFC 7634. Its key has one size, so no Key Length attribute is sent. */
const CHACHA20_POLY1305: EncryptionTransform = {
  id: 28,
  name: "ENCR_CHACHA20_POLY1305",
  keyword: "chacha20poly1305",
  mode: "aead",
  keySize: 32,
  saltSize: 4,
  ivSize: 8,
  blockSize: 1,
  icvSize: 16,
  keyLengthAttribute: false,
  implicitIv: false,
  algorithm: "chacha20-poly1305",
};

/** A transform with the IV left out: RFC 8750. strongSwan has no keywords for these; ours end in `iiv`. */
function implicitIv(id: number, rows: readonly EncryptionTransform[]): EncryptionTransform[] {
  return rows.map((row) => ({
    ...row,
    id,
    name: `${row.name}_IIV`,
    keyword: `${row.keyword}iiv`,
    ivSize: 0,
    implicitIv: true,
  }));
}

/** No encryption: RFC 2410. ESP alone may use it, with an integrity transform. */
const NULL: EncryptionTransform = {
  id: 11,
  name: "ENCR_NULL",
  keyword: "null",
  mode: "null",
  keySize: 0,
  saltSize: 0,
  ivSize: 0,
  blockSize: 1,
  icvSize: 0,
  keyLengthAttribute: false,
  implicitIv: false,
  algorithm: null,
};

/** Every encryption transform, those to be preferred first. */
export const ENCRYPTION_TRANSFORMS: readonly EncryptionTransform[] = [
  ...gcmRows(20, 16),
  CHACHA20_POLY1305,
  ...gcmRows(19, 12),
  ...gcmRows(18, 8),
  ...ccmRows(16, 16),
  ...ccmRows(15, 12),
  ...ccmRows(14, 8),
  ...cbcRows(),
  ...ctrRows(),
  ...implicitIv(30, gcmRows(20, 16)),
  ...implicitIv(31, [CHACHA20_POLY1305]),
  ...implicitIv(29, ccmRows(14, 8)),
  ...gmacRows(),
  NULL,
];

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
