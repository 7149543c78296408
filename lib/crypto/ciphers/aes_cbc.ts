/** AES-CBC (RFC 3602), with a MAC beside it. */

import { AES_BITS, type CipherFamily } from "./family.ts";

/** AES-CBC by the size of its key. */
export type AesCbcAlgorithm = "aes-128-cbc" | "aes-192-cbc" | "aes-256-cbc";

/** AES-CBC. */
export const AES_CBC: CipherFamily<AesCbcAlgorithm> = {
  algorithms: {
    "aes-128-cbc": {
      keySize: 16,
      answer: "e95d53b2bc1887f882a6d1e953c49515cbf66c3cdb18769b630db6a75bab5064",
    },
    "aes-192-cbc": {
      keySize: 24,
      answer: "e2533b9455f1414894468f48407bd7c13a73a370974e18e36295ac5215f894e1",
    },
    "aes-256-cbc": {
      keySize: 32,
      answer: "9ac0fce2a401f982829fdba7ba0edff399e146c9bfc589d15136b35226ea5134",
    },
  },
  transforms: AES_BITS.map((bits) => ({
    id: 12,
    name: "ENCR_AES_CBC",
    keyword: `aes${bits}`,
    mode: "cbc",
    keySize: bits / 8,
    saltSize: 0,
    ivSize: 16,
    blockSize: 16,
    icvSize: 0,
    keyLengthAttribute: true,
    implicitIv: false,
    algorithm: `aes-${bits}-cbc`,
  })),
};
