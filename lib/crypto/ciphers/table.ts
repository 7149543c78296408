/**
 * Every cipher: to add one, write its file, and put it into the lists of its kind here. The compiler then lists what of it is missing
 * elsewhere.
 */

import { AES_CBC, type AesCbcAlgorithm } from "./aes_cbc.ts";
import { AES_CCM, type AesCcmAlgorithm } from "./aes_ccm.ts";
import { AES_CTR, type AesCtrAlgorithm } from "./aes_ctr.ts";
import { AES_GCM, type AesGcmAlgorithm } from "./aes_gcm.ts";
import { CHACHA20_POLY1305, type ChachaPolyAlgorithm } from "./chacha20_poly1305.ts";
import type { AeadRow, AeadTraits, CipherRow, CipherTraits } from "./family.ts";
import { NULL, type NullRow } from "./null.ts";

/** Ciphers that authenticate what they encrypt. */
export type AeadAlgorithm = AesGcmAlgorithm | AesCcmAlgorithm | ChachaPolyAlgorithm;

/** Ciphers that need a MAC beside them. */
export type CipherAlgorithm = AesCbcAlgorithm | AesCtrAlgorithm;

/** A row of type 1, by its mode. */
export type EncryptionTransform = AeadRow<AeadAlgorithm> | CipherRow<CipherAlgorithm> | NullRow;

/** How a transform treats the body. */
export type EncryptionMode = EncryptionTransform["mode"];

/** Every AEAD. */
export const AEADS: Readonly<Record<AeadAlgorithm, AeadTraits>> = {
  ...AES_GCM.algorithms,
  ...AES_CCM.algorithms,
  ...CHACHA20_POLY1305.algorithms,
};

/** Every cipher that needs a MAC beside it. */
export const CIPHERS: Readonly<Record<CipherAlgorithm, CipherTraits>> = {
  ...AES_CBC.algorithms,
  ...AES_CTR.algorithms,
};

/** Every encryption transform, the rows of each cipher together. */
export const ENCRYPTION_TRANSFORMS: readonly EncryptionTransform[] = [
  ...AES_GCM.transforms,
  ...CHACHA20_POLY1305.transforms,
  ...AES_CCM.transforms,
  ...AES_CBC.transforms,
  ...AES_CTR.transforms,
  NULL,
];
