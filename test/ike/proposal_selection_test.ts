import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import fc from "fast-check";
import { IkeError } from "../../lib/errors.ts";
import { fromHex } from "../../lib/bytes/mod.ts";
import { parsePayloads, type Proposal, type SaPayload, type Transform } from "../../lib/ike/codec/mod.ts";
import {
  checkAnswer,
  formatProposal,
  parseEspProposals,
  parseIkeProposals,
  type SelectionOptions,
  selectProposal,
  toAnswer,
  toSaPayload,
} from "../../lib/ike/mod.ts";
import { sealedVectors } from "../_support/ike_vectors.ts";
import { sharedVectorsFolder } from "../_support/vectors.ts";

const skip = !existsSync(sharedVectorsFolder);
const SPI = new Uint8Array([1, 2, 3, 4]);

/** What is chosen of an IKE offer. */
function ike(offer: string, configured: string, options: Partial<SelectionOptions> = {}): string {
  const payload = toSaPayload(parseIkeProposals(offer));
  const selected = selectProposal(payload, parseIkeProposals(configured), { spiSize: 0, ...options });
  return selected === undefined ? "none" : `${selected.number}: ${formatProposal(selected)}`;
}

/** What is chosen of an ESP offer. */
function esp(offer: string, configured: string, options: Partial<SelectionOptions> = {}): string {
  const payload = toSaPayload(parseEspProposals(offer), { spi: SPI });
  const selected = selectProposal(payload, parseEspProposals(configured), { spiSize: 4, ...options });
  return selected === undefined ? "none" : `${selected.number}: ${formatProposal(selected)}`;
}

/** An offer of one ESP proposal with these transforms. */
function offerOf(transforms: readonly Transform[], proposal: Partial<Proposal> = {}): SaPayload {
  return { kind: "SA", proposals: [{ number: 1, protocol: 3, spi: SPI, transforms, ...proposal }] };
}

const GCM: Transform = { type: 1, id: 20, keyLength: 256 };
const CBC: Transform = { type: 1, id: 12, keyLength: 256 };
const SHA256: Transform = { type: 3, id: 12 };
const NO_ESN: Transform = { type: 5, id: 0 };

