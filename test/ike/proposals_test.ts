import { describe, it } from "node:test";
import assert from "node:assert/strict";
import {
  CryptoProviders,
  ENCRYPTION_TRANSFORMS,
  KEY_EXCHANGE_TRANSFORMS,
  MAX_PROPOSAL_LENGTH,
  nobleProvider,
} from "../../lib/crypto/mod.ts";
import { emitPayloads, parsePayloads, type SaPayload } from "../../lib/ike/codec/mod.ts";
import {
  DEFAULT_ESP_PROPOSALS,
  DEFAULT_IKE_PROPOSALS,
  formatProposal,
  MAX_CONFIGURED_PROPOSALS,
  parseEspProposals,
  parseIkeProposals,
  supportedProposals,
  toSaPayload,
} from "../../lib/ike/mod.ts";
import { runtimeCrypto } from "../../lib/runtime/mod.ts";

describe("parseIkeProposals", () => {
  for (
    const [text, ...expected] of [
      ["aes256gcm16-prfsha384-x25519", "aes256gcm16-prfsha384-x25519"],
      // As in strongSwan: the integrity keyword stands for the pseudorandom function, too.
      ["aes256-sha256-modp2048", "aes256-sha256-prfsha256-modp2048"],
      ["aes256-sha256-sha512-ecp384", "aes256-sha256-sha512-prfsha256-prfsha512-ecp384"],
      ["aes256-sha512-prfsha256-ecp384", "aes256-sha512-prfsha256-ecp384"],
      ["aes128-aesxcbc-x25519", "aes128-aesxcbc-prfaesxcbc-x25519"],
      // Beside an AEAD it stands for that alone.
      ["aes256gcm16-sha384-ecp384", "aes256gcm16-prfsha384-ecp384"],
      ["AES256GCM128-PRFSHA2_256-curve25519", "aes256gcm16-prfsha256-x25519"],
      ["aes-sha-modp3072", "aes128-sha1-prfsha1-modp3072"],
      [
        "chacha20poly1305-prfsha256-x25519,aes128-sha256-ecp256", //
        "chacha20poly1305-prfsha256-x25519",
        "aes128-sha256-prfsha256-ecp256",
      ],
      ["aes256-aes256-sha256-sha256-x25519-x25519", "aes256-sha256-prfsha256-x25519"],
    ] as const
  ) {
    it(`reads ${text}`, () => {
      assert.deepEqual(parseIkeProposals(text).map(formatProposal), expected);
    });
  }

  for (
    const [text, why] of [
      ["aes256gcm16-x25519", /expected a pseudorandom function such as prfsha256, got none$/],
      ["aes256-x25519", /expected an integrity keyword such as sha256, got none$/],
      ["aes256-prfsha256-x25519", /expected an integrity keyword such as sha256, got none$/],
      ["aes256-sha256", /expected a key exchange such as x25519, got none$/],
      ["sha256-modp2048", /expected an encryption keyword such as aes256gcm16, got none$/],
      ["aes256gcm16-aes256-sha256-x25519", /expected ciphers of one kind/],
      ["null-sha256-x25519", /expected a cipher for IKE, got null, which is for ESP only$/],
      ["aes256gmac-prfsha256-x25519", /got aes256gmac, which is for ESP only$/],
      ["aes256gcm16iiv-prfsha256-x25519", /got aes256gcm16iiv, which is for ESP only$/],
      ["aes256-sha256-x25519-esn", /unknown keyword "esn"/],
      ["aes256-sha265-x25519", /unknown keyword "sha265"; did you mean "sha256"/],
      ["aes256-sha256-modp1024", /unknown keyword "modp1024"; key exchanges are x25519, ecp256, .*modp8192$/],
      ["aes256-sha256-x25519-ke1_mlkem768", /unknown keyword "ke1_mlkem768"/],
      ["", /unknown keyword ""/],
      ["aes256-sha256-x25519,", /unknown keyword ""/],
    ] as const
  ) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseIkeProposals(text), (error) => {
        assert.ok(error instanceof Error && "code" in error && error.code === "ERR_CONFIG_PROPOSAL");
        assert.match(error.message, /^Cannot read the IKE proposal "/);
        assert.match(error.message, why);
        return true;
      });
    });
  }

  it("has a limit for the length of a proposal and the number of them", () => {
    assert.throws(
      () => parseIkeProposals("a".repeat(MAX_PROPOSAL_LENGTH + 1)),
      /expected at most 1024 characters/,
    );
    const list = (count: number) => Array(count).fill("aes256-sha256-x25519").join(",");
    assert.equal(parseIkeProposals(list(MAX_CONFIGURED_PROPOSALS)).length, 64);
    assert.throws(
      () => parseIkeProposals(list(MAX_CONFIGURED_PROPOSALS + 1)),
      /at most 64 proposals, got 65/,
    );
  });
});

