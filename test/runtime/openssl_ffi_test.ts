/** The provider on OpenSSL passes the suite by every way of calling it that this runtime has. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import process from "node:process";
import { CryptoProviders, encryptionTransform } from "../../lib/crypto/mod.ts";
import { detectRuntime } from "../../lib/runtime/detect.ts";
import {
  describeFunctions,
  type OpensslBinding,
  type OpensslFunctions,
  VIEWS,
} from "../../lib/runtime/_openssl.ts";
import { bindKoffi, bindNodeFfi } from "../../lib/runtime/_openssl_node.ts";
import { bindBun, bindDeno, LIBCRYPTO_VARIABLE } from "../../lib/runtime/_openssl_system.ts";
import { opensslProvider, provenProvider } from "../../lib/runtime/openssl_ffi.ts";
import { describeCiphers, lackedBy } from "../compliance/cipher_suite.ts";

// Bound while the file loads: Deno takes a library that a test opens for a leak of that test.
const provider = opensslProvider();
const reason = typeof provider === "string" ? provider : undefined;
const bindings = detectRuntime().name === "node"
  ? [bindNodeFfi(process.arch), bindKoffi()].filter((binding): binding is OpensslBinding => binding !== null)
  : [];

describe("The OpenSSL provider", { skip: reason }, () => {
  if (typeof provider === "string") return;
  if (bindings.length === 0) describeCiphers(provider);
  for (const binding of bindings) {
    const proven = provenProvider(binding);
    assert.ok(typeof proven !== "string", `${binding.name}: ${proven}`);
    describe(`through ${binding.name}`, () => describeCiphers(proven));
  }

  it("has every algorithm", () => assert.deepEqual(lackedBy(provider), []));

  it("keeps to the octets of each slab while memory is claimed and freed around them", () => {
    const crypto = new CryptoProviders([provider]);
    const spec = {
      encryption: encryptionTransform("aes128gcm16")!,
      encryptionKey: new Uint8Array(20).fill(7),
    };
    const [sealer, opener] = [crypto.createSealer(spec), crypto.createOpener(spec)];
    const litter: Uint8Array[] = [];
    for (let i = 0; i < 20_000; i++) {
      // Small arrays lie in the heap that is moved, large ones outside.
      const message = new Uint8Array(32 + (i % 50) * (i % 7 === 0 ? 40 : 1)).fill(i);
      const plain = message.slice(0, -16);
      sealer.seal(message);
      litter[i % 100] = new Uint8Array(i % 3000);
      assert.equal(opener.open(message), true);
      assert.deepEqual(message.subarray(0, -16), plain);
    }
    sealer.dispose();
    opener.dispose();
  });

  it("goes on after 100000 ciphers have come and gone", () => {
    const crypto = new CryptoProviders([provider]);
    const spec = { encryption: encryptionTransform("aes256gcm16")!, encryptionKey: new Uint8Array(36) };
    const message = new Uint8Array(100);
    for (let i = 0; i < 100_000; i++) {
      const sealer = crypto.createSealer(spec);
      if (i % 1000 === 0) sealer.seal(message);
      sealer.dispose();
    }
    const opener = crypto.createOpener(spec);
    assert.equal(opener.open(new Uint8Array(100)), false);
    opener.dispose();
  });

  it("refuses a primitive that has been disposed of, instead of following a null pointer", () => {
    const aead = provider.createAead("aes-256-gcm", new Uint8Array(32), { direction: "seal", icvSize: 16 });
    const cipher = provider.createCipher("aes-256-cbc", new Uint8Array(32), { direction: "seal" });
    const mac = provider.createMac("hmac-sha256", new Uint8Array(32));
    const slab = new Uint8Array(64);
    for (const primitive of [aead, cipher, mac]) {
      primitive.bind(slab);
      primitive.dispose();
      primitive.dispose();
    }
    assert.throws(() => aead.seal(0, 0, 8, 8, 40), { code: "ERR_CRYPTO_FAILED" });
    assert.throws(() => cipher.apply(0, 32), { code: "ERR_CRYPTO_FAILED" });
    assert.throws(() => mac.compute(0, 32, 0), { code: "ERR_CRYPTO_FAILED" });
  });
});

describe("What is not OpenSSL 3", () => {
  /** Functions that all return the same. */
  const bound = (result: number, changes: Partial<OpensslFunctions> = {}): OpensslBinding => ({
    ...VIEWS,
    name: "nothing",
    functions: { ...describeFunctions(() => () => result), ...changes },
  });

  it("is refused by its version", () => {
    assert.equal(provenProvider(bound(1)), "expected OpenSSL 3, got version 1");
  });

  it("is refused when it does nothing and says that all went well", () => {
    const idle = bound(1, { OPENSSL_version_major: () => 3 });
    assert.equal(
      provenProvider(idle),
      "Cannot use aes-256-gcm of OpenSSL (nothing): the answer to a known question was wrong",
    );
  });

  it("is refused when it says that something failed, or gives no context", () => {
    assert.match(String(provenProvider(bound(3))), /^Cannot use aes-256-gcm of OpenSSL: init failed$/);
    const empty = bound(1, { OPENSSL_version_major: () => 3, EVP_CIPHER_CTX_new: () => 0 });
    assert.match(String(provenProvider(empty)), /EVP_CIPHER_CTX_new failed$/);
  });

  it("is refused when it cannot be loaded", { skip: !["deno", "bun"].includes(detectRuntime().name) }, () => {
    const before = process.env[LIBCRYPTO_VARIABLE];
    process.env[LIBCRYPTO_VARIABLE] = "libcrypto-that-does-not-exist.so";
    try {
      const bind = detectRuntime().name === "deno" ? bindDeno : bindBun;
      assert.throws(bind, /libcrypto-that-does-not-exist/);
    } finally {
      if (before === undefined) delete process.env[LIBCRYPTO_VARIABLE];
      else process.env[LIBCRYPTO_VARIABLE] = before;
    }
  });
});
