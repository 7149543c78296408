/** The list of providers: who is asked, who is believed, what is refused. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import {
  type AeadPrimitive,
  CRYPTO_ALGORITHMS,
  type CryptoProvider,
  CryptoProviders,
  encryptionTransform,
  integrityTransform,
  MAX_GATHERED_SIZE,
  MessageBatch,
  nobleProvider,
} from "../../lib/crypto/mod.ts";
import { CryptoError } from "../../lib/errors.ts";

const noble = nobleProvider();

/** noble with another name and something changed, and without what handshakes need: its known answers take their time. */
function variant(name: string, changes: Partial<CryptoProvider>): CryptoProvider {
  const { handshake: _, ...ciphers } = noble;
  return { ...ciphers, name, ...changes };
}

function withoutMacs(name: string): CryptoProvider {
  return variant(name, {
    createMac() {
      throw new Error("no MAC here");
    },
  });
}

describe("CryptoProviders", () => {
  it("asks the first provider that knows the answer", () => {
    const crypto = new CryptoProviders([withoutMacs("first"), noble]);
    assert.equal(crypto.providerOf("aes-128-gcm").name, "first");
    assert.equal(crypto.providerOf("hmac-sha256").name, "noble");
  });

  it("reports who serves what, and why others do not", () => {
    const unavailable = [{ provider: "other", reason: "it is not there" }];
    const capabilities = new CryptoProviders([withoutMacs("first"), noble], unavailable).capabilities();
    assert.deepEqual(capabilities.providers, ["first", "noble"]);
    assert.deepEqual(capabilities.unavailable, unavailable);
    assert.deepEqual(capabilities.algorithms.map(({ algorithm }) => algorithm), CRYPTO_ALGORITHMS);
    const row = capabilities.algorithms.find(({ algorithm }) => algorithm === "hmac-sha1");
    assert.deepEqual(row, {
      algorithm: "hmac-sha1",
      provider: "noble",
      passedOver: [{ provider: "first", reason: "no MAC here" }],
    });
    assert.deepEqual(JSON.parse(JSON.stringify(capabilities)), capabilities);
  });

  it("says why nobody serves an algorithm", () => {
    const crypto = new CryptoProviders([withoutMacs("first")]);
    assert.throws(() => crypto.providerOf("hmac-sha512"), (error) => {
      assert.ok(error instanceof CryptoError);
      assert.equal(error.code, "ERR_CRYPTO_UNSUPPORTED");
      assert.equal(error.message, "Cannot use hmac-sha512: no provider here has it (first: no MAC here)");
      return true;
    });
    assert.equal(crypto.supports(encryptionTransform("aes256")!, integrityTransform("sha256")!), false);
    assert.equal(crypto.supports(encryptionTransform("aes256gcm16")!), true);
    assert.equal(new CryptoProviders([]).supports(encryptionTransform("aes256gcm16")!), false);
  });

  const liars: readonly (readonly [what: string, change: (aead: AeadPrimitive) => Partial<AeadPrimitive>])[] =
    [
      ["writes a wrong ICV", () => ({ seal: () => {} })],
      ["refuses what is authentic", () => ({ open: () => false })],
      ["accepts what is forged", (aead) => ({
        open(...range) {
          aead.open(...range);
          return true;
        },
      })],
    ];
  for (const [what, change] of liars) {
    it(`does not believe a provider that ${what}`, () => {
      const liar = variant("liar", {
        createAead(...args) {
          const aead = noble.createAead(...args);
          return {
            nonce: aead.nonce,
            prefix: aead.prefix,
            bind: (slab) => aead.bind(slab),
            seal: (...range) => aead.seal(...range),
            open: (...range) => aead.open(...range),
            dispose: () => aead.dispose(),
            ...change(aead),
          };
        },
      });
      const [row] = new CryptoProviders([liar]).capabilities().algorithms;
      assert.equal(row!.provider, null);
      assert.match(row!.passedOver[0]!.reason, /^Cannot use aes-128-gcm of liar: /);
    });
  }

  it("asks a provider for its known answer once", () => {
    let asked = 0;
    const counted = variant("counted", {
      createMac(...args) {
        asked++;
        return noble.createMac(...args);
      },
    });
    for (let i = 0; i < 3; i++) new CryptoProviders([counted]).providerOf("hmac-sha1");
    assert.equal(asked, 1);
  });

  it("refuses keys of the wrong size, and shows none of their octets", () => {
    const crypto = new CryptoProviders([noble]);
    const key = new Uint8Array(32).fill(0xab);
    const code = "ERR_CRYPTO_KEY_SIZE";
    const gcm = { encryption: encryptionTransform("aes256gcm16")!, encryptionKey: key };
    assert.throws(() => crypto.createSealer(gcm), {
      name: "RangeError",
      code,
      message:
        "Cannot make a cipher of aes256gcm16: expected a key of 36 octets, the last 4 of them salt, got 32",
    });
    const cbc = { encryption: encryptionTransform("aes256")!, encryptionKey: key };
    const sha1 = { integrity: integrityTransform("sha1")!, integrityKey: key };
    assert.throws(() => crypto.createOpener({ ...cbc, ...sha1 }), { name: "RangeError", code });
    assert.throws(() => crypto.createOpener({ ...cbc, integrity: sha1.integrity }), { code });
  });

  it("refuses transforms that do not go together", () => {
    const crypto = new CryptoProviders([noble]);
    const sha256 = { integrity: integrityTransform("sha256")!, integrityKey: new Uint8Array(32) };
    const code = "ERR_CRYPTO_TRANSFORM";
    const gcm = { encryption: encryptionTransform("aes128gcm16")!, encryptionKey: new Uint8Array(20) };
    assert.throws(() => crypto.createSealer({ ...gcm, ...sha256 }), { name: "TypeError", code });
    for (const keyword of ["aes128", "aes128ctr", "null"]) {
      const encryption = encryptionTransform(keyword)!;
      const encryptionKey = new Uint8Array(encryption.keySize + encryption.saltSize);
      assert.throws(() => crypto.createSealer({ encryption, encryptionKey }), { name: "TypeError", code });
    }
  });

  it("opens a batch of AES-CBC with messages that fit into no gathering, and others between them", () => {
    const crypto = new CryptoProviders([noble]);
    const spec = {
      encryption: encryptionTransform("aes128")!,
      encryptionKey: new Uint8Array(16).fill(1),
      integrity: integrityTransform("sha256")!,
      integrityKey: new Uint8Array(32).fill(2),
    };
    const sealer = crypto.createSealer(spec);
    const overhead = 8 + 16 + 16;
    const bodies = [32, MAX_GATHERED_SIZE + 16, 0, 64, MAX_GATHERED_SIZE - 16, 48, MAX_GATHERED_SIZE, 16];
    const slab = new Uint8Array(bodies.reduce((sum, size) => sum + size + overhead, 0));
    for (let i = 0; i < slab.length; i++) slab[i] = i * 7;
    const batch = new MessageBatch();
    let start = 0;
    for (const size of bodies) {
      batch.add(start, size + overhead);
      start += size + overhead;
    }
    const plain = slab.slice();
    sealer.sealBatch(slab, batch);
    slab[batch.starts[3]! + 30]! ^= 1;
    assert.equal(crypto.createOpener(spec).openBatch(slab, batch), bodies.length - 1);
    bodies.forEach((size, i) => {
      const from = batch.starts[i]! + 24;
      const expected = i === 3 ? new Uint8Array(size) : plain.slice(from, from + size);
      assert.deepEqual(slab.slice(from, from + size), expected, `message ${i}`);
    });
  });
});
