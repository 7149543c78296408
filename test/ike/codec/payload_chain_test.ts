import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, fromHex } from "../../../lib/bytes/mod.ts";
import {
  describeIkeMessage,
  describePayload,
  exchangeName,
  MAX_PAYLOADS,
  notifyName,
  parseIkeHeader,
  payloadName,
  walkPayloads,
} from "../../../lib/ike/codec/mod.ts";
import { IkeError } from "../../../lib/errors.ts";
import { sharedVectors } from "../../_support/vectors.ts";

/** A message of these payloads: type and body. */
function message(
  payloads: readonly (readonly [type: number, body: string])[],
  { version = 0x20, exchange = 34, flags = 0x08, length }: {
    version?: number;
    exchange?: number;
    flags?: number;
    length?: number;
  } = {},
): Uint8Array {
  const parts = payloads.map(([, body], i) => {
    const octets = fromHex(body);
    return concat([new Uint8Array([payloads[i + 1]?.[0] ?? 0, 0, 0, octets.length + 4]), octets]);
  });
  const header = new Uint8Array(28);
  header.set([payloads[0]?.[0] ?? 0, version, exchange, flags], 16);
  const whole = concat([header, ...parts]);
  new DataView(whole.buffer).setUint32(24, length ?? whole.length);
  return whole;
}

/** The names of all payloads before the end or a fault, and the fault's code. */
function walk(octets: Uint8Array): { names: string[]; code?: string } {
  const header = parseIkeHeader(octets);
  const names: string[] = [];
  try {
    for (const payload of walkPayloads(octets, header)) {
      names.push(describePayload(payload, header.majorVersion));
    }
  } catch (error) {
    assert.ok(error instanceof IkeError);
    return { names, code: error.code };
  }
  return { names };
}

describe("parseIkeHeader", () => {
  it("reads every field", () => {
    const octets = fromHex("7c3e8e09a57d507c" + "31f96e4891d6172d" + "2e202320" + "00000001" + "000000fa");
    const header = parseIkeHeader(octets);
    assert.deepEqual(
      { ...header, spiI: [...header.spiI], spiR: [...header.spiR] },
      {
        spiI: [...octets.subarray(0, 8)],
        spiR: [...octets.subarray(8, 16)],
        nextPayload: 46,
        majorVersion: 2,
        minorVersion: 0,
        exchangeType: 35,
        flags: 0x20,
        messageId: 1,
        length: 250,
      },
    );
  });

  it("refuses octets that end before the header does", () => {
    for (let length = 0; length < 28; length++) {
      assert.throws(() => parseIkeHeader(new Uint8Array(length)), (error) => {
        assert.ok(error instanceof IkeError && error.code === "ERR_IKE_HEADER");
        assert.match(error.message, new RegExp(`expected a header of 28 octets, got ${length}$`));
        return true;
      });
    }
  });
});

