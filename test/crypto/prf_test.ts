/** Pseudorandom functions and prf+. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { concat, fromHex, toHex } from "../../lib/bytes/mod.ts";
import {
  CryptoProviders,
  MAX_PRF_BLOCKS,
  nobleProvider,
  PRF_TRANSFORMS,
  prfPlus,
  prfTransform,
  prfTransformById,
} from "../../lib/crypto/mod.ts";
import { runtimeCrypto } from "../../lib/runtime/mod.ts";
import { sharedVectors } from "../_support/vectors.ts";

const noble = new CryptoProviders([nobleProvider()]);

/** Keyword, Transform ID, octets of output and of preferred keys: RFC 7296, RFC 4868, RFC 4434, RFC 4615. */
const TABLE: readonly (readonly [string, number, number])[] = [
  ["prfsha1", 2, 20],
  ["prfaesxcbc", 4, 16],
  ["prfsha256", 5, 32],
  ["prfsha384", 6, 48],
  ["prfsha512", 7, 64],
  ["prfaescmac", 8, 16],
];

const COUNTING_16 = "000102030405060708090a0b0c0d0e0f";
const COUNTING_20 = COUNTING_16 + "10111213";

/** Key, data, output. */
const PUBLISHED:
  readonly (readonly [what: string, keyword: string, key: string, data: string, out: string])[] = [
    [
      "RFC 4434, section 2.1, 16 octets of key",
      "prfaesxcbc",
      COUNTING_16,
      COUNTING_20,
      "47f51b4564966215b8985c63055ed308",
    ],
    [
      "RFC 4434, section 2.1, 10 octets of key",
      "prfaesxcbc",
      "00010203040506070809",
      COUNTING_20,
      "0fa087af7d866e7653434e602fdde835",
    ],
    [
      "RFC 4434, section 2.1, 18 octets of key",
      "prfaesxcbc",
      COUNTING_16 + "edcb",
      COUNTING_20,
      "8cd3c93ae598a9803006ffb67c40e9e4",
    ],
    [
      "RFC 4615, section 4, 18 octets of key",
      "prfaescmac",
      COUNTING_16 + "edcb",
      COUNTING_20,
      "84a348a4a45d235babfffc0d2b4da09a",
    ],
    [
      "RFC 4615, section 4, 16 octets of key",
      "prfaescmac",
      COUNTING_16,
      COUNTING_20,
      "980ae87b5f4c9c5214f5b6a8455e4c2d",
    ],
    [
      "RFC 4615, section 4, 10 octets of key",
      "prfaescmac",
      "00010203040506070809",
      COUNTING_20,
      "290d9e112edb09ee141fcf64c0b72f3d",
    ],
    [
      "RFC 4231, section 4.2",
      "prfsha256",
      "0b".repeat(20),
      toHex(new TextEncoder().encode("Hi There")),
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ],
    [
      "RFC 4231, section 4.7: a key longer than a block",
      "prfsha384",
      "aa".repeat(131),
      toHex(new TextEncoder().encode("Test Using Larger Than Block-Size Key - Hash Key First")),
      "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
    ],
  ];

describe("Pseudorandom functions", () => {
  for (const [keyword, id, size] of TABLE) {
    it(`have the number and sizes of ${keyword}`, () => {
      const row = prfTransform(keyword)!;
      assert.equal(row.id, id);
      assert.equal(row.size, size);
      assert.equal(prfTransformById(id), row);
      const prf = runtimeCrypto().createPrf(row);
      assert.deepEqual([prf.size, prf.keySize], [size, size]);
    });
  }

  it("are all in the table, and under strongSwan's other spellings", () => {
    assert.deepEqual(
      PRF_TRANSFORMS.map(({ keyword }) => keyword).sort(),
      TABLE.map(([keyword]) => keyword).sort(),
    );
    assert.equal(prfTransform("prfsha2_384")?.id, 6);
    assert.equal(prfTransform("prfmd5"), undefined);
    assert.equal(prfTransform("constructor"), undefined);
    assert.equal(prfTransformById(1), undefined);
  });

  for (const [provider, crypto] of [["this runtime", runtimeCrypto()], ["noble", noble]] as const) {
    for (const [what, keyword, key, data, out] of PUBLISHED) {
      it(`give what is published, by ${provider}: ${keyword}, ${what}`, () => {
        const prf = crypto.createPrf(prfTransform(keyword)!);
        const octets = fromHex(data);
        assert.equal(toHex(prf.compute(fromHex(key), octets)), out);
        // The pieces do not matter, and neither does it matter whether there are any.
        assert.equal(
          toHex(prf.compute(fromHex(key), octets.subarray(0, 3), new Uint8Array(0), octets.subarray(3))),
          out,
        );
      });
    }
  }

  const recorded = sharedVectors("kdf/prf-libreswan.json") as {
    vectors: { family: string; key: string; message: string; out: string; name: string }[];
  } | null;
  it("give what libreswan expects", { skip: recorded === null }, () => {
    const tests = recorded!.vectors.filter(({ family }) => family === "aes_xcbc_prf");
    assert.ok(tests.length > 0);
    const prf = runtimeCrypto().createPrf(prfTransform("prfaesxcbc")!);
    for (const { key, message, out, name } of tests) {
      assert.equal(toHex(prf.compute(fromHex(key), fromHex(message))), out, name);
    }
  });

  it("take keys of every size, and leave key and data as they are", () => {
    for (const row of PRF_TRANSFORMS) {
      const prf = runtimeCrypto().createPrf(row);
      const data = new Uint8Array(40).fill(7);
      const outputs = new Set<string>();
      for (let size = 1; size < 200; size += 13) {
        const key = new Uint8Array(size).fill(0x5a);
        outputs.add(toHex(prf.compute(key, data)));
        assert.deepEqual(key, new Uint8Array(size).fill(0x5a));
      }
      assert.deepEqual(data, new Uint8Array(40).fill(7));
      assert.equal(outputs.size, 16, row.keyword);
    }
  });
});

describe("prf+", () => {
  const prf = runtimeCrypto().createPrf(prfTransform("prfsha256")!);
  const key = new Uint8Array(32).fill(1);
  const seed = new Uint8Array(40).fill(2);

  it("is the chain of RFC 7296, section 2.13", () => {
    const t1 = prf.compute(key, seed, Uint8Array.of(1));
    const t2 = prf.compute(key, t1, seed, Uint8Array.of(2));
    const t3 = prf.compute(key, t2, seed, Uint8Array.of(3));
    const whole = concat([t1, t2, t3]);
    for (const length of [0, 1, 31, 32, 33, 64, 95, 96]) {
      assert.deepEqual(prfPlus(prf, key, seed, length), whole.slice(0, length), `${length} octets`);
    }
  });

  it("ends at its 255th block", () => {
    const most = MAX_PRF_BLOCKS * prf.size;
    assert.equal(prfPlus(prf, key, seed, most).length, most);
    for (const length of [most + 1, -1, 1.5, NaN]) {
      assert.throws(() => prfPlus(prf, key, seed, length), {
        name: "RangeError",
        code: "ERR_CRYPTO_PRF_LENGTH",
      });
    }
  });
});
