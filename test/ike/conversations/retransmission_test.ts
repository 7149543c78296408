import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { type Network, Pair } from "../_pair.ts";

/** Loses the messages of these numbers, counted from 0. */
function losing(...lost: number[]): Network {
  let count = 0;
  return ({ octets }) => lost.includes(count++) ? null : octets;
}

describe("Retransmission on UDP (RFC 7296, section 2.1)", () => {
  for (
    const [what, lost] of [["request", 0], ["response", 1], ["IKE_AUTH request", 2], [
      "IKE_AUTH response",
      3,
    ]] as const
  ) {
    it(`makes up for a lost ${what}`, () => {
      const pair = new Pair();
      pair.network = losing(lost);
      pair.connect();
      pair.advance(4_000);
      assert.equal(pair.a.of("ike_sa_established").length, 1, pair.a.story());
      assert.equal(pair.b.of("ike_sa_established").length, 1);
      assert.equal(pair.a.of("message").filter(({ repeated }) => repeated).length, 1);
      pair.assertSameChild();
    });
  }

  it("sends the same octets, at growing intervals, and gives up", () => {
    const pair = new Pair();
    pair.network = () => null;
    pair.connect();
    const times: number[] = [];
    const start = pair.now;
    while (pair.a.engine.counters.ikeSas > 0) {
      const before = pair.a.sent.length;
      assert.ok(pair.tick());
      if (pair.a.sent.length > before) times.push(pair.now - start);
    }
    assert.deepEqual(times, [4000, 11_200, 24_160, 47_488, 89_478]);
    assert.equal(pair.now - start, 165_061);
    for (const { octets } of pair.a.sent) assert.deepEqual(octets, pair.a.sent[0]!.octets);
    assert.equal(pair.a.one("ike_sa_failed").reason, "timeout");
    pair.inFlight.length = 0;
    pair.assertClean();
  });

  it("is answered from memory, and nothing else happens", () => {
    const pair = new Pair();
    pair.connect();
    const request = pair.a.sent[1]!;
    const response = pair.b.sent[1]!;
    pair.b.forget();
    pair.handle(pair.b, { kind: "message", path: pair.pathB, octets: request.octets.slice() });
    assert.deepEqual(pair.b.sent.map(({ octets }) => octets), [response.octets]);
    assert.deepEqual(pair.b.events.map(({ type }) => type), ["message"]);
    assert.equal(pair.b.of("message")[0]!.line, "IKE_AUTH response again -->");
  });

  it("forgets responses that the peer cannot ask for any more", () => {
    const pair = new Pair();
    pair.connect();
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
    pair.settle();
    pair.b.forget();
    // The IKE_AUTH request is one before the last: outside the window of one.
    pair.handle(pair.b, { kind: "message", path: pair.pathB, octets: pair.a.sent[1]!.octets.slice() });
    assert.equal(pair.b.sent.length, 0);
    assert.equal(pair.b.one("message_dropped").reason, "message_id");
  });
});

describe("Retransmission on a stream (RFC 9329, section 6.2)", () => {
  it("does not happen on one connection, and the SA goes when no response comes (R-RTX-1, R-RTX-3)", () => {
    const pair = new Pair({ reliable: true });
    pair.connect();
    pair.network = () => null;
    pair.a.forget();
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
    pair.advance(59_999);
    assert.equal(pair.a.sent.length, 1);
    assert.equal(pair.a.of("ike_sa_deleted").length, 0);
    pair.advance(1);
    assert.equal(pair.a.one("ike_sa_deleted").reason, "timeout");
    assert.equal(pair.a.sent.length, 1);
  });

  it("repeats what is without response on the next connection, octet by octet, and the wait goes on (R-RTX-4, R-RTX-6)", () => {
    const pair = new Pair({ reliable: true });
    pair.connect();
    pair.network = ({ from, octets }) => from === "b" ? null : octets; // the response is lost with its connection
    pair.a.forget();
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
    pair.settle();
    pair.handle(pair.a, { kind: "path_lost", path: pair.pathA });
    pair.handle(pair.b, { kind: "path_lost", path: pair.pathB });
    assert.equal(pair.b.sent.filter(({ octets }) => octets[18] === 37).length, 1);
    pair.network = ({ octets }) => octets;
    const next = pair.newPath(true, "connection 2");
    pair.handle(pair.a, { kind: "move", ikeSa: 1, path: next.a });
    assert.deepEqual(pair.a.sent[1]!.octets, pair.a.sent[0]!.octets);
    assert.equal(pair.a.sent[1]!.path.id, next.a.id);
    pair.settle();
    assert.equal(pair.a.of("peer_alive").length, 1);
    const responses = pair.b.sent.filter(({ octets }) => octets[18] === 37);
    assert.deepEqual(responses[1]!.octets, responses[0]!.octets);
    assert.equal(responses[1]!.path.id, next.b.id);
    // A repeated request is no sign that the peer has moved (R-CHO-4).
    assert.equal(pair.b.of("path_changed").length, 0);
    // A new one is (R-CHO-2).
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
    pair.settle();
    assert.equal(pair.b.one("path_changed").path.id, next.b.id);
    assert.deepEqual(pair.b.unusedPaths, [pair.pathB.id]);
  });

  it("never has a responder repeat a response by itself (R-RTX-7)", () => {
    const pair = new Pair({ reliable: true });
    pair.connect();
    const sent = pair.b.sent.length;
    pair.newPath(true, "connection 2");
    pair.advance(200_000);
    assert.equal(pair.b.sent.length, sent);
  });
});

describe("Liveness (RFC 7296, section 2.4)", () => {
  it("is asked for when the peer was silent for dpd_delay, and traffic counts as a sign of life", () => {
    const pair = new Pair({ connectionA: { dpd_delay: 30 } });
    pair.connect();
    pair.a.forget();
    pair.advance(20_000);
    const { child } = { child: 1 };
    pair.handle(pair.a, { kind: "child_usage", ikeSa: 1, child });
    pair.advance(20_000);
    assert.deepEqual(pair.a.lines(), []);
    pair.advance(10_000);
    assert.deepEqual(pair.a.lines(), ["INFORMATIONAL { } -->", "<-- INFORMATIONAL { }"]);
    assert.equal(pair.a.of("peer_alive").length, 1);
  });

  it("ends the SA and its children when the peer is gone", () => {
    const pair = new Pair({ connectionA: { dpd_delay: 30 } });
    pair.connect();
    pair.a.forget();
    pair.network = () => null;
    pair.advance(30_000 + 165_061);
    assert.equal(pair.a.one("ike_sa_deleted").reason, "timeout");
    assert.equal(pair.a.one("child_sa_deleted").by, "ike_sa");
    assert.equal(pair.a.engine.counters.timers, 0);
  });
});
