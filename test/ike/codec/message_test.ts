import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { IkeError } from "../../../lib/errors.ts";
import {
  describeIkeMessage,
  describeMessage,
  emitIkeMessage,
  emitPayloads,
  firstPayloadType,
  IKE_CODEC_LIMITS,
  type IkeMessage,
  ikeMessageSize,
  parseIkeMessage,
  parsePayloads,
  PAYLOAD_CODECS,
  PAYLOAD_TYPES,
  payloadCodec,
} from "../../../lib/ike/codec/mod.ts";
import { anyMessage, anyPayload, anySealedMessage } from "../../_support/ike_messages.ts";

/** The message, or undefined for a typed error with a place; anything else is thrown on. */
function parsed(octets: Uint8Array): IkeMessage | undefined {
  try {
    return parseIkeMessage(octets);
  } catch (error) {
    if (!(error instanceof IkeError)) throw error;
    assert.match(error.code, /^ERR_IKE_(HEADER|VERSION|PAYLOAD|CRITICAL_PAYLOAD|LIMIT)$/);
    assert.ok(error.offset !== undefined && error.offset >= 0 && error.offset <= octets.length);
    return undefined;
  }
}

/** Octets that look like a message: the header is right for what follows. */
const nearlyAMessage = fc.tuple(
  fc.uint8Array({ maxLength: 300 }),
  fc.constantFrom(...Object.keys(PAYLOAD_TYPES)),
)
  .map(([body, type]) => {
    const octets = new Uint8Array(28 + body.length);
    octets.set(body, 28);
    octets[16] = Number(type);
    octets[17] = 0x20;
    new DataView(octets.buffer).setUint32(24, octets.length);
    return octets;
  });

