/** A key that signs for us: octets that the crypto room signs with, or a key that only the outside has. */

import type { CryptoProviders } from "../../crypto/mod.ts";
import type { PrivateKey } from "./private_key.ts";
import type { KeyKind, PublicKey } from "./public_key.ts";
import { toHex } from "../../bytes/mod.ts";
import { schemesOf } from "./signature_choice.ts";

/** A key in a smart card, in WebCrypto, on another host: whoever drives the engine answers a need of the kind `sign`. */
export interface ExternalKey {
  /** What it is. */
  readonly kind: KeyKind;
  /** What the outside calls it. */
  readonly external: unknown;
  /** SubjectPublicKeyInfo in DER: tells which certificate it belongs to. */
  readonly spki: Uint8Array;
}

/** A key that signs. */
export type SigningKey = PrivateKey | ExternalKey;

/** Pairs that have been tried: a signature each, once. */
const tried: WeakMap<SigningKey, Map<string, boolean>> = new WeakMap();

/** Whether a private key belongs to a public one. */
export function signsFor(key: SigningKey, publicKey: PublicKey, crypto: CryptoProviders): boolean {
  if (key.kind !== publicKey.kind) return false;
  const spki = toHex(publicKey.spki);
  if ("external" in key) return toHex(key.spki) === spki;
  let known = tried.get(key);
  if (known === undefined) tried.set(key, known = new Map());
  let fits = known.get(spki);
  if (fits === undefined) {
    const scheme = schemesOf(key.kind)[0]!;
    fits = crypto.verify(scheme, publicKey.spki, PROBE, crypto.sign(scheme, key.pkcs8, PROBE));
    known.set(spki, fits);
  }
  return fits;
}

const PROBE: Uint8Array = new TextEncoder().encode("whether a private key belongs to a certificate");
