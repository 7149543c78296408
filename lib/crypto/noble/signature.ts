/** Signatures in plain JavaScript: curves by noble, RSA to verify with alone. */

import { ed25519 } from "@noble/curves/ed25519.js";
import { ed448 } from "@noble/curves/ed448.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { CryptoError } from "../../errors.ts";
import { type EcdsaCurve, type SignatureAlgorithm, SIGNATURES } from "../signature/algorithms.ts";
import { parsePrivateKey, parsePublicKey } from "../signature/keys.ts";
import { nobleHash } from "./hashes.ts";
import { verifyRsaPkcs1, verifyRsaPss } from "./rsa.ts";

const ECDSA = { p256, p384, p521 } satisfies Readonly<Record<EcdsaCurve, unknown>>;
const EDDSA = { ed25519, ed448 } as const;

/** Hashed by us; RFC 6979 makes the nonce; IKE and X.509 know nothing of "low s". */
const ECDSA_OPTIONS = { prehash: false, lowS: false, format: "compact" } as const;

/** Signs with a key that the caller has found to be of the right kind. */
export function nobleSign(
  algorithm: SignatureAlgorithm,
  pkcs8: Uint8Array,
  data: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const traits = SIGNATURES[algorithm];
  const key = parsePrivateKey(pkcs8);
  if (traits.keyType === "ec" && key.type === "ec") {
    const curve = ECDSA[traits.curve];
    return curve.sign(nobleHash(traits.hash, data), key.secret, ECDSA_OPTIONS) as Uint8Array<ArrayBuffer>;
  }
  if ((traits.keyType === "ed25519" || traits.keyType === "ed448") && key.type === traits.keyType) {
    return EDDSA[traits.keyType].sign(data, key.secret) as Uint8Array<ArrayBuffer>;
  }
  throw new CryptoError(
    "ERR_CRYPTO_UNSUPPORTED",
    `Cannot sign with ${algorithm} of noble: RSA is there to verify with alone`,
  );
}

/** Verifies with a key that the caller has found to be of the right kind. */
export function nobleVerify(
  algorithm: SignatureAlgorithm,
  spki: Uint8Array,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  const traits = SIGNATURES[algorithm];
  const key = parsePublicKey(spki);
  switch (traits.keyType) {
    case "rsa": {
      if (key.type !== "rsa") return false;
      const verify = traits.padding === "pss" ? verifyRsaPss : verifyRsaPkcs1;
      return verify(key, traits.hash, data, signature);
    }
    case "ec": {
      if (key.type !== "ec") return false;
      const digest = nobleHash(traits.hash, data);
      return answer(() => ECDSA[traits.curve].verify(signature, digest, key.point, ECDSA_OPTIONS));
    }
    case "ed25519":
      // The rules of RFC 8032 and not the laxer ones of ZIP 215.
      return key.type === "ed25519" &&
        answer(() => ed25519.verify(signature, data, key.point, { zip215: false }));
    case "ed448":
      return key.type === "ed448" && answer(() => ed448.verify(signature, data, key.point));
  }
}

/** A signature or point that cannot be read is not a signature. */
function answer(verify: () => boolean): boolean {
  try {
    return verify();
  } catch {
    return false;
  }
}
