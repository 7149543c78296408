import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import {
  checkExchange,
  checkOuterPayloads,
  EXCHANGE_RULES,
  idPayload,
  type IkeMessage,
  notifyPayload,
  parseIkeMessage,
  parsePayloads,
  type Payload,
  type PayloadKind,
} from "../../../lib/ike/codec/mod.ts";
import { fromHex } from "../../../lib/bytes/mod.ts";
import { IkeError } from "../../../lib/errors.ts";
import { sealedVectors } from "../../_support/ike_vectors.ts";
import { sharedVectors, sharedVectorsFolder } from "../../_support/vectors.ts";

const skip = !existsSync(sharedVectorsFolder);
const NONE = new Uint8Array(0);

/** A payload of each kind, as small as can be. */
const PAYLOADS: { readonly [Kind in PayloadKind]: Payload } = {
  SA: { kind: "SA", proposals: [{ number: 1, protocol: 3, spi: NONE, transforms: [] }] },
  KE: { kind: "KE", group: 31, data: NONE },
  IDi: idPayload("IDi", 11, NONE),
  IDr: idPayload("IDr", 11, NONE),
  CERT: { kind: "CERT", encoding: 4, data: NONE },
  CERTREQ: { kind: "CERTREQ", encoding: 4, data: NONE },
  AUTH: { kind: "AUTH", method: 2, data: NONE },
  Nonce: { kind: "Nonce", data: new Uint8Array(16) },
  N: notifyPayload(16384),
  D: { kind: "D", protocol: 1, spis: [] },
  V: { kind: "V", data: NONE },
  TSi: { kind: "TSi", selectors: [] },
  TSr: { kind: "TSr", selectors: [] },
  SK: { kind: "SK", nextPayload: 0, body: NONE, offset: 32 },
  SKF: { kind: "SKF", nextPayload: 0, number: 1, total: 1, body: NONE, offset: 36 },
  CP: { kind: "CP", type: 1, attributes: [] },
  EAP: { kind: "EAP", data: new Uint8Array([3, 0, 0, 4]) },
  unknown: { kind: "unknown", type: 200, critical: false, data: NONE },
};

/** A message in the notation of the RFC: `IKE_AUTH request { IDi, AUTH, N(24) }`. */
function message(notation: string, more: Partial<IkeMessage> = {}): IkeMessage {
  const [, exchange, direction, inside] = /^(\S+) (request|response) \{(.*)\}$/.exec(notation)!;
  const exchangeType = {
    IKE_SA_INIT: 34,
    IKE_AUTH: 35,
    CREATE_CHILD_SA: 36,
    INFORMATIONAL: 37,
    IKE_INTERMEDIATE: 43,
  }[
    exchange!
  ]!;
  const names = inside!.split(",").map((name) => name.trim()).filter((name) => name !== "");
  return {
    spiI: new Uint8Array(8).fill(1),
    spiR: direction === "request" && exchangeType === 34 ? new Uint8Array(8) : new Uint8Array(8).fill(2),
    exchangeType,
    initiator: true,
    response: direction === "response",
    messageId: 0,
    payloads: names.map((name) => {
      const notify = /^N\((\d+)\)$/.exec(name);
      return notify === null ? PAYLOADS[name as PayloadKind] : notifyPayload(Number(notify[1]));
    }),
    ...more,
  };
}

/** What is wrong, or `accepted`. */
function verdict(check: (message: IkeMessage) => void, subject: IkeMessage): string {
  try {
    check(subject);
    return "accepted";
  } catch (error) {
    assert.ok(error instanceof IkeError && error.code === "ERR_IKE_EXCHANGE", String(error));
    assert.equal(error.notify, 7, "INVALID_SYNTAX");
    return error.message;
  }
}

