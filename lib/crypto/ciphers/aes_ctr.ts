/** AES-CTR (RFC 3686), with a MAC beside it. A nonce of 4 octets behind the key. */

import { AES_BITS, type CipherFamily } from "./family.ts";

/** AES-CTR by the size of its key. */
export type AesCtrAlgorithm = "aes-128-ctr" | "aes-192-ctr" | "aes-256-ctr";

/** AES-CTR. */
export const AES_CTR: CipherFamily<AesCtrAlgorithm> = {
  algorithms: {
    "aes-128-ctr": {
      keySize: 16,
      answer: "15f227588164952ab697569630308465e2180f11e4ff793f12620ff912fdfbc4",
    },
    "aes-192-ctr": {
      keySize: 24,
      answer: "e7955cf2e39ceb543858aa46eb24a81b83bfe06a5d720cdf47288937c33ac726",
    },
    "aes-256-ctr": {
      keySize: 32,
      answer: "63bf1dfc539f7c285bb2a80c41967f9860a4cc407c3bb296533067158c8b8bee",
    },
  },
  transforms: AES_BITS.map((bits) => ({
    id: 13,
    name: "ENCR_AES_CTR",
    keyword: `aes${bits}ctr`,
    mode: "ctr",
    keySize: bits / 8,
    saltSize: 4,
    ivSize: 8,
    blockSize: 1,
    icvSize: 0,
    keyLengthAttribute: true,
    implicitIv: false,
    algorithm: `aes-${bits}-ctr`,
  })),
};
