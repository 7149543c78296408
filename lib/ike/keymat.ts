/**
 * Key material (RFC 7296, sections 2.13 to 2.18): what the shared secret of a key exchange becomes, from SKEYSEED to the
 * keys of child SAs. What the keys are used for is the business of `protection.ts`, `auth/` and the ESP room.
 *
 * ```text
 *  nonces, g^ir ─▶ SKEYSEED ─prf+─▶ SK_d │ SK_ai │ SK_ar │ SK_ei │ SK_er │ SK_pi │ SK_pr
 *                                    └─prf+─▶ KEYMAT of each child SA
 * ```
 *
 * Everything that is returned is the caller's to {@linkcode wipe}; everything in between is wiped here.
 */

import { concat } from "../bytes/concat.ts";
import {
  type CryptoProviders,
  type EncryptionTransform,
  type IntegrityTransform,
  type Prf,
  prfPlus,
} from "../crypto/mod.ts";

/** The keys of an IKE SA. */
export interface IkeKeys {
  /** What keys of child SAs, and those of an IKE SA that replaces this one, are made of. */
  readonly skD: Uint8Array;
  /** Integrity of what the original initiator sends; empty beside an AEAD. */
  readonly skAi: Uint8Array;
  /** Integrity of what the original responder sends; empty beside an AEAD. */
  readonly skAr: Uint8Array;
  /** Encryption of what the original initiator sends, with the salt behind the key. */
  readonly skEi: Uint8Array;
  /** Encryption of what the original responder sends, with the salt behind the key. */
  readonly skEr: Uint8Array;
  /** What the initiator's AUTH binds its identity with. */
  readonly skPi: Uint8Array;
  /** What the responder's AUTH binds its identity with. */
  readonly skPr: Uint8Array;
}

/** Both nonces, as the initiator and the responder of the exchange sent them. */
export interface Nonces {
  /** Ni: without payload header. */
  readonly nonceI: Uint8Array;
  /** Nr: without payload header. */
  readonly nonceR: Uint8Array;
}

/** What the keys of an IKE SA are made of. */
export interface IkeKeyInput extends Nonces {
  /** The negotiated pseudorandom function. */
  readonly prf: Prf;
  /** The negotiated cipher. */
  readonly encryption: EncryptionTransform;
  /** The negotiated MAC; null beside an AEAD. */
  readonly integrity: IntegrityTransform | null;
  /** The initiator's SPI, 8 octets; of a rekey that of the new SA. */
  readonly spiI: Uint8Array;
  /** The responder's SPI, 8 octets; of a rekey that of the new SA. */
  readonly spiR: Uint8Array;
  /** g^ir of the exchange. */
  readonly sharedSecret: Uint8Array;
  /** The SA that a rekey replaces (section 2.18). */
  readonly old?: { readonly prf: Prf; readonly skD: Uint8Array };
}

/** Derives the keys of an IKE SA, a first one (section 2.14) or one that replaces another (section 2.18). */
export function deriveIkeKeys(input: IkeKeyInput): IkeKeys {
  const { prf, encryption, integrity, nonceI, nonceR, spiI, spiR } = input;
  const skeyseed = deriveSkeyseed(input);
  const seed = concat([nonceI, nonceR, spiI, spiR]);
  const integritySize = integrity?.keySize ?? 0;
  const encryptionSize = encryption.keySize + encryption.saltSize;
  const sizes = {
    skD: prf.keySize,
    skAi: integritySize,
    skAr: integritySize,
    skEi: encryptionSize,
    skEr: encryptionSize,
    skPi: prf.keySize,
    skPr: prf.keySize,
  };
  const keys = split(prf, skeyseed, { seed, sizes });
  wipe(skeyseed, seed);
  return keys;
}

/**
 * SKEYSEED: prf(Ni | Nr, g^ir), or prf(SK_d, g^ir | Ni | Nr) by the function of the SA that is replaced.
 */
export function deriveSkeyseed(
  { prf, nonceI, nonceR, sharedSecret, old }: Pick<
    IkeKeyInput,
    "prf" | "nonceI" | "nonceR" | "sharedSecret" | "old"
  >,
): Uint8Array<ArrayBuffer> {
  if (old !== undefined) return old.prf.compute(old.skD, sharedSecret, nonceI, nonceR);
  // Section 2.14: of functions whose keys once had one size, only the first 64 bits of each nonce make the key.
  const { nonceKeySize } = prf.transform;
  const parts = nonceKeySize === null
    ? [nonceI, nonceR]
    : [nonceI.subarray(0, nonceKeySize), nonceR.subarray(0, nonceKeySize)];
  return prf.compute(concat(parts), sharedSecret);
}

