/**
 * What is to be known of each algorithm: sizes in octets, what AEADs want to be told first, and its known answer, which a provider
 * must give before anything is entrusted to it. Records keyed by the unions of `algorithm_names.ts`, so that the compiler lists what a
 * new algorithm lacks.
 *
 * Answers were computed with OpenSSL 3 from inputs that count upwards: keys from 0, nonces and IVs from 0x40, authenticated data and
 * suffixes from 0x80, bodies from 0xc0.
 */

import type {
  AeadAlgorithm,
  CipherAlgorithm,
  HashAlgorithm,
  HmacAlgorithm,
  MacAlgorithm,
} from "./algorithm_names.ts";
import type { CryptoAlgorithm } from "./types.ts";
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
  /** Ciphertext and ICV of 20 octets with 12 of authenticated data, by the size of the ICV; a shorter one may be cut from that of 16. */
  readonly answers: Readonly<Record<number, string>>;
}

const CUT_ICVS = [8, 12, 16];

/** NIST SP 800-38D, as RFC 4106 uses it. */
function gcm(keySize: number, answer: string): AeadTraits {
  return { keySize, nonceSize: 12, icvSizes: CUT_ICVS, sizeFirst: false, answers: { 16: answer } };
}

/** RFC 3610, as RFC 4309 uses it. */
function ccm(keySize: number, answers: AeadTraits["answers"]): AeadTraits {
  return { keySize, nonceSize: 11, icvSizes: CUT_ICVS, sizeFirst: true, answers };
}

/** Every AEAD. */
export const AEADS: Readonly<Record<AeadAlgorithm, AeadTraits>> = {
  "aes-128-gcm": gcm(16, "f9e8ab09a98e3f77447089d432eab3379cac6bb860d49ed4afe6771ee88d9a18e197a882"),
  "aes-192-gcm": gcm(24, "e6cd9eb955929e7225da4f7791fedda5582ad4490c02b355e645da2a0a43863c307f53e1"),
  "aes-256-gcm": gcm(32, "22786ce0e2f941c4050dddfd57a9dd94a917808f5de5223136e7646b8054dc16fe218681"),
  "aes-128-ccm": ccm(16, {
    8: "39802fb44dfbf84fe267b5731cdd0f6a1cd7a8e92cadb33cdcd33e9b",
    12: "39802fb44dfbf84fe267b5731cdd0f6a1cd7a8e904bab6057d63209507e8e413",
    16: "39802fb44dfbf84fe267b5731cdd0f6a1cd7a8e99ea1748fdb84e64fef4ec4cf794ef675",
  }),
  "aes-192-ccm": ccm(24, {
    8: "a60ea68715841e2e46eee967ccabdc3b92da74dd7780bf7d717ee8c9",
    12: "a60ea68715841e2e46eee967ccabdc3b92da74dd74d95adfd15c455d3ec199eb",
    16: "a60ea68715841e2e46eee967ccabdc3b92da74dd97306233f8a4668617692535bae1bb16",
  }),
  "aes-256-ccm": ccm(32, {
    8: "b5ccb169cf2f44f3a21102404d6984ff584a3599b067f598f298db6e",
    12: "b5ccb169cf2f44f3a21102404d6984ff584a359978bbd70f583b0696ec8c3dee",
    16: "b5ccb169cf2f44f3a21102404d6984ff584a3599d7fab82fa659cf489f26833c7ad0f634",
  }),
  "chacha20-poly1305": {
    keySize: 32,
    nonceSize: 12,
    icvSizes: [16],
    sizeFirst: false,
    answers: { 16: "3895be42b68f28c690063ccb7722a302641db1cb4ccd46ad722ea9503df768e4d125ad9a" },
  },
};

/**
 * Every cipher that needs a MAC beside it, and what it makes of two blocks. All have blocks, and so IVs or counters, of 16
 * octets.
 */
export const CIPHERS: Readonly<
  Record<CipherAlgorithm, { readonly keySize: number; readonly answer: string }>
> = {
  "aes-128-cbc": { keySize: 16, answer: "e95d53b2bc1887f882a6d1e953c49515cbf66c3cdb18769b630db6a75bab5064" },
  "aes-192-cbc": { keySize: 24, answer: "e2533b9455f1414894468f48407bd7c13a73a370974e18e36295ac5215f894e1" },
  "aes-256-cbc": { keySize: 32, answer: "9ac0fce2a401f982829fdba7ba0edff399e146c9bfc589d15136b35226ea5134" },
  "aes-128-ctr": { keySize: 16, answer: "15f227588164952ab697569630308465e2180f11e4ff793f12620ff912fdfbc4" },
  "aes-192-ctr": { keySize: 24, answer: "e7955cf2e39ceb543858aa46eb24a81b83bfe06a5d720cdf47288937c33ac726" },
  "aes-256-ctr": { keySize: 32, answer: "63bf1dfc539f7c285bb2a80c41967f9860a4cc407c3bb296533067158c8b8bee" },
};

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
