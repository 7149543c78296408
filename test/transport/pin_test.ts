import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "../../lib/errors.ts";
import { parsePin } from "../../lib/transport/mod.ts";

const HEX = "00fb".repeat(16);
const COLONS = HEX.toUpperCase().match(/../g)!.join(":");
const BASE64 = btoa(String.fromCharCode(...HEX.match(/../g)!.map((octet) => Number(`0x${octet}`))));

describe("parsePin", () => {
  for (
    const text of [
      HEX,
      HEX.toUpperCase(),
      COLONS,
      `sha256:${HEX}`,
      `SHA-256=${COLONS}`,
      `sha256 Fingerprint=${COLONS}`,
      ` SHA256 Fingerprint=${COLONS}\n`,
      BASE64,
      BASE64.replace("=", ""),
      BASE64.replaceAll("+", "-").replaceAll("/", "_"),
      `sha256:${BASE64}`,
    ]
  ) it(`reads ${text}`, () => assert.equal(parsePin(text), HEX));

  for (
    const text of [
      "",
      HEX.slice(2),
      `${HEX}00`,
      `sha1:${HEX.slice(24)}`,
      `${HEX.slice(1)}g`,
      `sha256//${BASE64}`,
    ]
  ) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parsePin(text),
        (error) => error instanceof ConfigError && error.code === "ERR_CONFIG_OPTION",
      );
    });
  }

  it("says that a hash of a public key is not the fingerprint of a certificate", () => {
    assert.throws(() => parsePin(`sha256//${BASE64}`), /got the hash of a public key/);
  });
});
