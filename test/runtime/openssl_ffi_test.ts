/** The provider on OpenSSL passes the suite by every way of calling it that this runtime has. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import process from "node:process";
import { CryptoProviders, encryptionTransform } from "../../lib/crypto/mod.ts";
import { detectRuntime } from "../../lib/runtime/detect.ts";
import type { OpensslBinding } from "../../lib/runtime/_openssl.ts";
import { bindKoffi, bindNodeFfi } from "../../lib/runtime/_openssl_node.ts";
import { opensslProvider, providerOn } from "../../lib/runtime/openssl_ffi.ts";
import { describeCiphers } from "../compliance/cipher_suite.ts";

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
    describe(`through ${binding.name}`, () => describeCiphers(providerOn(binding)));
  }

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
