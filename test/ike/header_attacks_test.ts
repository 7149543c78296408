/**
 * Headers and fragments that lie: flags, SPIs, Message IDs, numbers of fragments. Where nothing else is said, the octets are sealed under
 * the right keys, so that only the rule in question refuses them.
 */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { EXCHANGE, NOTIFY, notifyPayload, type Payload } from "../../lib/ike/codec/mod.ts";
import { assertUsable, established } from "./_established.ts";
import { Forger, type Forgery } from "./_forger.ts";
import { type End, Pair } from "./_pair.ts";
import { DELETE_IKE, nonce } from "./_payloads.ts";

const INFORMATIONAL = EXCHANGE.informational!;
const DELETION: Forgery = { exchangeType: INFORMATIONAL, messageId: 2, payloads: [DELETE_IKE] };

/** Why messages were dropped. */
function reasons(end: End): string[] {
  return end.of("message_dropped").map(({ reason }) => reason);
}

describe("A deletion of the IKE SA that would be right", () => {
  const lies: readonly [what: string, change: (forger: Forger) => Partial<Forgery>, reason: string][] = [
    ["with the flag of the other end", () => ({ initiator: false }), "unknown_spi"],
    [
      "with the flag of the other end, and the SPIs exchanged",
      ({ spis: [i, r] }) => ({ initiator: false, spis: [r, i] }),
      "unknown_spi",
    ],
    ["with the SPIs exchanged", ({ spis: [i, r] }) => ({ spis: [r, i] }), "unknown_spi"],
    ["with a responder's SPI of zeros", ({ spis: [i] }) => ({ spis: [i, new Uint8Array(8)] }), "unknown_spi"],
    [
      "with an initiator's SPI of zeros",
      ({ spis: [, r] }) => ({ spis: [new Uint8Array(8), r] }),
      "unknown_spi",
    ],
    ["with our SPI twice", ({ spis: [, r] }) => ({ spis: [r, r] }), "unknown_spi"],
    ["as a response", () => ({ response: true }), "message_id"],
    [
      "as a response to a request of ours that there was",
      () => ({ response: true, messageId: 0 }),
      "message_id",
    ],
    ["in IKE_SA_INIT", () => ({ exchangeType: EXCHANGE.ikeSaInit! }), "wrong_state"],
    ["under a Message ID that is next but one", () => ({ messageId: 3 }), "message_id"],
    ["under a Message ID far ahead", () => ({ messageId: 0x7fffffff }), "message_id"],
    ["under the last Message ID that there is", () => ({ messageId: 0xffffffff }), "message_id"],
    ["under a Message ID long gone", () => ({ messageId: 0 }), "message_id"],
  ];
  for (const [what, change, reason] of lies) {
    it(`is dropped ${what}, and everything goes on`, () => {
      const pair = established();
      const forger = new Forger(pair, "a");
      const forgery = { ...DELETION, ...change(forger) };
      const inTheClear = forgery.exchangeType === EXCHANGE.ikeSaInit;
      forger.send(inTheClear ? forger.plain(forgery) : forger.seal(forgery));
      assert.deepEqual(reasons(pair.b), [reason]);
      assert.equal(pair.b.of("ike_sa_deleted").length, 0);
      pair.inFlight.length = 0;
      assertUsable(pair);
    });
  }

  it("counts as it is", () => {
    const pair = established();
    const forger = new Forger(pair, "a");
    forger.send(forger.seal(DELETION));
    assert.equal(pair.b.one("ike_sa_deleted").by, "peer");
  });

  it("is no deletion when it comes back to who has sent it", () => {
    const pair = established();
    pair.network = () => null;
    pair.handle(pair.a, { kind: "delete_ike", ikeSa: 1 });
    const { octets } = pair.a.sent[0]!;
    pair.settle();
    pair.handle(pair.a, { kind: "message", path: pair.pathA, octets: octets.slice() });
    assert.deepEqual(reasons(pair.a), ["unknown_spi"]);
    assert.equal(pair.a.of("ike_sa_deleted").length, 0);
  });
});

describe("An answer", () => {
  it("under another Message ID than that of the request is none", () => {
    const pair = established();
    pair.network = () => null;
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
    pair.settle();
    const forger = new Forger(pair, "b");
    for (const messageId of [0, 1, 3, 0xffffffff]) {
      forger.send(forger.seal({ exchangeType: INFORMATIONAL, messageId, payloads: [], response: true }));
    }
    assert.deepEqual(reasons(pair.a), Array(4).fill("message_id"));
    assert.equal(pair.a.of("peer_alive").length, 0);
    forger.send(forger.seal({ exchangeType: INFORMATIONAL, messageId: 2, payloads: [], response: true }));
    assert.equal(pair.a.of("peer_alive").length, 1);
  });

  it("of another exchange than the request is none", () => {
    const pair = established();
    pair.network = () => null;
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
    pair.settle();
    const forger = new Forger(pair, "b");
    for (const exchangeType of [EXCHANGE.ikeAuth!, EXCHANGE.createChildSa!, 43, 99]) {
      forger.send(forger.seal({ exchangeType, messageId: 2, payloads: [], response: true }));
    }
    assert.equal(pair.a.of("message_dropped").length, 4);
    assert.equal(pair.a.of("peer_alive").length, 0);
  });

  it("that comes a second time is none", () => {
    const pair = established();
    pair.network = ({ from, octets }) => from === "b" ? [octets, octets] : octets;
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
    pair.settle();
    assert.deepEqual(reasons(pair.a), ["message_id"]);
    assert.equal(pair.a.of("peer_alive").length, 1);
  });
});

