/** What is refused for the moment is tried again, later and not for ever (RFC 7296, section 2.25). */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { NOTIFY } from "../../../lib/ike/codec/mod.ts";
import { established } from "../_established.ts";
import { Pair } from "../_pair.ts";
import { refuse } from "./_refusals.ts";

const TEMPORARY_FAILURE = "<-- CREATE_CHILD_SA { N(TEMPORARY_FAILURE) }";
const REQUEST = "CREATE_CHILD_SA { SA, Ni, TSi, TSr } -->";

/**
 * `b` rekeys the IKE SA, and its request is kept back: it takes no other request meanwhile. Gives the way to let it go on.
 */
function busy(pair: Pair): () => void {
  pair.handle(pair.b, { kind: "rekey_ike", ikeSa: 1 });
  const kept = pair.inFlight.splice(0);
  return () => void pair.inFlight.push(...kept);
}

/** A connection of `a` with SAs that are renewed after a second, and end after ten. */
function shortLived(what: "child SA" | "IKE SA") {
  const traffic = { esp_proposals: "aes128gcm16", local_ts: "10.1.0.0/16", remote_ts: "10.2.0.0/16" };
  const [child, ike] = [{ rekey_time: 1, rand_time: 0, life_time: 10 }, {
    rekey_time: 1,
    rand_time: 0,
    over_time: 9,
  }];
  return what === "IKE SA" ? ike : { children: { net: { ...traffic, ...child } } };
}

