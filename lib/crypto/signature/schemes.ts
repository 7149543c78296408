/**
 * How IKEv2 names signatures: the Auth Methods of RFC 7296 and RFC 4754, and the AlgorithmIdentifiers of RFC 7427 and
 * RFC 8420, which X.509 shares.
 */

import { fromHex, toHex } from "../../bytes/hex.ts";
import type { HashAlgorithm } from "../algorithm_names.ts";
import type { EcdsaCurve, SignatureAlgorithm, SignatureHash } from "./algorithms.ts";

/** Names of the schemes. */
export type SignatureSchemeName =
  | "rsa_pkcs1_sha1"
  | `rsa_pkcs1_${SignatureHash}`
  | `rsa_pss_${SignatureHash}`
  | `ecdsa_${EcdsaCurve}_${SignatureHash}`
  | "ecdsa_p256_sha256_raw"
  | "ecdsa_p384_sha384_raw"
  | "ecdsa_p521_sha512_raw"
  | "ed25519"
  | "ed448";

/** A way to sign, with all that IKEv2 says about it. */
export interface SignatureScheme {
  /** Its name here. */
  readonly name: SignatureSchemeName;
  /** The Auth Method of the AUTH payload: 14 with an AlgorithmIdentifier in front, else one that says it all. */
  readonly authMethod: number;
  /** What a provider must have. */
  readonly algorithm: SignatureAlgorithm;
  /** The number by which SIGNATURE_HASH_ALGORITHMS offers the hash (RFC 7427, section 4; RFC 8420, section 2). */
  readonly hashNumber: number;
  /** The AlgorithmIdentifier in DER, which Auth Method 14 sends in front of the signature. */
  readonly algorithmIdentifier: Uint8Array;
  /** How an ECDSA signature is written: as a SEQUENCE (RFC 3279, section 2.2.3), or r and s one after the other (RFC 4754). */
  readonly encoding: "der" | "raw";
}

/** Numbers of the registry "IKEv2 Hash Algorithms". */
export const HASH_NUMBERS: Readonly<Record<HashAlgorithm | "identity", number>> = {
  sha1: 1,
  sha256: 2,
  sha384: 3,
  sha512: 4,
  identity: 5,
};

/** Auth Methods (RFC 7296, section 3.8; RFC 4754, section 3; RFC 7427, section 3). */
const RSA_SIGNATURE = 1;
const ECDSA_P256 = 9;
const ECDSA_P384 = 10;
const ECDSA_P521 = 11;
const DIGITAL_SIGNATURE = 14;

/** RFC 7427, appendix A.1. */
const RSA_PKCS1_SHA1_IDENTIFIER = "300d06092a864886f70d0101050500";
const RSA_PKCS1_IDENTIFIERS: Readonly<Record<SignatureHash, string>> = {
  sha256: "300d06092a864886f70d01010b0500",
  sha384: "300d06092a864886f70d01010c0500",
  sha512: "300d06092a864886f70d01010d0500",
};

/** RFC 7427, appendix A.3. */
const ECDSA_IDENTIFIERS: Readonly<Record<SignatureHash, string>> = {
  sha256: "300a06082a8648ce3d040302",
  sha384: "300a06082a8648ce3d040303",
  sha512: "300a06082a8648ce3d040304",
};

/** RFC 8420, section 2. */
const ED25519_IDENTIFIER = "300506032b6570";
const ED448_IDENTIFIER = "300506032b6571";

/** The hash's object identifier (RFC 4055, section 2.1), and a salt as long as the hash (RFC 7427, section 5). */
const PSS_HASHES: Readonly<Record<SignatureHash, { readonly oid: string; readonly saltSize: string }>> = {
  sha256: { oid: "0609608648016503040201", saltSize: "020120" },
  sha384: { oid: "0609608648016503040202", saltSize: "020130" },
  sha512: { oid: "0609608648016503040203", saltSize: "020140" },
};
const RSASSA_PSS = "06092a864886f70d01010a";
const MGF1 = "06092a864886f70d010108";
const NULL = "0500";
const TRAILER_FIELD = "a303020101";

/** RFC 4055, section 3.1: hash, mask generation by MGF1 with the same hash, salt. */
function pssIdentifier(hash: SignatureHash, parameters: string = NULL, trailer = ""): string {
  const { oid, saltSize } = PSS_HASHES[hash];
  const hashIdentifier = der("30", oid + parameters);
  const maskIdentifier = der("30", MGF1 + hashIdentifier);
  const all = der("a0", hashIdentifier) + der("a1", maskIdentifier) + der("a2", saltSize) + trailer;
  return der("30", RSASSA_PSS + der("30", all));
}

/** Tag, length in one octet, content. */
function der(tag: string, content: string): string {
  return tag + (content.length / 2).toString(16).padStart(2, "0") + content;
}

