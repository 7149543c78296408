/** AES-GCM (RFC 4106), the same without an IV of its own (RFC 8750), and as AES-GMAC, which does not encrypt (RFC 4543). */

import { type AeadFamily, type AeadRow, type AeadTraits, AES_BITS, implicitIv } from "./family.ts";

/** AES-GCM by the size of its key. */
export type AesGcmAlgorithm = "aes-128-gcm" | "aes-192-gcm" | "aes-256-gcm";

/** AES-GCM. */
export const AES_GCM: AeadFamily<AesGcmAlgorithm> = {
  algorithms: {
    "aes-128-gcm": gcm(16, "f9e8ab09a98e3f77447089d432eab3379cac6bb860d49ed4afe6771ee88d9a18e197a882"),
    "aes-192-gcm": gcm(24, "e6cd9eb955929e7225da4f7791fedda5582ad4490c02b355e645da2a0a43863c307f53e1"),
    "aes-256-gcm": gcm(32, "22786ce0e2f941c4050dddfd57a9dd94a917808f5de5223136e7646b8054dc16fe218681"),
  },
  transforms: [
    ...gcmRows(20, 16),
    ...gcmRows(19, 12),
    ...gcmRows(18, 8),
    ...implicitIv(30, gcmRows(20, 16)),
    ...gmacRows(),
  ],
};

/** NIST SP 800-38D. */
function gcm(keySize: number, answer: string): AeadTraits {
  return { keySize, nonceSize: 12, icvSizes: [8, 12, 16], sizeFirst: false, answers: { 16: answer } };
}

/** The salt and the IV make a nonce of 12 octets. */
function gcmRows(id: number, icvSize: 8 | 12 | 16): AeadRow<AesGcmAlgorithm>[] {
  return AES_BITS.map((bits) => ({
    id,
    name: `ENCR_AES_GCM_${icvSize}`,
    keyword: `aes${bits}gcm${icvSize}`,
    mode: "aead",
    keySize: bits / 8,
    saltSize: 4,
    ivSize: 8,
    blockSize: 1,
    icvSize,
    keyLengthAttribute: true,
    implicitIv: false,
    algorithm: `aes-${bits}-gcm`,
  }));
}

function gmacRows(): AeadRow<AesGcmAlgorithm>[] {
  return AES_BITS.map((bits) => ({
    id: 21,
    name: "ENCR_NULL_AUTH_AES_GMAC",
    keyword: `aes${bits}gmac`,
    mode: "gmac",
    keySize: bits / 8,
    saltSize: 4,
    ivSize: 8,
    blockSize: 1,
    icvSize: 16,
    keyLengthAttribute: true,
    implicitIv: false,
    algorithm: `aes-${bits}-gcm`,
  }));
}
