/** The portable provider passes the suites. It lacks nothing for packets, and signs everything but RSA. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { nobleProvider } from "../../lib/crypto/mod.ts";
import { describeCiphers, lackedBy } from "../compliance/cipher_suite.ts";
import { describeHandshakes, handshakeLackedBy } from "../compliance/handshake_suite.ts";

describe("The noble provider", () => {
  it("has every algorithm for packets", () => assert.deepEqual(lackedBy(nobleProvider()), []));

  it("has every algorithm for handshakes, but RSA only to verify with", () => {
    const lacked = handshakeLackedBy(nobleProvider());
    assert.ok(lacked.length === 7 && lacked.every((name) => /^rsa-.*-sign$/.test(name)), lacked.join(", "));
  });

  describeCiphers(nobleProvider());
  describeHandshakes(nobleProvider());
});
