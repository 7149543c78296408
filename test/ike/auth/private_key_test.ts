import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { parsePem, parsePrivateKey } from "../../../lib/ike/auth/mod.ts";
import { toHex } from "../../../lib/bytes/mod.ts";
import { pem } from "./_pki.ts";

describe("parsePrivateKey", () => {
  const NAMES = {
    "gw-rsa": "RSA 2048",
    "gw-p256": "P-256",
    "gw-p384": "P-384",
    "gw-p521": "P-521",
    "gw-ed25519": "Ed25519",
    "gw-ed448": "Ed448",
  };
  for (const [file, name] of Object.entries(NAMES)) {
    it(`reads PKCS#8 of ${name}, as PEM and as DER`, () => {
      const text = pem(`${file}.key`);
      assert.equal(parsePrivateKey(text).name, name);
      const { der } = parsePem(text)[0]!;
      assert.equal(toHex(parsePrivateKey(der).pkcs8), toHex(der));
    });
  }

  it("brings PKCS#1 into the same PKCS#8 that OpenSSL writes", () => {
    const key = parsePrivateKey(pem("gw-rsa.pkcs1"));
    assert.deepEqual([key.kind, toHex(key.pkcs8)], ["rsa", toHex(parsePrivateKey(pem("gw-rsa.key")).pkcs8)]);
  });

  it("brings SEC1 into PKCS#8 of the same curve", () => {
    const key = parsePrivateKey(pem("gw-p256.sec1"));
    assert.deepEqual([key.kind, key.name], ["p256", "P-256"]);
  });

  it("says what to do with a key behind a passphrase", () => {
    assert.throws(() => parsePrivateKey(pem("gw-p256.encrypted")), {
      code: "ERR_CONFIG_CREDENTIAL",
      message: /passphrase.*openssl pkey/,
    });
  });

  it("refuses what is no key, and shows nothing of it", () => {
    const secret = "QmFzZTY0IHNlY3JldA==";
    const wrong = [
      "",
      "no PEM at all",
      pem("gw-rsa"),
      `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----\n`,
      `-----BEGIN PRIVATE KEY-----\n${secret}`,
      `-----BEGIN PRIVATE KEY-----\n?\n-----END PRIVATE KEY-----\n`,
      pem("gw-rsa.key") + pem("gw-p256.key"),
    ];
    for (const file of wrong) {
      assert.throws(() => parsePrivateKey(file), (error: Error & { code: string }) => {
        assert.equal(error.code, "ERR_CONFIG_CREDENTIAL");
        assert.ok(!error.message.includes("secret") && !error.message.includes(secret));
        return true;
      });
    }
  });

  it("refuses a key that was cut anywhere", () => {
    const { der } = parsePem(pem("gw-p256.key"))[0]!;
    for (let size = 0; size < der.length; size++) {
      assert.throws(
        () => parsePrivateKey(der.subarray(0, size)),
        { code: "ERR_CONFIG_CREDENTIAL" },
        `${size}`,
      );
    }
  });
});

describe("parsePem", () => {
  it("reads every block and passes over what lies between, with any line ends", () => {
    const file = `Bag Attributes\r\n${pem("gw-p256").replaceAll("\n", "\r\n")}\nnoise\n${pem("gw-p256.key")}`;
    assert.deepEqual(parsePem(file).map(({ label }) => label), ["CERTIFICATE", "PRIVATE KEY"]);
    assert.deepEqual(parsePem(new TextEncoder().encode(file)), parsePem(file));
  });
});
