/** AES-CCM (RFC 4309), and the same without an IV of its own (RFC 8750). */

import { type AeadFamily, type AeadRow, type AeadTraits, AES_BITS, implicitIv } from "./family.ts";

/** AES-CCM by the size of its key. */
export type AesCcmAlgorithm = "aes-128-ccm" | "aes-192-ccm" | "aes-256-ccm";

/** AES-CCM. */
export const AES_CCM: AeadFamily<AesCcmAlgorithm> = {
  algorithms: {
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
  },
  transforms: [
    ...ccmRows(16, 16),
    ...ccmRows(15, 12),
    ...ccmRows(14, 8),
    ...implicitIv(29, ccmRows(14, 8)),
  ],
};

/** RFC 3610. */
function ccm(keySize: number, answers: AeadTraits["answers"]): AeadTraits {
  return { keySize, nonceSize: 11, icvSizes: [8, 12, 16], sizeFirst: true, answers };
}

/** A salt of 3 octets, and so a nonce of 11. */
function ccmRows(id: number, icvSize: 8 | 12 | 16): AeadRow<AesCcmAlgorithm>[] {
  return AES_BITS.map((bits) => ({
    id,
    name: `ENCR_AES_CCM_${icvSize}`,
    keyword: `aes${bits}ccm${icvSize}`,
    mode: "aead",
    keySize: bits / 8,
    saltSize: 3,
    ivSize: 8,
    blockSize: 1,
    icvSize,
    keyLengthAttribute: true,
    implicitIv: false,
    algorithm: `aes-${bits}-ccm`,
  }));
}
