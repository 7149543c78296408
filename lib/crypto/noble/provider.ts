/** All algorithms in plain JavaScript, by the noble libraries: for browsers, and for what a runtime lacks. */

import type { CryptoProvider } from "../types.ts";
import { NobleCcm } from "./ccm.ts";
import { NobleChacha } from "./chacha.ts";
import { NobleCipher } from "./cipher.ts";
import { NobleGcm } from "./gcm.ts";
import { NobleMac } from "./mac.ts";

const provider: CryptoProvider = {
  name: "noble",
  createAead(algorithm, key, { icvSize }) {
    if (algorithm === "chacha20-poly1305") return new NobleChacha(key);
    return algorithm.endsWith("gcm") ? new NobleGcm(key, icvSize) : new NobleCcm(key, icvSize);
  },
  createCipher: (algorithm, key, { direction }) => new NobleCipher(algorithm, key, direction),
  createMac: (algorithm, key) => new NobleMac(algorithm, key),
};

/** The provider that works everywhere; ten to a hundred times slower than a native one. */
export function nobleProvider(): CryptoProvider {
  return provider;
}
