/**
 * Exchanges of both ends that cross, and messages that are lost in the middle of it, message by message (RFC 7296, sections 2.8, 2.25);
 * a line that ends with an arrow is what the end has said, one that begins with an arrow what it has heard.
 */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { EXCHANGE, NOTIFY } from "../../../lib/ike/codec/mod.ts";
import { assertLeft, assertUsable, currentIkeSa, established, hold, nonces } from "../_established.ts";
import { type Flight, Pair } from "../_pair.ts";
import { refuse } from "./_refusals.ts";

const REKEY_CHILD = { kind: "rekey_child", ikeSa: 1, child: 1 } as const;
const REKEY_IKE = { kind: "rekey_ike", ikeSa: 1 } as const;
const DELETE_CHILD = { kind: "delete_child", ikeSa: 1, child: 1 } as const;
const DELETE_IKE = { kind: "delete_ike", ikeSa: 1 } as const;

const isResponse = ({ octets }: Flight) => (octets[19]! & 0x20) !== 0;

/** A network that loses the first response of CREATE_CHILD_SA of one end, or of both. */
function losingAnswers(...losers: ("a" | "b")[]): Pair["network"] {
  const left = new Set(losers);
  return (flight) => {
    const { from, octets } = flight;
    return octets[18] === EXCHANGE.createChildSa && isResponse(flight) && left.delete(from) ? null : octets;
  };
}

/** Both ends send what they want before either hears of the other. */
function crossing(pair: Pair, a: Parameters<Pair["handle"]>[1], b: Parameters<Pair["handle"]>[1]): Pair {
  pair.handle(pair.a, a);
  pair.handle(pair.b, b);
  return pair;
}

describe("Both ends rekey, and answers are lost", () => {
  for (const kind of ["rekey_child", "rekey_ike"] as const) {
    const wish = kind === "rekey_ike" ? REKEY_IKE : REKEY_CHILD;
    for (const lowest of ["a", "b"] as const) {
      for (const losers of [["a"], ["b"], ["a", "b"]] as const) {
        it(`${kind}, ${lowest} with the lowest nonce, the answers of ${losers.join(" and ")}: one is left`, () => {
          const pair = established({
            a: nonces(lowest === "a" ? 0 : 128, 1),
            b: nonces(lowest === "b" ? 0 : 128, 2),
          });
          pair.network = losingAnswers(...losers);
          crossing(pair, wish, wish);
          // An end may have to see for itself that nobody deletes what was for nothing: its maker never knew of it.
          pair.advance(kind === "rekey_ike" ? 600_000 : 30_000);
          assertLeft(pair, 1, 1);
          if (kind === "rekey_child") {
            const left = [pair.a, pair.b].map((end) => {
              const gone = new Set(end.of("child_sa_deleted").map(({ child }) => child));
              return end.of("child_sa_installed").filter(({ childSa }) => !gone.has(childSa.child));
            });
            assert.deepEqual(left[0]![0]!.childSa.inbound, left[1]![0]!.childSa.outbound);
          }
          assertUsable(pair);
        });
      }
    }
  }

  it("and what one end has forgotten of its rekey goes at the other, soon, and nothing is asked on it (section 2.25.2)", () => {
    const pair = established({ a: nonces(128, 1), b: nonces(0, 2) });
    pair.network = losingAnswers("a"); // so that D of the old one, by which b forgets, comes before it
    crossing(pair, REKEY_IKE, REKEY_IKE);
    pair.settle();
    assert.equal(pair.b.engine.counters.ikeSas, 1);
    assert.equal(pair.a.engine.counters.ikeSas, 2);
    const { to } = pair.a.one("child_sas_moved");
    pair.handle(pair.a, { kind: "unknown_spi", path: pair.pathA, spi: 4711 });
    assert.deepEqual(pair.a.of("message").at(-1)!.ikeSa, to);
    pair.advance(10_001);
    assertLeft(pair, 1, 1);
    const others = pair.a.of("ike_sa_deleted").filter(({ ikeSa }) => ikeSa !== 1);
    assert.deepEqual(others.map(({ by }) => by), ["replaced"]);
    assertUsable(pair);
  });

  it("and everything is deleted at once: what the other end has forgotten is not waited for", () => {
    const pair = established({ a: nonces(128, 1), b: nonces(0, 2) });
    pair.network = losingAnswers("a");
    crossing(pair, REKEY_IKE, REKEY_IKE);
    pair.settle();
    pair.handle(pair.a, { kind: "delete_all" });
    pair.settle();
    pair.assertClean();
  });

  it("each Message ID of the lost answers is answered again by the same octets", () => {
    const pair = established();
    pair.network = losingAnswers("b");
    pair.handle(pair.a, REKEY_CHILD);
    pair.advance(4_000);
    const answers = pair.b.sent.filter((flight) =>
      isResponse(flight) && flight.octets[18] === EXCHANGE.createChildSa
    );
    assert.equal(answers.length, 2);
    assert.deepEqual(answers[0]!.octets, answers[1]!.octets);
    assertLeft(pair, 1, 1);
  });
});

