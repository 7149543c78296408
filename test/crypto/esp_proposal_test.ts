/** ESP proposals as strongSwan's users write them. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { ConfigError, IketcpError } from "../../lib/errors.ts";
import {
  ENCRYPTION_TRANSFORMS,
  INTEGRITY_TRANSFORMS,
  MAX_PROPOSAL_LENGTH,
  parseEspProposal,
} from "../../lib/crypto/mod.ts";

const READ:
  readonly (readonly [text: string, encryption: string[], integrity: string[], others: string[]])[] = [
    ["aes256gcm16", ["aes256gcm16"], [], []],
    ["aes256gcm128", ["aes256gcm16"], [], []],
    ["chacha20poly1305-x25519", ["chacha20poly1305"], [], ["x25519"]],
    ["aes128-sha256", ["aes128"], ["sha256"], []],
    [" AES128-SHA256-modp2048-ESN ", ["aes128"], ["sha256"], ["modp2048", "esn"]],
    ["aes256-aes128-sha512-sha1-ecp256-noesn", ["aes256", "aes128"], ["sha512", "sha1"], ["ecp256", "noesn"]],
    ["aes128gcm16-aes256gcm16-sha256", ["aes128gcm16", "aes256gcm16"], [], []],
    ["aes256gcm16-x25519-ke1_mlkem768", ["aes256gcm16"], [], ["x25519", "ke1_mlkem768"]],
    ["null-sha1", ["null"], ["sha1"], []],
    ["aes128gmac", ["aes128gmac"], [], []],
    ["aes128-aes128-sha256", ["aes128"], ["sha256"], []],
  ];

const REFUSED: readonly (readonly [text: string, why: RegExp])[] = [
  ["", /unknown keyword ""/],
  ["aes256gcm61", /unknown keyword "aes256gcm61"; did you mean "aes256gcm16"/],
  ["aes128-sha265", /unknown keyword "sha265"; did you mean "sha256"/],
  ["rot13", /unknown keyword "rot13"$/],
  ["aes128", /expected an integrity keyword such as sha256 beside aes128, got none/],
  ["null", /beside null, got none/],
  ["sha256", /expected an encryption keyword/],
  ["x25519", /expected an encryption keyword/],
  [
    "aes128-aes256gcm16-sha256",
    /expected ciphers of one kind, got some that need an integrity keyword \(aes128\)/,
  ],
  ["aes128--sha256", /unknown keyword ""/],
  ["a".repeat(MAX_PROPOSAL_LENGTH + 1), /expected at most 1024 characters, got 1025/],
];

describe("An ESP proposal", () => {
  for (const [text, encryption, integrity, others] of READ) {
    it(`is read: ${text}`, () => {
      const read = parseEspProposal(text);
      assert.deepEqual(read.encryption.map(({ keyword }) => keyword), encryption);
      assert.deepEqual(read.integrity.map(({ keyword }) => keyword), integrity);
      assert.deepEqual(read.others, others);
    });
  }

  for (const [text, why] of REFUSED) {
    it(`is refused: ${text.slice(0, 40) || "nothing"}`, () => {
      assert.throws(() => parseEspProposal(text), (error) => {
        assert.ok(error instanceof ConfigError);
        assert.equal(error.code, "ERR_CONFIG_PROPOSAL");
        assert.match(error.message, why);
        assert.ok(error.message.length < 300);
        return true;
      });
    });
  }

  it("throws nothing but its own error, whatever the text", () => {
    const keyword = fc.constantFrom(...ENCRYPTION_TRANSFORMS, ...INTEGRITY_TRANSFORMS).map((row) =>
      row.keyword
    );
    const text = fc.array(fc.oneof(keyword, fc.string({ maxLength: 60 })), { maxLength: 6 });
    fc.assert(fc.property(text, (words) => {
      try {
        assert.ok(parseEspProposal(words.join("-")).encryption.length > 0);
      } catch (error) {
        assert.ok(error instanceof IketcpError);
      }
    }));
  });
});
