/** No encryption (RFC 2410). ESP alone may use it, with an integrity transform. */

import type { EncryptionRow } from "./family.ts";

/** A row that needs no algorithm. */
export type NullRow = EncryptionRow & { readonly mode: "null"; readonly algorithm: null };

/** ENCR_NULL. */
export const NULL: NullRow = {
  id: 11,
  name: "ENCR_NULL",
  keyword: "null",
  mode: "null",
  keySize: 0,
  saltSize: 0,
  ivSize: 0,
  blockSize: 1,
  icvSize: 0,
  keyLengthAttribute: false,
  implicitIv: false,
  algorithm: null,
};
