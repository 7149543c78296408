/**
 * What every provider of hashes, key exchanges and signatures must do, on every runtime: published vectors, agreement with
 * the portable provider, and the refusal of values that no honest peer sends.
 */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { inspect } from "node:util";
import { fromHex, toHex } from "../../lib/bytes/mod.ts";
import {
  type CryptoAlgorithm,
  type CryptoProvider,
  CryptoProviders,
  HANDSHAKE_ALGORITHMS,
  type HashAlgorithm,
  HASHES,
  KEY_EXCHANGE_TRANSFORMS,
  type KeyExchange,
  type KeyExchangeTransform,
  keyExchangeTransformById,
  nobleProvider,
  type RandomSource,
  SIGNATURE_SCHEMES,
  type SignatureSchemeName,
  signingOf,
} from "../../lib/crypto/mod.ts";
import { modpPrime } from "../../lib/crypto/dh/modp_groups.ts";
import { fromBigInt } from "../../lib/crypto/big_integers.ts";
import { sharedVectors } from "../_support/vectors.ts";
import { TEST_KEYS } from "../_support/test_keys.ts";

/** What a provider lacks on this runtime for handshakes. */
export function handshakeLackedBy(provider: CryptoProvider): CryptoAlgorithm[] {
  const crypto = new CryptoProviders([provider]);
  return HANDSHAKE_ALGORITHMS.filter((algorithm) => !crypto.has(algorithm));
}

/** Holds a provider to the suite. What it lacks on this runtime is skipped: {@linkcode handshakeLackedBy} says what. */
export function describeHandshakes(provider: CryptoProvider): void {
  const crypto = new CryptoProviders([provider]);

  describe("hashes", () => describeHashes(crypto));
  for (const transform of KEY_EXCHANGE_TRANSFORMS) {
    const skip = !crypto.has(transform.algorithm);
    describe(`key exchange by ${transform.keyword}`, { skip }, () => describeKeyExchange(crypto, transform));
  }
  describe("the published vectors of key exchanges", () => describeKeyExchangeVectors(crypto));
  for (const scheme of Object.keys(SIGNATURE_SCHEMES) as SignatureSchemeName[]) {
    const skip = !crypto.has(SIGNATURE_SCHEMES[scheme].algorithm);
    describe(`signatures by ${scheme}`, { skip }, () => describeScheme(crypto, scheme));
  }
  describe("the published vectors of signatures", () => describeSignatureVectors(crypto));
}

const reference = new CryptoProviders([nobleProvider()]);

/** FIPS 180-4's example "abc". */
const ABC_DIGESTS: Readonly<Record<HashAlgorithm, string>> = {
  sha1: "a9993e364706816aba3e25717850c26c9cd0d89d",
  sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  sha384: "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
  sha512:
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
};

function describeHashes(crypto: CryptoProviders): void {
  for (const algorithm of Object.keys(HASHES) as HashAlgorithm[]) {
    it(`hashes by ${algorithm}, whatever the length`, () => {
      assert.equal(toHex(crypto.hash(algorithm, new TextEncoder().encode("abc"))), ABC_DIGESTS[algorithm]);
      for (const size of [0, 1, 55, 56, 63, 64, 111, 112, 128, 1000]) {
        const data = counting(7, size);
        assert.deepEqual(crypto.hash(algorithm, data), reference.hash(algorithm, data), `${size} octets`);
      }
    });
  }
}

/** Octets that count up from somewhere: private values that come again. */
function countingFrom(from: number): RandomSource {
  return (octets) => octets.set(counting(from, octets.length));
}

