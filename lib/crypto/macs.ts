/** MACs of a provider: its own, and those that are made of its ciphers. A MAC of either kind is a line here. */

import { CbcMac } from "./cbc_mac.ts";
import type { MacAlgorithm } from "./algorithm_names.ts";
import type { CryptoProvider, MacPrimitive } from "./types.ts";

/** Makes a MAC by a provider's means. */
export function createMac(provider: CryptoProvider, algorithm: MacAlgorithm, key: Uint8Array): MacPrimitive {
  switch (algorithm) {
    case "aes-128-cmac":
    case "aes-128-xcbc":
      return new CbcMac(
        algorithm,
        key,
        (cbcKey) => provider.createCipher("aes-128-cbc", cbcKey, { direction: "seal" }),
      );
    default:
      return provider.createMac(algorithm, key);
  }
}
