/**
 * How a certificate or CRL is signed (RFC 3279, RFC 4055, RFC 5758, RFC 8410): an AlgorithmIdentifier, the same that IKE's
 * own signatures are named by, and which scheme of the crypto room checks it with which key.
 *
 * @module
 */

import { AsnSerializer } from "@peculiar/asn1-schema";
import type { AlgorithmIdentifier } from "@peculiar/asn1-x509";
import type { SignatureScheme } from "../../crypto/mod.ts";
import type { PublicKey } from "./public_key.ts";
import { identifiedScheme, identifiedSchemes } from "./signature_choice.ts";

/** A signature algorithm as an AlgorithmIdentifier names it; the curve is a matter of the key. */
export interface SignatureAlgorithm {
  /** The AlgorithmIdentifier in DER. */
  readonly identifier: Uint8Array;
  /** As people know it, and why it does not do where it is not known. */
  readonly name: string;
  /** Whether some key can be checked with it. */
  readonly known: boolean;
}

const BROKEN: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.4": "RSA with MD5, which is broken",
  "1.2.840.113549.1.1.5": "RSA with SHA-1, which is broken",
  "1.2.840.10045.4.1": "ECDSA with SHA-1, which is broken",
  "1.2.840.113549.1.1.10": "RSASSA-PSS with parameters that are not supported",
};

/** Reads an AlgorithmIdentifier; one that is not known is an answer too, which no key fits. */
export function parseSignatureAlgorithm(identifier: AlgorithmIdentifier): SignatureAlgorithm {
  const der = new Uint8Array(AsnSerializer.serialize(identifier));
  const [scheme] = identifiedSchemes(der);
  if (scheme !== undefined) {
    return { identifier: der, name: scheme.name.replace(/_p\d{3}_/, "_"), known: true };
  }
  const name = BROKEN[identifier.algorithm] ?? `algorithm ${identifier.algorithm}, which is not supported`;
  return { identifier: der, name, known: false };
}

/** The scheme that checks a signature of this algorithm with a key; null when key and algorithm do not belong together. */
export function schemeFor(algorithm: SignatureAlgorithm, key: PublicKey): SignatureScheme | null {
  return key.kind === null ? null : identifiedScheme(algorithm.identifier, key.kind);
}
