/**
 * Ciphers for ESP packets and IKE messages: the table of transforms, sealers and openers that work in place on batches;
 * pseudorandom functions, key exchanges and signatures for IKE; and a provider in plain JavaScript. Faster providers belong to a runtime: `runtimeCrypto` of `iketcp/runtime`.
 *
 * @example From a proposal to a cipher
 * ```ts
 * import { CryptoProviders, nobleProvider, parseEspProposal } from "iketcp/crypto";
 * import { strictEqual } from "node:assert";
 *
 * const { encryption, integrity } = parseEspProposal("aes256-sha256-x25519");
 * const sealer = new CryptoProviders([nobleProvider()]).createSealer({
 *   encryption: encryption[0]!,
 *   encryptionKey: globalThis.crypto.getRandomValues(new Uint8Array(32)),
 *   integrity: integrity[0]!,
 *   integrityKey: globalThis.crypto.getRandomValues(new Uint8Array(32)),
 * });
 * strictEqual(sealer.ivSize + sealer.icvSize, 32);
 * sealer.dispose();
 * ```
 *
 * @module
 */

export * from "./algorithm_names.ts";
export * from "./algorithms.ts";
export type { AeadAlgorithm, CipherAlgorithm } from "./ciphers/table.ts";
export type { AesCbcAlgorithm } from "./ciphers/aes_cbc.ts";
export type { AesCcmAlgorithm } from "./ciphers/aes_ccm.ts";
export type { AesCtrAlgorithm } from "./ciphers/aes_ctr.ts";
export type { AesGcmAlgorithm } from "./ciphers/aes_gcm.ts";
export type { ChachaPolyAlgorithm } from "./ciphers/chacha20_poly1305.ts";
export type { AeadRow, CipherRow, CipherTraits } from "./ciphers/family.ts";
export type { NullRow } from "./ciphers/null.ts";
export * from "./constant_time.ts";
export type { KeyExchange, RandomSource } from "./dh/key_exchange.ts";
export * from "./dh/transforms.ts";
export * from "./esp_proposal.ts";
export * from "./keyword_suggestion.ts";
export { MAX_GATHERED_SIZE } from "./mac_cipher.ts";
export * from "./message_batch.ts";
export * from "./noble/provider.ts";
export { MAX_PRF_BLOCKS, type Prf, prfPlus } from "./prf/prf.ts";
export * from "./prf/transforms.ts";
export * from "./providers.ts";
export * from "./signature/algorithms.ts";
export * from "./signature/schemes.ts";
export * from "./transforms.ts";
export * from "./types.ts";
