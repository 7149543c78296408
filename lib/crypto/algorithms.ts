/**
 * What providers must know of each algorithm: sizes in octets, and what AEADs want to be told first. Records keyed by the
 * unions of `types.ts`, so that the compiler lists what a new algorithm lacks.
 */

import type {
  AeadAlgorithm,
  CipherAlgorithm,
  CryptoAlgorithm,
  HashAlgorithm,
  HmacAlgorithm,
  MacAlgorithm,
} from "./types.ts";
import { KEY_EXCHANGES, type KeyExchangeAlgorithm } from "./dh/transforms.ts";
import { type SignatureAlgorithm, SIGNATURES, signingOf } from "./signature/algorithms.ts";

/** Sizes and habits of an AEAD. */
export interface AeadTraits {
  /** Octets of key. */
  readonly keySize: number;
  /** Octets of nonce: salt and IV. */
  readonly nonceSize: number;
  /** Octets that an ICV may have. */
  readonly icvSizes: readonly number[];
  /** Whether body size and ICV must be known before the first octet is authenticated (RFC 3610). */
  readonly sizeFirst: boolean;
}

const CUT_ICVS = [8, 12, 16];

/** NIST SP 800-38D, as RFC 4106 uses it. */
function gcm(keySize: number): AeadTraits {
  return { keySize, nonceSize: 12, icvSizes: CUT_ICVS, sizeFirst: false };
}

/** RFC 3610, as RFC 4309 uses it. */
function ccm(keySize: number): AeadTraits {
  return { keySize, nonceSize: 11, icvSizes: CUT_ICVS, sizeFirst: true };
}

/** Every AEAD. */
export const AEADS: Readonly<Record<AeadAlgorithm, AeadTraits>> = {
  "aes-128-gcm": gcm(16),
  "aes-192-gcm": gcm(24),
  "aes-256-gcm": gcm(32),
  "aes-128-ccm": ccm(16),
  "aes-192-ccm": ccm(24),
  "aes-256-ccm": ccm(32),
  "chacha20-poly1305": { keySize: 32, nonceSize: 12, icvSizes: [16], sizeFirst: false },
};

/** Every cipher that needs a MAC beside it. All have blocks, and so IVs or counters, of 16 octets. */
export const CIPHERS: Readonly<Record<CipherAlgorithm, { readonly keySize: number }>> = {
  "aes-128-cbc": { keySize: 16 },
  "aes-192-cbc": { keySize: 24 },
  "aes-256-cbc": { keySize: 32 },
  "aes-128-ctr": { keySize: 16 },
  "aes-192-ctr": { keySize: 24 },
  "aes-256-ctr": { keySize: 32 },
};

/** Octets of every MAC's whole digest, which is also the size of the keys that IKEv2 makes for it. */
export const MACS: Readonly<Record<MacAlgorithm, { readonly digestSize: number }>> = {
  "hmac-sha1": { digestSize: 20 },
  "hmac-sha256": { digestSize: 32 },
  "hmac-sha384": { digestSize: 48 },
  "hmac-sha512": { digestSize: 64 },
  "aes-128-cmac": { digestSize: 16 },
  "aes-128-xcbc": { digestSize: 16 },
};

/** The MACs that providers bring: their hash, and octets of the digest. */
export const HMACS: Readonly<Record<HmacAlgorithm, { readonly hash: string; readonly digestSize: number }>> =
  {
    "hmac-sha1": { hash: "sha1", digestSize: 20 },
    "hmac-sha256": { hash: "sha256", digestSize: 32 },
    "hmac-sha384": { hash: "sha384", digestSize: 48 },
    "hmac-sha512": { hash: "sha512", digestSize: 64 },
  };

/** Octets of every hash's digest. */
export const HASHES: Readonly<Record<HashAlgorithm, { readonly digestSize: number }>> = {
  sha1: { digestSize: 20 },
  sha256: { digestSize: 32 },
  sha384: { digestSize: 48 },
  sha512: { digestSize: 64 },
};

/** What packets need, in the order of reports. */
export const PACKET_ALGORITHMS: readonly CryptoAlgorithm[] = [
  ...Object.keys(AEADS) as AeadAlgorithm[],
  ...Object.keys(CIPHERS) as CipherAlgorithm[],
  ...Object.keys(MACS) as MacAlgorithm[],
];

/** What handshakes need besides, in the order of reports. */
export const HANDSHAKE_ALGORITHMS: readonly CryptoAlgorithm[] = [
  ...Object.keys(HASHES) as HashAlgorithm[],
  ...Object.keys(KEY_EXCHANGES) as KeyExchangeAlgorithm[],
  ...Object.keys(SIGNATURES) as SignatureAlgorithm[],
  ...Object.keys(SIGNATURES).map((algorithm) => signingOf(algorithm as SignatureAlgorithm)),
];

/** Every algorithm, in the order of reports. */
export const CRYPTO_ALGORITHMS: readonly CryptoAlgorithm[] = [...PACKET_ALGORITHMS, ...HANDSHAKE_ALGORITHMS];
