/** The provider on `node:crypto` passes the suite, but for what each runtime is known to lack. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import type { CryptoAlgorithm } from "../../lib/crypto/mod.ts";
import { detectRuntime, type RuntimeName } from "../../lib/runtime/detect.ts";
import { nodeCryptoProvider } from "../../lib/runtime/node_crypto.ts";
import { fromHex } from "../../lib/bytes/mod.ts";
import { runtimeCrypto } from "../../lib/runtime/crypto.ts";
import { TEST_KEYS } from "../_support/test_keys.ts";
import { describeCiphers, lackedBy } from "../compliance/cipher_suite.ts";
import { describeHandshakes, handshakeLackedBy } from "../compliance/handshake_suite.ts";

const CCM: readonly CryptoAlgorithm[] = ["aes-128-ccm", "aes-192-ccm", "aes-256-ccm"];

const LACKING: Readonly<Record<RuntimeName, readonly CryptoAlgorithm[]>> = {
  node: [],
  deno: [...CCM, "aes-192-gcm", "aes-192-cbc"],
  bun: [...CCM, "chacha20-poly1305"],
  other: [],
};

const MODP: readonly CryptoAlgorithm[] = ["modp2048", "modp3072", "modp4096", "modp6144", "modp8192"];

const LACKING_FOR_HANDSHAKES: Readonly<Record<RuntimeName, readonly CryptoAlgorithm[]>> = {
  node: [],
  deno: ["ecp521", "x448", "ecdsa-p521-sha256", "ecdsa-p521-sha256-sign"],
  bun: [...MODP, "x448", "ed448", "ed448-sign"],
  other: [],
};

describe("The node:crypto provider", () => {
  const provider = nodeCryptoProvider()!;

  it("has every algorithm but those that this runtime is known to lack", () => {
    const mayLack = LACKING[detectRuntime().name];
    assert.deepEqual(lackedBy(provider).filter((algorithm) => !mayLack.includes(algorithm)), []);
  });

  it("has every algorithm for handshakes but those that this runtime is known to lack", () => {
    const mayLack = LACKING_FOR_HANDSHAKES[detectRuntime().name];
    assert.deepEqual(handshakeLackedBy(provider).filter((algorithm) => !mayLack.includes(algorithm)), []);
  });

  describeCiphers(provider);
  describeHandshakes(provider);
});

/** Another key of the same kind. */
const OTHER_P256 = {
  spki:
    "3059301306072a8648ce3d020106082a8648ce3d03010703420004718fcd59934261426c63dae4387833e47f07f2a7a55e6662907d4fac881a8d4284f4553008b4cdd9b236626dfb0db6aad51d7f665e64a62f17c6f052f1acbe1b",
  pkcs8:
    "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420d1a5c7aeae7ac1a2faf38b848cc212d43ffd3bd75481d4601c44c6000cd4f488a14403420004718fcd59934261426c63dae4387833e47f07f2a7a55e6662907d4fac881a8d4284f4553008b4cdd9b236626dfb0db6aad51d7f665e64a62f17c6f052f1acbe1b",
};

describe("A private key of node:crypto", () => {
  const crypto = runtimeCrypto({ prefer: "node" });
  const message = new TextEncoder().encode("message");

  it("signs again and again, and is another one when its octets have become others", () => {
    const [p256, other] = [TEST_KEYS.find(({ kind }) => kind === "p256")!, OTHER_P256];
    const octets = fromHex(p256.pkcs8);
    for (let i = 0; i < 3; i++) {
      const signature = crypto.sign("ecdsa_p256_sha256", octets, message);
      assert.ok(crypto.verify("ecdsa_p256_sha256", fromHex(p256.spki), message, signature));
    }
    assert.equal(octets.length, other.pkcs8.length / 2);
    octets.set(fromHex(other.pkcs8));
    const signature = crypto.sign("ecdsa_p256_sha256", octets, message);
    assert.ok(crypto.verify("ecdsa_p256_sha256", fromHex(other.spki), message, signature));
    octets.fill(0);
    assert.throws(() => crypto.sign("ecdsa_p256_sha256", octets, message), { code: "ERR_CRYPTO_KEY" });
  });
});