/** The keys of a child SA for one direction. */
export interface ChildDirectionKeys {
  /** With the salt behind the key. */
  readonly encryptionKey: Uint8Array;
  /** Empty beside an AEAD. */
  readonly integrityKey: Uint8Array;
}

/** The keys of a child SA; the initiator is that of the exchange which made it, whoever began the IKE SA. */
export interface ChildKeys {
  /** For what the initiator of the exchange sends. */
  readonly initiatorToResponder: ChildDirectionKeys;
  /** For what the responder of the exchange sends. */
  readonly responderToInitiator: ChildDirectionKeys;
}

/** What the keys of a child SA are made of. */
export interface ChildKeyInput extends Nonces {
  /** The function of the IKE SA. */
  readonly prf: Prf;
  /** SK_d of the IKE SA. */
  readonly skD: Uint8Array;
  /** g^ir of the exchange that makes the child SA, where it had a key exchange of its own. */
  readonly sharedSecret?: Uint8Array | null;
  /** The negotiated cipher. */
  readonly encryption: EncryptionTransform;
  /** The negotiated MAC; null beside an AEAD. */
  readonly integrity: IntegrityTransform | null;
}

/** Derives the keys of a child SA: KEYMAT = prf+(SK_d, [g^ir |] Ni | Nr) (section 2.17). */
export function deriveChildKeys(input: ChildKeyInput): ChildKeys {
  const { prf, skD, nonceI, nonceR, sharedSecret, encryption, integrity } = input;
  const seed = concat([sharedSecret ?? NO_OCTETS, nonceI, nonceR]);
  const encryptionSize = encryption.keySize + encryption.saltSize;
  const integritySize = integrity?.keySize ?? 0;
  // "All keys for SAs carrying data from the initiator to the responder are taken before SAs going from the responder to
  // the initiator", and encryption before integrity.
  const { ei, ai, er, ar } = split(prf, skD, {
    seed,
    sizes: { ei: encryptionSize, ai: integritySize, er: encryptionSize, ar: integritySize },
  });
  wipe(seed);
  return {
    initiatorToResponder: { encryptionKey: ei, integrityKey: ai },
    responderToInitiator: { encryptionKey: er, integrityKey: ar },
  };
}

const NO_OCTETS = new Uint8Array(0);

/** Expands a key and cuts it into pieces, in the order of their names. */
function split<Name extends string>(
  prf: Prf,
  key: Uint8Array,
  { seed, sizes }: { readonly seed: Uint8Array; readonly sizes: Readonly<Record<Name, number>> },
): Record<Name, Uint8Array<ArrayBuffer>> {
  let length = 0;
  for (const name in sizes) length += sizes[name];
  const material = prfPlus(prf, key, seed, length);
  const pieces: Partial<Record<Name, Uint8Array<ArrayBuffer>>> = {};
  let end = 0;
  for (const name in sizes) {
    pieces[name] = sizes[name] === 0 ? NO_OCTETS : material.slice(end, end += sizes[name]);
  }
  wipe(material);
  return pieces as Record<Name, Uint8Array<ArrayBuffer>>;
}

/** An end of the path of a message, under the SPIs of its header. */
export interface NatDetectionInput {
  /** The initiator's SPI. */
  readonly spiI: Uint8Array;
  /** The responder's SPI; zeros in a first request. */
  readonly spiR: Uint8Array;
  /** 4 or 16 octets. */
  readonly address: Uint8Array;
  /** The port of the transport in use, also where that is TCP (RFC 9329, section 6.5). */
  readonly port: number;
}

/** The digest of the NAT_DETECTION notifies: SHA-1 of SPIs, address and port (section 2.23). */
export function natDetectionHash(
  crypto: Pick<CryptoProviders, "sha1">,
  { spiI, spiR, address, port }: NatDetectionInput,
): Uint8Array<ArrayBuffer> {
  return crypto.sha1(concat([spiI, spiR, address, Uint8Array.of(port >> 8, port)]));
}

/** Overwrites secrets with zeros. What a runtime has copied on its own stays out of reach. */
export function wipe(...secrets: readonly (Uint8Array | null | undefined)[]): void {
  for (const secret of secrets) secret?.fill(0);
}

/** Overwrites all keys of a set. */
export function wipeKeys(keys: IkeKeys | ChildDirectionKeys): void {
  wipe(...Object.values(keys) as Uint8Array[]);
}