describe("selectProposal", () => {
  it("takes one transform of each type, ours in our order", () => {
    assert.equal(
      ike("aes128-aes256-sha1-sha256-prfsha1-prfsha256-modp2048-x25519", "aes256-sha256-x25519"),
      "1: aes256-sha256-prfsha256-x25519",
    );
    assert.equal(
      ike("aes128-aes256-sha256-modp2048-x25519", "default"),
      "1: aes256-sha256-prfsha256-x25519",
    );
  });

  it("takes the peer's order when told so", () => {
    assert.equal(
      ike("aes128-aes256-sha256-modp2048-x25519", "default", { prefer: "remote" }),
      "1: aes128-sha256-prfsha256-modp2048",
    );
    const offer = "aes128-sha256-x25519,aes256gcm16-prfsha256-x25519";
    assert.equal(ike(offer, "default"), "2: aes256gcm16-prfsha256-x25519");
    assert.equal(ike(offer, "default", { prefer: "remote" }), "1: aes128-sha256-prfsha256-x25519");
  });

  it("takes the group whose KE payload came along, where that is one of ours", () => {
    const offer = "aes256-sha256-x25519-ecp256-modp2048";
    assert.equal(
      ike(offer, "aes256-sha256-x25519-ecp256", { group: 19 }),
      "1: aes256-sha256-prfsha256-ecp256",
    );
    assert.equal(
      ike(offer, "aes256-sha256-x25519-ecp256", { group: 14 }),
      "1: aes256-sha256-prfsha256-x25519",
    );
    assert.equal(ike(offer, "aes256-sha256-ecp384", { group: 31 }), "none");
  });

  it("honours key lengths", () => {
    assert.equal(ike("aes128-sha256-x25519", "aes256-sha256-x25519"), "none");
    const configured = parseEspProposals("aes256gcm16");
    for (const [keyLength, accepted] of [[256, true], [128, false], [undefined, false]] as const) {
      const transform = keyLength === undefined ? { type: 1, id: 20 } : { type: 1, id: 20, keyLength };
      const selected = selectProposal(offerOf([transform, NO_ESN]), configured, { spiSize: 4 });
      assert.equal(selected !== undefined, accepted, String(keyLength));
    }
  });

  it("chooses nothing where a type has nothing in common", () => {
    assert.equal(ike("aes256-sha256-x25519", "aes256-sha512-x25519"), "none");
    assert.equal(ike("aes256-sha256-x25519", "aes256-sha256-ecp256"), "none");
    assert.equal(ike("aes256-sha256-prfsha512-x25519", "aes256-sha256-x25519"), "none");
    assert.equal(esp("aes256gcm16-esn", "aes256gcm16"), "none");
  });

  it("passes over a proposal with a type of transform that it does not know, and takes the next", () => {
    const [first, second] = toSaPayload(parseEspProposals("aes256gcm16,aes128gcm16"), { spi: SPI }).proposals;
    const additional: Transform = { type: 6, id: 36 }; // ADDKE1, RFC 9370
    const offer: SaPayload = {
      kind: "SA",
      proposals: [{ ...first!, transforms: [...first!.transforms, additional] }, second!],
    };
    const selected = selectProposal(offer, parseEspProposals("aes256gcm16-aes128gcm16"), { spiSize: 4 });
    assert.equal(selected?.number, 2);
  });

  it("passes over a transform with an attribute that it does not know, and takes the next", () => {
    const strange: Transform = { ...GCM, attributes: [{ type: 99, value: 1 }] };
    const configured = parseEspProposals("aes256gcm16-aes128gcm16");
    const other: Transform = { type: 1, id: 20, keyLength: 128 };
    assert.equal(selectProposal(offerOf([strange, NO_ESN]), configured, { spiSize: 4 }), undefined);
    const selected = selectProposal(offerOf([strange, other, NO_ESN]), configured, { spiSize: 4 });
    assert.equal(selected?.encryption.keyword, "aes128gcm16");
  });

  it("passes over a proposal without a mandatory type (section 3.3.3)", () => {
    const configured = parseEspProposals("aes256gcm16,aes256-sha256");
    for (const transforms of [[GCM], [CBC, NO_ESN], [NO_ESN], []]) {
      assert.equal(selectProposal(offerOf(transforms), configured, { spiSize: 4 }), undefined);
    }
    for (let i = 0; i < 4; i++) {
      const [whole] = toSaPayload(parseIkeProposals("aes256-sha256-x25519")).proposals;
      const transforms = whole!.transforms.filter((_, at) => at !== i);
      const offer: SaPayload = { kind: "SA", proposals: [{ ...whole!, transforms }] };
      assert.equal(
        selectProposal(offer, parseIkeProposals("aes256-sha256-x25519"), { spiSize: 0 }),
        undefined,
      );
    }
  });

  it("passes over proposals of another protocol, or with an SPI of another size", () => {
    const configured = parseEspProposals("aes256gcm16");
    const select = (proposal: Partial<Proposal>) =>
      selectProposal(offerOf([GCM, NO_ESN], proposal), configured, { spiSize: 4 });
    assert.notEqual(select({}), undefined);
    for (
      const proposal of [
        { protocol: 1 },
        { protocol: 2 }, // AH never (R-CFG-14)
        { protocol: 4 },
        { spi: new Uint8Array(0) },
        { spi: new Uint8Array(8) },
      ]
    ) assert.equal(select(proposal), undefined, JSON.stringify(proposal));
  });

  it("chooses no integrity beside an AEAD, and says NONE where that was offered (RFC 5282, section 8)", () => {
    const configured = parseEspProposals("aes256gcm16");
    const none: Transform = { type: 3, id: 0 };
    for (
      const [integrity, answer] of [[[], []], [[none], [none]], [[SHA256, none], [none]], [[SHA256], []]]
    ) {
      const selected = selectProposal(offerOf([GCM, ...integrity!, NO_ESN]), configured, { spiSize: 4 });
      assert.equal(selected?.integrity, null);
      assert.deepEqual(selected.transforms, [GCM, ...answer!, NO_ESN]);
    }
  });

  describe("key exchange of ESP", () => {
    for (
      const [offer, configured, expected] of [
        ["aes256gcm16", "aes256gcm16", "1: aes256gcm16-noesn"],
        ["aes256gcm16-x25519", "aes256gcm16-x25519", "1: aes256gcm16-x25519-noesn"],
        ["aes256gcm16-x25519", "aes256gcm16", "none"],
        ["aes256gcm16", "aes256gcm16-x25519", "none"],
        ["aes256gcm16-x25519-none", "aes256gcm16", "1: aes256gcm16-noesn"],
        ["aes256gcm16", "aes256gcm16-x25519-none", "1: aes256gcm16-noesn"],
        ["aes256gcm16-x25519-none", "aes256gcm16-none-x25519", "1: aes256gcm16-noesn"],
      ] as const
    ) {
      it(`offered ${offer}, configured ${configured}: ${expected}`, () => {
        assert.equal(esp(offer, configured), expected);
      });
    }

    it("is passed over in IKE_AUTH, and NONE is answered with NONE", () => {
      const options = { keyExchange: false };
      assert.equal(esp("aes256gcm16", "aes256gcm16-x25519", options), "1: aes256gcm16-noesn");
      assert.equal(esp("aes256gcm16-modp2048", "aes256gcm16-x25519", options), "1: aes256gcm16-noesn");
      const none: Transform = { type: 4, id: 0 };
      const selected = selectProposal(
        offerOf([GCM, none, NO_ESN]),
        parseEspProposals("aes256gcm16-x25519"),
        { spiSize: 4, keyExchange: false },
      );
      assert.deepEqual(selected?.transforms, [GCM, none, NO_ESN]);
    });
  });

  it("gives a pseudorandom function in ESP back, as strongSwan wants it, and accepts none in an answer", () => {
    const prf: Transform = { type: 2, id: 5 };
    const configured = parseEspProposals("aes256-sha256");
    const offer = offerOf([CBC, SHA256, prf, { type: 2, id: 7 }, NO_ESN]);
    const selected = selectProposal(offer, configured, { spiSize: 4 });
    assert.deepEqual(selected?.transforms, [CBC, SHA256, prf, NO_ESN]);
    assert.equal(selected.prf, null);
    assert.throws(() => checkAnswer(toAnswer(selected, SPI), configured, { spiSize: 4 }), IkeError);
  });

  it("finds the defaults in every offer that strongSwan and libreswan made in the lab", { skip }, () => {
    const found = new Set<string>();
    for (const { name, octets, nextPayload, plaintext } of sealedVectors()) {
      if (!/^(strongswan|libreswan)-/.test(name) || octets[16] !== 46) continue;
      for (const payload of parsePayloads(nextPayload, fromHex(plaintext))) {
        if (payload.kind !== "SA") continue;
        const { protocol, spi } = payload.proposals[0]!;
        const configured = (protocol === 1 ? parseIkeProposals : parseEspProposals)("default");
        const options = { spiSize: spi.length, keyExchange: protocol === 1 };
        const selected = selectProposal(payload, configured, options);
        assert.ok(selected !== undefined, name);
        found.add(formatProposal(selected));
      }
    }
    assert.ok(found.has("aes256gcm16-prfsha512-x25519") && found.has("aes256gcm16-esn"), "libreswan's");
    assert.ok(found.has("aes128gcm16-noesn") && found.has("aes128-sha1-noesn"), "strongSwan's");
  });

  it("gives the peer's SPI and the answer's transforms", () => {
    const selected = selectProposal(
      toSaPayload(parseEspProposals("aes256-sha256-x25519-esn-noesn"), { spi: SPI }),
      parseEspProposals("aes256-sha256-x25519-noesn-esn"),
      { spiSize: 4 },
    )!;
    assert.equal(selected.spi, SPI);
    assert.equal(selected.esn, false);
    assert.equal(selected.prf, null);
    const ours = new Uint8Array([9, 9, 9, 9]);
    assert.deepEqual(toAnswer(selected, ours), {
      kind: "SA",
      proposals: [{
        number: 1,
        protocol: 3,
        spi: ours,
        transforms: [CBC, SHA256, { type: 4, id: 31 }, NO_ESN],
      }],
    });
  });
});

