/**
 * The table of pseudorandom functions: IKEv2's registry "Transform Type 2". To add one, add its row and, where it is made of
 * a MAC that no row has yet, the MAC.
 */

import type { MacAlgorithm } from "../algorithm_names.ts";

/** A row of type 2. */
export interface PrfTransform {
  /** Transform ID of type 2. */
  readonly id: number;
  /** As IANA writes it. */
  readonly name: string;
  /** As strongSwan writes it in a proposal. */
  readonly keyword: string;
  /** Octets of output, which is also the preferred size of keys: that of SK_d, SK_pi and SK_pr (RFC 7296, section 2.14). */
  readonly size: number;
  /** How keys of another size than the MAC's own are taken. */
  readonly key: PrfKeyRule;
  /** Octets of each nonce that make the key of SKEYSEED; null where all do (RFC 7296, section 2.14). */
  readonly nonceKeySize: number | null;
  /** The MAC that it is made of. */
  readonly algorithm: MacAlgorithm;
}

/**
 * How a key of any size becomes the MAC's: HMAC takes all sizes; XCBC fills short ones up and hashes long ones (RFC 4434,
 * section 2); CMAC hashes both (RFC 4615, section 3).
 */
export type PrfKeyRule = "any" | "fill-or-hash" | "hash";

/** Every pseudorandom function, those to be preferred first. */
export const PRF_TRANSFORMS: readonly PrfTransform[] = [
  hmacRow(5, "PRF_HMAC_SHA2_256", "prfsha256", "hmac-sha256", 32),
  hmacRow(6, "PRF_HMAC_SHA2_384", "prfsha384", "hmac-sha384", 48),
  hmacRow(7, "PRF_HMAC_SHA2_512", "prfsha512", "hmac-sha512", 64),
  {
    id: 8,
    name: "PRF_AES128_CMAC",
    keyword: "prfaescmac",
    size: 16,
    key: "hash",
    nonceKeySize: 8,
    algorithm: "aes-128-cmac",
  },
  {
    id: 4,
    name: "PRF_AES128_XCBC",
    keyword: "prfaesxcbc",
    size: 16,
    key: "fill-or-hash",
    nonceKeySize: 8,
    algorithm: "aes-128-xcbc",
  },
  hmacRow(2, "PRF_HMAC_SHA1", "prfsha1", "hmac-sha1", 20),
];

/** RFC 7296, RFC 4868. */
function hmacRow(
  id: number,
  name: string,
  keyword: string,
  algorithm: MacAlgorithm,
  size: number,
): PrfTransform {
  return { id, name, keyword, size, key: "any", nonceKeySize: null, algorithm };
}

/** Other spellings that strongSwan takes. */
const ALIASES: Readonly<Record<string, string>> = {
  prfsha: "prfsha1",
  prfsha2_256: "prfsha256",
  prfsha2_384: "prfsha384",
  prfsha2_512: "prfsha512",
};

/**
 * The pseudorandom function of a strongSwan keyword; undefined when there is none.
 *
 * @example
 * ```ts
 * import { prfTransform } from "iketcp/crypto";
 * import { strictEqual } from "node:assert";
 *
 * strictEqual(prfTransform("prfsha256")?.id, 5);
 * ```
 */
export function prfTransform(keyword: string): PrfTransform | undefined {
  const wanted = ALIASES[keyword] ?? keyword;
  return PRF_TRANSFORMS.find((row) => row.keyword === wanted);
}

/** The pseudorandom function of IKEv2's Transform ID. */
export function prfTransformById(id: number): PrfTransform | undefined {
  return PRF_TRANSFORMS.find((row) => row.id === id);
}
