/**
 * One known answer for each algorithm: what a provider must give before anything is entrusted to it. Computed with
 * OpenSSL 3 from inputs that count upwards; the compliance suite holds providers to the published vectors.
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
import type {
  AeadAlgorithm,
  CipherAlgorithm,
  CryptoAlgorithm,
  CryptoProvider,
  HandshakeProvider,
  HashAlgorithm,
  MacAlgorithm,
} from "./types.ts";

/** Ciphertext and ICV of 20 octets with 12 of authenticated data, by the size of the ICV. */
const AEAD_ANSWERS: Readonly<Record<AeadAlgorithm, Readonly<Record<number, string>>>> = {
  "aes-128-gcm": { 16: "f9e8ab09a98e3f77447089d432eab3379cac6bb860d49ed4afe6771ee88d9a18e197a882" },
  "aes-192-gcm": { 16: "e6cd9eb955929e7225da4f7791fedda5582ad4490c02b355e645da2a0a43863c307f53e1" },
  "aes-256-gcm": { 16: "22786ce0e2f941c4050dddfd57a9dd94a917808f5de5223136e7646b8054dc16fe218681" },
  "aes-128-ccm": {
    8: "39802fb44dfbf84fe267b5731cdd0f6a1cd7a8e92cadb33cdcd33e9b",
    12: "39802fb44dfbf84fe267b5731cdd0f6a1cd7a8e904bab6057d63209507e8e413",
    16: "39802fb44dfbf84fe267b5731cdd0f6a1cd7a8e99ea1748fdb84e64fef4ec4cf794ef675",
  },
  "aes-192-ccm": {
    8: "a60ea68715841e2e46eee967ccabdc3b92da74dd7780bf7d717ee8c9",
    12: "a60ea68715841e2e46eee967ccabdc3b92da74dd74d95adfd15c455d3ec199eb",
    16: "a60ea68715841e2e46eee967ccabdc3b92da74dd97306233f8a4668617692535bae1bb16",
  },
  "aes-256-ccm": {
    8: "b5ccb169cf2f44f3a21102404d6984ff584a3599b067f598f298db6e",
    12: "b5ccb169cf2f44f3a21102404d6984ff584a359978bbd70f583b0696ec8c3dee",
    16: "b5ccb169cf2f44f3a21102404d6984ff584a3599d7fab82fa659cf489f26833c7ad0f634",
  },
  "chacha20-poly1305": { 16: "3895be42b68f28c690063ccb7722a302641db1cb4ccd46ad722ea9503df768e4d125ad9a" },
};

/** Ciphertext of two blocks. */
const CIPHER_ANSWERS: Readonly<Record<CipherAlgorithm, string>> = {
  "aes-128-cbc": "e95d53b2bc1887f882a6d1e953c49515cbf66c3cdb18769b630db6a75bab5064",
  "aes-192-cbc": "e2533b9455f1414894468f48407bd7c13a73a370974e18e36295ac5215f894e1",
  "aes-256-cbc": "9ac0fce2a401f982829fdba7ba0edff399e146c9bfc589d15136b35226ea5134",
  "aes-128-ctr": "15f227588164952ab697569630308465e2180f11e4ff793f12620ff912fdfbc4",
  "aes-192-ctr": "e7955cf2e39ceb543858aa46eb24a81b83bfe06a5d720cdf47288937c33ac726",
  "aes-256-ctr": "63bf1dfc539f7c285bb2a80c41967f9860a4cc407c3bb296533067158c8b8bee",
};

/** MAC of 32 octets and a suffix of four. */
const MAC_ANSWERS: Readonly<Record<MacAlgorithm, string>> = {
  "hmac-sha1": "57d0e2bada3a763a7705fecba5f4858deada3dc9",
  "hmac-sha256": "7066dc23b7552202663f60a1a583bac898a88c3df3bfd1d9750c1eadc4c78427",
  "hmac-sha384":
    "83b515e680310fc068fffd9b1506306abf2ad7d27160a20239efb4a5d9ae0cf6e31a3938d32eeab3c00b516e4b43e577",
  "hmac-sha512":
    "8f3899c860e4c1382b92ac48a5ef2f807dc15ec7b036a5f27b5cec4efe61e980d30dd54206ddee1f1fcf6b29088769671e934aa02265cfda9e8409a8e4562079",
  "aes-128-cmac": "af009d127a23441992b65b829ade6251",
  "aes-128-xcbc": "10610e2fd4691957430829d5cf4c8e56",
};

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
  const answers = AEAD_ANSWERS[algorithm];
  const { keySize, icvSizes } = AEADS[algorithm];
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
      ? fromHex(CIPHER_ANSWERS[algorithm])
      : counting(0xc0, CIPHER_BODY_SIZE);
    expect(provider, algorithm, slab, 1, expected);
  }
}

function checkMac(provider: CryptoProvider, algorithm: MacAlgorithm): void {
  const expected = fromHex(MAC_ANSWERS[algorithm]);
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