describe("A child SA is rekeyed by one end, and the IKE SA by the other (section 2.25)", () => {
  it("TEMPORARY_FAILURE from both sides: neither is done, both go on, and both are done later", () => {
    const pair = crossing(established(), REKEY_CHILD, REKEY_IKE);
    pair.settle();
    assert.deepEqual(pair.a.talk(), [
      "CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, TSi, TSr } -->",
      "<-- CREATE_CHILD_SA { SA, Ni, KEi }",
      "CREATE_CHILD_SA { N(TEMPORARY_FAILURE) } -->",
      "<-- CREATE_CHILD_SA { N(TEMPORARY_FAILURE) }",
    ]);
    assertLeft(pair, 1, 1);
    assert.equal(pair.a.of("child_sa_installed").length, 0);
    pair.advance(60_000);
    assert.equal(pair.b.one("child_sas_moved").children.length, 1);
    assert.equal(pair.a.one("child_sa_installed").replaces, 1);
    assertLeft(pair, 1, 1);
    assertUsable(pair);
  });

  it("the rekey of the child SA is answered first: the IKE SA waits for the deletion of the old one", () => {
    const pair = established();
    pair.handle(pair.a, REKEY_CHILD);
    pair.deliver(); // `b` has a new child SA
    pair.handle(pair.b, REKEY_IKE);
    pair.settle();
    assert.match(pair.a.talk().join("\n"), /CREATE_CHILD_SA \{ N\(TEMPORARY_FAILURE\) \} -->/);
    assertLeft(pair, 1, 1);
    pair.advance(60_000);
    assert.equal(pair.a.one("child_sas_moved").children.length, 1);
    assertUsable(pair);
  });

  it("the IKE SA is rekeyed first: the child SA is rekeyed on the new one", () => {
    const pair = established();
    pair.handle(pair.b, REKEY_IKE);
    pair.deliver(); // `a` has moved its child SA to the new one
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: currentIkeSa(pair.a), child: 1 });
    pair.settle();
    pair.advance(60_000);
    assert.equal(pair.a.one("child_sa_installed").replaces, 1);
    assert.equal(pair.a.one("child_sa_installed").ikeSa, currentIkeSa(pair.a));
    assertLeft(pair, 1, 1);
    assertUsable(pair);
  });
});

describe("Both ends rekey the IKE SA, and the loser has its answer first (section 2.8.2)", () => {
  it("it deletes what it has made when the peer knows how that ends, and the old one is gone", () => {
    const pair = established({ reliable: true, a: nonces(0, 1), b: nonces(128, 2) });
    crossing(pair, REKEY_IKE, REKEY_IKE);
    pair.deliver(); // to b
    pair.deliver(); // to a
    const answer = hold(pair, pair.a);
    pair.settle();
    assert.equal(pair.a.of("child_sas_moved").length, 1);
    assert.deepEqual(pair.a.talk().filter((line) => line.includes("D }")), []);
    pair.inFlight.push(...answer);
    pair.settle();
    assert.deepEqual(pair.a.talk().slice(-4), [
      "<-- INFORMATIONAL { D }",
      "INFORMATIONAL { } -->",
      "INFORMATIONAL { D } -->",
      "<-- INFORMATIONAL { }",
    ]);
    assertLeft(pair, 1, 1);
    assertUsable(pair);
  });
});