describe("parseIkeMessage", () => {
  it("reads what emitIkeMessage writes, to the same value, in as many octets as ikeMessageSize says", () => {
    fc.assert(
      fc.property(fc.oneof(anyMessage, anySealedMessage), (message) => {
        const octets = emitIkeMessage(message);
        assert.equal(octets.length, ikeMessageSize(message));
        const again = parseIkeMessage(octets);
        assert.deepEqual(again, message);
        assert.deepEqual(emitIkeMessage(again), octets);
      }),
      { numRuns: 300 },
    );
  });

  it("reads a message or throws a typed error for any octets", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => void parsed(octets)));
    fc.assert(fc.property(nearlyAMessage, (octets) => void parsed(octets)), { numRuns: 500 });
  });

  it("reads a message or throws a typed error for any octet changed, and writes what it read", () => {
    fc.assert(
      fc.property(
        anyMessage,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        (message, changes) => {
          const octets = emitIkeMessage(message);
          for (const [at, value] of changes) octets[at % octets.length] = value;
          const read = parsed(octets);
          if (read !== undefined) assert.deepEqual(parseIkeMessage(emitIkeMessage(read)), read);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("throws a typed error at every cut of a message, and for every octet behind it", () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const octets = emitIkeMessage(message);
        for (let size = 0; size < octets.length; size++) {
          assert.equal(parsed(octets.subarray(0, size)), undefined, `cut at ${size}`);
        }
        const longer = new Uint8Array(octets.length + 1);
        longer.set(octets);
        assert.equal(parsed(longer), undefined);
      }),
      { numRuns: 30 },
    );
  });

  it("refuses a cut whose header says that it is whole, or reads a shorter chain", () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const octets = emitIkeMessage(message);
        for (let size = 28; size < octets.length; size++) {
          const cut = octets.slice(0, size);
          new DataView(cut.buffer).setUint32(24, size);
          assert.equal(parsed(cut), undefined, `the last payload still names its successor: cut at ${size}`);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("gives views, not copies", () => {
    const octets = emitIkeMessage({
      spiI: new Uint8Array(8),
      spiR: new Uint8Array(8),
      exchangeType: 34,
      initiator: true,
      response: false,
      messageId: 0,
      payloads: [{ kind: "Nonce", data: new Uint8Array(32).fill(1) }],
    });
    const [nonce] = parseIkeMessage(octets).payloads;
    assert.ok(nonce?.kind === "Nonce");
    assert.equal(nonce.data.buffer, octets.buffer);
    octets[32] = 9;
    assert.equal(nonce.data[0], 9);
  });

  it("reads a message in the middle of a buffer", () => {
    fc.assert(fc.property(anyMessage, fc.nat(9), (message, before) => {
      const octets = emitIkeMessage(message);
      const buffer = new Uint8Array(before + octets.length + 7).fill(0xee);
      buffer.set(octets, before);
      assert.deepEqual(parseIkeMessage(buffer.subarray(before, before + octets.length)), message);
    }));
  });

  it("makes a bounded number of objects of 64 KiB, whatever they hold", () => {
    // The smallest elements there are, as many as fit: each is refused at its limit, not at the end of the octets.
    for (
      const [type, head, element] of [
        [43, [], [43, 0, 0, 4]],
        [47, [1, 0, 0, 0], [0, 1, 0, 0]],
      ] as const
    ) {
      const body = new Uint8Array(65_000 - head.length);
      for (let i = 0; i < body.length; i++) body[i] = element[i % element.length]!;
      const inside = type === 43
        ? body
        : new Uint8Array([0, 0, 65_004 >>> 8, 65_004 & 0xff, ...head, ...body]);
      assert.throws(() => parsePayloads(type, inside), { code: "ERR_IKE_LIMIT" });
    }
  });
});

describe("parsePayloads", () => {
  it("reads what emitPayloads writes", () => {
    fc.assert(fc.property(fc.array(anyPayload, { maxLength: 8 }), (payloads) => {
      const octets = emitPayloads(payloads);
      assert.deepEqual(parsePayloads(firstPayloadType(payloads), octets), payloads);
    }));
  });

  it("counts offsets of errors from where the octets come from", () => {
    assert.throws(() => parsePayloads(40, new Uint8Array([0, 0, 0, 5, 1]), { base: 100 }), (error) => {
      assert.ok(error instanceof IkeError);
      assert.equal(error.offset, 104);
      assert.match(error.message, /at offset 104/);
      return true;
    });
  });
});

describe("describeMessage", () => {
  it("says the same as what is told of the octets", () => {
    fc.assert(fc.property(fc.oneof(anyMessage, anySealedMessage), (message) => {
      assert.equal(describeMessage(message), describeIkeMessage(emitIkeMessage(message)));
    }));
  });

  it("is in the notation of RFC 7296, and holds no octets of payloads", () => {
    const secret = new Uint8Array(64).fill(0xab);
    const text = describeMessage({
      spiI: secret.subarray(0, 8),
      spiR: secret.subarray(0, 8),
      exchangeType: 35,
      initiator: true,
      response: false,
      messageId: 1,
      payloads: [{ kind: "AUTH", method: 2, data: secret }, {
        kind: "unknown",
        type: 77,
        critical: false,
        data: secret,
      }],
    });
    assert.equal(text, "IKE_AUTH request 1 { AUTH, payload 77 }");
  });
});

describe("The registry", () => {
  it("has each payload under the name of its type", () => {
    for (const [kind, { type }] of Object.entries(PAYLOAD_CODECS)) {
      assert.equal(PAYLOAD_TYPES[type], kind);
      assert.equal(payloadCodec(type), PAYLOAD_CODECS[kind as keyof typeof PAYLOAD_CODECS]);
    }
    assert.equal(payloadCodec(200), undefined);
  });

  it("has every payload of RFC 7296, and SKF", () => {
    const types = Object.values(PAYLOAD_CODECS).map(({ type }) => type).sort((a, b) => a - b);
    assert.deepEqual(types, [...Array.from({ length: 16 }, (_, i) => 33 + i), 53]);
  });
});

describe("The table of limits", () => {
  it("is that of the documentation", () => {
    const defaults = Object.entries(IKE_CODEC_LIMITS).map(([name, row]) => `${name} ${row.default}`);
    assert.deepEqual(defaults, [
      "message_size 65536",
      "payloads 128",
      "proposals 64",
      "transforms 256",
      "traffic_selectors 64",
      "spis 256",
      "configuration_attributes 1024",
      "fragments 64",
    ]);
  });
});
