/** Key material, step by step, as others have computed it. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { concat, fromHex, toHex } from "../../lib/bytes/mod.ts";
import {
  encryptionTransform,
  integrityTransform,
  type Prf,
  PRF_TRANSFORMS,
  prfPlus,
  prfTransform,
} from "../../lib/crypto/mod.ts";
import { deriveChildKeys, deriveIkeKeys, deriveSkeyseed, wipe, wipeKeys } from "../../lib/ike/keymat.ts";
import { runtimeCrypto } from "../../lib/runtime/mod.ts";
import { sharedVectors } from "../_support/vectors.ts";

const crypto = runtimeCrypto({ prefer: "node" });

function prfNamed(name: string): Prf {
  return crypto.createPrf(PRF_TRANSFORMS.find((row) => row.name === name)!);
}

interface KdfVector {
  readonly name: string;
  readonly prf: string;
  readonly [field: string]: unknown;
}

function kdfVectors(file: string): readonly KdfVector[] | null {
  return (sharedVectors(`kdf/${file}.json`) as { vectors: KdfVector[] } | null)?.vectors ?? null;
}

/** A field of a vector, as octets. */
function octets(vector: KdfVector, field: string): Uint8Array<ArrayBuffer> {
  return fromHex(vector[field] as string);
}

describe("Key material", () => {
  const cavp = kdfVectors("cavp-strongswan");
  it("is what NIST's validation program expects: SKEYSEED and prf+", { skip: cavp === null }, () => {
    for (const vector of cavp!) {
      const prf = prfNamed(vector.prf);
      if (vector["type"] === "prf-skeyseed") {
        const nonces = octets(vector, "ni_nr");
        const [nonceI, nonceR] = [nonces.subarray(0, 8), nonces.subarray(8)];
        const skeyseed = deriveSkeyseed({ prf, nonceI, nonceR, sharedSecret: octets(vector, "g_ir") });
        assert.equal(toHex(skeyseed), vector["skeyseed"], vector.name);
      } else {
        const out = vector["out"] as string;
        const stream = prfPlus(prf, octets(vector, "key"), octets(vector, "seed"), out.length / 2);
        assert.equal(toHex(stream), out, vector.name);
      }
    }
  });

  const chains = kdfVectors("chains");
  it("is what libreswan's and Android's tests expect, from the nonces to the child SA", {
    skip: chains === null,
  }, () => {
    for (const vector of chains!) {
      const prf = prfNamed(vector.prf);
      const [nonceI, nonceR, spiI, spiR] = ["ni", "nr", "spi_i", "spi_r"].map((field) =>
        octets(vector, field)
      ) as [
        Uint8Array,
        Uint8Array,
        Uint8Array,
        Uint8Array,
      ];
      const sharedSecret = octets(vector, "g_ir");
      const common = { prf, nonceI, nonceR };
      assert.equal(toHex(deriveSkeyseed({ ...common, sharedSecret })), vector["skeyseed"], vector.name);

      const suite = { encryption: encryptionTransform("aes128")!, integrity: integrityTransform("sha1")! };
      const keys = deriveIkeKeys({ ...common, ...suite, spiI, spiR, sharedSecret });
      const { skD, skAi, skAr, skEi, skEr, skPi, skPr } = keys;
      const joined = toHex(concat([skD, skAi, skAr, skEi, skEr, skPi, skPr]));
      assert.equal(joined, (vector["dkm"] as string).slice(0, joined.length), vector.name);
      assert.deepEqual([skD, skAi, skEi, skPi].map(({ length }) => length), [20, 20, 16, 20]);

      const child = (secret?: Uint8Array) => {
        const made = deriveChildKeys({
          ...common,
          ...suite,
          skD,
          ...(secret ? { sharedSecret: secret } : {}),
        });
        const { initiatorToResponder: out, responderToInitiator: back } = made;
        return toHex(concat([out.encryptionKey, out.integrityKey, back.encryptionKey, back.integrityKey]));
      };
      assert.equal(child(), (vector["child_dkm"] as string).slice(0, 2 * 72), vector.name);
      if (vector["g_ir_new"] === undefined) continue;
      const fresh = octets(vector, "g_ir_new");
      assert.equal(child(fresh), (vector["child_dkm_pfs"] as string).slice(0, 2 * 72), vector.name);
      const rekeyed = deriveSkeyseed({ ...common, sharedSecret: fresh, old: { prf, skD } });
      assert.equal(toHex(rekeyed), vector["skeyseed_rekey"], vector.name);
    }
  });

  it("takes 64 bits of each nonce for the key of AES-XCBC and AES-CMAC, and all bits for the rest", () => {
    const [nonceI, nonceR] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    const sharedSecret = new Uint8Array(32).fill(3);
    for (const row of PRF_TRANSFORMS) {
      const prf = crypto.createPrf(row);
      const short = row.keyword === "prfaesxcbc" || row.keyword === "prfaescmac";
      const key = short ? concat([nonceI.subarray(0, 8), nonceR.subarray(0, 8)]) : concat([nonceI, nonceR]);
      const skeyseed = deriveSkeyseed({ prf, nonceI, nonceR, sharedSecret });
      assert.deepEqual(skeyseed, prf.compute(key, sharedSecret), row.keyword);
    }
  });

  it("of a rekey comes from the old SA's function, and is expanded by the new one's", () => {
    const [oldPrf, prf] = ["prfsha1", "prfsha512"].map((keyword) =>
      crypto.createPrf(prfTransform(keyword)!)
    ) as [
      Prf,
      Prf,
    ];
    const input = {
      nonceI: new Uint8Array(32).fill(1),
      nonceR: new Uint8Array(32).fill(2),
      spiI: new Uint8Array(8).fill(3),
      spiR: new Uint8Array(8).fill(4),
      sharedSecret: new Uint8Array(32).fill(5),
    };
    const skD = new Uint8Array(20).fill(6);
    const encryption = encryptionTransform("aes256gcm16")!;
    const keys = deriveIkeKeys({ ...input, prf, encryption, integrity: null, old: { prf: oldPrf, skD } });
    const skeyseed = oldPrf.compute(skD, input.sharedSecret, input.nonceI, input.nonceR);
    const seed = concat([input.nonceI, input.nonceR, input.spiI, input.spiR]);
    const stream = prfPlus(prf, skeyseed, seed, 64 + 2 * 36 + 2 * 64);
    assert.deepEqual(keys.skD, stream.slice(0, 64));
    assert.deepEqual(keys.skAi, new Uint8Array(0));
    assert.deepEqual(keys.skEi, stream.slice(64, 100));
    assert.deepEqual(keys.skPr, stream.slice(-64));
  });

  it("is wiped on request", () => {
    const encryption = encryptionTransform("aes256")!;
    const integrity = integrityTransform("sha256")!;
    const prf = crypto.createPrf(prfTransform("prfsha256")!);
    const nonces = { nonceI: new Uint8Array(16), nonceR: new Uint8Array(16) };
    const keys = deriveChildKeys({ prf, skD: new Uint8Array(32), ...nonces, encryption, integrity });
    for (const direction of Object.values(keys)) {
      assert.ok(direction.encryptionKey.some((octet: number) => octet !== 0));
      wipeKeys(direction);
      assert.deepEqual(direction, { encryptionKey: new Uint8Array(32), integrityKey: new Uint8Array(32) });
    }
    const secret = Uint8Array.of(1, 2, 3);
    wipe(secret, null, undefined);
    assert.deepEqual(secret, new Uint8Array(3));
  });
});
