/**
 * What is to be known of MACs and hashes: sizes in octets, and the known answers of MACs, which a provider must give before anything is
 * entrusted to it; and the lists of everything that a provider may be asked for. What is to be known of ciphers is in `ciphers/`.
 */

import type { HashAlgorithm, HmacAlgorithm, MacAlgorithm } from "./algorithm_names.ts";
import { type AeadAlgorithm, AEADS, type CipherAlgorithm, CIPHERS } from "./ciphers/table.ts";
import type { CryptoAlgorithm } from "./types.ts";
import { KEY_EXCHANGES, type KeyExchangeAlgorithm } from "./dh/transforms.ts";
import { type SignatureAlgorithm, SIGNATURES, signingOf } from "./signature/algorithms.ts";

/**
 * Octets of every MAC's whole digest, which is also the size of the keys that IKEv2 makes for it, and the MAC of 32 octets and
 * a suffix of four.
 */
export const MACS: Readonly<
  Record<MacAlgorithm, { readonly digestSize: number; readonly answer: string }>
> = {
  "hmac-sha1": { digestSize: 20, answer: "57d0e2bada3a763a7705fecba5f4858deada3dc9" },
  "hmac-sha256": {
    digestSize: 32,
    answer: "7066dc23b7552202663f60a1a583bac898a88c3df3bfd1d9750c1eadc4c78427",
  },
  "hmac-sha384": {
    digestSize: 48,
    answer:
      "83b515e680310fc068fffd9b1506306abf2ad7d27160a20239efb4a5d9ae0cf6e31a3938d32eeab3c00b516e4b43e577",
  },
  "hmac-sha512": {
    digestSize: 64,
    answer:
      "8f3899c860e4c1382b92ac48a5ef2f807dc15ec7b036a5f27b5cec4efe61e980d30dd54206ddee1f1fcf6b29088769671e934aa02265cfda9e8409a8e4562079",
  },
  "aes-128-cmac": { digestSize: 16, answer: "af009d127a23441992b65b829ade6251" },
  "aes-128-xcbc": { digestSize: 16, answer: "10610e2fd4691957430829d5cf4c8e56" },
};

/** The MACs that providers bring: their hash, and octets of the digest. */
export const HMACS: Readonly<
  Record<HmacAlgorithm, { readonly hash: HashAlgorithm; readonly digestSize: number }>
> = {
  "hmac-sha1": { hash: "sha1", digestSize: 20 },
  "hmac-sha256": { hash: "sha256", digestSize: 32 },
  "hmac-sha384": { hash: "sha384", digestSize: 48 },
  "hmac-sha512": { hash: "sha512", digestSize: 64 },
};

/** Octets of every hash's digest, and of the blocks that it works in. */
export const HASHES: Readonly<
  Record<HashAlgorithm, { readonly digestSize: number; readonly blockSize: number }>
> = {
  sha1: { digestSize: 20, blockSize: 64 },
  sha256: { digestSize: 32, blockSize: 64 },
  sha384: { digestSize: 48, blockSize: 128 },
  sha512: { digestSize: 64, blockSize: 128 },
};

export type { AeadTraits } from "./ciphers/family.ts";
export { AEADS, CIPHERS } from "./ciphers/table.ts";

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
