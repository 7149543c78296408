/** The choice of providers on this runtime. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import process from "node:process";
import { HANDSHAKE_ALGORITHMS } from "../../lib/crypto/mod.ts";
import { ConfigError } from "../../lib/errors.ts";
import { detectRuntime } from "../../lib/runtime/detect.ts";
import { CRYPTO_VARIABLE, runtimeCrypto } from "../../lib/runtime/crypto.ts";
import { OPENSSL_FFI, opensslProvider } from "../../lib/runtime/openssl_ffi.ts";

// Bound while the file loads: Deno takes a library that a test opens for a leak of that test.
const openssl = opensslProvider();

/** Runs with the environment variable set, or without it. */
function withVariable<T>(value: string | undefined, run: () => T): T {
  const before = process.env[CRYPTO_VARIABLE];
  const set = (to: string | undefined): void => {
    if (to === undefined) delete process.env[CRYPTO_VARIABLE];
    else process.env[CRYPTO_VARIABLE] = to;
  };
  set(value);
  try {
    return run();
  } finally {
    set(before);
  }
}

describe("runtimeCrypto", () => {
  it("asks node:crypto first, and noble for what that lacks", () => {
    const { providers, unavailable, algorithms } = withVariable(undefined, () => runtimeCrypto())
      .capabilities();
    assert.deepEqual(providers, ["node:crypto", "noble"]);
    assert.deepEqual(unavailable, [{ provider: OPENSSL_FFI, reason: "not asked for (IKETCP_CRYPTO=ffi)" }]);
    assert.deepEqual(algorithms.filter(({ provider }) => provider === null), []);
    const served = Object.fromEntries(algorithms.map(({ algorithm, provider }) => [algorithm, provider]));
    assert.equal(served["aes-256-gcm"], "node:crypto");
    const { name } = detectRuntime();
    assert.equal(served["chacha20-poly1305"], name === "bun" ? "noble" : "node:crypto");
    assert.equal(served["aes-192-gcm"], name === "deno" ? "noble" : "node:crypto");
  });

  it("can be told to use plain JavaScript alone, in code and in the environment", () => {
    assert.deepEqual(runtimeCrypto({ prefer: "noble" }).capabilities().providers, ["noble"]);
    assert.deepEqual(withVariable("noble", () => runtimeCrypto()).capabilities().providers, ["noble"]);
  });

  it("is told in code before it is told in the environment", () => {
    const crypto = withVariable("noble", () => runtimeCrypto({ prefer: "node" }));
    assert.equal(crypto.capabilities().providers[0], "node:crypto");
  });

  it("gives the same list every time, so that answers are asked for once", () => {
    assert.equal(runtimeCrypto({ prefer: "node" }), runtimeCrypto({ prefer: "node" }));
  });

  it("refuses a word that it does not know", () => {
    assert.throws(() => withVariable("openssl", () => runtimeCrypto()), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.equal(error.code, "ERR_CONFIG_OPTION");
      assert.match(error.message, /expected IKETCP_CRYPTO to be ffi, node or noble, got "openssl"/);
      return true;
    });
  });

  it("uses OpenSSL first where it was asked for, or says in one line why not and goes on without", () => {
    const notices: string[] = [];
    const crypto = withVariable("ffi", () => runtimeCrypto({ onNotice: (line) => notices.push(line) }));
    const { providers, unavailable, algorithms } = crypto.capabilities();
    if (typeof openssl === "string") {
      assert.deepEqual(providers, ["node:crypto", "noble"]);
      assert.deepEqual(unavailable, [{ provider: OPENSSL_FFI, reason: openssl }]);
      assert.equal(notices.length, 1);
      assert.doesNotMatch(notices[0]!, /\n/);
    } else {
      assert.deepEqual(providers, [openssl.name, "node:crypto", "noble"]);
      assert.deepEqual(notices, []);
      const others = algorithms.filter(({ provider }) => provider !== openssl.name);
      assert.deepEqual(others.map(({ algorithm }) => algorithm), HANDSHAKE_ALGORITHMS);
      assert.ok(others.every(({ provider }) => provider !== null));
    }
  });
});
