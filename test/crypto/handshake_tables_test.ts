/** Tables of key exchanges and signatures, and what is computed about them. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fromHex, toHex } from "../../lib/bytes/mod.ts";
import {
  KEY_EXCHANGE_TRANSFORMS,
  keyExchangeTransform,
  keyExchangeTransformById,
  SIGNATURE_SCHEMES,
  SIGNATURES,
  signatureScheme,
  type SignatureSchemeName,
  signatureSchemeOfIdentifier,
} from "../../lib/crypto/mod.ts";
import { modpPrime } from "../../lib/crypto/dh/modp_groups.ts";
import { drawPrivateValue } from "../../lib/crypto/dh/private_value.ts";
import type { ModpAlgorithm } from "../../lib/crypto/dh/transforms.ts";
import { ecdsaFromDer, ecdsaToDer } from "../../lib/crypto/signature/ecdsa_encoding.ts";
import { parsePrivateKey, parsePublicKey } from "../../lib/crypto/signature/keys.ts";
import { TEST_KEYS } from "../_support/test_keys.ts";

/** Keyword, Transform ID, octets of a KE payload's data and of the shared secret. */
const KEY_EXCHANGES: readonly (readonly [string, number, number, number])[] = [
  ["modp2048", 14, 256, 256],
  ["modp3072", 15, 384, 384],
  ["modp4096", 16, 512, 512],
  ["modp6144", 17, 768, 768],
  ["modp8192", 18, 1024, 1024],
  ["ecp256", 19, 64, 32],
  ["ecp384", 20, 96, 48],
  ["ecp521", 21, 132, 66],
  ["x25519", 31, 32, 32],
  ["x448", 32, 56, 56],
];

/** SHA-256 of the primes of RFC 3526, taken from its text. */
const PRIME_DIGESTS: Readonly<Record<ModpAlgorithm, string>> = {
  modp2048: "e71e1291b2af378f8506df9d265b38d687f70a0585053c26b30d1e312df84c09",
  modp3072: "30a45e27c3a0a6f934cd558e88e937625082b19bd435f74f04d7500e5032d88e",
  modp4096: "233836aba654664fc65121b25f1760c0e72456e834bc42315fa21d38ade81cac",
  modp6144: "b84b67a0c9b0d7870cedf59880bed18dff60d4e965fe0f82ee70618861cc0a07",
  modp8192: "a408aa7fd5e69ae6886c3b3fd50051efc417d62cf224cebf8d8aeb49654185ed",
};

describe("The table of key exchanges", () => {
  it("has the numbers and sizes of RFC 3526, RFC 5903 and RFC 8031", () => {
    for (const [keyword, id, publicSize, sharedSize] of KEY_EXCHANGES) {
      const row = keyExchangeTransform(keyword)!;
      assert.deepEqual([row.id, row.publicSize, row.sharedSize], [id, publicSize, sharedSize], keyword);
      assert.equal(keyExchangeTransformById(id), row);
    }
    assert.equal(KEY_EXCHANGE_TRANSFORMS.length, KEY_EXCHANGES.length);
  });

  it("takes strongSwan's other spellings, and nothing else", () => {
    assert.equal(keyExchangeTransform("curve25519")?.id, 31);
    assert.equal(keyExchangeTransform("curve448")?.id, 32);
    for (const keyword of ["modp1024", "constructor", ""]) {
      assert.equal(keyExchangeTransform(keyword), undefined);
    }
    assert.equal(keyExchangeTransformById(2), undefined);
  });

  for (const [algorithm, digest] of Object.entries(PRIME_DIGESTS)) {
    it(`has the prime of ${algorithm} as RFC 3526 prints it`, () => {
      const prime = modpPrime(algorithm as ModpAlgorithm);
      assert.equal(createHash("sha256").update(prime.toString(16)).digest("hex"), digest);
    });
  }
});