describe("Both ends rekey the IKE SA, and one is refused", () => {
  it("the other one asks nothing on what it has made before the old one is gone: the peer may wait for that", () => {
    const pair = established({ reliable: true });
    pair.handle(pair.a, REKEY_CHILD);
    pair.handle(pair.b, REKEY_IKE); // refused: a is busy with a child SA
    pair.settle();
    pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
    pair.deliver();
    pair.deliver();
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: currentIkeSa(pair.a) });
    assert.deepEqual(pair.a.talk().slice(-1), ["INFORMATIONAL { D } -->"]);
    pair.settle();
    assert.deepEqual(pair.a.talk().slice(-3), [
      "<-- INFORMATIONAL { }",
      "INFORMATIONAL { } -->",
      "<-- INFORMATIONAL { }",
    ]);
    assertLeft(pair, 1, 1);
    assertUsable(pair);
  });
});

describe("An IKE SA that the peer has made, while our answer to that is lost", () => {
  it("is deleted with the old one, by whose deletion the peer forgets it: nobody answers, and nobody waits", () => {
    const pair = established();
    pair.handle(pair.b, REKEY_IKE);
    pair.deliver();
    assert.equal(hold(pair, pair.a).length, 1);
    pair.handle(pair.a, { kind: "delete_all" });
    pair.settle();
    assert.equal(pair.b.engine.counters.ikeSas, 0);
    pair.handle(pair.a, { kind: "delete_all" }); // again, a moment later
    pair.settle();
    pair.assertClean();
  });

  it("is asked for nothing until the peer goes on with it: it would drop that, and on a stream nothing is sent twice", () => {
    const pair = established({ reliable: true });
    pair.handle(pair.b, REKEY_IKE);
    pair.deliver();
    const answer = hold(pair, pair.a); // strongSwan has dropped it, and asks again after a while
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: 2, child: 1 });
    assert.deepEqual(hold(pair, pair.a), []);
    pair.inFlight.push(...answer);
    pair.settle();
    assert.deepEqual(pair.a.talk().slice(2), [
      "<-- INFORMATIONAL { D }",
      "INFORMATIONAL { } -->",
      "CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, TSi, TSr } -->",
      "<-- CREATE_CHILD_SA { SA, Nr, TSi, TSr }",
      "INFORMATIONAL { D } -->",
      "<-- INFORMATIONAL { D }",
    ]);
    assertLeft(pair, 1, 1);
    assertUsable(pair);
  });

  it("and is asked after a while all the same", () => {
    const pair = established({ reliable: true });
    pair.handle(pair.b, REKEY_IKE);
    pair.deliver();
    hold(pair, pair.a);
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 2 });
    pair.advance(4999);
    assert.equal(pair.a.sent.length, 1);
    pair.advance(1);
    assert.equal(pair.a.sent.length, 2);
  });

  it("and D of everything is lost: it goes out again when it is asked for again", () => {
    const pair = established();
    pair.network = () => null;
    pair.handle(pair.a, { kind: "delete_all" });
    pair.settle();
    pair.network = ({ octets }) => octets;
    pair.handle(pair.a, { kind: "delete_all" });
    pair.settle();
    assert.deepEqual(pair.a.talk(), [
      "INFORMATIONAL { D } -->",
      "INFORMATIONAL request again -->",
      "<-- INFORMATIONAL { }",
    ]);
    pair.assertClean();
  });
});

