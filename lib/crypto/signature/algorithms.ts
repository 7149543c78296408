/**
 * Signatures that a provider may be asked for, and what each is made of. To add one, add its name and row here, its scheme to
 * `schemes.ts`, and the algorithm to the providers; the compiler lists where it is missing.
 */

import type { HashAlgorithm } from "../algorithm_names.ts";

/** Curves of ECDSA keys. */
export type EcdsaCurve = "p256" | "p384" | "p521";

/** Hashes that signatures are made with today; SHA-1 is for RSA alone. */
export type SignatureHash = "sha256" | "sha384" | "sha512";

/** Signatures that a provider may be asked for: everything that decides what is computed. */
export type SignatureAlgorithm =
  | "rsa-pkcs1-sha1"
  | `rsa-pkcs1-${SignatureHash}`
  | `rsa-pss-${SignatureHash}`
  | `ecdsa-${EcdsaCurve}-${SignatureHash}`
  | "ed25519"
  | "ed448";

/** The capability to make such a signature, which a provider may lack though it verifies them. */
export type SigningAlgorithm = `${SignatureAlgorithm}-sign`;

/** Kinds of keys. */
export type KeyType = "rsa" | "ec" | "ed25519" | "ed448";

/** What an algorithm is made of. EdDSA brings its own hash. */
export type SignatureTraits =
  | { readonly keyType: "rsa"; readonly padding: "pkcs1" | "pss"; readonly hash: HashAlgorithm }
  | { readonly keyType: "ec"; readonly curve: EcdsaCurve; readonly hash: HashAlgorithm }
  | { readonly keyType: "ed25519" | "ed448" };

function rsa(padding: "pkcs1" | "pss", hash: HashAlgorithm): SignatureTraits {
  return { keyType: "rsa", padding, hash };
}

function ecdsa(curve: EcdsaCurve, hash: HashAlgorithm): SignatureTraits {
  return { keyType: "ec", curve, hash };
}

/** Every algorithm. */
export const SIGNATURES: Readonly<Record<SignatureAlgorithm, SignatureTraits>> = {
  "rsa-pkcs1-sha1": rsa("pkcs1", "sha1"),
  "rsa-pkcs1-sha256": rsa("pkcs1", "sha256"),
  "rsa-pkcs1-sha384": rsa("pkcs1", "sha384"),
  "rsa-pkcs1-sha512": rsa("pkcs1", "sha512"),
  "rsa-pss-sha256": rsa("pss", "sha256"),
  "rsa-pss-sha384": rsa("pss", "sha384"),
  "rsa-pss-sha512": rsa("pss", "sha512"),
  "ecdsa-p256-sha256": ecdsa("p256", "sha256"),
  "ecdsa-p256-sha384": ecdsa("p256", "sha384"),
  "ecdsa-p256-sha512": ecdsa("p256", "sha512"),
  "ecdsa-p384-sha256": ecdsa("p384", "sha256"),
  "ecdsa-p384-sha384": ecdsa("p384", "sha384"),
  "ecdsa-p384-sha512": ecdsa("p384", "sha512"),
  "ecdsa-p521-sha256": ecdsa("p521", "sha256"),
  "ecdsa-p521-sha384": ecdsa("p521", "sha384"),
  "ecdsa-p521-sha512": ecdsa("p521", "sha512"),
  "ed25519": { keyType: "ed25519" },
  "ed448": { keyType: "ed448" },
};

/** The capability to make such signatures. */
export function signingOf(algorithm: SignatureAlgorithm): SigningAlgorithm {
  return `${algorithm}-sign`;
}
