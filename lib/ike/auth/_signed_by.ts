/** Signatures of certificates and CRLs. */

import type { CryptoProviders } from "../../crypto/mod.ts";
import type { PublicKey } from "./public_key.ts";
import { schemeFor, type SignatureAlgorithm } from "./signature_algorithm.ts";

/** What has been signed, by whoever. */
export interface Signed {
  /** The octets that the signature covers. */
  readonly signedOctets: Uint8Array;
  /** How it is signed. */
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** The signature. */
  readonly signature: Uint8Array;
}

/** Why it is not signed with a key; null when it is. */
export function verifySignedBy(signed: Signed, key: PublicKey, crypto: CryptoProviders): string | null {
  const { signatureAlgorithm: algorithm } = signed;
  if (!algorithm.known) return `it is signed with ${algorithm.name}`;
  const scheme = schemeFor(algorithm, key);
  if (scheme === null) return `it is signed with ${algorithm.name}, but the issuer's key is ${key.name}`;
  return crypto.verify(scheme.name, key.spki, signed.signedOctets, signed.signature)
    ? null
    : "its signature is wrong";
}
