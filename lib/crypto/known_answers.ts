/**
 * The known answer of each algorithm, which stands in its row: what a provider must give before anything is entrusted to it.
 * The compliance suite holds providers to the published vectors besides.
 */

import { fromHex } from "../bytes/hex.ts";
import { CryptoError } from "../errors.ts";
import { AEADS, CIPHERS, HASHES, MACS } from "./algorithms.ts";
import { equalOctets } from "./constant_time.ts";
import { KEY_EXCHANGES, type KeyExchangeAlgorithm } from "./dh/transforms.ts";
import {
  checkHash,
  checkKeyExchange,
  checkSigning,
  checkVerification,
  type Fault,
} from "./handshake_answers.ts";
import { createMac } from "./macs.ts";
import { type SignatureAlgorithm, SIGNATURES } from "./signature/algorithms.ts";
import type { HashAlgorithm, MacAlgorithm } from "./algorithm_names.ts";
import type { AeadAlgorithm, CipherAlgorithm } from "./ciphers/table.ts";
import type { CryptoAlgorithm, CryptoProvider, HandshakeProvider } from "./types.ts";

const AEAD_BODY_SIZE = 20;
const CIPHER_BODY_SIZE = 32;
const AAD_SIZE = 12;
const SUFFIX_SIZE = 4;

/** Asks a provider for an algorithm's known answer, in both directions; throws when it has none or a wrong one. */
export function checkKnownAnswer(provider: CryptoProvider, algorithm: CryptoAlgorithm): void {
  if (algorithm in AEADS) checkAead(provider, algorithm as AeadAlgorithm);
  else if (algorithm in CIPHERS) checkCipher(provider, algorithm as CipherAlgorithm);
  else if (algorithm in MACS) checkMac(provider, algorithm as MacAlgorithm);
  else checkHandshake(provider, algorithm);
}

function checkHandshake(provider: CryptoProvider, algorithm: CryptoAlgorithm): void {
  const { handshake } = provider;
  if (handshake === undefined) {
    throw new CryptoError(
      "ERR_CRYPTO_UNSUPPORTED",
      `Cannot use ${algorithm} of ${provider.name}: it has ciphers alone`,
    );
  }
  const fault = faultOf(handshake, algorithm);
  if (fault !== null) wrong(provider, algorithm, fault);
}

function faultOf(handshake: HandshakeProvider, algorithm: CryptoAlgorithm): Fault {
  if (algorithm in HASHES) return checkHash(handshake, algorithm as HashAlgorithm);
  if (algorithm in KEY_EXCHANGES) return checkKeyExchange(handshake, algorithm as KeyExchangeAlgorithm);
  if (algorithm in SIGNATURES) return checkVerification(handshake, algorithm as SignatureAlgorithm);
  return checkSigning(handshake, algorithm.slice(0, -"-sign".length) as SignatureAlgorithm);
}

function checkAead(provider: CryptoProvider, algorithm: AeadAlgorithm): void {
  const { keySize, icvSizes, answers } = AEADS[algorithm];
  for (const icvSize of icvSizes) {
    // A shorter ICV of GCM is the whole one cut off; CCM's differ from the first octet on.
    const expected = fromHex(answers[icvSize] ?? answers[16]!).subarray(0, AEAD_BODY_SIZE + icvSize);
    // Authenticated data lies once in front of the body, once in the prefix.
    for (const prefixSize of [0, AAD_SIZE]) {
      const slab = new Uint8Array(AAD_SIZE + AEAD_BODY_SIZE + icvSize);
      slab.set(counting(0x80, AAD_SIZE));
      slab.set(counting(0xc0, AEAD_BODY_SIZE), AAD_SIZE);
      const bodyEnd = AAD_SIZE + AEAD_BODY_SIZE;
      const make = (direction: "seal" | "open") => {
        const aead = provider.createAead(algorithm, counting(0, keySize), {
          direction,
          icvSize,
        });
        aead.nonce.set(counting(0x40, aead.nonce.length));
        aead.prefix.set(counting(0x80, prefixSize));
        aead.bind(slab);
        return aead;
      };
      const sealer = make("seal");
      sealer.seal(prefixSize, prefixSize, AAD_SIZE, AAD_SIZE, bodyEnd);
      sealer.dispose();
      expect(provider, algorithm, slab, AAD_SIZE, expected);

      const opener = make("open");
      const sealed = slab.slice();
      const authentic = opener.open(prefixSize, prefixSize, AAD_SIZE, AAD_SIZE, bodyEnd);
      if (!authentic) wrong(provider, algorithm, "an authentic message was refused");
      expect(provider, algorithm, slab, AAD_SIZE, counting(0xc0, AEAD_BODY_SIZE));
      slab.set(sealed);
      slab[slab.length - 1]! ^= 1;
      opener.nonce.set(counting(0x40, opener.nonce.length));
      opener.prefix.set(counting(0x80, prefixSize));
      const forged = opener.open(prefixSize, prefixSize, AAD_SIZE, AAD_SIZE, bodyEnd);
      opener.dispose();
      if (forged) wrong(provider, algorithm, "a forged message was accepted");
    }
  }
}

function checkCipher(provider: CryptoProvider, algorithm: CipherAlgorithm): void {
  const key = counting(0, CIPHERS[algorithm].keySize);
  // Off the start of the slab, so that offsets are tried too.
  const slab = new Uint8Array(1 + CIPHER_BODY_SIZE);
  slab.set(counting(0xc0, CIPHER_BODY_SIZE), 1);
  for (const direction of ["seal", "open"] as const) {
    const cipher = provider.createCipher(algorithm, key, { direction });
    cipher.iv.set(counting(0x40, cipher.iv.length));
    cipher.bind(slab);
    cipher.apply(1, slab.length);
    cipher.dispose();
    const expected = direction === "seal"
      ? fromHex(CIPHERS[algorithm].answer)
      : counting(0xc0, CIPHER_BODY_SIZE);
    expect(provider, algorithm, slab, 1, expected);
  }
}

function checkMac(provider: CryptoProvider, algorithm: MacAlgorithm): void {
  const expected = fromHex(MACS[algorithm].answer);
  const mac = createMac(provider, algorithm, counting(0, MACS[algorithm].digestSize));
  const slab = new Uint8Array(1 + CIPHER_BODY_SIZE);
  slab.set(counting(0xc0, CIPHER_BODY_SIZE), 1);
  mac.suffix.set(counting(0x80, SUFFIX_SIZE));
  mac.bind(slab);
  // Twice: the second message must not know of the first.
  for (let i = 0; i < 2; i++) {
    mac.compute(1, slab.length, SUFFIX_SIZE);
    expect(provider, algorithm, mac.digest, 0, expected);
  }
  mac.dispose();
}

function counting(from: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => from + i);
}

function expect(
  provider: CryptoProvider,
  algorithm: CryptoAlgorithm,
  slab: Uint8Array,
  start: number,
  expected: Uint8Array,
): void {
  if (!equalOctets(slab, start, expected, 0, expected.length)) {
    wrong(provider, algorithm, "the answer to a known question was wrong");
  }
}

function wrong(provider: CryptoProvider, algorithm: CryptoAlgorithm, what: string): never {
  throw new CryptoError("ERR_CRYPTO_SELF_TEST", `Cannot use ${algorithm} of ${provider.name}: ${what}`);
}
