/** What happens when both ends want something at once, and when answers are lost in the middle (RFC 7296, sections 2.8, 2.25). */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { assertLeft, assertUsable, established, hold, nonces } from "../_established.ts";
import type { End } from "../_pair.ts";

const REKEY_CHILD = { kind: "rekey_child", ikeSa: 1, child: 1 } as const;
const REKEY_IKE = { kind: "rekey_ike", ikeSa: 1 } as const;

describe("Both ends rekey a child SA (section 2.8.1)", () => {
  for (const lowest of ["a", "b"] as const) {
    it(`and ${lowest}, with the lowest nonce, deletes what it has made`, () => {
      const pair = established({
        a: nonces(lowest === "a" ? 0 : 128, 1),
        b: nonces(lowest === "b" ? 0 : 128, 2),
      });
      pair.handle(pair.a, REKEY_CHILD);
      pair.handle(pair.b, REKEY_CHILD);
      pair.settle();
      for (const end of [pair.a, pair.b]) {
        assert.deepEqual(end.talk(), [
          "CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, TSi, TSr } -->",
          "<-- CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, TSi, TSr }",
          "CREATE_CHILD_SA { SA, Nr, TSi, TSr } -->",
          "<-- CREATE_CHILD_SA { SA, Nr, TSi, TSr }",
          "INFORMATIONAL { D } -->", // the loser its new one, the winner the old one
          "<-- INFORMATIONAL { D }",
          "INFORMATIONAL { D } -->",
          "<-- INFORMATIONAL { D }",
        ]);
      }
      const [loser, winner] = lowest === "a" ? [pair.a, pair.b] : [pair.b, pair.a];
      // Each has installed both, its own first or last as the messages came; the winner's own is left.
      const left = (end: End) => {
        const gone = end.of("child_sa_deleted").map(({ child }) => child);
        return end.of("child_sa_installed").filter(({ childSa }) => !gone.includes(childSa.child));
      };
      assert.equal(left(winner)[0]!.send, true);
      assert.equal(left(loser)[0]!.send, false);
      assert.equal(loser.of("child_sa_switched").at(-1)!.child, left(loser)[0]!.childSa.child);
      assertLeft(pair, 1, 1);
      assertUsable(pair);
    });
  }

  it("and the loser sends on the old one until the winner, who may not be ready before, deletes it", () => {
    const pair = established({ a: nonces(0, 1), b: nonces(128, 2) });
    pair.handle(pair.a, REKEY_CHILD);
    pair.handle(pair.b, REKEY_CHILD);
    // Nothing arrives at b but its rekey's answer is under way: that is all that a knows of b.
    const delayed: Uint8Array[] = [];
    pair.network = ({ from, octets }) => {
      const isRequest = (octets[19]! & 0x20) === 0;
      if (from === "b" && isRequest && octets[18] === 37) delayed.push(octets.slice());
      return from === "b" && isRequest && octets[18] === 37 ? null : octets;
    };
    pair.settle();
    const made = pair.a.of("child_sa_installed");
    assert.equal(made.length, 2);
    assert.deepEqual(made.map(({ send }) => send), [false, false]);
    assert.equal(pair.a.of("child_sa_switched").length, 0, "packets go on on the old one");
    // The winner's D of the old one has come at last.
    pair.network = ({ octets }) => octets;
    for (const octets of delayed) pair.handle(pair.a, { kind: "message", path: pair.pathA, octets });
    pair.settle();
    assert.equal(pair.a.one("child_sa_switched").child, made[0]!.childSa.child);
    assertLeft(pair, 1, 1);
    assertUsable(pair);
  });

  it("and one answer is lost: the old one goes, and the loser learns its place when the answer comes", () => {
    const pair = established({ a: nonces(0, 1), b: nonces(128, 2) });
    pair.handle(pair.a, REKEY_CHILD);
    pair.handle(pair.b, REKEY_CHILD);
    let lost = 0;
    pair.network = ({ from, octets }) =>
      from === "b" && (octets[19]! & 0x20) !== 0 && lost++ === 0 ? null : octets;
    pair.advance(10_000);
    assert.equal(lost > 0, true);
    assertLeft(pair, 1, 1);
    assertUsable(pair);
  });

  it("twice: what was asked for two times is done once", () => {
    const pair = established();
    for (let i = 0; i < 3; i++) pair.handle(pair.a, REKEY_CHILD);
    pair.handle(pair.b, REKEY_CHILD);
    pair.handle(pair.b, REKEY_CHILD);
    pair.settle();
    assert.equal(pair.a.of("child_sa_installed").length, 2);
    assertLeft(pair, 1, 1);
  });

  it("and one is asked again while its first is unanswered: no second successor", () => {
    const pair = established();
    pair.handle(pair.a, REKEY_CHILD);
    const late = hold(pair, pair.a);
    pair.handle(pair.b, REKEY_CHILD);
    pair.deliver(); // a answers
    pair.deliver(); // b has its successor, and deletes the old one
    pair.inFlight.push(...late);
    pair.settle();
    assert.match(pair.a.story(), /<-- CREATE_CHILD_SA \{ N\((TEMPORARY_FAILURE|CHILD_SA_NOT_FOUND)\) \}/);
    assertLeft(pair, 1, 1);
  });
});

