import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { zeroCounters } from "../../lib/relay/counters.ts";
import { isCarried, lacksMarker, spiKeyOf } from "../../lib/relay/datagrams.ts";
import { esp, ike, ikeSaInit, ikeWithoutMarker, KEEPALIVE } from "./_messages.ts";

describe("isCarried", () => {
  it("carries four octets and more, drops and counts what is shorter (R-KAL-2, R-FRM-18)", () => {
    const counters = zeroCounters();
    const carried = [[], [0xff], [0xfe], [0xff, 0xff], [0, 0, 0], [0, 0, 0, 0], [1, 2, 3, 4, 5]].map((
      octets,
    ) => isCarried(Uint8Array.from(octets), counters));
    assert.deepEqual(carried, [false, false, false, false, false, true, true]);
    assert.equal(counters.keepalives, 1);
    assert.equal(counters.runts, 4);
  });
});

describe("spiKeyOf", () => {
  it("names an ESP packet by its SPI", () => {
    assert.equal(spiKeyOf(esp(0xfedcba98)), 0xfedcba98);
    assert.equal(spiKeyOf(esp(1, 7, 4)), 1);
  });

  it("names an IKE message by its SPI pair", () => {
    const key = spiKeyOf(ike({ spiI: 7, spiR: 8 }));
    assert.equal(typeof key, "string");
    assert.equal(spiKeyOf(ike({ spiI: 7, spiR: 8, exchange: 36, body: 4 })), key);
    assert.notEqual(spiKeyOf(ike({ spiI: 7, spiR: 9 })), key);
    assert.notEqual(spiKeyOf(ike({ spiI: 8, spiR: 8 })), key);
  });

  it("has no name for a message without a pair: IKE_SA_INIT, or one that is cut short", () => {
    assert.equal(spiKeyOf(ikeSaInit(7)), undefined);
    assert.equal(spiKeyOf(new Uint8Array(4)), undefined);
    assert.equal(spiKeyOf(ike({ spiI: 7, spiR: 8 }).subarray(0, 19)), undefined);
  });
});

describe("lacksMarker", () => {
  it("recognises each IKEv2 exchange without the non-ESP marker", () => {
    for (const exchange of [34, 35, 36, 37]) assert.equal(lacksMarker(ikeWithoutMarker({ exchange })), true);
  });

  it("takes nothing else for it: a marker, ESP, IKEv1, a length that does not fit, a header cut short", () => {
    assert.equal(lacksMarker(ike()), false);
    assert.equal(lacksMarker(esp(0x11223344)), false);
    assert.equal(lacksMarker(ikeWithoutMarker({ version: 0x10 })), false);
    assert.equal(lacksMarker(ikeWithoutMarker({ exchange: 38 })), false);
    assert.equal(lacksMarker(ikeWithoutMarker().subarray(0, 50)), false);
    assert.equal(lacksMarker(ikeWithoutMarker().subarray(0, 27)), false);
    assert.equal(lacksMarker(KEEPALIVE), false);
  });
});
