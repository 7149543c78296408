/** The portable provider passes the suite. It lacks nothing. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { nobleProvider } from "../../lib/crypto/mod.ts";
import { describeCiphers, lackedBy } from "../compliance/cipher_suite.ts";

describe("The noble provider", () => {
  it("has every algorithm", () => assert.deepEqual(lackedBy(nobleProvider()), []));

  describeCiphers(nobleProvider());
});
