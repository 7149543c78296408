/** Public keys out of certificates (RFC 5280, section 4.1.2.7): their kind and size decide which signatures they can make. */

import type { SubjectPublicKeyInfo } from "@peculiar/asn1-x509";
import type { Integer } from "asn1js";
import { IkeError } from "../../errors.ts";
import { decodeAsn } from "./_asn.ts";

/** Kinds of keys that sign here; the name of a curve belongs to the kind. */
export type KeyKind = "rsa" | "p256" | "p384" | "p521" | "ed25519" | "ed448";

/** A public key. */
export interface PublicKey {
  /** What it is; null for kinds that are not known here, with their object identifier in `name`. */
  readonly kind: KeyKind | null;
  /** As people know it: `RSA 2048`, `P-256`, `1.2.840.10040.4.1`. */
  readonly name: string;
  /** Size of the modulus or of the curve. */
  readonly bits: number;
  /** SubjectPublicKeyInfo in DER. */
  readonly spki: Uint8Array;
  /** The key without its algorithm: what RFC 5280 hashes for a key identifier. */
  readonly key: Uint8Array;
}

/** The object identifiers of public keys (RFC 8410, RFC 5480, RFC 3279). */
export const KEY_OIDS = {
  rsa: "1.2.840.113549.1.1.1",
  ec: "1.2.840.10045.2.1",
  ed25519: "1.3.101.112",
  ed448: "1.3.101.113",
} as const;

/** Curves by object identifier. */
export const CURVES: Readonly<
  Record<string, { readonly kind: KeyKind; readonly name: string; readonly bits: number }>
> = {
  "1.2.840.10045.3.1.7": { kind: "p256", name: "P-256", bits: 256 },
  "1.3.132.0.34": { kind: "p384", name: "P-384", bits: 384 },
  "1.3.132.0.35": { kind: "p521", name: "P-521", bits: 521 },
};

/** Reads what a SubjectPublicKeyInfo holds. */
export function parsePublicKey(spki: Uint8Array, info: SubjectPublicKeyInfo): PublicKey {
  const { algorithm: { algorithm, parameters }, subjectPublicKey } = info;
  const rest = { spki, key: new Uint8Array(subjectPublicKey) };
  switch (algorithm) {
    case KEY_OIDS.rsa: {
      const bits = modulusBits(rest.key);
      return { kind: "rsa", name: `RSA ${bits}`, bits, ...rest };
    }
    case KEY_OIDS.ec: {
      const curve = CURVES[curveOid(parameters ?? null)];
      if (curve === undefined) {
        return { kind: null, name: `elliptic curve ${curveOid(parameters ?? null)}`, bits: 0, ...rest };
      }
      return { ...curve, ...rest };
    }
    case KEY_OIDS.ed25519:
      return { kind: "ed25519", name: "Ed25519", bits: 256, ...rest };
    case KEY_OIDS.ed448:
      return { kind: "ed448", name: "Ed448", bits: 448, ...rest };
    default:
      return { kind: null, name: `algorithm ${algorithm}`, bits: 0, ...rest };
  }
}

/** RSAPublicKey is a sequence of modulus and exponent (RFC 8017, appendix A.1.1). */
function modulusBits(key: Uint8Array): number {
  const sequence = decodeAsn(key, "RSA public key") as unknown as { valueBlock: { value?: Integer[] } };
  const modulus = sequence.valueBlock.value?.[0]?.valueBlock.valueHexView;
  if (modulus === undefined) {
    throw new IkeError("ERR_IKE_CERTIFICATE", "Cannot read RSA public key: it has no modulus");
  }
  return bitLength(modulus);
}

/** Bits of an unsigned integer, leading zeros not counted. */
export function bitLength(octets: Uint8Array): number {
  const first = octets.findIndex((octet) => octet !== 0);
  return first === -1 ? 0 : 8 * (octets.length - first) - Math.clz32(octets[first]!) + 24;
}

function curveOid(parameters: ArrayBuffer | null): string {
  if (parameters === null) return "without parameters";
  const block = decodeAsn(new Uint8Array(parameters), "parameters of an elliptic curve key");
  return (block.valueBlock as unknown as { toString(): string }).toString();
}
