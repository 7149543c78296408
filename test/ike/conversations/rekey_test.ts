import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { NOTIFY } from "../../../lib/ike/codec/mod.ts";
import { established } from "../_established.ts";
import { Pair } from "../_pair.ts";
import { refuse } from "./_refusals.ts";

/** Both ends have one child SA each, the same, and know one IKE SA. */
function assertOneOfEach(pair: Pair): void {
  for (const end of [pair.a, pair.b]) {
    const gone = new Set(end.of("child_sa_deleted").map(({ child }) => child));
    const left = end.of("child_sa_installed").filter(({ childSa }) => !gone.has(childSa.child));
    assert.equal(left.length, 1, `${end.name}: ${end.story()}`);
    assert.equal(end.engine.counters.ikeSas, 1, `${end.name}: ${end.story()}`);
    assert.equal(end.engine.counters.childSpis, 1);
  }
  const [a, b] = [pair.a, pair.b].map((end) => {
    const gone = new Set(end.of("child_sa_deleted").map(({ child }) => child));
    return end.of("child_sa_installed").find(({ childSa }) => !gone.has(childSa.child))!.childSa;
  });
  assert.deepEqual(a!.inbound, b!.outbound);
  assert.deepEqual(a!.outbound, b!.inbound);
}

/** Replaces the first child SA of an `established` pair. */
function rekeyChild(pair: Pair): void {
  pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: 1 });
  pair.settle();
}