describe("A private value", () => {
  it("is drawn again until it is in range", () => {
    const order = fromHex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    const draws = [new Uint8Array(32), new Uint8Array(32).fill(0xff), order, new Uint8Array(32).fill(5)];
    let drawn = 0;
    const value = drawPrivateValue("ecp256", (octets) => octets.set(draws[drawn++]!));
    assert.deepEqual(value, draws[3]);
    assert.equal(drawn, 4);
  });

  it("is not waited for when the source of randomness is broken", () => {
    for (const algorithm of ["ecp256", "ecp521", "modp2048"] as const) {
      const code = "ERR_CRYPTO_FAILED";
      assert.throws(() => drawPrivateValue(algorithm, (octets) => void octets.fill(0)), {
        name: "CryptoError",
        code,
      });
    }
  });
});

describe("The table of signature schemes", () => {
  it("has the AlgorithmIdentifiers of RFC 7427, appendix A, and RFC 8420", () => {
    const identifiers: readonly (readonly [SignatureSchemeName, string])[] = [
      ["rsa_pkcs1_sha256", "300d06092a864886f70d01010b0500"],
      ["rsa_pkcs1_sha512", "300d06092a864886f70d01010d0500"],
      ["ecdsa_p256_sha256", "300a06082a8648ce3d040302"],
      ["ecdsa_p521_sha384", "300a06082a8648ce3d040303"],
      ["ed25519", "300506032b6570"],
      ["ed448", "300506032b6571"],
    ];
    for (const [name, hex] of identifiers) {
      assert.equal(toHex(signatureScheme(name).algorithmIdentifier), hex, name);
    }
  });

  it("has the Auth Methods and hash numbers of IANA", () => {
    const rows: readonly (readonly [SignatureSchemeName, number, number])[] = [
      ["rsa_pkcs1_sha1", 1, 1],
      ["ecdsa_p256_sha256_raw", 9, 2],
      ["ecdsa_p384_sha384_raw", 10, 3],
      ["ecdsa_p521_sha512_raw", 11, 4],
      ["rsa_pss_sha384", 14, 3],
      ["ecdsa_p384_sha512", 14, 4],
      ["ed25519", 14, 5],
      ["ed448", 14, 5],
    ];
    for (const [name, method, hash] of rows) {
      const { authMethod, hashNumber } = SIGNATURE_SCHEMES[name];
      assert.deepEqual([authMethod, hashNumber], [method, hash], name);
    }
  });

  it("finds every scheme of Auth Method 14 by its identifier and, for ECDSA, the curve of the key", () => {
    for (const scheme of Object.values(SIGNATURE_SCHEMES)) {
      const traits = SIGNATURES[scheme.algorithm];
      const curve = traits.keyType === "ec" ? traits.curve : null;
      const found = signatureSchemeOfIdentifier(scheme.algorithmIdentifier, curve);
      if (scheme.authMethod === 14) assert.equal(found, scheme);
      else assert.notEqual(found, scheme);
    }
  });

  it("knows the ways in which others write RSASSA-PSS, and no other salt or mask", () => {
    // RFC 7427, appendix A.4.3, with the trailer field written out.
    const published =
      "304606092a864886f70d01010a3039a00f300d06096086480165030402010500a11c301a06092a864886f70d010108" +
      "300d06096086480165030402010500a203020120a303020101";
    assert.equal(signatureSchemeOfIdentifier(fromHex(published), null)?.name, "rsa_pss_sha256");
    const without =
      "303d06092a864886f70d01010a3030a00d300b0609608648016503040201a11a301806092a864886f70d010108" +
      "300b0609608648016503040201a203020120";
    assert.equal(signatureSchemeOfIdentifier(fromHex(without), null)?.name, "rsa_pss_sha256");
    const saltOf20 = published.replace("a203020120", "a203020114");
    assert.equal(signatureSchemeOfIdentifier(fromHex(saltOf20), null), null);
    // RSASSA-PSS with default parameters is SHA-1; PKCS#1 with SHA-1 is Auth Method 1.
    for (const hex of ["300d06092a864886f70d01010a3000", "300d06092a864886f70d0101050500", "", "3000"]) {
      assert.equal(signatureSchemeOfIdentifier(fromHex(hex), null), null, hex);
    }
  });
});