describe("A child SA that the peer has made, while our answer to that is lost", () => {
  it("is rekeyed, and the peer knows nothing of it yet: CHILD_SA_NOT_FOUND, and it is left to the peer", () => {
    const pair = established();
    pair.handle(pair.b, REKEY_CHILD);
    pair.deliver();
    assert.equal(hold(pair, pair.a).length, 1); // the answer, which is lost
    const { child } = pair.a.lastChild().childSa;
    // As strongSwan has it, which drops a response with the Message ID of the request that it works on.
    refuse(pair, NOTIFY.childSaNotFound!, 1);
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child });
    pair.advance(4000); // its request comes again
    assert.deepEqual(pair.a.talk(), [
      "<-- CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, TSi, TSr }",
      "CREATE_CHILD_SA { SA, Nr, TSi, TSr } -->",
      "CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, TSi, TSr } -->",
      "<-- CREATE_CHILD_SA { N(CHILD_SA_NOT_FOUND) }",
      "CREATE_CHILD_SA response again -->",
      "<-- INFORMATIONAL { D }",
      "INFORMATIONAL { D } -->",
    ]);
    assertLeft(pair, 1, 1);
    assert.equal(pair.a.one("child_sa_switched").child, child);
    pair.advance(20_000); // what was put off is done
    assert.equal(pair.a.lastChild().replaces, child);
    assertLeft(pair, 1, 1);
    assertUsable(pair);
  });

  it("and then the IKE SA is replaced, on which it never comes again: a rekey tells whether the peer knows it", () => {
    // strongSwan takes a rekey of the IKE SA in the middle of its own of a child SA, and forgets that. Here a twin of `b` has begun it.
    const [pair, twin] = [established(), established()];
    twin.handle(twin.b, REKEY_CHILD);
    pair.handle(pair.a, { kind: "message", path: pair.pathA, octets: twin.inFlight[0]!.octets.slice() });
    assert.equal(hold(pair, pair.a).length, 1); // the answer, which is lost
    const { child } = pair.a.lastChild().childSa;
    pair.handle(pair.a, REKEY_IKE);
    pair.settle();
    pair.a.forget();
    pair.advance(2000);
    assert.deepEqual(pair.a.talk(), [
      "CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, TSi, TSr } -->",
      "<-- CREATE_CHILD_SA { N(CHILD_SA_NOT_FOUND) }",
      "CREATE_CHILD_SA { SA, Ni, TSi, TSr } -->",
      "<-- CREATE_CHILD_SA { SA, Nr, TSi, TSr }",
    ]);
    assert.equal(pair.a.one("child_sa_deleted").child, child);
    const [one, other] = [pair.a.lastChild(), pair.b.lastChild()];
    assert.deepEqual([one.send, one.childSa.inbound], [true, other.childSa.outbound]);
  });

  it("and then the IKE SA is replaced, and the peer goes on with it there: that is all", () => {
    const pair = established();
    pair.handle(pair.b, REKEY_CHILD);
    for (let i = 0; i < 2; i++) pair.deliver();
    const deletion = hold(pair, pair.b);
    pair.handle(pair.a, REKEY_IKE);
    pair.settle();
    pair.inFlight.push(...deletion);
    pair.advance(30_000);
    assert.equal(pair.a.of("child_sa_installed").length, 1);
    assertLeft(pair, 1, 1);
    assertUsable(pair);
  });
});

describe("A child SA is deleted by one end (section 2.25.1)", () => {
  it("and its rekey by the other comes when it is gone: CHILD_SA_NOT_FOUND, and another one is made", () => {
    const pair = established();
    pair.handle(pair.a, REKEY_CHILD);
    const late = hold(pair, pair.a);
    pair.handle(pair.b, DELETE_CHILD);
    pair.settle();
    pair.inFlight.push(...late);
    pair.settle();
    assert.deepEqual(pair.b.talk(), [
      "INFORMATIONAL { D } -->",
      "<-- INFORMATIONAL { D }",
      "<-- CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, TSi, TSr }",
      "CREATE_CHILD_SA { N(CHILD_SA_NOT_FOUND) } -->",
    ]);
    assertLeft(pair, 1, 0);
  });

  it("and the IKE SA is rekeyed by the other: the deletion is heard, the rekey is put off", () => {
    const pair = crossing(established(), DELETE_CHILD, REKEY_IKE);
    pair.settle();
    assert.deepEqual(pair.a.talk(), [
      "INFORMATIONAL { D } -->",
      "<-- CREATE_CHILD_SA { SA, Ni, KEi }",
      "CREATE_CHILD_SA { N(TEMPORARY_FAILURE) } -->",
      "<-- INFORMATIONAL { D }",
    ]);
    assertLeft(pair, 1, 0);
    pair.advance(60_000);
    assert.equal(pair.a.one("child_sas_moved").children.length, 0);
    assertUsable(pair);
  });

  it("and D is lost: it is sent again, and its answer is the same", () => {
    for (const lost of ["request", "response"]) {
      const pair = established();
      let once = true;
      pair.network = (flight) => {
        if (!once || isResponse(flight) !== (lost === "response")) return flight.octets;
        once = false;
        return null;
      };
      pair.handle(pair.a, DELETE_CHILD);
      pair.advance(4_000);
      assert.deepEqual(pair.a.talk(), [
        "INFORMATIONAL { D } -->",
        "INFORMATIONAL request again -->",
        "<-- INFORMATIONAL { D }",
      ]);
      assert.equal(pair.b.of("child_sa_deleted").length, 1);
      assertLeft(pair, 1, 0);
    }
  });
});