describe("checkExchange", () => {
  const accepted = [
    "IKE_SA_INIT request { SA, KE, Nonce, N(16388), N(16389), N(16430) }",
    "IKE_SA_INIT request { N(16390), SA, KE, Nonce }",
    "IKE_SA_INIT request { V, Nonce, KE, unknown, SA }",
    "IKE_SA_INIT response { SA, KE, Nonce, CERTREQ, CERTREQ }",
    "IKE_SA_INIT response { N(16390) }",
    "IKE_SA_INIT response { N(17), V }",
    "IKE_SA_INIT response { N(14) }",
    "IKE_AUTH request { IDi, CERT, CERT, N(16384), CERTREQ, IDr, AUTH, CP, SA, TSi, TSr }",
    "IKE_AUTH request { IDi, CP, SA, TSi, TSr }",
    "IKE_AUTH request { IDi, AUTH }",
    "IKE_AUTH request { EAP }",
    "IKE_AUTH request { AUTH }",
    "IKE_AUTH response { IDr, CERT, AUTH, CP, SA, TSi, TSr, N(16386) }",
    "IKE_AUTH response { IDr, AUTH, N(38) }",
    "IKE_AUTH response { IDr, CERT, AUTH, EAP }",
    "IKE_AUTH response { IDr, EAP }",
    "IKE_AUTH response { EAP }",
    "IKE_AUTH response { AUTH, CP, SA, TSi, TSr }",
    "IKE_AUTH response { N(24) }",
    "CREATE_CHILD_SA request { N(16391), SA, Nonce, KE, TSi, TSr }",
    "CREATE_CHILD_SA request { SA, Nonce, TSi, TSr }",
    "CREATE_CHILD_SA request { SA, Nonce, KE }",
    "CREATE_CHILD_SA response { SA, Nonce, KE }",
    "CREATE_CHILD_SA response { N(43) }",
    "INFORMATIONAL request { }",
    "INFORMATIONAL request { D, D, N(16384), CP }",
    "INFORMATIONAL response { }",
    "IKE_INTERMEDIATE request { KE }",
  ];
  for (const notation of accepted) {
    it(`accepts ${notation}`, () => assert.equal(verdict(checkExchange, message(notation)), "accepted"));
  }

  const refused: readonly (readonly [notation: string, why: RegExp])[] = [
    ["IKE_SA_INIT request { }", /expected SA KE Nonce CERTREQ\*, got none$/],
    ["IKE_SA_INIT request { KE, Nonce }", /got KE Nonce$/],
    ["IKE_SA_INIT request { SA, SA, KE, Nonce }", /got SA SA KE Nonce$/],
    ["IKE_SA_INIT request { SA, KE, KE, Nonce }", /got SA KE KE Nonce$/],
    ["IKE_SA_INIT request { SA, KE, Nonce, Nonce }", /got SA KE Nonce Nonce$/],
    ["IKE_SA_INIT request { SA, KE, Nonce, AUTH }", /got SA KE Nonce AUTH$/],
    ["IKE_SA_INIT request { SA, KE, Nonce, SK }", /got SA KE Nonce SK$/],
    ["IKE_SA_INIT request { N(14) }", /got N$/],
    ["IKE_SA_INIT response { SA, KE }", /got SA KE$/],
    ["IKE_SA_INIT response { N(16384) }", /got N$/],
    ["IKE_AUTH request { IDi, IDi, AUTH, SA, TSi, TSr }", /got IDi IDi AUTH SA TSi TSr$/],
    ["IKE_AUTH request { IDi, AUTH, SA, TSi }", /got IDi AUTH SA TSi$/],
    ["IKE_AUTH request { IDi, AUTH, AUTH }", /got IDi AUTH AUTH$/],
    ["IKE_AUTH request { IDi, EAP }", /got IDi EAP$/],
    ["IKE_AUTH request { EAP, EAP }", /got EAP EAP$/],
    ["IKE_AUTH request { IDr, AUTH, SA, TSi, TSr }", /got IDr AUTH SA TSi TSr$/],
    ["IKE_AUTH response { IDr, SA, TSi, TSr }", /got IDr SA TSi TSr$/],
    ["IKE_AUTH response { IDr, AUTH, AUTH, N(24) }", /got IDr AUTH AUTH N$/],
    [
      "CREATE_CHILD_SA request { N(16393) }",
      /N\(REKEY_SA\) with an SPI of 4 octets of AH or ESP, got 0 octets/,
    ],
    ["CREATE_CHILD_SA request { N(43) }", /got N$/],
    ["CREATE_CHILD_SA request { SA, Nonce }", /got SA Nonce$/],
    ["CREATE_CHILD_SA request { SA, Nonce, KE, KE, TSi, TSr }", /got SA Nonce KE KE TSi TSr$/],
    ["INFORMATIONAL request { SA }", /expected D\* \[CP\], got SA$/],
    ["INFORMATIONAL response { CP, CP }", /got CP CP$/],
  ];
  for (const [notation, why] of refused) {
    it(`refuses ${notation}`, () => assert.match(verdict(checkExchange, message(notation)), why));
  }

  it("names the payload that does not belong, or comes too often", () => {
    for (
      const [notation, payload] of [
        ["IKE_SA_INIT request { SA, KE, Nonce, AUTH }", "AUTH"],
        ["CREATE_CHILD_SA request { SA, SA, Nonce, TSi, TSr }", "SA"],
        ["IKE_SA_INIT request { SA, KE }", undefined],
      ] as const
    ) {
      assert.throws(() => checkExchange(message(notation)), (error) => {
        assert.ok(error instanceof IkeError);
        assert.equal(error.payload, payload);
        return true;
      });
    }
  });

  it("refuses D with SPIs that its protocol does not have", () => {
    const spi = (size: number) => new Uint8Array(size).fill(9);
    for (
      const [protocol, spis, right] of [
        [1, [], true],
        [3, [spi(4), spi(4)], true],
        [2, [spi(4)], true],
        [1, [spi(8)], false],
        [3, [spi(3)], false],
        [0, [], false],
        [4, [spi(4)], false],
      ] as const
    ) {
      const subject = message("INFORMATIONAL request { }", { payloads: [{ kind: "D", protocol, spis }] });
      assert.equal(
        verdict(checkExchange, subject) === "accepted",
        right,
        `protocol ${protocol}, ${spis.length}`,
      );
    }
  });

  it("lists 16 payloads of a message and counts the rest", () => {
    const subject = message("IKE_AUTH request { IDi }", { payloads: Array<Payload>(128).fill(PAYLOADS.KE) });
    assert.match(verdict(checkExchange, subject), /(KE ){16}and 112 more$/);
  });

  it("refuses an exchange that is not known, by its number", () => {
    const subject = message("INFORMATIONAL request { }", { exchangeType: 99 });
    assert.match(verdict(checkExchange, subject), /expected an exchange that is known, got exchange 99/);
    assert.match(verdict(checkOuterPayloads, subject), /exchange 99/);
  });

  it("names only payloads that there are", () => {
    const names = Object.values(EXCHANGE_RULES).flatMap(({ request, response }) =>
      [...request, ...response].flatMap((form) => form.split(" ").map((word) => word.replace(/[[\]*]/g, "")))
    );
    assert.deepEqual(names.filter((name) => !Object.hasOwn(PAYLOADS, name)), []);
  });
});