describe("An ECDSA signature", () => {
  it("is written as DER and read again, with the leading zeros of r and s", () => {
    for (const size of [32, 48, 66]) {
      for (const first of [0x00, 0x01, 0x7f, 0x80, 0xff]) {
        const raw = new Uint8Array(2 * size).fill(0x42);
        raw[0] = first;
        raw[size] = 0;
        raw[size + 1] = first;
        assert.deepEqual(ecdsaFromDer(ecdsaToDer(raw), size), raw);
      }
    }
  });

  it("is nothing but its one writing as DER", () => {
    const good = ecdsaToDer(new Uint8Array(64).fill(0x42));
    const r = toHex(good.subarray(2, 36));
    const s = toHex(good.subarray(36));
    assert.equal(toHex(good), `3044${r}${s}`);
    const wrong: readonly (readonly [what: string, hex: string])[] = [
      ["nothing", ""],
      ["a tag alone", "30"],
      ["something behind it", `3044${r}${s}00`],
      ["a length in more octets than it needs", `308144${r}${s}`],
      ["no definite length", `3080${r}${s}0000`],
      ["a length that cuts it", `3043${r}${s}`],
      ["a length that leads beyond it", `3045${r}${s}`],
      ["a SET", `3144${r}${s}`],
      ["r alone", `3022${r}`],
      ["a third number", `3066${r}${s}${s}`],
      ["a negative number", "3006020180020101"],
      ["zeros in front", "300702020001020101"],
      ["a number without octets", "30050200020101"],
      ["r that is too large", `30260221${"42".repeat(33)}020101`],
    ];
    for (const [what, hex] of wrong) assert.equal(ecdsaFromDer(fromHex(hex), 32), null, what);
  });
});

describe("Keys that sign", () => {
  it("are read out of SubjectPublicKeyInfo and PKCS#8", () => {
    for (const { kind, spki, pkcs8 } of TEST_KEYS) {
      const [open, secret] = [parsePublicKey(fromHex(spki)), parsePrivateKey(fromHex(pkcs8))];
      assert.equal("curve" in open ? open.curve : open.type, kind);
      assert.equal("curve" in secret ? secret.curve : secret.type, kind);
    }
  });

  it("are refused wherever an octet of what surrounds them is wrong, and never with an error of another kind", () => {
    for (const { spki, pkcs8 } of TEST_KEYS) {
      for (const [hex, parse] of [[spki, parsePublicKey], [pkcs8, parsePrivateKey]] as const) {
        const good = fromHex(hex);
        for (let at = 0; at < good.length; at += at < 40 ? 1 : 7) {
          for (const flip of [0x01, 0x80, 0xff]) {
            const octets = good.slice();
            octets[at]! ^= flip;
            try {
              parse(octets);
            } catch (error) {
              assert.equal((error as { code?: string }).code, "ERR_CRYPTO_KEY");
            }
          }
        }
        for (let size = 0; size < good.length; size++) {
          assert.throws(() => parse(good.slice(0, size)), { name: "CryptoError", code: "ERR_CRYPTO_KEY" });
        }
      }
    }
  });

  it("are refused when they are RSA of too few or too many bits, or with an exponent that only costs time", () => {
    const rsa = (modulusBits: number, exponent: string): Uint8Array => {
      const modulus = ((1n << BigInt(modulusBits)) - 1n).toString(16);
      const padded = modulus.length % 2 === 0 ? `00${modulus}` : `0${modulus}`;
      const integer = (hex: string) => element("02", hex);
      const key = element("30", integer(padded) + integer(exponent));
      return fromHex(element("30", "300d06092a864886f70d0101010500" + element("03", `00${key}`)));
    };
    const fine: readonly (readonly [number, string])[] = [[1024, "010001"], [2048, "03"], [
      8192,
      "0100000001",
    ]];
    for (const [bits, exponent] of fine) assert.equal(parsePublicKey(rsa(bits, exponent)).type, "rsa");
    const code = "ERR_CRYPTO_KEY";
    for (
      const [bits, exponent] of [
        [512, "010001"],
        [1020, "010001"],
        [8200, "010001"],
        [2048, "01"],
        [2048, "00"],
        [2048, "04"],
        [2048, "7fffffffffffffff"],
      ] as const
    ) {
      assert.throws(
        () => parsePublicKey(rsa(bits, exponent)),
        { name: "CryptoError", code },
        `${bits}, ${exponent}`,
      );
    }
  });
});

/** An element of DER in hexadecimal. */
function element(tag: string, content: string): string {
  const size = content.length / 2;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return tag + toHex(Uint8Array.from(length)) + content;
}
