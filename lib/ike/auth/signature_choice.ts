/**
 * Which signature is made and which is accepted: by the kind of key, by the hashes that the peer has offered (RFC 7427,
 * section 4), and by what the configuration allows.
 *
 * @module
 */

import {
  HASH_NUMBERS,
  SIGNATURE_SCHEMES,
  type SignatureScheme,
  type SignatureSchemeName,
  signatureSchemeOfIdentifier,
} from "../../crypto/mod.ts";
import { ConfigError } from "../../errors.ts";
import type { KeyKind } from "./public_key.ts";

/** What we offer: all but SHA-1. */
export const OFFERED_HASH_ALGORITHMS: readonly number[] = [
  HASH_NUMBERS.sha256,
  HASH_NUMBERS.sha384,
  HASH_NUMBERS.sha512,
  HASH_NUMBERS.identity,
];

/** Body of the SIGNATURE_HASH_ALGORITHMS notify. */
export function emitHashAlgorithms(algorithms: readonly number[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(algorithms.flatMap((algorithm) => [algorithm >>> 8, algorithm & 0xff]));
}

/** Reads the body of a SIGNATURE_HASH_ALGORITHMS notify; an odd octet at its end tells nothing. */
export function parseHashAlgorithms(body: Uint8Array): number[] {
  const algorithms: number[] = [];
  for (let at = 0; at + 2 <= body.length; at += 2) algorithms.push(body[at]! << 8 | body[at + 1]!);
  return algorithms;
}

/**
 * Schemes of each kind of key under method 14, the preferred one first: the hash that fits the curve; RSASSA-PSS before
 * PKCS#1 (RFC 8247, section 4.2).
 */
const SCHEMES: Readonly<Record<KeyKind, readonly SignatureSchemeName[]>> = {
  rsa: [
    "rsa_pss_sha256",
    "rsa_pss_sha384",
    "rsa_pss_sha512",
    "rsa_pkcs1_sha256",
    "rsa_pkcs1_sha384",
    "rsa_pkcs1_sha512",
  ],
  p256: ["ecdsa_p256_sha256", "ecdsa_p256_sha384", "ecdsa_p256_sha512"],
  p384: ["ecdsa_p384_sha384", "ecdsa_p384_sha512", "ecdsa_p384_sha256"],
  p521: ["ecdsa_p521_sha512", "ecdsa_p521_sha384", "ecdsa_p521_sha256"],
  ed25519: ["ed25519"],
  ed448: ["ed448"],
};

/** The methods of before RFC 7427, which fix curve and hash (RFC 7296, section 3.8; RFC 4754, section 7). */
const FIXED_SCHEMES: Partial<Readonly<Record<KeyKind, SignatureSchemeName>>> = {
  rsa: "rsa_pkcs1_sha1",
  p256: "ecdsa_p256_sha256_raw",
  p384: "ecdsa_p384_sha384_raw",
  p521: "ecdsa_p521_sha512_raw",
};

/** All schemes of a kind of key under method 14. */
export function schemesOf(kind: KeyKind): readonly SignatureSchemeName[] {
  return SCHEMES[kind];
}

/** Whether a kind of key can make signatures of a scheme. */
export function schemeFits(scheme: SignatureScheme, kind: KeyKind): boolean {
  return SCHEMES[kind].includes(scheme.name) || FIXED_SCHEMES[kind] === scheme.name;
}

/** The signature that we make with a key; a sentence where there is none that both sides can do. */
export function chooseSignature(
  kind: KeyKind,
  peerHashAlgorithms: readonly number[],
  constraint: SignatureConstraint,
): SignatureScheme | string {
  const fixed = FIXED_SCHEMES[kind];
  if (peerHashAlgorithms.length === 0 || constraint.wantsSha1) {
    if (fixed !== undefined && constraint.allows(SIGNATURE_SCHEMES[fixed])) return SIGNATURE_SCHEMES[fixed];
    return `the peer does not know the Digital Signature method (RFC 7427), which "${constraint.text}" with a key of ` +
      `the kind ${kind} needs`;
  }
  const allowed = SCHEMES[kind].map((name) => SIGNATURE_SCHEMES[name]).filter((row) =>
    constraint.allows(row)
  );
  const scheme = allowed.find(({ hashNumber }) => peerHashAlgorithms.includes(hashNumber));
  return scheme ??
    `none of the hashes that the peer offers (${peerHashAlgorithms.map(hashName).join(", ")}) goes with ` +
      `"${constraint.text}" and a key of the kind ${kind}`;
}

/** The scheme of a method of before RFC 7427; null for all other methods. */
export function fixedScheme(method: number): SignatureScheme | null {
  const rows = Object.values(FIXED_SCHEMES).map((name) => SIGNATURE_SCHEMES[name]);
  return rows.find(({ authMethod }) => authMethod === method) ?? null;
}

/** The scheme that an AlgorithmIdentifier names for a kind of key; null where there is none. */
export function identifiedScheme(identifier: Uint8Array, kind: KeyKind): SignatureScheme | null {
  const curve = kind === "p256" || kind === "p384" || kind === "p521" ? kind : null;
  const scheme = signatureSchemeOfIdentifier(identifier, curve);
  return scheme !== null && schemeFits(scheme, kind) ? scheme : null;
}

/** The schemes that an AlgorithmIdentifier may stand for, as long as the key is not known. */
export function identifiedSchemes(identifier: Uint8Array): readonly SignatureScheme[] {
  return (Object.keys(SCHEMES) as KeyKind[])
    .map((kind) => identifiedScheme(identifier, kind))
    .filter((scheme) => scheme !== null);
}

/** A hash in words. */
export function hashName(hash: number): string {
  return ({ 1: "SHA-1", 2: "SHA-256", 3: "SHA-384", 4: "SHA-512", 5: "identity" } as Record<number, string>)[
    hash
  ] ??
    `hash ${hash}`;
}

/**
 * What a connection allows, in swanctl's words for `auth`: `pubkey`, `rsa`, `rsa/pss`, `ecdsa`, `ed25519`, each with hashes
 * behind it, `rsa/pss-sha256-sha384`.
 */
export class SignatureConstraint {
  /** The words, as they were written. */
  readonly text: string;
  readonly #key: string;
  readonly #hashes: readonly string[];

  /** Takes the words; a `ConfigError` tells which are not known. */
  constructor(text: string) {
    this.text = text;
    const [key, ...hashes] = text.split("-") as [string, ...string[]];
    const wrong = !KEY_WORDS.includes(key) ? key : hashes.find((hash) => !HASH_WORDS.includes(hash));
    if (wrong !== undefined) {
      throw new ConfigError(
        "ERR_CONFIG_CREDENTIAL",
        `Cannot read the authentication ${JSON.stringify(text)}: expected one of ${
          KEY_WORDS.join(", ")
        }, with any of ${HASH_WORDS.join(", ")} behind it, got ${JSON.stringify(wrong)}`,
      );
    }
    this.#key = key;
    this.#hashes = hashes;
  }

  /** Whether SHA-1 is asked for by name, which only the RSA method of RFC 7296 has. */
  get wantsSha1(): boolean {
    return this.#hashes.includes("sha1");
  }

  /** Whether a scheme may be used. */
  allows(scheme: SignatureScheme): boolean {
    if (this.#hashes.length > 0 && !this.#hashes.includes(hashWord(scheme))) return false;
    return this.#key === "pubkey" || wordsOf(scheme).includes(this.#key);
  }

  /** Whether a kind of key may be used at all. */
  allowsKind(kind: KeyKind): boolean {
    return Object.values(SIGNATURE_SCHEMES).some((row) => schemeFits(row, kind) && this.allows(row));
  }
}

const KEY_WORDS: readonly string[] = ["pubkey", "rsa", "rsa/pss", "rsa/pkcs1", "ecdsa", "ed25519", "ed448"];
const HASH_WORDS: readonly string[] = ["sha1", "sha256", "sha384", "sha512", "identity"];

function hashWord({ hashNumber }: SignatureScheme): string {
  return HASH_WORDS.find((word) => HASH_NUMBERS[word as keyof typeof HASH_NUMBERS] === hashNumber)!;
}

function wordsOf({ algorithm }: SignatureScheme): string[] {
  const [family, padding] = algorithm.split("-") as [string, string];
  return family === "rsa" ? ["rsa", `rsa/${padding}`] : [family];
}