describe("A child SA is deleted", () => {
  it("while the peer rekeys it: TEMPORARY_FAILURE (section 2.25.1)", () => {
    const pair = established();
    pair.handle(pair.a, REKEY_CHILD);
    pair.handle(pair.b, { kind: "delete_child", ikeSa: 1, child: 1 });
    pair.settle();
    assert.deepEqual(pair.a.talk(), [
      "CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, TSi, TSr } -->",
      "<-- INFORMATIONAL { D }",
      "INFORMATIONAL { D } -->",
      "<-- CREATE_CHILD_SA { N(TEMPORARY_FAILURE) }",
    ]);
    assertLeft(pair, 1, 0);
  });

  it("by both ends: neither names it in its answer (section 1.4.1)", () => {
    const pair = established();
    for (const end of [pair.a, pair.b]) pair.handle(end, { kind: "delete_child", ikeSa: 1, child: 1 });
    pair.settle();
    for (const end of [pair.a, pair.b]) {
      assert.deepEqual(end.talk(), [
        "INFORMATIONAL { D } -->",
        "<-- INFORMATIONAL { D }",
        "INFORMATIONAL { } -->",
        "<-- INFORMATIONAL { }",
      ]);
      assert.equal(end.of("child_sa_deleted").length, 1);
    }
    assertLeft(pair, 1, 0);
  });

  it("twice by one end: once on the wire", () => {
    const pair = established();
    for (let i = 0; i < 2; i++) pair.handle(pair.a, { kind: "delete_child", ikeSa: 1, child: 1 });
    pair.settle();
    assert.deepEqual(pair.a.talk(), ["INFORMATIONAL { D } -->", "<-- INFORMATIONAL { D }"]);
    assertLeft(pair, 1, 0);
  });

  it("that its maker deletes before the other end knows it: the answer that comes late installs nothing", () => {
    const pair = established();
    pair.handle(pair.a, { kind: "initiate_child", ikeSa: 1, child: "net" });
    pair.deliver();
    const answer = hold(pair, pair.b);
    pair.handle(pair.b, { kind: "delete_child", ikeSa: 1, child: pair.b.lastChild().childSa.child });
    pair.settle();
    pair.inFlight.push(...answer);
    pair.settle();
    assert.equal(pair.a.of("child_sa_installed").length, 0);
    assert.equal(pair.a.one("child_sa_failed").reason, "CHILD_SA_NOT_FOUND");
    assertLeft(pair, 1, 1);
  });

  it("is not told to be unknown while its making is under way: TEMPORARY_FAILURE for a rekey (section 2.25.1)", () => {
    const pair = established();
    pair.handle(pair.a, { kind: "initiate_child", ikeSa: 1, child: "net" });
    pair.deliver();
    const answer = hold(pair, pair.b);
    pair.handle(pair.b, { kind: "rekey_child", ikeSa: 1, child: pair.b.lastChild().childSa.child });
    pair.settle();
    assert.match(pair.b.story(), /<-- CREATE_CHILD_SA \{ N\(TEMPORARY_FAILURE\) \}/);
    pair.inFlight.push(...answer);
    pair.settle();
    assertLeft(pair, 1, 2);
  });
});

describe("Both ends rekey the IKE SA (section 2.8.2)", () => {
  for (const lowest of ["a", "b"] as const) {
    it(`and ${lowest}, with the lowest nonce, deletes what it has made`, () => {
      const pair = established({
        a: nonces(lowest === "a" ? 0 : 128, 1),
        b: nonces(lowest === "b" ? 0 : 128, 2),
      });
      pair.handle(pair.a, REKEY_IKE);
      pair.handle(pair.b, REKEY_IKE);
      pair.settle();
      for (const end of [pair.a, pair.b]) {
        assert.deepEqual(end.talk().slice(0, 4), [
          "CREATE_CHILD_SA { SA, Ni, KEi } -->",
          "<-- CREATE_CHILD_SA { SA, Ni, KEi }",
          "CREATE_CHILD_SA { SA, Nr, KEr } -->",
          "<-- CREATE_CHILD_SA { SA, Nr, KEr }",
        ]);
      }
      const [loser, winner] = lowest === "a" ? [pair.a, pair.b] : [pair.b, pair.a];
      const roleOf = (end: End) =>
        end.of("ike_sa_established").find(({ ikeSa }) => ikeSa === end.one("child_sas_moved").to)!.role;
      assert.equal(roleOf(winner), "initiator");
      assert.equal(roleOf(loser), "responder");
      assertLeft(pair, 1, 1);
      assertUsable(pair);
    });
  }

  it("and the peer deletes the old one before ours is answered: its new one takes over", () => {
    const pair = established();
    pair.handle(pair.a, REKEY_IKE);
    hold(pair, pair.a); // lost
    pair.handle(pair.b, REKEY_IKE);
    pair.settle();
    assert.equal(pair.a.one("ike_sa_deleted").by, "replaced");
    assert.equal(pair.a.one("child_sas_moved").children.length, 1);
    assertLeft(pair, 1, 1);
    assertUsable(pair);
  });

  it("and ours is refused because the peer was first: its new one takes over", () => {
    const pair = established();
    pair.handle(pair.a, REKEY_IKE);
    const late = hold(pair, pair.a);
    pair.handle(pair.b, REKEY_IKE);
    pair.deliver(); // a answers
    pair.deliver(); // b has replaced the SA, and deletes it
    const deletion = hold(pair, pair.b);
    pair.inFlight.push(...late);
    pair.settle();
    assert.match(pair.a.story(), /<-- CREATE_CHILD_SA \{ N\(TEMPORARY_FAILURE\) \}/);
    assert.equal(pair.a.of("ike_rekey_failed").length, 0);
    pair.inFlight.push(...deletion);
    pair.settle();
    assertLeft(pair, 1, 1);
    assertUsable(pair);
  });

  it("and the peer goes on with its new one before ours is answered: that settles it", () => {
    const pair = established();
    pair.handle(pair.a, REKEY_IKE);
    hold(pair, pair.a); // lost
    pair.handle(pair.b, REKEY_IKE);
    pair.deliver();
    pair.deliver();
    hold(pair, pair.b); // so is D of the old one
    const { ikeSa } = pair.b.one("ike_sa_established");
    pair.handle(pair.b, { kind: "rekey_child", ikeSa, child: 1 });
    pair.settle();
    assert.equal(pair.a.one("child_sas_moved").children.length, 1);
    assert.equal(pair.a.one("child_sa_installed").replaces, 1);
    pair.advance(30_000);
    assertLeft(pair, 1, 1);
    assertUsable(pair);
  });
});