describe("parseEspProposals", () => {
  for (
    const [text, ...expected] of [
      ["aes256gcm16-x25519-esn", "aes256gcm16-x25519-esn"],
      ["aes256gcm16", "aes256gcm16-noesn"],
      ["aes128-sha256-modp2048-none-esn-noesn", "aes128-sha256-modp2048-none-esn-noesn"],
      ["aes128gcm16,null-sha256", "aes128gcm16-noesn", "null-sha256-noesn"],
      ["aes256gcm16iiv-modpnone", "aes256gcm16iiv-none-noesn"],
    ] as const
  ) {
    it(`reads ${text}`, () => {
      assert.deepEqual(parseEspProposals(text).map(formatProposal), expected);
    });
  }

  for (
    const [text, why] of [
      ["aes256gcm16-modp1024", /unknown keyword "modp1024"/],
      ["aes256gcm16-ke1_mlkem768", /unknown keyword "ke1_mlkem768"/],
      ["aes256gcm16-prfsha256", /unknown keyword "prfsha256"/],
      ["aes256", /expected an integrity keyword/],
    ] as const
  ) {
    it(`refuses ${text}`, () => {
      assert.throws(() => parseEspProposals(text), { code: "ERR_CONFIG_PROPOSAL", message: why });
    });
  }
});

/**
 * What others propose or accept by themselves, each as one proposal of theirs that ours must have in full: libreswan 4 and
 * 5 and strongSwan 5.9 and 6 by their documentation, Apple's configuration profiles with their defaults, Windows after its
 * `NegotiateDH2048_AES256`.
 */
const OTHERS: readonly (readonly [who: string, ike: string, esp: string])[] = [
  ["libreswan", "aes256gcm16-prfsha512-ecp256", "aes256gcm16-noesn"],
  ["libreswan with CBC", "aes256-sha512-prfsha512-modp2048", "aes256-sha512-noesn"],
  ["libreswan with ChaCha20", "chacha20poly1305-prfsha256-x25519", "chacha20poly1305-esn"],
  ["strongSwan", "aes128-sha256-prfsha256-ecp256", "aes128gcm16-noesn"],
  ["strongSwan with AEAD", "aes128gcm16-prfsha256-x25519", "aes256-sha384-noesn"],
  ["Apple", "aes256-sha256-prfsha256-modp2048", "aes256-sha256-noesn"],
  ["Apple, newer", "aes256gcm16-prfsha256-ecp256", "aes256gcm16-noesn"],
  ["Windows", "aes256-sha256-prfsha256-modp2048", "aes256-sha1-noesn"],
  ["Windows, by its cmdlet", "aes256gcm16-prfsha384-ecp384", "aes256gcm16-noesn"],
];

describe("The default proposals", () => {
  it("are strongSwan's notation of themselves", () => {
    assert.deepEqual(parseIkeProposals("default").map(formatProposal), DEFAULT_IKE_PROPOSALS);
    assert.deepEqual(parseEspProposals("default").map(formatProposal), DEFAULT_ESP_PROPOSALS);
    assert.equal(
      parseIkeProposals("aes256-sha256-modp8192,default").length,
      1 + DEFAULT_IKE_PROPOSALS.length,
    );
  });

  it("hold what RFC 8247 and RFC 8221 want, and nothing that they forbid", () => {
    const ids = (payload: SaPayload, type: number) =>
      new Set(
        payload.proposals.flatMap(({ transforms }) =>
          transforms.filter((transform) => transform.type === type).map(({ id }) => id)
        ),
      );
    const ike = toSaPayload(parseIkeProposals("default"));
    for (const id of [12, 20, 28]) assert.ok(ids(ike, 1).has(id), `ENCR ${id}`);
    for (const id of [5, 7]) assert.ok(ids(ike, 2).has(id), `PRF ${id}`);
    for (const id of [12, 14]) assert.ok(ids(ike, 3).has(id), `INTEG ${id}`);
    for (const id of [14, 19, 31]) assert.ok(ids(ike, 4).has(id), `KE ${id}`);
    for (const id of [1, 2, 5, 22, 23, 24]) assert.ok(!ids(ike, 4).has(id), `KE ${id}`);
    const esp = toSaPayload(parseEspProposals("default"));
    for (const id of [12, 20, 28]) assert.ok(ids(esp, 1).has(id), `ENCR ${id}`);
    for (const id of [2, 12, 14]) assert.ok(ids(esp, 3).has(id), `INTEG ${id}`);
  });

  it("make IKE_SA_INIT no larger than a packet that passes everywhere", () => {
    const sa = emitPayloads([toSaPayload(parseIkeProposals("default"))]);
    assert.ok(sa.length < 400, `${sa.length} octets`);
  });

  for (const [who, ike, esp] of OTHERS) {
    it(`contain what others have: ${who}`, () => {
      const contained = (text: string, proposals: readonly string[]) =>
        proposals.some((proposal) => text.split("-").every((word) => proposal.split("-").includes(word)));
      assert.ok(contained(ike, DEFAULT_IKE_PROPOSALS), ike);
      assert.ok(contained(esp, DEFAULT_ESP_PROPOSALS), esp);
    });
  }
});

