/** What `npm run simulate` has found, each as the shortest conversation that shows it. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { assertLeft, assertUsable, currentIkeSa, established, hold, nonces } from "../_established.ts";
import { Pair } from "../_pair.ts";

describe("What the simulator has found", () => {
  it("two child SAs for the same traffic each have a successor when both ends are authenticated anew", () => {
    const pair = new Pair();
    pair.connect();
    pair.handle(pair.a, { kind: "initiate_child", ikeSa: 1, child: "net" });
    pair.settle();
    const before = pair.b.of("child_sa_installed").map(({ childSa }) => childSa.child);
    pair.b.forget();
    pair.handle(pair.a, { kind: "reauthenticate", ikeSa: 1 });
    pair.settle();
    const replaced = pair.b.of("child_sa_installed").map(({ replaces }) => replaces);
    assert.deepEqual(replaced, before);
    assert.equal(pair.b.of("child_sa_switched").length, 2);
  });

  it("an end that has nothing to ask says on its new connection that it is there", () => {
    const pair = established({ reliable: true });
    const next = pair.newPath(true, "connection 2");
    pair.handle(pair.a, { kind: "move", ikeSa: 1, path: next.a });
    pair.settle();
    assert.deepEqual(pair.a.talk(), ["INFORMATIONAL { } -->", "<-- INFORMATIONAL { }"]);
    assert.equal(pair.b.one("path_changed").path.id, next.b.id);
  });

  it("an IKE SA that both callers and timers want replaced is replaced once", () => {
    const pair = established();
    for (let i = 0; i < 3; i++) pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
    pair.settle();
    assert.equal(pair.a.of("child_sas_moved").length, 1);
    assertLeft(pair, 1, 1);
  });

  it("who opens connections stays the same when a rekey turns the roles around (RFC 9329, section 6.1)", () => {
    const pair = established({ reliable: true });
    pair.handle(pair.b, { kind: "rekey_ike", ikeSa: 1 });
    pair.settle();
    assert.equal(pair.a.one("ike_sa_established").role, "responder");
    const next = pair.newPath(true, "connection 2");
    pair.handle(pair.a, { kind: "move", ikeSa: currentIkeSa(pair.a), path: next.a });
    pair.settle();
    assert.equal(pair.b.one("path_changed").path.id, next.b.id);
    assertUsable(pair);
  });

  it("a request that went out on a lost connection goes out again where the peer is heard next", () => {
    const pair = established({ reliable: true });
    pair.network = () => null;
    pair.handle(pair.b, { kind: "check_liveness", ikeSa: 1 });
    pair.settle();
    pair.network = ({ octets }) => octets;
    const next = pair.newPath(true, "connection 2");
    pair.handle(pair.a, { kind: "move", ikeSa: 1, path: next.a });
    pair.settle();
    assert.equal(pair.b.of("peer_alive").length, 1, pair.b.story());
    assert.deepEqual(pair.b.sent.filter(({ path }) => path.id === next.b.id).length > 0, true);
  });

  it("a child SA that waits for its deletion is not rekeyed meanwhile: TEMPORARY_FAILURE", () => {
    const pair = established();
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 }); // the window is full
    const asked = hold(pair, pair.a);
    pair.handle(pair.a, { kind: "delete_child", ikeSa: 1, child: 1 });
    pair.handle(pair.b, { kind: "rekey_child", ikeSa: 1, child: 1 });
    pair.settle();
    assert.deepEqual(pair.b.talk(), [
      "CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, TSi, TSr } -->",
      "<-- CREATE_CHILD_SA { N(TEMPORARY_FAILURE) }",
    ]);
    pair.inFlight.push(...asked);
    pair.settle();
    assertLeft(pair, 1, 0);
  });

  it("a child SA that was made for nothing, and that the peer will delete, is not rekeyed", () => {
    const pair = established({ a: nonces(128, 1), b: nonces(0, 2) }); // the exchange of `b` is for nothing
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: 1 });
    pair.handle(pair.b, { kind: "rekey_child", ikeSa: 1, child: 1 });
    for (let i = 0; i < 4; i++) pair.deliver();
    hold(pair, pair.b); // its D does not arrive for now
    const forNothing = pair.a.of("child_sa_installed").find(({ send }) => !send)!.childSa.child;
    pair.settle();
    const before = pair.a.of("message").length;
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: forNothing });
    pair.settle();
    assert.equal(pair.a.of("message").length, before, pair.a.story());
    pair.advance(30_000);
    assertLeft(pair, 1, 1);
  });

  it("a request on the IKE SA of a rekey, whose answer was lost with the connection, waits until the peer knows that SA", () => {
    const pair = new Pair({ reliable: true });
    pair.connect();
    pair.handle(pair.b, { kind: "rekey_ike", ikeSa: 1 });
    pair.deliver(); // `a` answers, and has the new IKE SA
    pair.handle(pair.a, { kind: "initiate_child", ikeSa: 2, child: "net" });
    pair.inFlight.length = 0; // both are lost with the connection
    const path = pair.newPath(true, "connection 2");
    pair.a.forget();
    for (const ikeSa of [2, 1]) pair.handle(pair.a, { kind: "move", ikeSa, path: path.a });
    pair.settle();
    assert.deepEqual(pair.b.lines().slice(-8), [
      "INFORMATIONAL { } -->", // to the one by which `a` shows its new connection
      "<-- CREATE_CHILD_SA { SA, Nr, KEr }", // now it knows it
      "INFORMATIONAL { D } -->",
      "<-- INFORMATIONAL { }",
      "<-- CREATE_CHILD_SA { SA, Ni, TSi, TSr }",
      "CREATE_CHILD_SA { SA, Nr, TSi, TSr } -->",
      "<-- INFORMATIONAL { }",
      "INFORMATIONAL { } -->",
    ]);
    assert.equal(pair.a.of("child_sa_installed").length, 1, pair.a.story());
    pair.advance(60_000);
    assert.deepEqual(pair.a.of("ike_sa_deleted").map(({ by }) => by), ["replaced"]);
    pair.assertSameChild();
  });

  it("a request that has crossed a broken connection is over when a stream's time is", () => {
    const pair = new Pair({ reliable: true });
    pair.connect();
    pair.network = () => null;
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
    pair.advance(30_000);
    pair.handle(pair.a, { kind: "move", ikeSa: 1, path: pair.newPath(true, "connection 2").a });
    pair.advance(59_999);
    assert.equal(pair.a.of("ike_sa_deleted").length, 0);
    pair.advance(1);
    assert.match(pair.a.one("ike_sa_deleted").text!, /60000 ms/);
  });

  it("an IKE SA that is to take another's place moves to a new connection along with that", () => {
    const pair = new Pair({ reliable: true });
    pair.connect();
    pair.handle(pair.a, { kind: "reauthenticate", ikeSa: 1 });
    pair.deliver();
    pair.deliver();
    pair.inFlight.length = 0; // IKE_AUTH is lost with the connection
    pair.a.forget();
    pair.handle(pair.a, { kind: "move", ikeSa: 1, path: pair.newPath(true, "connection 2").a });
    pair.settle();
    assert.equal(pair.a.one("ike_sa_established").replaces, 1);
    assert.equal(pair.a.one("ike_sa_deleted").by, "replaced");
    assert.equal(pair.b.engine.counters.ikeSas, 1);
  });

  it("an old IKE SA is deleted when what was begun on the new one beside its child SAs is over", () => {
    const pair = new Pair();
    pair.connect();
    pair.handle(pair.a, { kind: "initiate_child", ikeSa: 1, child: "net" });
    pair.settle();
    pair.handle(pair.a, { kind: "reauthenticate", ikeSa: 1 });
    for (let i = 0; i < 4; i++) pair.deliver(); // the second child SA is being made
    const { ikeSa, childSa } = pair.a.lastChild();
    pair.handle(pair.a, { kind: "rekey_child", ikeSa, child: childSa.child });
    pair.settle();
    assert.deepEqual(pair.a.of("ike_sa_deleted").map(({ by }) => by), ["replaced"], pair.a.story());
    for (const end of [pair.a, pair.b]) assert.equal(end.engine.counters.ikeSas, 1);
  });

  it("the peer is told of a child SA whose life was over while its D waited for the window", () => {
    const pair = new Pair();
    pair.connect();
    const { childSa } = pair.a.lastChild();
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 }); // the window is full
    pair.handle(pair.a, { kind: "delete_child", ikeSa: 1, child: childSa.child });
    pair.handle(pair.a, { kind: "child_usage", ikeSa: 1, child: childSa.child, limit: "hard" });
    assert.equal(pair.a.one("child_sa_deleted").by, "expired");
    pair.settle();
    assert.equal(pair.b.one("child_sa_deleted").by, "peer", pair.a.story());
    for (const end of [pair.a, pair.b]) assert.equal(end.engine.counters.childSpis, 0);
  });

  for (const meanwhile of ["check_liveness", "rekey_child"] as const) {
    it(`a child SA whose life is over after the IKE SA has begun to go, which let go of its D, keeps no SPI (${meanwhile})`, () => {
      const pair = new Pair();
      pair.connect();
      const { child } = pair.a.lastChild().childSa;
      pair.handle(pair.a, { kind: meanwhile, ikeSa: 1, child }); // the window is full
      pair.handle(pair.a, { kind: "delete_child", ikeSa: 1, child });
      pair.handle(pair.a, { kind: "delete_ike", ikeSa: 1 });
      pair.handle(pair.a, { kind: "child_usage", ikeSa: 1, child, limit: "hard" });
      assert.equal(pair.a.one("child_sa_deleted").by, "expired");
      pair.settle();
      pair.assertClean();
    });
  }

  it("what the peer begins on the new IKE SA of our reauthentication takes no place there, only what we make does", () => {
    const pair = established();
    pair.handle(pair.a, { kind: "initiate_child", ikeSa: 1, child: "net" });
    pair.settle();
    pair.a.forget();
    pair.handle(pair.a, { kind: "reauthenticate", ikeSa: 1 });
    for (let i = 0; i < 4; i++) pair.deliver(); // the second child SA is being made
    pair.handle(pair.b, {
      kind: "initiate_child",
      ikeSa: pair.b.of("ike_sa_established").at(-1)!.ikeSa,
      child: "net",
    });
    pair.settle();
    const made = pair.a.of("child_sa_installed").map(({ replaces, send }) => [replaces, send]);
    assert.deepEqual(made, [[1, true], [undefined, true], [2, true]], pair.a.story());
    assertLeft(pair, 1, 3);
  });

  for (const how of ["its life is over", "it is deleted here"] as const) {
    it(`a child SA that the peer has replaced goes because ${how}: packets are sent on the new one`, () => {
      const pair = established();
      pair.handle(pair.b, { kind: "rekey_child", ikeSa: 1, child: 1 });
      pair.deliver();
      pair.inFlight.length = 0; // the answer is lost for now
      const { childSa, send } = pair.a.lastChild();
      assert.equal(send, false);
      pair.handle(
        pair.a,
        how === "its life is over"
          ? { kind: "child_usage", ikeSa: 1, child: 1, limit: "hard" }
          : { kind: "delete_child", ikeSa: 1, child: 1 },
      );
      pair.advance(10_000);
      assert.equal(pair.a.one("child_sa_switched").child, childSa.child, pair.a.story());
      assertLeft(pair, 1, 1);
    });
  }

  for (const kind of ["reauthenticate", "rekey_ike"] as const) {
    it(`an IKE SA that the peer has made, and that may be for nothing, is not replaced before that is known (${kind})`, () => {
      const pair = established({ a: nonces(0, 1), b: nonces(128, 2) });
      pair.handle(pair.b, { kind: "rekey_ike", ikeSa: 1 });
      pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
      pair.deliver(); // that of `b` is answered by `a`
      const answers = hold(pair, pair.a);
      pair.a.forget();
      pair.handle(pair.a, { kind, ikeSa: 2 });
      assert.deepEqual(pair.a.talk(), [], "it begins at once");
      pair.inFlight.push(...answers);
      pair.advance(60_000);
      assertLeft(pair, 1, 1);
    });
  }

  it("of two child SAs for the same traffic whose lives are over at different ends, one is made again", () => {
    const pair = new Pair();
    pair.connect();
    pair.handle(pair.a, { kind: "initiate_child", ikeSa: 1, child: "net" });
    pair.settle();
    const [first, second] = pair.b.of("child_sa_installed").map(({ childSa }) => childSa.child);
    pair.handle(pair.a, { kind: "child_usage", ikeSa: 1, child: 1, limit: "hard" });
    const late = hold(pair, pair.a); // both D cross
    const other = pair.b.of("child_sa_installed")[1]!.childSa.inbound.spi ===
        pair.a.lastChild().childSa.outbound.spi
      ? second
      : first;
    pair.handle(pair.b, { kind: "child_usage", ikeSa: 1, child: other!, limit: "hard" });
    pair.inFlight.push(...late);
    pair.advance(60_000);
    assertLeft(pair, 1, 1);
    assertUsable(pair);
  });

  it("the peer is told of a child SA that was to go, and whose life was over before its D could follow to another IKE SA", () => {
    const pair = established();
    pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
    const asked = hold(pair, pair.a);
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: 1 });
    pair.handle(pair.a, { kind: "delete_child", ikeSa: 1, child: 1 });
    pair.handle(pair.a, { kind: "child_usage", ikeSa: 1, child: 1, limit: "hard" });
    pair.inFlight.push(...asked);
    pair.advance(60_000);
    assertLeft(pair, 1, 0);
    assertUsable(pair);
  });
});
