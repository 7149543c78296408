/** ChaCha20-Poly1305 (RFC 7634), and the same without an IV of its own (RFC 8750). */

import { type AeadFamily, type AeadRow, implicitIv } from "./family.ts";

/** ChaCha20-Poly1305. */
export type ChachaPolyAlgorithm = "chacha20-poly1305";

/** Its key has one size, so no Key Length attribute is sent. */
const ROW: AeadRow<ChachaPolyAlgorithm> = {
  id: 28,
  name: "ENCR_CHACHA20_POLY1305",
  keyword: "chacha20poly1305",
  mode: "aead",
  keySize: 32,
  saltSize: 4,
  ivSize: 8,
  blockSize: 1,
  icvSize: 16,
  keyLengthAttribute: false,
  implicitIv: false,
  algorithm: "chacha20-poly1305",
};

/** ChaCha20-Poly1305. */
export const CHACHA20_POLY1305: AeadFamily<ChachaPolyAlgorithm> = {
  algorithms: {
    "chacha20-poly1305": {
      keySize: 32,
      nonceSize: 12,
      icvSizes: [16],
      sizeFirst: false,
      answers: { 16: "3895be42b68f28c690063ccb7722a302641db1cb4ccd46ad722ea9503df768e4d125ad9a" },
    },
  },
  transforms: [ROW, ...implicitIv(31, [ROW])],
};
