/** Signing and verifying by schemes: the key is held against the scheme, and ECDSA signatures are brought into shape. */

import { CryptoError } from "../../errors.ts";
import type { CryptoAlgorithm, HandshakeProvider } from "../types.ts";
import { type SignatureAlgorithm, SIGNATURES, signingOf } from "./algorithms.ts";
import { ecdsaFromDer, ecdsaToDer } from "./ecdsa_encoding.ts";
import { CURVE_SIZES, parsePrivateKey, parsePublicKey, type PrivateKey, type PublicKey } from "./keys.ts";
import { SIGNATURE_SCHEMES, type SignatureSchemeName } from "./schemes.ts";

/** Gives the provider that serves an algorithm, or throws. */
export type ProviderOf = (algorithm: CryptoAlgorithm) => HandshakeProvider;

/** Signs with a private key, PKCS#8 in DER. */
export function signWith(
  providerOf: ProviderOf,
  scheme: SignatureSchemeName,
  pkcs8: Uint8Array,
  data: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const { algorithm, encoding } = SIGNATURE_SCHEMES[scheme];
  checkKind(scheme, algorithm, parsePrivateKey(pkcs8));
  const signature = providerOf(signingOf(algorithm)).sign(algorithm, pkcs8, data);
  return SIGNATURES[algorithm].keyType === "ec" && encoding === "der" ? ecdsaToDer(signature) : signature;
}

/** Verifies with a public key, SubjectPublicKeyInfo in DER. */
export function verifyWith(
  providerOf: ProviderOf,
  { scheme, spki }: { readonly scheme: SignatureSchemeName; readonly spki: Uint8Array },
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  const { algorithm, encoding } = SIGNATURE_SCHEMES[scheme];
  const traits = SIGNATURES[algorithm];
  checkKind(scheme, algorithm, parsePublicKey(spki));
  const provider = providerOf(algorithm);
  if (traits.keyType !== "ec") return provider.verify(algorithm, spki, data, signature);
  const size = CURVE_SIZES[traits.curve];
  const raw = encoding === "der" ? ecdsaFromDer(signature, size) : signature;
  return raw !== null && raw.length === 2 * size && provider.verify(algorithm, spki, data, raw);
}

function checkKind(
  scheme: SignatureSchemeName,
  algorithm: SignatureAlgorithm,
  key: PublicKey | PrivateKey,
): void {
  const traits = SIGNATURES[algorithm];
  const wanted = "curve" in traits ? traits.curve : traits.keyType;
  const found = "curve" in key ? key.curve : key.type;
  if (wanted === found) return;
  throw new CryptoError(
    "ERR_CRYPTO_KEY",
    `Cannot use a key for ${scheme}: expected one of ${wanted}, got ${found}`,
  );
}
