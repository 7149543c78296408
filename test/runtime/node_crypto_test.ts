/** The provider on `node:crypto` passes the suite, but for what each runtime is known to lack. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import type { CryptoAlgorithm } from "../../lib/crypto/mod.ts";
import { detectRuntime, type RuntimeName } from "../../lib/runtime/detect.ts";
import { nodeCryptoProvider } from "../../lib/runtime/node_crypto.ts";
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
