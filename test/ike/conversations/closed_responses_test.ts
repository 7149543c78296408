import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { EXCHANGE, PROTOCOL } from "../../../lib/ike/codec/mod.ts";
import { IKE_LIMITS } from "../../../lib/ike/mod.ts";
import { Forger } from "../_forger.ts";
import { Pair, type PairOptions } from "../_pair.ts";

/** A pair whose `a` has deleted its SA, and whose `b` has answered; the answer is lost. */
function unanswered(options: PairOptions = {}): Pair {
  const pair = new Pair(options);
  pair.connect();
  pair.network = ({ from, octets }) => from === "b" ? null : octets;
  pair.b.forget();
  pair.handle(pair.a, { kind: "delete_ike", ikeSa: 1 });
  pair.settle();
  return pair;
}

describe("The last response of a closed SA (RFC 7296, sections 1.4.1, 2.1)", () => {
  it("to D is given again to who asks again, and nothing else of the SA is left", () => {
    const pair = unanswered();
    assert.equal(pair.b.one("ike_sa_deleted").by, "peer");
    assert.deepEqual(pair.b.engine.counters, {
      ikeSas: 0,
      halfOpen: 0,
      childSpis: 0,
      lateSpis: 0,
      leases: 0,
      paths: 0,
      timers: 1,
      needs: 0,
      closedResponses: 1,
    });
    pair.network = ({ octets }) => octets;
    pair.advance(4000); // the first retransmission
    assert.deepEqual(pair.b.sent[1]!.octets, pair.b.sent[0]!.octets);
    assert.equal(pair.b.lines().at(-1), "INFORMATIONAL response again -->");
    assert.equal(pair.a.one("ike_sa_deleted").by, "local");
    pair.assertClean();
  });

  it("goes to where the request came from: on a stream, to the next connection (RFC 9329, section 6.2)", () => {
    const pair = unanswered({ reliable: true });
    const next = pair.newPath(true, "connection 2");
    pair.network = ({ octets }) => octets;
    pair.handle(pair.a, { kind: "path_lost", path: pair.pathA });
    pair.handle(pair.a, { kind: "move", ikeSa: 1, path: next.a });
    pair.settle();
    assert.equal(pair.b.sent[1]!.path.id, next.b.id);
    assert.equal(pair.a.one("ike_sa_deleted").by, "local");
    pair.assertClean();
  });

  it("is kept for closed_response_time", () => {
    const time = IKE_LIMITS.closed_response_time.default;
    const pair = unanswered();
    const request = pair.a.sent.at(-1)!;
    pair.a.forget();
    pair.now += time - 1;
    pair.handle(pair.b, { kind: "message", path: pair.pathB, octets: request.octets.slice() });
    assert.equal(pair.b.sent.length, 2);
    pair.now += 1;
    pair.handle(pair.b, { kind: "message", path: pair.pathB, octets: request.octets.slice() });
    assert.equal(pair.b.engine.counters.closedResponses, 0);
    assert.equal(pair.b.engine.counters.timers, 0);
    assert.equal(pair.b.lines().at(-1), "INFORMATIONAL { N(INVALID_IKE_SPI) } -->");
  });

  it("is given to nobody whose request was another one", () => {
    const pair = unanswered();
    const request = pair.a.sent.at(-1)!.octets;
    const response = pair.b.sent[0]!.octets;
    const forger = new Forger(pair, "a");
    const payloads = [{ kind: "D" as const, protocol: PROTOCOL.ike!, spis: [] }];
    const again = forger.seal({ exchangeType: EXCHANGE.informational, messageId: 2, payloads });
    const damaged = request.slice();
    damaged[damaged.length - 1]! ^= 1;
    for (const octets of [again, damaged, request.slice(0, 40)]) {
      pair.handle(pair.b, { kind: "message", path: pair.pathB, octets: octets.slice() });
    }
    assert.ok(pair.b.sent.slice(1).every(({ octets }) => octets.length < response.length));
    assert.equal(pair.b.of("message").filter(({ repeated }) => repeated).length, 0);
  });

  it("is kept of so many SAs and no more, the latest ones", () => {
    const pair = new Pair({ b: { limits: { max_closed_responses: 2 } } });
    for (let i = 0; i < 3; i++) pair.connect();
    pair.network = ({ from, octets }) => from === "b" ? null : octets;
    const requests = [1, 2, 3].map((ikeSa) => {
      pair.handle(pair.a, { kind: "delete_ike", ikeSa });
      pair.settle();
      return pair.a.sent.at(-1)!.octets;
    });
    assert.equal(pair.b.engine.counters.closedResponses, 2);
    assert.equal(pair.b.engine.counters.timers, 1);
    const answers = requests.map((octets) => {
      pair.b.forget();
      pair.handle(pair.b, { kind: "message", path: pair.pathB, octets: octets.slice() });
      return pair.b.lines().at(-1);
    });
    assert.deepEqual(answers, [
      "INFORMATIONAL { N(INVALID_IKE_SPI) } -->",
      "INFORMATIONAL response again -->",
      "INFORMATIONAL response again -->",
    ]);
  });

  it("is not kept where the limit is 0", () => {
    const pair = unanswered({ b: { limits: { max_closed_responses: 0 } } });
    assert.equal(pair.b.engine.counters.closedResponses, 0);
    assert.equal(pair.b.engine.counters.timers, 0);
  });

  it("that refused IKE_AUTH is given again: the initiator learns why (section 2.21.2)", () => {
    const pair = new Pair({ connectionB: { remote: { auth: "psk", id: "somebody.else" } } });
    let lost = 0;
    pair.network = ({ from, octets }) =>
      from === "b" && octets[18] === EXCHANGE.ikeAuth && lost++ === 0 ? null : octets;
    pair.connect();
    pair.advance(4000);
    assert.equal(pair.a.one("ike_sa_failed").reason, "authentication_failed");
    assert.equal(pair.b.lines().at(-1), "IKE_AUTH response again -->");
    pair.assertClean();
  });

  it("does not outlive an SA that this end has deleted: the peer knows of its end", () => {
    const pair = new Pair();
    pair.connect();
    pair.handle(pair.a, { kind: "delete_ike", ikeSa: 1 });
    pair.settle();
    assert.equal(pair.a.engine.counters.closedResponses, 0);
    pair.assertClean();
  });
});