describe("The IKE SA is deleted", () => {
  it("by both ends at once (section 2.25.2)", () => {
    const pair = established();
    for (const end of [pair.a, pair.b]) pair.handle(end, { kind: "delete_ike", ikeSa: 1 });
    pair.settle();
    for (const end of [pair.a, pair.b]) {
      assert.deepEqual(end.talk(), [
        "INFORMATIONAL { D } -->",
        "<-- INFORMATIONAL { D }",
        "INFORMATIONAL { } -->",
      ]);
    }
    pair.assertClean();
  });

  it("while the peer rekeys it: TEMPORARY_FAILURE, or the end (section 2.25.2)", () => {
    const pair = established();
    pair.handle(pair.b, { kind: "delete_ike", ikeSa: 1 });
    pair.handle(pair.a, REKEY_IKE);
    pair.settle();
    assert.match(pair.b.story(), /CREATE_CHILD_SA \{ N\(TEMPORARY_FAILURE\) \} -->/);
    pair.assertClean();
  });

  for (const what of [REKEY_IKE, REKEY_CHILD]) {
    it(`while this end's own ${what.kind} waits for its answer: what comes of that goes too`, () => {
      const pair = established();
      pair.handle(pair.a, what);
      pair.handle(pair.a, { kind: "delete_ike", ikeSa: 1 });
      pair.settle();
      pair.assertClean();
      assert.deepEqual(pair.a.of("child_sa_installed").length, pair.a.of("child_sa_deleted").length - 1);
    });
  }

  it("when the peer does not delete what it has replaced", () => {
    const pair = established();
    pair.handle(pair.a, REKEY_IKE);
    // Every D of the old one is lost.
    const old = pair.a.sent[0]!.octets.subarray(0, 8);
    pair.network = ({ from, octets }) =>
      from === "a" && octets[18] === 37 && octets.subarray(0, 8).every((octet, i) => octet === old[i])
        ? null
        : octets;
    pair.advance(600_000);
    assertLeft(pair, 1, 1);
  });
});

describe("While the IKE SA is rekeyed (section 2.25.2)", () => {
  it("the peer's request for a child SA is refused for the moment", () => {
    const pair = established();
    pair.handle(pair.a, REKEY_IKE);
    pair.handle(pair.b, { kind: "initiate_child", ikeSa: 1, child: "net" });
    pair.settle();
    assert.deepEqual(pair.a.talk().slice(0, 4), [
      "CREATE_CHILD_SA { SA, Ni, KEi } -->",
      "<-- CREATE_CHILD_SA { SA, Ni, TSi, TSr }",
      "CREATE_CHILD_SA { N(TEMPORARY_FAILURE) } -->",
      "<-- CREATE_CHILD_SA { N(TEMPORARY_FAILURE) }",
    ]);
    assertLeft(pair, 1, 1);
  });

  it("what this end wants waits, and is done on the new one", () => {
    const pair = established();
    pair.handle(pair.a, REKEY_IKE);
    pair.handle(pair.a, { kind: "initiate_child", ikeSa: 1, child: "net" });
    pair.handle(pair.a, REKEY_CHILD);
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
    pair.settle();
    const { to } = pair.a.one("child_sas_moved");
    assert.deepEqual(pair.a.of("child_sa_installed").map(({ ikeSa }) => ikeSa), [to, to]);
    assert.equal(pair.a.one("peer_alive").ikeSa, to);
    assertLeft(pair, 1, 2);
  });
});
