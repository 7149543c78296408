/** All algorithms in plain JavaScript, by the noble libraries: for browsers, and for what a runtime lacks. */

import type { AeadAlgorithm } from "../ciphers/table.ts";
import type { AeadPrimitive, CryptoProvider } from "../types.ts";
import { NobleCcm } from "./ccm.ts";
import { NobleChacha } from "./chacha.ts";
import { NobleCipher } from "./cipher.ts";
import { NobleGcm } from "./gcm.ts";
import { nobleHash } from "./hashes.ts";
import { lacking } from "./lacking.ts";
import { createNobleKeyExchange } from "./key_exchange.ts";
import { NobleMac } from "./mac.ts";
import { nobleSign, nobleVerify } from "./signature.ts";

type MakeAead = (key: Uint8Array, icvSize: number) => AeadPrimitive;

const gcm: MakeAead = (key, icvSize) => new NobleGcm(key, icvSize);
const ccm: MakeAead = (key, icvSize) => new NobleCcm(key, icvSize);

/** What noble has. */
const AEADS: Readonly<Partial<Record<AeadAlgorithm, MakeAead>>> = {
  "aes-128-gcm": gcm,
  "aes-192-gcm": gcm,
  "aes-256-gcm": gcm,
  "aes-128-ccm": ccm,
  "aes-192-ccm": ccm,
  "aes-256-ccm": ccm,
  "chacha20-poly1305": (key) => new NobleChacha(key),
};

const provider: CryptoProvider = {
  name: "noble",
  createAead: (algorithm, key, { icvSize }) => (AEADS[algorithm] ?? lacking(algorithm))(key, icvSize),
  createCipher: (algorithm, key, { direction }) => new NobleCipher(algorithm, key, direction),
  createMac: (algorithm, key) => new NobleMac(algorithm, key),
  handshake: {
    hash: nobleHash,
    createKeyExchange: createNobleKeyExchange,
    sign: nobleSign,
    verify: nobleVerify,
  },
};

/** The provider that works everywhere; ten to a hundred times slower than a native one. */
export function nobleProvider(): CryptoProvider {
  return provider;
}