describe("checkAnswer", () => {
  const configured = parseEspProposals("aes256gcm16-x25519-esn,aes256-aes128-sha256-sha512");
  const right = [CBC, SHA256, NO_ESN];

  function check(answer: SaPayload, keyExchange = true): string {
    try {
      return formatProposal(checkAnswer(answer, configured, { spiSize: 4, keyExchange }));
    } catch (error) {
      assert.ok(error instanceof IkeError && error.code === "ERR_IKE_PROPOSAL");
      assert.equal(error.payload, "SA");
      assert.equal(error.notify, undefined, "a response has no answer");
      return error.message.replace("Cannot accept SA payload: expected ", "");
    }
  }

  it("accepts a proposal of ours, by its number, with one transform of each type", () => {
    assert.equal(check(offerOf(right, { number: 2 })), "aes256-sha256-noesn");
    assert.equal(check(offerOf([GCM, { type: 4, id: 31 }, { type: 5, id: 1 }])), "aes256gcm16-x25519-esn");
    assert.equal(check(offerOf([GCM, { type: 5, id: 1 }]), false), "aes256gcm16-esn");
  });

  for (
    const [what, answer, why] of [
      ["no proposal", { kind: "SA", proposals: [] }, /^one proposal, got 0 proposals/],
      ["two proposals", {
        kind: "SA",
        proposals: [...offerOf(right, { number: 2 }).proposals, ...offerOf(right, { number: 2 }).proposals],
      }, /^one proposal, got 2 proposals/],
      ["number 0", offerOf(right, { number: 0 }), /^a proposal from 1 to 2, got number 0/],
      [
        "a number that was not offered",
        offerOf(right, { number: 3 }),
        /^a proposal from 1 to 2, got number 3/,
      ],
      [
        "transforms of another proposal",
        offerOf(right, { number: 1 }),
        /^transforms of proposal 1 that was made/,
      ],
      [
        "two transforms of one type",
        offerOf([CBC, SHA256, { type: 3, id: 14 }, NO_ESN], { number: 2 }), //
        /^one transform of each type, got transforms of types 1, 3, 3, 5/,
      ],
      [
        "another key length",
        offerOf([{ type: 1, id: 12, keyLength: 192 }, SHA256, NO_ESN], { number: 2 }), //
        /got protocol 3, SPI of 4 octets, transforms 1\/12\/192 3\/12 5\/0/,
      ],
      ["no integrity", offerOf([CBC, NO_ESN], { number: 2 }), /that was made/],
      [
        "a group that was not offered",
        offerOf([...right, { type: 4, id: 31 }], { number: 2 }),
        /that was made/,
      ],
      ["no group where one was offered", offerOf([GCM, { type: 5, id: 1 }]), /that was made/],
      [
        "integrity beside an AEAD",
        offerOf([GCM, SHA256, { type: 4, id: 31 }, { type: 5, id: 1 }]),
        /that was made/,
      ],
      [
        "an extended sequence number that was not offered",
        offerOf([CBC, SHA256, { type: 5, id: 1 }], { number: 2 }), //
        /that was made/,
      ],
      ["another protocol", offerOf(right, { number: 2, protocol: 2 }), /got protocol 2/],
      ["an SPI of another size", offerOf(right, { number: 2, spi: new Uint8Array(8) }), /SPI of 8 octets/],
      ["an unknown type", offerOf([...right, { type: 6, id: 36 }], { number: 2 }), /that was made/],
      [
        "an unknown attribute",
        offerOf([{ ...CBC, attributes: [{ type: 99, value: 1 }] }, SHA256, NO_ESN], { number: 2 }), //
        /that was made/,
      ],
    ] as readonly (readonly [string, SaPayload, RegExp])[]
  ) {
    it(`refuses ${what}`, () => assert.match(check(answer), why));
  }

  it("accepts whatever selectProposal chose, for any two configurations", () => {
    const words = (list: readonly string[]) => fc.subarray([...list], { minLength: 1 });
    const proposal = fc.oneof(
      fc.tuple(words(["aes128gcm16", "aes256gcm16", "chacha20poly1305"]), fc.constant([])),
      fc.tuple(words(["aes128", "aes256", "aes128ctr"]), words(["sha1", "sha256", "sha512"])),
    ).chain(([encryption, integrity]) =>
      fc.tuple(
        fc.subarray(["x25519", "ecp256", "modp2048", "none"]),
        words(["esn", "noesn"]),
      ).map(([groups, esn]) => [...encryption, ...integrity, ...groups, ...esn].join("-"))
    );
    const list = fc.array(proposal, { minLength: 1, maxLength: 4 }).map((proposals) => proposals.join(","));
    fc.assert(
      fc.property(
        list,
        list,
        fc.constantFrom("local" as const, "remote" as const),
        (ours, theirs, prefer) => {
          const offered = parseEspProposals(ours);
          const selected = selectProposal(toSaPayload(offered, { spi: SPI }), parseEspProposals(theirs), {
            spiSize: 4,
            prefer,
          });
          if (selected === undefined) return;
          const checked = checkAnswer(toAnswer(selected, SPI), offered, { spiSize: 4 });
          assert.equal(formatProposal(checked), formatProposal(selected));
        },
      ),
    );
  });
});