describe("TEMPORARY_FAILURE (RFC 7296, section 2.25)", () => {
  it("to a new child SA has it made later, at a time that is not the same for all", () => {
    const times = new Set<number>();
    for (const seed of [1, 2, 3]) {
      const pair = established({ seed });
      refuse(pair, NOTIFY.temporaryFailure!, 1);
      pair.handle(pair.a, { kind: "initiate_child", ikeSa: 1, child: "net" });
      pair.settle();
      assert.deepEqual(pair.a.talk(), [REQUEST, TEMPORARY_FAILURE]);
      const { reason, retryIn } = pair.a.one("child_sa_failed");
      assert.equal(reason, "TEMPORARY_FAILURE");
      assert.ok(retryIn! >= 10_000 && retryIn! < 20_000, String(retryIn));
      times.add(retryIn!);
      pair.advance(retryIn! - 1);
      assert.equal(pair.a.talk().length, 2);
      pair.advance(1);
      assert.deepEqual(pair.a.talk().slice(2), [REQUEST, "<-- CREATE_CHILD_SA { SA, Nr, TSi, TSr }"]);
      assert.equal(pair.a.engine.counters.childSpis, 2);
    }
    assert.equal(times.size, 3);
  });

  it("to what was asked for during the peer's rekey of the IKE SA: it is made on the new one", () => {
    const pair = established();
    const goOn = busy(pair);
    pair.handle(pair.a, { kind: "initiate_child", ikeSa: 1, child: "net" });
    pair.settle();
    assert.deepEqual(pair.a.talk(), [REQUEST, TEMPORARY_FAILURE]);
    goOn();
    pair.settle();
    const { to } = pair.a.one("child_sas_moved");
    pair.advance(20_000);
    assert.equal(pair.a.one("child_sa_installed").ikeSa, to);
    for (const end of [pair.a, pair.b]) assert.equal(end.engine.counters.childSpis, 2);
    pair.handle(pair.a, { kind: "delete_ike", ikeSa: to });
    pair.settle();
    pair.assertClean();
  });

  it("to a rekey of a child SA leaves the old one, and is tried again", () => {
    const pair = established();
    refuse(pair, NOTIFY.temporaryFailure!, 2);
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: 1 });
    pair.advance(60_000);
    assert.equal(pair.a.talk().filter((line) => line === TEMPORARY_FAILURE).length, 2);
    assert.ok(pair.a.of("child_sa_failed").every(({ retryIn }) => retryIn! >= 10_000));
    assert.equal(pair.a.one("child_sa_installed").replaces, 1);
    assert.equal(pair.a.engine.counters.childSpis, 1);
  });

  it("to a rekey of the IKE SA leaves the old one, and is tried again", () => {
    const pair = established();
    refuse(pair, NOTIFY.temporaryFailure!, 2);
    pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
    pair.advance(60_000);
    assert.deepEqual(pair.a.of("ike_rekey_failed").map(({ reason }) => reason), [
      "TEMPORARY_FAILURE",
      "TEMPORARY_FAILURE",
    ]);
    assert.equal(pair.a.one("ike_sa_established").replaces, 1);
    assert.equal(pair.a.engine.counters.ikeSas, 1);
  });

  for (const what of ["child SA", "IKE SA"] as const) {
    it(`to a rekey of ${what} whose life is over before long: it is tried again, and again, within that`, () => {
      for (const seed of [1, 2, 3, 4]) {
        const pair = new Pair({ seed, connectionA: shortLived(what) });
        pair.connect();
        pair.a.forget();
        refuse(pair, NOTIFY.temporaryFailure!, 2);
        pair.advance(11_000);
        assert.equal(pair.a.talk().filter((line) => line === TEMPORARY_FAILURE).length, 2);
        const made = what === "IKE SA" ? pair.a.of("ike_sa_established") : pair.a.of("child_sa_installed");
        assert.equal(made[0]?.replaces, 1, pair.a.story());
        assert.deepEqual(pair.a.of("child_sa_deleted").filter(({ by }) => by === "expired"), []);
        assert.deepEqual(pair.a.of("ike_sa_deleted").filter(({ by }) => by === "failure"), []);
      }
    });
  }

  it("is not answered by another try at once, however short a life is (section 2.25)", () => {
    const pair = new Pair({ connectionA: shortLived("child SA") });
    pair.connect();
    pair.a.forget();
    refuse(pair, NOTIFY.temporaryFailure!);
    pair.advance(9999);
    const tries = pair.a.of("child_sa_failed").map(({ retryIn }) => retryIn!);
    assert.ok(tries.length >= 2 && tries.length < 9, String(tries));
    assert.ok(tries.every((time) => time >= 1000), String(tries));
  });

  for (const kind of ["rekey_child", "rekey_ike", "initiate_child"] as const) {
    it(`to ${kind} for several minutes ends the IKE SA: the ends do not agree any more`, () => {
      const pair = established();
      refuse(pair, NOTIFY.temporaryFailure!);
      pair.handle(
        pair.a,
        kind === "rekey_child"
          ? { kind, ikeSa: 1, child: 1 }
          : kind === "rekey_ike"
          ? { kind, ikeSa: 1 }
          : { kind, ikeSa: 1, child: "net" },
      );
      pair.advance(179_999);
      assert.equal(pair.a.of("ike_sa_deleted").length, 0);
      assert.ok(pair.a.talk().length < 2 * 19, "not more often than every ten seconds");
      pair.advance(20_001);
      const { by, text } = pair.a.one("ike_sa_deleted");
      assert.equal(by, "failure");
      assert.match(text!, /TEMPORARY_FAILURE/);
      pair.assertClean();
    });
  }

  it("now and then is no reason to end it", () => {
    const pair = established();
    for (let minute = 0; minute < 6; minute++) {
      refuse(pair, NOTIFY.temporaryFailure!, 1);
      pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: minute + 1 });
      pair.advance(60_000);
    }
    assert.equal(pair.a.of("child_sa_installed").length, 6, pair.a.story());
    assert.equal(pair.a.of("ike_sa_deleted").length, 0);
  });

  it("has no more wait than the limit of operations allows, and nothing is left of them", () => {
    const pair = established({ a: { limits: { max_queued_tasks: 2 } } });
    refuse(pair, NOTIFY.temporaryFailure!, 3);
    for (let i = 0; i < 3; i++) {
      pair.handle(pair.a, { kind: "initiate_child", ikeSa: 1, child: "net" });
      pair.settle();
    }
    assert.equal(pair.a.of("child_sa_failed").filter(({ retryIn }) => retryIn !== undefined).length, 2);
    pair.handle(pair.a, { kind: "delete_ike", ikeSa: 1 });
    pair.settle();
    pair.assertClean();
  });
});
