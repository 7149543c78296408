/** Keys that sign, as far as a provider without a library for them must read them: SubjectPublicKeyInfo and PKCS#8 in DER. */

import { toHex } from "../../bytes/hex.ts";
import { CryptoError } from "../../errors.ts";
import { toBigInt } from "../big_integers.ts";
import type { EcdsaCurve, KeyType } from "./algorithms.ts";
import { DerError, DerReader, TAG } from "./der.ts";

/** A public key. */
export type PublicKey =
  | { readonly type: "rsa"; readonly modulus: bigint; readonly exponent: bigint; readonly size: number }
  | { readonly type: "ec"; readonly curve: EcdsaCurve; readonly point: Uint8Array }
  | { readonly type: "ed25519" | "ed448"; readonly point: Uint8Array };

/** A private key, with what is secret where it is not RSA's. */
export type PrivateKey =
  | { readonly type: "rsa" }
  | { readonly type: "ec"; readonly curve: EcdsaCurve; readonly secret: Uint8Array }
  | { readonly type: "ed25519" | "ed448"; readonly secret: Uint8Array };

/** Bits of RSA keys that are worked with: less is no protection, more is a way to keep us busy. */
export const RSA_BITS = { min: 1024, max: 8192 } as const;

/** Larger exponents have no use but to keep whoever verifies busy. */
const MAX_RSA_EXPONENT = 1n << 33n;

/** Object identifiers: RFC 3279, section 2.3; RFC 5480, section 2.1; RFC 8410, section 3. */
const KEY_TYPES: Readonly<Record<string, KeyType>> = {
  "2a864886f70d010101": "rsa",
  "2a8648ce3d0201": "ec",
  "2b6570": "ed25519",
  "2b6571": "ed448",
};

const CURVES: Readonly<Record<string, EcdsaCurve>> = {
  "2a8648ce3d030107": "p256",
  "2b81040022": "p384",
  "2b81040023": "p521",
};

/** Octets of a coordinate, of a private scalar, and of r and s. */
export const CURVE_SIZES: Readonly<Record<EcdsaCurve, number>> = { p256: 32, p384: 48, p521: 66 };

/** Octets of EdDSA keys, public and private (RFC 8032, sections 5.1.5 and 5.2.5). */
const EDDSA_SIZES = { ed25519: 32, ed448: 57 } as const;

/** Reads a SubjectPublicKeyInfo (RFC 5280, section 4.1); throws a `CryptoError` `ERR_CRYPTO_KEY`. */
export function parsePublicKey(spki: Uint8Array): PublicKey {
  return reading("public key", () => {
    const outer = new DerReader(spki);
    const info = outer.readSequence();
    outer.end();
    const { type, curve } = readAlgorithm(info.readSequence());
    const key = info.readBitOctets();
    info.end();
    if (type === "rsa") return readRsaPublicKey(key);
    if (type === "ec") {
      const size = CURVE_SIZES[curve!];
      if (!(key[0] === 0x04 && key.length === 1 + 2 * size)) {
        throw new DerError("its point is not written in full");
      }
      return { type, curve: curve!, point: key };
    }
    if (key.length !== EDDSA_SIZES[type]) throw new DerError("it has the wrong size");
    return { type, point: key };
  });
}

/** Reads PKCS#8's PrivateKeyInfo (RFC 5958, section 2); throws a `CryptoError` `ERR_CRYPTO_KEY` that tells nothing of it. */
export function parsePrivateKey(pkcs8: Uint8Array): PrivateKey {
  return reading("private key", () => {
    const outer = new DerReader(pkcs8);
    const info = outer.readSequence();
    outer.end();
    info.readUnsigned();
    const { type, curve } = readAlgorithm(info.readSequence());
    const inner = new DerReader(info.read(TAG.octetString));
    if (type === "rsa") return { type };
    if (type === "ec") {
      // RFC 5915, section 3: version, then the scalar with its leading zeros.
      const key = inner.readSequence();
      key.readUnsigned();
      const secret = key.read(TAG.octetString);
      if (secret.length !== CURVE_SIZES[curve!]) throw new DerError("it has the wrong size");
      return { type, curve: curve!, secret };
    }
    // RFC 8410, section 7: an OCTET STRING in an OCTET STRING.
    const secret = inner.read(TAG.octetString);
    if (secret.length !== EDDSA_SIZES[type]) throw new DerError("it has the wrong size");
    return { type, secret };
  });
}

function readAlgorithm(algorithm: DerReader): { type: KeyType; curve: EcdsaCurve | null } {
  const type = KEY_TYPES[toHex(algorithm.read(TAG.objectIdentifier))];
  if (type === undefined) throw new DerError("its kind is not known");
  if (type !== "ec") return { type, curve: null };
  if (algorithm.nextTag !== TAG.objectIdentifier) throw new DerError("its curve has no name");
  const curve = CURVES[toHex(algorithm.read(TAG.objectIdentifier))];
  if (curve === undefined) throw new DerError("its curve is not known");
  return { type, curve };
}

/** RFC 8017, appendix A.1.1. */
function readRsaPublicKey(octets: Uint8Array): PublicKey {
  const outer = new DerReader(octets);
  const key = outer.readSequence();
  outer.end();
  const modulusOctets = key.readUnsigned();
  const exponentOctets = key.readUnsigned();
  key.end();
  const bits = 8 * modulusOctets.length - Math.clz32(modulusOctets[0] ?? 0) + 24;
  if (bits < RSA_BITS.min || bits > RSA_BITS.max) {
    throw new DerError(`expected ${RSA_BITS.min} to ${RSA_BITS.max} bits, got ${Math.max(0, bits)}`);
  }
  const modulus = toBigInt(modulusOctets);
  const exponent = exponentOctets.length > 5 ? MAX_RSA_EXPONENT + 1n : toBigInt(exponentOctets);
  if (modulus % 2n === 0n || exponent % 2n === 0n || exponent < 3n || exponent > MAX_RSA_EXPONENT) {
    throw new DerError("its modulus or exponent makes no sense");
  }
  return { type: "rsa", modulus, exponent, size: modulusOctets.length };
}

function reading<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new CryptoError("ERR_CRYPTO_KEY", `Cannot read a ${what}: ${error.message}`);
  }
}