describe("toSaPayload", () => {
  it("numbers proposals from 1 and writes every transform", () => {
    const spi = new Uint8Array([1, 2, 3, 4]);
    const payload = toSaPayload(parseEspProposals("aes256gcm16-x25519-none-esn,aes128-sha256"), { spi });
    assert.deepEqual(payload, {
      kind: "SA",
      proposals: [
        {
          number: 1,
          protocol: 3,
          spi,
          transforms: [
            { type: 1, id: 20, keyLength: 256 },
            { type: 4, id: 31 },
            { type: 4, id: 0 },
            { type: 5, id: 1 },
          ],
        },
        {
          number: 2,
          protocol: 3,
          spi,
          transforms: [{ type: 1, id: 12, keyLength: 128 }, { type: 3, id: 12 }, { type: 5, id: 0 }],
        },
      ],
    });
    assert.deepEqual(parsePayloads(33, emitPayloads([payload])), [payload]);
  });

  it("leaves key exchange out of IKE_AUTH (RFC 7296, section 1.2)", () => {
    const payload = toSaPayload(parseEspProposals("aes256gcm16-x25519-modp2048"), { keyExchange: false });
    assert.deepEqual(payload.proposals[0]!.transforms.map(({ type }) => type), [1, 5]);
  });

  it("leaves out a key exchange that can only be none", () => {
    const payload = toSaPayload(parseEspProposals("aes256gcm16-none"));
    assert.deepEqual(payload.proposals[0]!.transforms.map(({ type }) => type), [1, 5]);
  });

  it("sends no Key Length for ChaCha20-Poly1305 (RFC 7634)", () => {
    const payload = toSaPayload(parseIkeProposals("chacha20poly1305-prfsha256-x25519"));
    assert.deepEqual(payload.proposals[0]!.transforms[0], { type: 1, id: 28 });
  });
});

describe("supportedProposals", () => {
  it("keeps what can be had, and drops a proposal that lost all of one kind", () => {
    const proposals = parseIkeProposals(
      "aes256gcm16-chacha20poly1305-prfsha256-x448-x25519,aes256-sha1-x448",
    );
    const poor = { has: (algorithm: string) => !["x448", "chacha20-poly1305"].includes(algorithm) };
    assert.deepEqual(supportedProposals(proposals, poor).map(formatProposal), [
      "aes256gcm16-prfsha256-x25519",
    ]);
    assert.deepEqual(supportedProposals(proposals, { has: () => true }), proposals);
  });

  it("keeps null and no key exchange, which need nobody", () => {
    const proposals = parseEspProposals("null-sha256-x25519-none");
    const kept = supportedProposals(proposals, { has: (algorithm) => algorithm === "hmac-sha256" });
    assert.deepEqual(kept.map(formatProposal), ["null-sha256-none-noesn"]);
  });
});

describe("The default proposals on this runtime", () => {
  it("lose nothing, whatever the providers", () => {
    for (const crypto of [runtimeCrypto(), new CryptoProviders([nobleProvider()])]) {
      for (const proposals of [parseIkeProposals("default"), parseEspProposals("default")]) {
        assert.deepEqual(supportedProposals(proposals, crypto), proposals);
      }
    }
  });
});

describe("formatProposal", () => {
  it("writes every row of the tables as it is read", () => {
    for (const { keyword, icvSize } of ENCRYPTION_TRANSFORMS) {
      const text = `${keyword}${icvSize > 0 ? "" : "-sha256"}-noesn`;
      assert.deepEqual(parseEspProposals(text).map(formatProposal), [text]);
    }
    for (const { keyword } of KEY_EXCHANGE_TRANSFORMS) {
      const text = `aes256gcm16-prfsha256-${keyword}`;
      assert.deepEqual(parseIkeProposals(text).map(formatProposal), [text]);
    }
  });
});