function describeKeyExchange(crypto: CryptoProviders, transform: KeyExchangeTransform): void {
  const { publicSize, sharedSize } = transform;

  it("gives both ends the same secret, and the same as the portable provider", () => {
    const [a, b] = [1, 101].map((from) => crypto.createKeyExchange(transform, countingFrom(from)));
    const twin = reference.createKeyExchange(transform, countingFrom(1));
    assert.equal(a!.publicValue.length, publicSize);
    assert.equal(toHex(a!.publicValue), toHex(twin.publicValue));
    const secret = a!.computeSharedSecret(b!.publicValue);
    assert.equal(secret.length, sharedSize);
    assert.equal(toHex(secret), toHex(b!.computeSharedSecret(a!.publicValue)));
    assert.equal(toHex(secret), toHex(twin.computeSharedSecret(b!.publicValue)));
    for (const exchange of [a!, b!, twin]) exchange.dispose();
  });

  if (transform.algorithm === "modp2048") {
    // Deno writes numbers with signs: of these private values the public ones begin with 00cc and ffa0.
    for (const value of [126, 608]) {
      it(`writes public values as they are, those too that begin with zeros or ones (${value})`, () => {
        const random: RandomSource = (octets) => {
          octets.fill(0);
          octets[0] = 0x40;
          octets.set([value >> 8, value & 0xff], octets.length - 2);
        };
        const [exchange, twin] = [crypto, reference].map((one) => one.createKeyExchange(transform, random));
        assert.equal(toHex(exchange!.publicValue), toHex(twin!.publicValue));
        exchange!.dispose();
        twin!.dispose();
      });
    }
  }

  it("takes what it draws from the caller, and something else each time", () => {
    let from = 0;
    const random: RandomSource = (octets) => octets.set(counting(from += 3, octets.length));
    const values = [1, 2].map(() => {
      const exchange = crypto.createKeyExchange(transform, random);
      exchange.dispose();
      return toHex(exchange.publicValue);
    });
    assert.notEqual(values[0], values[1]);
  });

  const code = "ERR_CRYPTO_PUBLIC_VALUE";
  it("refuses public values of another size", () => {
    const exchange = crypto.createKeyExchange(transform, countingFrom(1));
    for (const size of [0, 1, publicSize - 1, publicSize + 1, 2 * publicSize]) {
      const value = new Uint8Array(size).fill(2);
      assert.throws(
        () => exchange.computeSharedSecret(value),
        { name: "CryptoError", code },
        `${size} octets`,
      );
    }
    exchange.dispose();
  });

  it("refuses public values that RFC 6989 and RFC 7748 tell to refuse", () => {
    const exchange = crypto.createKeyExchange(transform, countingFrom(1));
    for (const [what, value] of badValues(transform)) {
      assert.throws(() => exchange.computeSharedSecret(value), { name: "CryptoError", code }, what);
    }
    // They have not spoiled it.
    assert.equal(exchange.computeSharedSecret(exchange.publicValue).length, sharedSize);
    exchange.dispose();
  });

  it("shows no private value, and has none any more after its end", () => {
    const exchange = crypto.createKeyExchange(transform, countingFrom(1));
    const shown = [inspect(exchange, { showHidden: true, depth: 9 }), JSON.stringify(exchange)].join("\n");
    assert.ok(!shown.replaceAll(/\s/g, "").includes("1,2,3,4,5,6"));
    assert.ok(!shown.includes("010203040506"));
    exchange.dispose();
    exchange.dispose();
    assert.throws(() => exchange.computeSharedSecret(exchange.publicValue), {
      name: "TypeError",
      code: "ERR_CRYPTO_DISPOSED",
    });
  });
}