/** Every scheme. */
export const SIGNATURE_SCHEMES: Readonly<Record<SignatureSchemeName, SignatureScheme>> = {
  ed25519: digital("ed25519", "ed25519", "identity", ED25519_IDENTIFIER),
  ed448: digital("ed448", "ed448", "identity", ED448_IDENTIFIER),
  ecdsa_p256_sha256: ecdsa("p256", "sha256"),
  ecdsa_p256_sha384: ecdsa("p256", "sha384"),
  ecdsa_p256_sha512: ecdsa("p256", "sha512"),
  ecdsa_p384_sha256: ecdsa("p384", "sha256"),
  ecdsa_p384_sha384: ecdsa("p384", "sha384"),
  ecdsa_p384_sha512: ecdsa("p384", "sha512"),
  ecdsa_p521_sha256: ecdsa("p521", "sha256"),
  ecdsa_p521_sha384: ecdsa("p521", "sha384"),
  ecdsa_p521_sha512: ecdsa("p521", "sha512"),
  rsa_pss_sha256: rsa("pss", "sha256", pssIdentifier("sha256")),
  rsa_pss_sha384: rsa("pss", "sha384", pssIdentifier("sha384")),
  rsa_pss_sha512: rsa("pss", "sha512", pssIdentifier("sha512")),
  rsa_pkcs1_sha256: rsa("pkcs1", "sha256", RSA_PKCS1_IDENTIFIERS.sha256),
  rsa_pkcs1_sha384: rsa("pkcs1", "sha384", RSA_PKCS1_IDENTIFIERS.sha384),
  rsa_pkcs1_sha512: rsa("pkcs1", "sha512", RSA_PKCS1_IDENTIFIERS.sha512),
  ecdsa_p256_sha256_raw: {
    ...ecdsa("p256", "sha256"),
    name: "ecdsa_p256_sha256_raw",
    authMethod: ECDSA_P256,
    encoding: "raw",
  },
  ecdsa_p384_sha384_raw: {
    ...ecdsa("p384", "sha384"),
    name: "ecdsa_p384_sha384_raw",
    authMethod: ECDSA_P384,
    encoding: "raw",
  },
  ecdsa_p521_sha512_raw: {
    ...ecdsa("p521", "sha512"),
    name: "ecdsa_p521_sha512_raw",
    authMethod: ECDSA_P521,
    encoding: "raw",
  },
  // What peers without RFC 7427 sign with (RFC 7296, section 2.15).
  rsa_pkcs1_sha1: {
    ...digital("rsa_pkcs1_sha1", "rsa-pkcs1-sha1", "sha1", RSA_PKCS1_SHA1_IDENTIFIER),
    authMethod: RSA_SIGNATURE,
  },
};

function rsa(padding: "pkcs1" | "pss", hash: SignatureHash, identifier: string): SignatureScheme {
  return digital(`rsa_${padding}_${hash}`, `rsa-${padding}-${hash}`, hash, identifier);
}

function ecdsa(curve: EcdsaCurve, hash: SignatureHash): SignatureScheme {
  return digital(`ecdsa_${curve}_${hash}`, `ecdsa-${curve}-${hash}`, hash, ECDSA_IDENTIFIERS[hash]);
}

function digital(
  name: SignatureSchemeName,
  algorithm: SignatureAlgorithm,
  hash: HashAlgorithm | "identity",
  identifier: string,
): SignatureScheme {
  return {
    name,
    authMethod: DIGITAL_SIGNATURE,
    algorithm,
    hashNumber: HASH_NUMBERS[hash],
    algorithmIdentifier: fromHex(identifier),
    encoding: "der",
  };
}

/** The scheme of a name. */
export function signatureScheme(name: SignatureSchemeName): SignatureScheme {
  return SIGNATURE_SCHEMES[name];
}

const byIdentifier: ReadonlyMap<string, readonly SignatureScheme[]> = schemesByIdentifier();

/**
 * The scheme that an AlgorithmIdentifier of Auth Method 14 names; null when there is none. ECDSA's does not name the curve:
 * that is a matter of the key.
 *
 * @example
 * ```ts
 * import { signatureScheme, signatureSchemeOfIdentifier } from "iketcp/crypto";
 * import { strictEqual } from "node:assert";
 *
 * const { algorithmIdentifier } = signatureScheme("ecdsa_p384_sha256");
 * strictEqual(signatureSchemeOfIdentifier(algorithmIdentifier, "p384")?.name, "ecdsa_p384_sha256");
 * strictEqual(signatureSchemeOfIdentifier(algorithmIdentifier, null), null);
 * ```
 */
export function signatureSchemeOfIdentifier(
  identifier: Uint8Array,
  curve: EcdsaCurve | null,
): SignatureScheme | null {
  const schemes = byIdentifier.get(toHex(identifier)) ?? [];
  return schemes.find(({ algorithm }) =>
    !algorithm.startsWith("ecdsa-") || algorithm.includes(`-${curve}-`)
  ) ??
    null;
}

/** Identifiers as they are sent, and as others write RSASSA-PSS. */
function schemesByIdentifier(): ReadonlyMap<string, readonly SignatureScheme[]> {
  const schemes = Object.values(SIGNATURE_SCHEMES).filter(({ authMethod }) =>
    authMethod === DIGITAL_SIGNATURE
  );
  const found = new Map<string, SignatureScheme[]>();
  for (const scheme of schemes) {
    const hex = toHex(scheme.algorithmIdentifier);
    found.set(hex, [...found.get(hex) ?? [], scheme]);
  }
  for (const hash of Object.keys(PSS_HASHES) as SignatureHash[]) {
    // RFC 4055, section 2.1: NULL and no parameters are the same. RFC 7427, appendix A.4.3, writes the default trailer out.
    for (const parameters of [NULL, ""]) {
      for (const trailer of ["", TRAILER_FIELD]) {
        found.set(pssIdentifier(hash, parameters, trailer), [SIGNATURE_SCHEMES[`rsa_pss_${hash}`]]);
      }
    }
  }
  return found;
}
