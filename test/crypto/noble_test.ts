/** The portable provider passes the suites. It lacks nothing for packets, and signs everything but RSA. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { nobleProvider } from "../../lib/crypto/mod.ts";
import { describeCiphers, lackedBy } from "../compliance/cipher_suite.ts";
import { describeHandshakes, handshakeLackedBy } from "../compliance/handshake_suite.ts";

describe("The noble provider", () => {
  it("has every algorithm for packets", () => assert.deepEqual(lackedBy(nobleProvider()), []));

  it("says of a cipher that it lacks that it does, so that another provider is asked", () => {
    const { createAead, createCipher } = nobleProvider();
    const lacks = { code: "ERR_CRYPTO_UNSUPPORTED", message: /^Cannot use camellia-128-cbc of noble: / };
    const name = "camellia-128-cbc" as never;
    assert.throws(() => createCipher(name, new Uint8Array(16), { direction: "seal" }), lacks);
    assert.throws(() => createAead(name, new Uint8Array(16), { direction: "seal", icvSize: 16 }), lacks);
  });

  it("has every algorithm for handshakes, but RSA only to verify with", () => {
    const lacked = handshakeLackedBy(nobleProvider());
    assert.ok(lacked.length === 7 && lacked.every((name) => /^rsa-.*-sign$/.test(name)), lacked.join(", "));
  });

  describeCiphers(nobleProvider());
  describeHandshakes(nobleProvider());
});