describe("The IKE SA is deleted by one end (section 2.25.2)", () => {
  it("while a child SA is rekeyed by the other: TEMPORARY_FAILURE, then nothing is left", () => {
    const pair = crossing(established(), DELETE_IKE, REKEY_CHILD);
    pair.settle();
    assert.deepEqual(pair.a.talk(), [
      "INFORMATIONAL { D } -->",
      "<-- CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, TSi, TSr }",
      "CREATE_CHILD_SA { N(TEMPORARY_FAILURE) } -->",
      "<-- INFORMATIONAL { }",
    ]);
    pair.assertClean();
  });

  it("while it is rekeyed by the other: its request may be read after the deletion, and makes nothing", () => {
    for (const first of ["deletion", "rekey"]) {
      const pair = crossing(established(), DELETE_IKE, REKEY_IKE);
      if (first === "rekey") pair.inFlight.reverse();
      pair.settle();
      pair.advance(400_000);
      assert.equal(pair.a.of("ike_sa_established").length, 0, pair.a.story());
      pair.assertClean();
    }
  });

  it("while a child SA is deleted by the other: both are heard", () => {
    const pair = crossing(established(), DELETE_IKE, DELETE_CHILD);
    pair.settle();
    assert.deepEqual(pair.a.talk(), [
      "INFORMATIONAL { D } -->",
      "<-- INFORMATIONAL { D }",
      "INFORMATIONAL { D } -->",
      "<-- INFORMATIONAL { }",
    ]);
    for (const end of [pair.a, pair.b]) assert.equal(end.of("child_sa_deleted").length, 1, end.story());
    pair.assertClean();
  });

  it("and the answer is lost: the other end is over it, and this one gives up in the end", () => {
    const pair = established();
    pair.network = (flight) => isResponse(flight) ? null : flight.octets;
    pair.handle(pair.a, DELETE_IKE);
    pair.settle();
    assert.equal(pair.b.one("ike_sa_deleted").by, "peer");
    pair.advance(400_000);
    assert.equal(pair.a.one("ike_sa_deleted").by, "local");
    pair.assertClean();
  });
});

describe("A peer restarts", () => {
  it("and says so with INITIAL_CONTACT: the old IKE SA goes without a word, its child SAs with it (section 2.4)", () => {
    const pair = established();
    Object.assign(pair, { a: new Pair({ seed: 77 }).a }); // it knows nothing any more
    pair.connect();
    assert.deepEqual(pair.a.talk().slice(2), [
      "IKE_AUTH { IDi, IDr, AUTH, SA, TSi, TSr } -->",
      "<-- IKE_AUTH { IDr, AUTH, SA, TSi, TSr }",
    ]);
    assert.match(pair.a.lines()[2]!, /N\(INITIAL_CONTACT\)/);
    assert.equal(pair.b.one("ike_sa_deleted").ikeSa, 1);
    assert.equal(pair.b.one("child_sa_deleted").by, "ike_sa");
    assert.equal(pair.b.of("message").filter(({ line }) => line.startsWith("INFORMATIONAL")).length, 0);
    assertLeft(pair, 1, 1);
    pair.assertSameChild();
  });

  it("and says nothing: INVALID_IKE_SPI in the clear is no proof, and liveness ends what is left", () => {
    const pair = established({ connectionB: { dpd_delay: 30 } });
    Object.assign(pair, { a: new Pair({ seed: 77 }).a });
    pair.advance(30_000);
    assert.deepEqual(pair.a.talk(), ["INFORMATIONAL { N(INVALID_IKE_SPI) } -->"]);
    assert.equal(pair.b.of("ike_sa_deleted").length, 0);
    pair.advance(200_000);
    assert.equal(pair.b.one("ike_sa_deleted").reason, "timeout");
    pair.assertClean();
  });
});