describe("Rekey of a child SA (RFC 7296, sections 1.3.3, 2.8)", () => {
  it("makes the new one before the old one is deleted", () => {
    const pair = new Pair();
    pair.connect();
    const old = pair.a.lastChild().childSa;
    pair.a.forget();
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: old.child });
    pair.settle();
    assert.deepEqual(pair.a.talk(), [
      "CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, TSi, TSr } -->",
      "<-- CREATE_CHILD_SA { SA, Nr, TSi, TSr }",
      "INFORMATIONAL { D } -->",
      "<-- INFORMATIONAL { D }",
    ]);
    const [made, gone] = [pair.a.one("child_sa_installed"), pair.a.one("child_sa_deleted")];
    assert.equal(made.replaces, old.child);
    assert.equal(made.send, true);
    assert.equal(gone.child, old.child);
    assert.equal(gone.by, "replaced");
    assert.notDeepEqual(made.childSa.inbound, old.inbound);
    // The other end sends on the old one until it is deleted.
    assert.equal(pair.b.lastChild().send, false);
    assert.equal(pair.b.one("child_sa_switched").child, pair.b.lastChild().childSa.child);
    assertOneOfEach(pair);
  });

  it("is made with a key exchange of its own where the proposals have one, in the group that the responder wants", () => {
    const children = (proposals: string, local: string, remote: string) => ({
      net: { esp_proposals: proposals, local_ts: local, remote_ts: remote },
    });
    const pair = new Pair({
      connectionA: { children: children("aes128gcm16-x25519-ecp256", "10.1.0.0/16", "10.2.0.0/16") },
      connectionB: { children: children("aes128gcm16-ecp256", "10.2.0.0/16", "10.1.0.0/16") },
    });
    pair.connect();
    const { child } = pair.a.lastChild().childSa;
    pair.a.forget();
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child });
    pair.settle();
    assert.deepEqual(pair.a.talk(), [
      "CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, KEi, TSi, TSr } -->",
      "<-- CREATE_CHILD_SA { N(INVALID_KE_PAYLOAD) }",
      "CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, KEi, TSi, TSr } -->",
      "<-- CREATE_CHILD_SA { SA, Nr, KEr, TSi, TSr }",
      "INFORMATIONAL { D } -->",
      "<-- INFORMATIONAL { D }",
    ]);
  });

  it("is made with a key exchange of its own in the group of the first proposal, where both have it", () => {
    const children = (local_ts: string, remote_ts: string) => ({
      net: { esp_proposals: "aes128gcm16-x25519", local_ts, remote_ts },
    });
    const pair = established({
      connectionA: { children: children("10.1.0.0/16", "10.2.0.0/16") },
      connectionB: { children: children("10.2.0.0/16", "10.1.0.0/16") },
    });
    for (const [who, child] of [["a", 1], ["b", 2]] as const) {
      pair.a.forget();
      pair.b.forget();
      pair.handle(pair[who], { kind: "rekey_child", ikeSa: 1, child });
      pair.settle();
      assert.deepEqual(pair[who].talk().slice(0, 2), [
        "CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, KEi, TSi, TSr } -->",
        "<-- CREATE_CHILD_SA { SA, Nr, KEr, TSi, TSr }",
      ]);
      assertOneChild(pair);
      pair.assertSameChild();
    }
  });

  it("follows a peer that wants another group each time so often and no more", () => {
    const children = { net: { esp_proposals: "aes128gcm16-x25519-ecp256" } };
    const pair = established({ connectionA: { children }, connectionB: { children } });
    wantOtherGroups(pair);
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: 1 });
    pair.settle();
    assert.equal(pair.a.talk().length, 2 * (1 + 5));
    assert.equal(pair.a.one("child_sa_failed").reason, "INVALID_KE_PAYLOAD");
    assertOneChild(pair);
  });

  it("leaves time for the last packets on the old one, which its deletion may overtake", () => {
    const pair = established();
    rekeyChild(pair);
    for (const end of [pair.a, pair.b]) {
      const gone = end.one("child_sa_deleted");
      assert.equal(gone.receivesFor, 5000);
      assert.equal(end.engine.counters.lateSpis, 1);
    }
    pair.advance(4999);
    assert.equal(pair.a.of("child_sa_forgotten").length, 0);
    pair.advance(1);
    for (const end of [pair.a, pair.b]) {
      assert.equal(end.one("child_sa_forgotten").child, end.one("child_sa_deleted").child);
      assert.equal(end.engine.counters.lateSpis, 0);
    }
  });

  it("counts that time across a rekey of the IKE SA, and ends it with the IKE SA", () => {
    const pair = established();
    rekeyChild(pair);
    pair.advance(2000);
    pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
    pair.settle();
    const { ikeSa } = pair.a.one("ike_sa_established");
    pair.advance(3000);
    const [forgotten] = pair.a.of("child_sa_forgotten");
    assert.deepEqual(forgotten, {
      type: "child_sa_forgotten",
      ikeSa,
      child: pair.a.one("child_sa_deleted").child,
    });
    pair.handle(pair.a, { kind: "rekey_child", ikeSa, child: pair.a.lastChild().childSa.child });
    pair.settle();
    pair.handle(pair.a, { kind: "delete_ike", ikeSa });
    pair.settle();
    assert.equal(pair.a.of("child_sa_forgotten").length, 2);
    pair.assertClean();
  });

  it("leaves none where the limit says so, and bounds how many wait", () => {
    const none = established({ a: { limits: { late_packet_time: 0 } }, b: { limits: { max_children: 2 } } });
    for (let i = 0; i < 4; i++) {
      const { child } = none.a.of("child_sa_installed").at(-1)?.childSa ?? { child: 1 };
      none.handle(none.a, { kind: "rekey_child", ikeSa: 1, child });
      none.settle();
    }
    assert.equal(none.a.of("child_sa_deleted").at(-1)!.receivesFor, undefined);
    assert.equal(none.a.engine.counters.lateSpis, 0);
    assert.equal(none.b.engine.counters.lateSpis, 2);
    assert.equal(none.b.of("child_sa_forgotten").length, 2);
  });

  for (const seed of [1, 2, 3, 4]) {
    it(`leaves one where both ends begin at once (section 2.8.1, seed ${seed})`, () => {
      const pair = new Pair({ seed });
      pair.connect();
      const [a, b] = [pair.a.lastChild().childSa, pair.b.lastChild().childSa];
      pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: a.child });
      pair.handle(pair.b, { kind: "rekey_child", ikeSa: 1, child: b.child });
      pair.settle();
      assertOneOfEach(pair);
    });
  }

  it("meets the deletion of what it replaces (section 2.25.1)", () => {
    const pair = new Pair();
    pair.connect();
    const [a, b] = [pair.a.lastChild().childSa, pair.b.lastChild().childSa];
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: a.child });
    pair.handle(pair.b, { kind: "delete_child", ikeSa: 1, child: b.child });
    pair.settle();
    assert.match(pair.a.story(), /CREATE_CHILD_SA \{ N\(TEMPORARY_FAILURE\) \}/);
    assert.equal(pair.a.engine.counters.childSpis, 0);
    assert.equal(pair.b.engine.counters.childSpis, 0);
  });

  it("happens by time", () => {
    const pair = established();
    pair.advance(3_600_000);
    assert.match(pair.a.story() + pair.b.story(), /CREATE_CHILD_SA \{ N\(REKEY_SA\)/);
    assertOneChild(pair);
  });

  it("happens when the datapath tells that a limit was reached", () => {
    const pair = new Pair();
    pair.connect();
    const { child } = pair.a.lastChild().childSa;
    pair.a.forget();
    pair.handle(pair.a, { kind: "child_usage", ikeSa: 1, child, limit: "soft" });
    pair.settle();
    assert.equal(pair.a.one("child_sa_installed").replaces, child);
    pair.handle(pair.a, {
      kind: "child_usage",
      ikeSa: 1,
      child: pair.a.lastChild().childSa.child,
      limit: "hard",
    });
    assert.equal(pair.a.of("child_sa_deleted").at(-1)!.by, "expired");
    pair.settle();
    assert.equal(pair.a.lastChild().replaces, undefined); // another one carries on
  });
});

/** The peer wants ECP 256 where Curve25519 came, and the other way round. */
function wantOtherGroups(pair: Pair): void {
  const group = new Uint8Array(2);
  let asked = 0;
  refuse(pair, NOTIFY.invalidKePayload!, Infinity, group);
  const answer = pair.network;
  pair.network = (flight) => {
    if (flight.from === "a") group[1] = asked++ % 2 === 0 ? 19 : 31;
    return answer(flight);
  };
}