describe("checkOuterPayloads", () => {
  it("wants SK or SKF alone where the exchange is protected, and a lone notify besides", () => {
    for (
      const [notation, accepted] of [
        ["IKE_SA_INIT request { SA, KE, Nonce }", true],
        ["IKE_AUTH request { SK }", true],
        ["IKE_AUTH response { SKF }", true],
        ["INFORMATIONAL response { SK }", true],
        ["INFORMATIONAL response { N(4) }", true],
        ["INFORMATIONAL request { }", false],
        ["INFORMATIONAL request { D }", false],
        ["IKE_AUTH request { }", false],
        ["IKE_AUTH response { N(24) }", false],
        ["IKE_AUTH request { V, SK }", false],
        ["CREATE_CHILD_SA request { SA, Nonce, TSi, TSr }", false],
      ] as const
    ) {
      const outcome = verdict(checkOuterPayloads, message(notation));
      assert.equal(outcome === "accepted", accepted, `${notation}: ${outcome}`);
    }
  });

  it("flags an IKE_SA_INIT with a message ID, a request with the responder's SPI, and no SPI at all", () => {
    const init = "IKE_SA_INIT request { SA, KE, Nonce }";
    const spi = new Uint8Array(8).fill(3);
    assert.match(
      verdict(checkOuterPayloads, message(init, { messageId: 5 })),
      /expected message ID 0, got 5/,
    );
    assert.match(
      verdict(checkOuterPayloads, message(init, { spiR: spi })),
      /expected zeros as the responder's SPI/,
    );
    const zeros = { spiI: new Uint8Array(8) };
    assert.match(verdict(checkOuterPayloads, message(init, zeros)), /expected an initiator's SPI, got zeros/);
    assert.equal(
      verdict(checkOuterPayloads, message("IKE_SA_INIT response { N(14) }", { spiR: new Uint8Array(8) })),
      "accepted",
    );
  });

  it("flags the hand-made message with a message ID and the responder's SPI", { skip }, () => {
    const { cases } = sharedVectors("ike-malformed/cases.json") as {
      cases: { expect: string; hex: string }[];
    };
    for (const { hex } of cases.filter(({ expect }) => expect === "parse-but-flag")) {
      const octets = fromHex(hex);
      assert.match(
        verdict(checkOuterPayloads, parseIkeMessage(octets)),
        /expected message ID 0, got 16909060/,
      );
    }
  });
});

describe("The exchange rules", () => {
  it("accept every message that daemons and phones exchanged", { skip }, () => {
    let count = 0;
    for (const { name, octets, nextPayload, plaintext } of sealedVectors()) {
      const outer = parseIkeMessage(octets);
      checkOuterPayloads(outer);
      if (outer.payloads.at(-1)?.kind === "SKF") continue;
      const inside = fromHex(plaintext);
      const inner = { ...outer, payloads: parsePayloads(nextPayload, inside) };
      assert.equal(verdict(checkExchange, inner), "accepted", name);
      count++;
    }
    assert.ok(count >= 60);
  });
});
