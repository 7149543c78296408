import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { espPacketSize, espPayloadLimit, tunnelMtu } from "../../lib/esp/mod.ts";
import { emitTrailer, payloadEnd } from "../../lib/esp/packet.ts";

const GCM = { ivSize: 8, icvSize: 16, blockSize: 1 };
const CBC = { ivSize: 16, icvSize: 16, blockSize: 16 };

describe("ESP's layout", () => {
  it("aligns the trailer to 4 octets, or to a block (RFC 4303, section 2.4)", () => {
    for (
      const [payload, gcm, cbc] of [[0, 36, 56], [2, 36, 56], [3, 40, 56], [14, 48, 56], [
        15,
        52,
        72,
      ]] as const
    ) {
      assert.equal(espPacketSize(payload, GCM), gcm);
      assert.equal(espPacketSize(payload, CBC), cbc);
    }
  });

  it("gives as MTU the largest payload that fits, for any limit", () => {
    for (const sizes of [GCM, CBC]) {
      for (let limit = 64; limit < 400; limit++) {
        const most = espPayloadLimit(limit, sizes);
        assert.ok(espPacketSize(most, sizes) <= limit);
        assert.ok(espPacketSize(most + 1, sizes) > limit);
      }
    }
    assert.equal(tunnelMtu(65_533, GCM), 65_498);
    assert.equal(tunnelMtu(10, GCM), 0);
    assert.equal(tunnelMtu(100_000, GCM), 65_535);
  });

  it("takes padding of 1, 2, 3, ... and no other", () => {
    const octets = new Uint8Array(20);
    emitTrailer(octets, 5, 20, 4);
    assert.deepEqual([...octets.subarray(5)], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 13, 4]);
    assert.equal(payloadEnd(octets, 0, 20), 5);
    assert.equal(payloadEnd(octets, 6, 20), -1, "more padding than there is body");
    octets[9]! ^= 1;
    assert.equal(payloadEnd(octets, 0, 20), -1);
    assert.equal(payloadEnd(octets, 19, 20), -1, "no room for a trailer");
  });
});
