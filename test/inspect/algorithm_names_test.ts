import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encryptionTransform } from "../../lib/crypto/mod.ts";
import { espEncryptionName, ikeEncryptionName } from "../../lib/inspect/_algorithm_names.ts";

describe("The name of a cipher in tables of keys", () => {
  it("is Wireshark's for AES", () => {
    const row = encryptionTransform("aes128")!;
    assert.deepEqual(ikeEncryptionName(row), { name: "AES-CBC-128 [RFC3602]", known: true });
    assert.deepEqual(espEncryptionName(row), { name: "AES-CBC [RFC3602]", known: true });
  });

  it("is IANA's for a cipher that is not AES, whatever its mode: never that of AES", () => {
    const row = {
      ...encryptionTransform("aes128")!,
      name: "ENCR_CAMELLIA_CBC",
      algorithm: "camellia-128-cbc" as never,
    };
    assert.deepEqual(ikeEncryptionName(row), { name: "ENCR_CAMELLIA_CBC-128", known: false });
    assert.deepEqual(espEncryptionName(row), { name: "ENCR_CAMELLIA_CBC", known: false });
  });
});