/** Values that no honest peer sends, each with the reason. */
function badValues(
  { algorithm, publicSize }: KeyExchangeTransform,
): readonly (readonly [string, Uint8Array])[] {
  const zeros = new Uint8Array(publicSize);
  const ones = new Uint8Array(publicSize).fill(0xff);
  switch (algorithm) {
    case "x25519":
      return [
        ["zero", zeros],
        ["one", fromBigInt(1n, 32).reverse()],
        ["order 8", fromHex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")],
        ["p - 1", fromBigInt((1n << 255n) - 20n, 32).reverse()],
        ["p", fromBigInt((1n << 255n) - 19n, 32).reverse()],
      ];
    case "x448":
      return [
        ["zero", zeros],
        ["one", fromBigInt(1n, 56).reverse()],
        ["p - 1", fromBigInt((1n << 448n) - (1n << 224n) - 2n, 56).reverse()],
      ];
    case "ecp256":
    case "ecp384":
    case "ecp521":
      return [
        ["not on the curve: 0, 0", zeros],
        ["coordinates above p", ones],
        [
          "not on the curve: 1, 1",
          Uint8Array.from(zeros, (_, i) => (i + 1) % (publicSize / 2) === 0 ? 1 : 0),
        ],
      ];
    default: {
      const p = modpPrime(algorithm);
      const numbers = [["0", 0n], ["1", 1n], ["p - 1", p - 1n], ["p", p], ["p + 1", p + 1n]] as const;
      return [...numbers.map(([what, value]) => [what, fromBigInt(value, publicSize)] as const), [
        "all ones",
        ones,
      ]];
    }
  }
}

interface DhVector {
  readonly name: string;
  readonly group: number;
  readonly priv_i: string;
  readonly priv_r: string;
  readonly pub_i: string;
  readonly pub_r: string;
  readonly shared: string;
}

interface WycheproofEcdh {
  readonly testGroups: readonly {
    readonly curve: string;
    readonly tests: readonly {
      readonly tcId: number;
      readonly public: string;
      readonly private: string;
      readonly shared: string;
      readonly result: "valid" | "invalid" | "acceptable";
      readonly flags: readonly string[];
    }[];
  }[];
}

function describeKeyExchangeVectors(crypto: CryptoProviders): void {
  const dh = (sharedVectors("dh/strongswan.json") as { vectors: DhVector[] } | null)?.vectors;
  it("are obeyed: strongSwan's, RFC 5903, RFC 7748", { skip: dh === undefined }, () => {
    for (const { name, group, priv_i, priv_r, pub_i, pub_r, shared } of dh!) {
      const transform = keyExchangeTransformById(group);
      if (transform === undefined || !crypto.has(transform.algorithm)) continue;
      for (const [secret, own, peer] of [[priv_i, pub_i, pub_r], [priv_r, pub_r, pub_i]] as const) {
        const exchange = crypto.createKeyExchange(transform, (octets) => octets.set(fromHex(secret)));
        assert.equal(toHex(exchange.publicValue), own, name);
        assert.equal(toHex(exchange.computeSharedSecret(fromHex(peer))), shared, name);
        exchange.dispose();
      }
    }
  });

  const files = [
    ["x25519", "x25519"],
    ["x448", "x448"],
    ["ecdh_secp256r1_ecpoint", "ecp256"],
    ["ecdh_secp384r1_ecpoint", "ecp384"],
    ["ecdh_secp521r1_ecpoint", "ecp521"],
  ] as const;
  for (const [file, algorithm] of files) {
    const vectors = sharedVectors(`wycheproof/${file}.json`) as WycheproofEcdh | null;
    it(`are obeyed: Wycheproof, ${file}`, { skip: vectors === null || !crypto.has(algorithm) }, () => {
      const transform = KEY_EXCHANGE_TRANSFORMS.find((row) => row.algorithm === algorithm)!;
      const tests = vectors!.testGroups.flatMap((group) => group.tests);
      assert.ok(tests.length > 0);
      // Most tests share a private value, whose public one takes as long as the secret.
      const exchanges = new Map<string, KeyExchange>();
      const exchangeOf = (secret: string): KeyExchange => {
        const made = exchanges.get(secret) ?? crypto.createKeyExchange(transform, padded(secret));
        exchanges.set(secret, made);
        return made;
      };
      for (const test of tests) checkEcdh(transform, exchangeOf, test);
      for (const exchange of exchanges.values()) exchange.dispose();
    });
  }
}

/** A private value as a number, with zeros in front. */
function padded(secret: string): RandomSource {
  return (octets) => {
    const drawn = fromHex(secret.padStart(2 * octets.length, "0"));
    octets.set(drawn.subarray(drawn.length - octets.length));
  };
}

function checkEcdh(
  { algorithm, publicSize, sharedSize }: KeyExchangeTransform,
  exchangeOf: (secret: string) => KeyExchange,
  { tcId, public: publicHex, private: privateHex, shared, result }:
    WycheproofEcdh["testGroups"][0]["tests"][0],
): void {
  const montgomery = algorithm === "x25519" || algorithm === "x448";
  // Points come in SEC1; a KE payload has those that are written in full, without their first octet.
  const point = fromHex(publicHex);
  const value = montgomery ? point : point[0] === 0x04 ? point.subarray(1) : null;
  if (value === null) return;
  const exchange = exchangeOf(privateHex);
  const zero = /^0*$/.test(shared);
  if (result === "invalid" || zero || value.length !== publicSize) {
    assert.throws(
      () => exchange.computeSharedSecret(value),
      { code: "ERR_CRYPTO_PUBLIC_VALUE" },
      `case ${tcId}`,
    );
  } else {
    assert.equal(
      toHex(exchange.computeSharedSecret(value)),
      shared.padStart(2 * sharedSize, "0"),
      `case ${tcId}`,
    );
  }
}

const MESSAGE = counting(0, 300);

function describeScheme(crypto: CryptoProviders, scheme: SignatureSchemeName): void {
  const { algorithm, encoding, name } = SIGNATURE_SCHEMES[scheme];
  const key = TEST_KEYS.find(({ kind }) => name.includes(kind))!;
  const spki = fromHex(key.spki);
  const pkcs8 = fromHex(key.pkcs8);
  const signs = crypto.has(signingOf(algorithm));
  /** A signature by whoever can make one. */
  const sign = (by: CryptoProviders) => by.sign(scheme, pkcs8, MESSAGE);

  it("verifies the signature of a test key by OpenSSL, and of the portable provider", () => {
    const known = key.signatures[name];
    assert.ok(known !== undefined);
    assert.equal(crypto.verify(scheme, spki, MESSAGE, fromHex(known)), true);
    if (reference.has(signingOf(algorithm))) {
      assert.equal(crypto.verify(scheme, spki, MESSAGE, sign(reference)), true);
    }
  });

  it("signs what it and the portable provider verify", { skip: !signs }, () => {
    const signature = sign(crypto);
    assert.equal(crypto.verify(scheme, spki, MESSAGE, signature), true);
    assert.equal(reference.verify(scheme, spki, MESSAGE, signature), true);
    if (encoding === "raw") assert.equal(signature.length % 2, 0);
  });

  it("refuses another message, another key, and signatures that are changed, cut, longer, or nothing", () => {
    const good = fromHex(key.signatures[name]!);
    const other = MESSAGE.slice();
    other[299]! ^= 1;
    assert.equal(crypto.verify(scheme, spki, other, good), false);
    for (const at of [0, 1, good.length >> 1, good.length - 1]) {
      const changed = good.slice();
      changed[at]! ^= 0x10;
      assert.equal(crypto.verify(scheme, spki, MESSAGE, changed), false, `octet ${at}`);
    }
    const longer = new Uint8Array(good.length + 1);
    longer.set(good);
    for (
      const wrong of [
        new Uint8Array(0),
        good.subarray(1),
        good.subarray(0, good.length - 1),
        longer,
        new Uint8Array(good.length),
        new Uint8Array(good.length).fill(0xff),
        new Uint8Array(10_000),
      ]
    ) assert.equal(crypto.verify(scheme, spki, MESSAGE, wrong), false, `${wrong.length} octets`);
  });

  it("refuses keys of another kind, and what is no key", () => {
    const code = "ERR_CRYPTO_KEY";
    const signature = fromHex(key.signatures[name]!);
    for (const other of TEST_KEYS) {
      if (other.kind === key.kind) continue;
      assert.throws(() => crypto.verify(scheme, fromHex(other.spki), MESSAGE, signature), { code });
      assert.throws(() => crypto.sign(scheme, fromHex(other.pkcs8), MESSAGE), { code });
    }
    for (const wrong of [new Uint8Array(0), spki.subarray(1), spki.subarray(0, spki.length - 1), pkcs8]) {
      assert.throws(() => crypto.verify(scheme, wrong, MESSAGE, signature), { name: "CryptoError", code });
    }
    for (const wrong of [new Uint8Array(0), pkcs8.subarray(0, pkcs8.length - 1), spki]) {
      assert.throws(() => crypto.sign(scheme, wrong, MESSAGE), { name: "CryptoError", code });
    }
  });
}

interface WycheproofSignature {
  readonly testGroups: readonly {
    readonly publicKeyDer: string;
    readonly tests: readonly {
      readonly tcId: number;
      readonly msg: string;
      readonly sig: string;
      readonly result: "valid" | "invalid" | "acceptable";
    }[];
  }[];
}

function describeSignatureVectors(crypto: CryptoProviders): void {
  const files: readonly (readonly [file: string, scheme: SignatureSchemeName])[] = [
    ["rsa_signature_2048_sha256", "rsa_pkcs1_sha256"],
    ["rsa_pss_2048_sha256_mgf1_32", "rsa_pss_sha256"],
    ["ecdsa_secp256r1_sha256", "ecdsa_p256_sha256"],
    ["ecdsa_secp384r1_sha384", "ecdsa_p384_sha384"],
    ["ecdsa_secp521r1_sha512", "ecdsa_p521_sha512"],
    ["ed25519", "ed25519"],
    ["ed448", "ed448"],
  ];
  for (const [file, scheme] of files) {
    const vectors = sharedVectors(`wycheproof/${file}.json`) as WycheproofSignature | null;
    const skip = vectors === null || !crypto.has(SIGNATURE_SCHEMES[scheme].algorithm);
    it(`are obeyed: Wycheproof, ${file}`, { skip }, () => {
      let seen = 0;
      for (const { publicKeyDer, tests } of vectors!.testGroups) {
        for (const { tcId, msg, sig, result } of tests) {
          // "Acceptable" are signatures that some take and some do not: PKCS#1 without the NULL.
          if (result === "acceptable") continue;
          seen++;
          const verdict = crypto.verify(scheme, fromHex(publicKeyDer), fromHex(msg), fromHex(sig));
          assert.equal(verdict, result === "valid", `case ${tcId}`);
        }
      }
      assert.ok(seen > 0);
    });
  }
}

function counting(from: number, size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, i) => from + i);
}