describe("Critical payloads that nobody knows (RFC 7296, section 2.5)", () => {
  it("are refused by the first one's type, however many there are, and nothing in the message is done", () => {
    const pair = established();
    const forger = new Forger(pair, "a");
    const critical = (type: number): Payload => ({
      kind: "unknown",
      type,
      critical: true,
      data: new Uint8Array(4),
    });
    const payloads = [DELETE_IKE, critical(201), critical(200), critical(201)];
    forger.send(forger.seal({ exchangeType: INFORMATIONAL, messageId: 2, payloads }));
    assert.deepEqual(pair.b.lines(), ["INFORMATIONAL { N(UNSUPPORTED_CRITICAL_PAYLOAD) } -->"]);
    pair.network = () => null;
    pair.settle();
    assert.equal(pair.b.engine.counters.ikeSas, 1);
  });
});

describe("Fragments that lie (RFC 7383; CVE-2016-1287 was of fragments)", () => {
  const large = (messageId: number): Forgery => ({
    exchangeType: INFORMATIONAL,
    messageId,
    payloads: [
      notifyPayload(NOTIFY.initialContact),
      { kind: "V", data: new Uint8Array(900) },
      { kind: "V", data: new Uint8Array(900) },
    ],
  });

  it("and are not authentic put an end to no message that is on its way", () => {
    const pair = established({ b: { limits: { window_size: 2 } } });
    const forger = new Forger(pair, "a");
    const fragments = forger.fragments(large(2), 500);
    assert.ok(fragments.length > 3);
    for (const [i, fragment] of fragments.entries()) {
      // Between any two, others say the same Message ID and the next one, numbers that are there and totals that are not.
      for (const other of [...forger.fragments(large(2), 700), ...forger.fragments(large(3), 500)]) {
        const spoilt = other.slice();
        spoilt[spoilt.length - 1 - i]! ^= 0x55;
        forger.send(spoilt);
      }
      forger.send(fragment);
    }
    assert.equal(pair.b.talk().at(-1), "INFORMATIONAL { } -->", pair.b.story());
  });

  it("and are authentic hold one message at most, which has its time", () => {
    const pair = established();
    const forger = new Forger(pair, "a");
    const before = pair.b.engine.counters.timers;
    for (let round = 0; round < 20; round++) {
      for (const size of [400, 500, 600]) {
        const fragments = forger.fragments(large(2), size);
        for (const fragment of fragments.slice(0, -1)) forger.send(fragment);
      }
    }
    assert.equal(pair.b.engine.counters.timers, before + 1);
    pair.advance(30_000);
    assert.equal(pair.b.engine.counters.timers, before);
    // What comes then is a message of its own.
    for (const fragment of forger.fragments(large(2), 500)) forger.send(fragment);
    assert.equal(pair.b.talk().at(-1), "INFORMATIONAL { } -->");
  });

  it("and whose other parts never come have their time also while other messages come", () => {
    const pair = established();
    const forger = new Forger(pair, "a");
    for (const fragment of forger.fragments(large(2), 500).slice(0, -1)) forger.send(fragment);
    const { timers } = pair.b.engine.counters;
    forger.send(forger.seal({ exchangeType: EXCHANGE.informational!, messageId: 2, payloads: [] }));
    assert.equal(pair.b.talk().at(-1), "INFORMATIONAL { } -->", pair.b.story());
    assert.equal(pair.b.engine.counters.timers, timers, "what waits has a timer");
    pair.advance(30_000);
    assert.equal(pair.b.engine.counters.timers, timers - 1);
  });

  it("with numbers out of range are dropped before they are opened", () => {
    const pair = established();
    const forger = new Forger(pair, "a");
    const [first] = forger.fragments(large(2), 500);
    for (const [number, total] of [[0, 4], [5, 4], [1, 0], [1, 65_535], [65_535, 65_535]] as const) {
      const octets = first!.slice();
      new DataView(octets.buffer).setUint16(32, number);
      new DataView(octets.buffer).setUint16(34, total);
      forger.send(octets);
    }
    assert.equal(pair.b.of("message_dropped").length, 5);
    assert.ok(reasons(pair.b).every((reason) => ["malformed", "fragment", "not_authentic"].includes(reason)));
    assertUsable(pair);
  });

  it("before IKE_AUTH hold one message at most, and go with the half-open SA", () => {
    const pair = new Pair();
    pair.network = ({ octets }) => octets[18] === EXCHANGE.ikeAuth ? null : octets;
    pair.connect();
    const forger = new Forger(pair, "a");
    for (let i = 0; i < 100; i++) {
      const forgery = {
        exchangeType: EXCHANGE.ikeAuth!,
        messageId: 1,
        payloads: [nonce(i, 256), nonce(i, 256)],
      };
      for (const fragment of forger.fragments(forgery, 200 + i).slice(1)) forger.send(fragment);
    }
    assert.equal(pair.b.engine.counters.timers, 2); // half_open, reassembly
    pair.network = () => null;
    pair.advance(200_000);
    pair.assertClean();
  });
});
