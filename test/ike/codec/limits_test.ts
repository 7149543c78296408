/** How much a message may hold, and what cannot be written. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import {
  emitIkeMessage,
  emitPayloads,
  IKE_CODEC_LIMITS,
  type IkeCodecLimitName,
  ikeCodecLimits,
  type IkeMessage,
  parseIkeMessage,
  parsePayloads,
  type Payload,
} from "../../../lib/ike/codec/mod.ts";

describe("The limits", () => {
  const message = (payloads: readonly Payload[]): IkeMessage => ({
    spiI: new Uint8Array(8).fill(1),
    spiR: new Uint8Array(8),
    exchangeType: 34,
    initiator: true,
    response: false,
    messageId: 0,
    payloads,
  });

  it("can all be set, and only to what they may be", () => {
    for (const name of Object.keys(IKE_CODEC_LIMITS) as IkeCodecLimitName[]) {
      const { most } = IKE_CODEC_LIMITS[name];
      assert.equal(ikeCodecLimits({ [name]: most })[name], most);
      assert.equal(ikeCodecLimits({ [name]: 1 })[name], 1);
      for (const value of [0, -1, 1.5, most + 1, NaN, Infinity]) {
        assert.throws(() => ikeCodecLimits({ [name]: value }), {
          name: "RangeError",
          code: "ERR_OPTION_RANGE",
        });
      }
    }
    assert.throws(() => ikeCodecLimits({ toString: 1 } as never), /expected one of message_size, payloads/);
  });

  it("bound the octets of a message", () => {
    const octets = emitIkeMessage(message([{ kind: "V", data: new Uint8Array(68) }]));
    assert.equal(octets.length, 100);
    assert.equal(
      parseIkeMessage(octets, { limits: ikeCodecLimits({ message_size: 100 }) }).payloads.length,
      1,
    );
    assert.throws(() => parseIkeMessage(octets, { limits: ikeCodecLimits({ message_size: 99 }) }), {
      code: "ERR_IKE_LIMIT",
      message: /expected at most 99 octets, got 100/,
    });
    assert.throws(() => parsePayloads(43, new Uint8Array(65_537)), { code: "ERR_IKE_LIMIT" });
  });

  it("hold inside SK as outside", () => {
    const inside = emitPayloads(Array<Payload>(20).fill({ kind: "V", data: new Uint8Array(0) }));
    assert.equal(parsePayloads(43, inside, { limits: ikeCodecLimits({ payloads: 20 }) }).length, 20);
    assert.throws(() => parsePayloads(43, inside, { limits: ikeCodecLimits({ payloads: 19 }) }), {
      code: "ERR_IKE_LIMIT",
    });
  });
});

describe("Writing", () => {
  const header = {
    spiI: new Uint8Array(8).fill(1),
    spiR: new Uint8Array(8),
    exchangeType: 34,
    initiator: true,
    response: false,
    messageId: 0,
  };

  it("is a RangeError where a payload does not fit its length field", () => {
    const fits = emitPayloads([{ kind: "V", data: new Uint8Array(65_531) }]);
    assert.equal(fits.length, 65_535);
    assert.throws(() => emitPayloads([{ kind: "V", data: new Uint8Array(65_532) }]), {
      name: "RangeError",
      code: "ERR_IKE_SIZE",
      message: "Cannot write V payload: expected at most 65535 octets, got 65536",
    });
  });

  it("is a RangeError for an SPI that is none, and for payloads behind SK", () => {
    assert.throws(() => emitIkeMessage({ ...header, spiR: new Uint8Array(4), payloads: [] }), {
      code: "ERR_IKE_SIZE",
      message: "Cannot write IKE message: expected 8 octets of responder's SPI, got 4",
    });
    const sk: Payload = { kind: "SK", nextPayload: 0, body: new Uint8Array(20), offset: 32 };
    assert.throws(() => emitIkeMessage({ ...header, payloads: [sk, sk] }), { code: "ERR_IKE_SIZE" });
  });
});