function assertOneChild(pair: Pair): void {
  assert.equal(pair.a.engine.counters.childSpis, 1, pair.a.story());
  assert.equal(pair.b.engine.counters.childSpis, 1, pair.b.story());
}

describe("Rekey of an IKE SA (RFC 7296, sections 1.3.2, 2.18)", () => {
  for (const who of ["a", "b"] as const) {
    it(`moves the child SAs to the new one, begun by the ${who === "a" ? "initiator" : "responder"}`, () => {
      const pair = established();
      pair.handle(pair[who], { kind: "rekey_ike", ikeSa: 1 });
      pair.settle();
      assert.deepEqual(pair[who].talk(), [
        "CREATE_CHILD_SA { SA, Ni, KEi } -->",
        "<-- CREATE_CHILD_SA { SA, Nr, KEr }",
        "INFORMATIONAL { D } -->",
        "<-- INFORMATIONAL { }",
      ]);
      for (const end of [pair.a, pair.b]) {
        assert.equal(end.one("ike_sa_established").replaces, 1);
        assert.equal(end.one("ike_sa_deleted").by, "replaced");
        assert.equal(end.one("child_sas_moved").to, end.one("ike_sa_established").ikeSa);
        assert.equal(end.of("child_sa_deleted").length, 0);
      }
      assertOneChild(pair);
      // The new one works, with Message IDs from 0 on (section 2.18), and whoever began it is its initiator.
      const { ikeSa, role } = pair.a.one("ike_sa_established");
      assert.equal(role, who === "a" ? "initiator" : "responder");
      pair.a.forget();
      pair.handle(pair.a, { kind: "check_liveness", ikeSa });
      pair.settle();
      assert.equal(pair.a.of("peer_alive").length, 1);
      pair.handle(pair.a, { kind: "delete_ike", ikeSa });
      pair.settle();
      pair.assertClean();
    });
  }

  it("is made in the group that the responder wants (section 1.3)", () => {
    const proposals = "aes128gcm16-prfsha256-x25519-ecp256";
    const pair = established({ connectionA: { proposals }, connectionB: { proposals } });
    refuse(pair, NOTIFY.invalidKePayload!, 1, Uint8Array.of(0, 19));
    pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
    pair.settle();
    assert.deepEqual(pair.a.talk(), [
      "CREATE_CHILD_SA { SA, Ni, KEi } -->",
      "<-- CREATE_CHILD_SA { N(INVALID_KE_PAYLOAD) }",
      "CREATE_CHILD_SA { SA, Ni, KEi } -->",
      "<-- CREATE_CHILD_SA { SA, Nr, KEr }",
      "INFORMATIONAL { D } -->",
      "<-- INFORMATIONAL { }",
    ]);
    assert.equal(pair.a.one("ike_sa_established").suite, "aes128gcm16-prfsha256-ecp256");
    assert.equal(pair.b.one("ike_sa_established").suite, "aes128gcm16-prfsha256-ecp256");
    assertOneChild(pair);
    // The next rekey begins with it.
    const { to } = pair.a.one("child_sas_moved");
    pair.a.forget();
    pair.handle(pair.a, { kind: "rekey_ike", ikeSa: to });
    pair.settle();
    assert.equal(pair.a.talk().length, 4);
  });

  it("is not made in a group that was not offered, nor in one that was just refused", () => {
    for (const group of [Uint8Array.of(0, 20), Uint8Array.of(0, 31)]) {
      const pair = established();
      refuse(pair, NOTIFY.invalidKePayload!, 1, group);
      pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
      pair.settle();
      assert.equal(pair.a.one("ike_rekey_failed").reason, "INVALID_KE_PAYLOAD");
      assert.equal(pair.a.talk().length, 2);
    }
  });

  it("follows a peer that wants another group each time so often and no more", () => {
    const proposals = "aes128gcm16-prfsha256-x25519-ecp256";
    const pair = established({ connectionA: { proposals }, connectionB: { proposals } });
    wantOtherGroups(pair);
    pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
    pair.settle();
    assert.equal(pair.a.talk().length, 2 * (1 + 5));
    assert.equal(pair.a.one("ike_rekey_failed").reason, "INVALID_KE_PAYLOAD");
    assertOneChild(pair);
  });

  it("deletes a child SA whose own rekey was under way when it was asked for", () => {
    const pair = new Pair();
    pair.connect();
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: pair.a.lastChild().childSa.child });
    pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
    pair.settle();
    for (const end of [pair.a, pair.b]) assert.equal(end.one("child_sa_deleted").by, "replaced");
    assertOneOfEach(pair);
  });

  for (const seed of [1, 2, 3, 4]) {
    it(`leaves one where both ends begin at once (section 2.8.2, seed ${seed})`, () => {
      const pair = new Pair({ seed });
      pair.connect();
      pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
      pair.handle(pair.b, { kind: "rekey_ike", ikeSa: 1 });
      pair.settle();
      assertOneOfEach(pair);
      pair.handle(pair.a, { kind: "delete_ike", ikeSa: pair.a.of("child_sas_moved").at(-1)!.to });
      pair.settle();
      pair.assertClean();
    });
  }
});
