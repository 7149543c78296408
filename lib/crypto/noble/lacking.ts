/** What noble has none of, another provider may have. */

import { CryptoError } from "../../errors.ts";

/** Throws, so that the next provider is asked. */
export function lacking(algorithm: string): never {
  throw new CryptoError(
    "ERR_CRYPTO_UNSUPPORTED",
    `Cannot use ${algorithm} of noble: it has no such algorithm`,
  );
}