describe("walkPayloads", () => {
  it("names payloads in order, notifications with their type", () => {
    const octets = message([
      [33, "00"],
      [34, ""],
      [40, "aabb"],
      [41, "00004004"],
      [41, "0304a000"],
      [43, ""],
      [54, ""],
    ]);
    assert.deepEqual(walk(octets), {
      names: ["SA", "KE", "Nonce", "N(NAT_DETECTION_SOURCE_IP)", "N(40960)", "V", "PS"],
    });
  });

  it("ends behind SK and SKF, whose Next Payload belongs to what they hold", () => {
    for (const [type, name] of [[46, "SK"], [53, "SKF"]] as const) {
      const octets = message([[43, ""], [type, "00112233"]]);
      octets[32] = 35; // IDi is the first payload inside
      assert.deepEqual(walk(octets), { names: ["V", name] });
    }
  });

  it("names a notification too short for its type as N", () => {
    assert.deepEqual(walk(message([[41, "0000"]])), { names: ["N"] });
  });

  it("gives the payloads that fit before it refuses the one that does not", () => {
    const short = message([[33, "00"], [34, "aabb"]]);
    short[28 + 5 + 3] = 3;
    assert.deepEqual(walk(short), { names: ["SA"], code: "ERR_IKE_PAYLOAD" });
    const long = message([[33, "00"], [34, "aabb"]]);
    long[28 + 5 + 3] = 7;
    assert.deepEqual(walk(long), { names: ["SA"], code: "ERR_IKE_PAYLOAD" });
    const behindTheEnd = message([[33, "00"]]);
    behindTheEnd[28] = 34;
    assert.deepEqual(walk(behindTheEnd), { names: ["SA"], code: "ERR_IKE_PAYLOAD" });
  });

  it("refuses octets behind the last payload", () => {
    const octets = concat([message([[33, "00"]]), new Uint8Array(2)]);
    octets[27] = octets.length;
    assert.deepEqual(walk(octets), { names: ["SA"], code: "ERR_IKE_PAYLOAD" });
  });

  it("refuses a length that is not the message's", () => {
    assert.deepEqual(walk(message([[33, "00"]], { length: 34 })), { names: ["SA"], code: "ERR_IKE_HEADER" });
    assert.deepEqual(walk(concat([message([[33, "00"]]), new Uint8Array(1)])), {
      names: ["SA"],
      code: "ERR_IKE_HEADER",
    });
  });

  it(`takes ${MAX_PAYLOADS} payloads and no more`, () => {
    const payloads = (count: number) => Array.from({ length: count }, () => [43, ""] as const);
    assert.equal(walk(message(payloads(MAX_PAYLOADS))).names.length, MAX_PAYLOADS);
    const { names, code } = walk(message(payloads(MAX_PAYLOADS + 1)));
    assert.equal(names.length, MAX_PAYLOADS);
    assert.equal(code, "ERR_IKE_LIMIT");
  });

  it("reads IKEv1 by its own names, and nothing of what is encrypted", () => {
    const main = message([[1, "00"], [13, "aabb"], [20, ""]], { version: 0x10, exchange: 2, flags: 0 });
    assert.deepEqual(walk(main), { names: ["SA", "VID", "NAT-D"] });
    const quick = message([[8, "0011223344556677"]], { version: 0x10, exchange: 32, flags: 1 });
    quick[31] = 0xff;
    assert.deepEqual(walk(quick), { names: [] });
  });

  it("ends or throws an IkeError for any octets", () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 28, maxLength: 400 }), (octets) => {
      new DataView(octets.buffer, octets.byteOffset).setUint32(24, octets.length);
      walk(octets);
    }));
  });

  const malformed = sharedVectors("ike-malformed/cases.json") as
    | { cases: { name: string; hex: string }[] }
    | null;
  it(
    "ends or throws an IkeError for messages that broke other decoders",
    { skip: malformed === null },
    () => {
      for (const { name, hex } of malformed!.cases) {
        const octets = fromHex(hex);
        if (octets.length >= 28) walk(octets);
        else assert.throws(() => parseIkeHeader(octets), IkeError, name);
      }
    },
  );

  const fuzzed = sharedVectors("ike-fuzz/zzuf.json") as Record<string, unknown> | null;
  it("ends or throws an IkeError for fuzzed messages", { skip: fuzzed === null }, () => {
    const messages = Object.values(fuzzed!).find(Array.isArray) as { hex: string }[];
    assert.ok(messages.length > 100);
    for (const { hex } of messages) {
      const octets = fromHex(hex);
      if (octets.length >= 28) walk(octets);
    }
  });
});

describe("Names", () => {
  it("of numbers without one show the number", () => {
    assert.equal(exchangeName(99), "exchange 99");
    assert.equal(payloadName(77), "payload 77");
    assert.equal(notifyName(40960), "40960");
    assert.equal(exchangeName(99, 1), "exchange 99");
  });

  it("of other kinds than IKEv1's do not mix with it", () => {
    assert.equal(exchangeName(34, 1), "exchange 34");
    assert.equal(payloadName(46, 1), "payload 46");
  });
});

describe("describeIkeMessage", () => {
  it("tells request from response, and other versions from 2.0", () => {
    assert.equal(describeIkeMessage(message([[46, ""]], { exchange: 35 })), "IKE_AUTH request 0 { SK }");
    assert.equal(
      describeIkeMessage(message([[46, ""]], { exchange: 36, flags: 0x20 })),
      "CREATE_CHILD_SA response 0 { SK }",
    );
    assert.equal(describeIkeMessage(message([], { exchange: 37 })), "INFORMATIONAL request 0 { }");
    assert.equal(describeIkeMessage(message([], { version: 0x21 })), "IKEv2.1 IKE_SA_INIT request 0 { }");
    assert.equal(
      describeIkeMessage(message([[1, ""]], { version: 0x10, exchange: 2, flags: 0 })),
      "IKEv1 Main Mode 00000000 { SA }",
    );
    assert.equal(
      describeIkeMessage(message([[8, ""]], { version: 0x10, exchange: 32, flags: 1 })),
      "IKEv1 Quick Mode 00000000 { encrypted }",
    );
  });
});
