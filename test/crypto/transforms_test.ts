/** The table of transforms against the numbers and sizes of the RFCs. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import {
  ENCRYPTION_TRANSFORMS,
  encryptionTransform,
  encryptionTransformById,
  INTEGRITY_TRANSFORMS,
  integrityTransform,
  integrityTransformById,
} from "../../lib/crypto/mod.ts";

/** Keyword, Transform ID, octets of key material, IV, ICV: RFC 4106, 4309, 7634, 3602, 3686, 4543, 2410, 8750. */
const ENCRYPTION: readonly (readonly [string, number, number, number, number])[] = [
  ["aes128gcm16", 20, 20, 8, 16],
  ["aes192gcm16", 20, 28, 8, 16],
  ["aes256gcm16", 20, 36, 8, 16],
  ["aes256gcm12", 19, 36, 8, 12],
  ["aes256gcm8", 18, 36, 8, 8],
  ["aes128ccm16", 16, 19, 8, 16],
  ["aes192ccm12", 15, 27, 8, 12],
  ["aes256ccm8", 14, 35, 8, 8],
  ["chacha20poly1305", 28, 36, 8, 16],
  ["aes128", 12, 16, 16, 0],
  ["aes192", 12, 24, 16, 0],
  ["aes256", 12, 32, 16, 0],
  ["aes128ctr", 13, 20, 8, 0],
  ["aes256ctr", 13, 36, 8, 0],
  ["aes128gmac", 21, 20, 8, 16],
  ["aes256gmac", 21, 36, 8, 16],
  ["null", 11, 0, 0, 0],
  ["aes256gcm16iiv", 30, 36, 0, 16],
  ["chacha20poly1305iiv", 31, 36, 0, 16],
  ["aes128ccm8iiv", 29, 19, 0, 8],
];

/** Keyword, Transform ID, octets of key, ICV: RFC 2404, RFC 4868, RFC 4494, RFC 3566. */
const INTEGRITY: readonly (readonly [string, number, number, number])[] = [
  ["sha1", 2, 20, 12],
  ["sha256", 12, 32, 16],
  ["sha384", 13, 48, 24],
  ["sha512", 14, 64, 32],
  ["aescmac", 8, 16, 12],
  ["aesxcbc", 5, 16, 12],
];

describe("The table of transforms", () => {
  for (const [keyword, id, keyMaterial, ivSize, icvSize] of ENCRYPTION) {
    it(`has the number and sizes of ${keyword}`, () => {
      const row = encryptionTransform(keyword)!;
      const sizes = [row.id, row.keySize + row.saltSize, row.ivSize, row.icvSize];
      assert.deepEqual(sizes, [id, keyMaterial, ivSize, icvSize]);
    });
  }

  for (const [keyword, ...expected] of INTEGRITY) {
    it(`has the number and sizes of ${keyword}`, () => {
      const { id, keySize, icvSize } = integrityTransform(keyword)!;
      assert.deepEqual([id, keySize, icvSize], expected);
    });
  }

  it("names every row once", () => {
    const keywords = [...ENCRYPTION_TRANSFORMS, ...INTEGRITY_TRANSFORMS].map(({ keyword }) => keyword);
    assert.equal(new Set(keywords).size, keywords.length);
  });

  it("finds every row by the numbers that IKEv2 sends", () => {
    for (const row of ENCRYPTION_TRANSFORMS) {
      const bits = row.keyLengthAttribute ? row.keySize * 8 : undefined;
      assert.equal(encryptionTransformById(row.id, bits), row, row.keyword);
      assert.equal(encryptionTransformById(row.id, 4096), undefined);
    }
    for (const row of INTEGRITY_TRANSFORMS) assert.equal(integrityTransformById(row.id), row);
  });

  it("wants a Key Length attribute for AES and none for ChaCha20-Poly1305 and NULL", () => {
    for (const { keyword, keyLengthAttribute } of ENCRYPTION_TRANSFORMS) {
      assert.equal(keyLengthAttribute, keyword.startsWith("aes"), keyword);
    }
  });

  it("takes strongSwan's other spellings", () => {
    assert.equal(encryptionTransform("aes"), encryptionTransform("aes128"));
    assert.equal(encryptionTransform("aes192gcm96"), encryptionTransform("aes192gcm12"));
    assert.equal(encryptionTransform("aes256ccm64"), encryptionTransform("aes256ccm8"));
    assert.equal(integrityTransform("sha2_512"), integrityTransform("sha512"));
    assert.equal(integrityTransform("sha"), integrityTransform("sha1"));
  });

  it("knows nothing of names that objects have by themselves", () => {
    for (const name of ["constructor", "__proto__", "toString", ""]) {
      assert.equal(encryptionTransform(name), undefined);
      assert.equal(integrityTransform(name), undefined);
    }
  });
});
