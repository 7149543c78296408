/** When SAs are renewed and when they end: by time, octets and packets, in the words of swanctl.conf. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { NOTIFY } from "../../../lib/ike/codec/mod.ts";
import type { ChildConfig, ConnectionConfig } from "../../../lib/ike/mod.ts";
import { assertLeft, assertUsable, established, hold } from "../_established.ts";
import { Pair, type PairOptions } from "../_pair.ts";
import { refuse } from "./_refusals.ts";

const MINUTE = 60_000;

/** `a` has the times that are tested, `b` none: nothing is begun there. */
function pairOf(
  { ike = {}, child = {}, seed = 1, ...rest }: PairOptions & {
    ike?: Partial<ConnectionConfig>;
    child?: ChildConfig;
  },
): Pair {
  const traffic = { esp_proposals: "aes128gcm16" };
  const [local_ts, remote_ts] = ["10.1.0.0/16", "10.2.0.0/16"];
  const pair = new Pair({
    ...rest,
    seed,
    connectionA: {
      rekey_time: 0,
      ...ike,
      children: { net: { ...traffic, local_ts, remote_ts, rekey_time: 0, life_time: 0, ...child } },
    },
    connectionB: {
      rekey_time: 0,
      children: {
        net: { ...traffic, local_ts: remote_ts, remote_ts: local_ts, rekey_time: 0, life_time: 0 },
      },
    },
  });
  pair.connect();
  pair.b.forget();
  return pair;
}

/** Milliseconds until something happens, to the millisecond. */
function timeUntil(pair: Pair, what: () => boolean, most: number): number {
  const begin = pair.now;
  while (!what() && pair.tick(begin + most)) pair.settle();
  assert.ok(what(), `nothing within ${most} ms: ${pair.a.story()}`);
  return pair.now - begin;
}

describe("The life of a child SA by time", () => {
  const installed = (pair: Pair, count: number) => () => pair.a.of("child_sa_installed").length >= count;

  it("is renewed after rekey_time, over and over", () => {
    const pair = pairOf({ child: { rekey_time: "10m", life_time: "11m", rand_time: 0 } });
    for (let i = 2; i < 5; i++) {
      assert.equal(timeUntil(pair, installed(pair, i), 20 * MINUTE), 10 * MINUTE);
      assert.equal(pair.a.engine.counters.childSpis, 1);
    }
  });

  it("is renewed earlier by a random part of rand_time, which differs", () => {
    const times = [1, 2, 3, 4].map((seed) => {
      const pair = pairOf({ seed, child: { rekey_time: "10m", life_time: "11m", rand_time: "2m" } });
      return timeUntil(pair, installed(pair, 2), 20 * MINUTE);
    });
    assert.ok(times.every((time) => time >= 8 * MINUTE && time <= 10 * MINUTE), String(times));
    assert.equal(new Set(times).size, times.length);
  });

  it("ends after life_time where it was not renewed, whatever the window holds", () => {
    for (const why of ["refused", "unanswered"]) {
      const pair = pairOf({ child: { rekey_time: "10m", life_time: "11m", rand_time: 0 } });
      if (why === "refused") refuse(pair, NOTIFY.noProposalChosen!);
      else pair.network = () => null;
      const ended = () => pair.a.of("child_sa_deleted").length > 0;
      assert.equal(timeUntil(pair, ended, 20 * MINUTE), 11 * MINUTE);
      assert.equal(pair.a.one("child_sa_deleted").by, "expired", why);
      assert.equal(pair.a.engine.counters.ikeSas, 1);
      pair.network = ({ octets }) => octets;
      pair.advance(5 * MINUTE);
      // A rekey that is answered in the end makes a new one.
      assert.equal(pair.b.engine.counters.childSpis, why === "refused" ? 0 : 1, pair.b.story());
      assert.equal(pair.a.engine.counters.childSpis, pair.b.engine.counters.childSpis);
    }
  });

  it("has no end where the words are 0, and no timer", () => {
    const pair = pairOf({});
    assert.equal(pair.a.engine.counters.timers, 0);
    assert.equal(pair.a.deadline, null);
  });

  it("goes on with its times on the next IKE SA", () => {
    const pair = pairOf({ child: { rekey_time: "10m", life_time: "11m", rand_time: 0 } });
    pair.advance(4 * MINUTE);
    pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
    pair.settle();
    assert.equal(timeUntil(pair, installed(pair, 2), 20 * MINUTE), 6 * MINUTE);
  });
});

for (
  const { what, units, words } of [
    {
      what: "octets",
      units: ["softOctets", "hardOctets"],
      words: (rand?: number) => ({
        rekey_bytes: 1_000_000,
        ...(rand === undefined ? {} : { rand_bytes: rand }),
      }),
    },
    {
      what: "packets",
      units: ["softPackets", "hardPackets"],
      words: (rand?: number) => ({
        rekey_packets: 1_000_000,
        ...(rand === undefined ? {} : { rand_packets: rand }),
      }),
    },
  ] as const
) {
  describe(`The life of a child SA by ${what}`, () => {
    const limits = (pair: Pair): [soft: number, hard: number] => {
      const { limits } = pair.a.lastChild().childSa;
      return [limits[units[0]], limits[units[1]]];
    };

    it("has a soft and a hard limit, 10 % apart, of which the soft one comes earlier at random", () => {
      assert.deepEqual(limits(pairOf({ child: words(0) })), [1_000_000, 1_100_000]);
      const soft = [1, 2, 3, 4].map((seed) => limits(pairOf({ seed, child: words() }))[0]);
      assert.ok(soft.every((limit) => limit >= 900_000 && limit <= 1_000_000), String(soft));
      assert.equal(new Set(soft).size, soft.length);
      assert.deepEqual(limits(pairOf({})), [0, 0]);
    });

    it("is renewed at the soft one, once, and each time anew", () => {
      const pair = pairOf({ child: words() });
      for (let child = 1; child < 4; child++) {
        const usage = { kind: "child_usage", ikeSa: 1, child, limit: "soft" } as const;
        pair.handle(pair.a, usage);
        pair.handle(pair.a, usage);
        pair.settle();
        assert.equal(pair.a.lastChild().replaces, child);
        assert.equal(pair.a.of("child_sa_installed").length, child + 1);
      }
    });

    it("ends at the hard one at once, and the peer is told before traffic has another", () => {
      const pair = pairOf({ child: words() });
      pair.a.forget();
      pair.handle(pair.a, { kind: "child_usage", ikeSa: 1, child: 1, limit: "hard" });
      assert.equal(pair.a.one("child_sa_deleted").by, "expired");
      pair.settle();
      assert.deepEqual(pair.a.talk(), [
        "INFORMATIONAL { D } -->",
        "<-- INFORMATIONAL { D }",
        "CREATE_CHILD_SA { SA, Ni, TSi, TSr } -->",
        "<-- CREATE_CHILD_SA { SA, Nr, TSi, TSr }",
      ]);
      assertLeft(pair, 1, 1);
    });
  });
}

describe("The life of an IKE SA", () => {
  const replaced = (pair: Pair, count: number) => () => pair.a.of("child_sas_moved").length >= count;

  it("is renewed after rekey_time, over and over", () => {
    const pair = pairOf({ ike: { rekey_time: "1h", rand_time: 0 } });
    for (let i = 1; i < 4; i++) {
      assert.equal(timeUntil(pair, replaced(pair, i), 120 * MINUTE), 60 * MINUTE);
      assert.equal(pair.a.engine.counters.ikeSas, 1);
    }
  });

  it("is renewed earlier by a random part of rand_time, which differs", () => {
    const times = [1, 2, 3, 4].map((seed) => {
      const pair = pairOf({ seed, ike: { rekey_time: "1h", rand_time: "20m" } });
      return timeUntil(pair, replaced(pair, 1), 120 * MINUTE);
    });
    assert.ok(times.every((time) => time >= 40 * MINUTE && time <= 60 * MINUTE), String(times));
    assert.equal(new Set(times).size, times.length);
  });

  it("ends over_time after rekey_time where it was not renewed", () => {
    const pair = pairOf({ ike: { rekey_time: "1h", rand_time: 0, over_time: "5m" } });
    refuse(pair, NOTIFY.noProposalChosen!);
    const ended = () => pair.a.of("ike_sa_deleted").length > 0;
    assert.equal(timeUntil(pair, ended, 120 * MINUTE), 65 * MINUTE);
    const { by, reason, text } = pair.a.one("ike_sa_deleted");
    assert.deepEqual([by, reason, text], ["failure", "expired", "The IKE SA was not rekeyed in time"]);
    assert.ok(pair.a.of("ike_rekey_failed").length > 10);
    assert.equal(pair.b.one("ike_sa_deleted").by, "peer");
    pair.assertClean();
  });

  it("is counted from the earlier one of a rekey and a reauthentication", () => {
    const pair = pairOf({ ike: { rekey_time: "2h", reauth_time: "1h", rand_time: 0, over_time: "5m" } });
    pair.network = ({ octets }) => octets[18] === 34 ? null : octets; // no IKE_SA_INIT
    const ended = () => pair.a.of("ike_sa_deleted").length > 0;
    assert.equal(timeUntil(pair, ended, 180 * MINUTE), 65 * MINUTE);
    assert.equal(pair.a.one("ike_sa_deleted").reason, "expired");
  });
});

describe("A child SA whose life is over without a successor", () => {
  const hard = { kind: "child_usage", ikeSa: 1, child: 1, limit: "hard" } as const;

  it("at both ends at once has one in its place, not two", () => {
    const pair = established();
    for (const end of [pair.a, pair.b]) pair.handle(end, hard);
    pair.advance(10 * MINUTE);
    assertLeft(pair, 1, 1);
    assert.equal(pair.a.of("child_sa_installed").length, 1);
    assertUsable(pair);
  });

  it("at the end that did not ask first has one in its place a moment later", () => {
    const pair = established();
    pair.handle(pair.b, hard);
    pair.settle();
    assertLeft(pair, 1, 0);
    pair.advance(2000);
    assert.deepEqual(pair.b.talk(), [
      "INFORMATIONAL { D } -->",
      "<-- INFORMATIONAL { D }",
      "CREATE_CHILD_SA { SA, Ni, TSi, TSr } -->",
      "<-- CREATE_CHILD_SA { SA, Nr, TSi, TSr }",
    ]);
    assertLeft(pair, 1, 1);
    assertUsable(pair);
  });

  it("has none in its place where another one carries its traffic", () => {
    const pair = established();
    pair.handle(pair.a, { kind: "initiate_child", ikeSa: 1, child: "net" });
    pair.settle();
    for (const end of [pair.a, pair.b]) pair.handle(end, hard);
    pair.advance(10 * MINUTE);
    assertLeft(pair, 1, 1);
  });

  it("has none in its place where somebody wanted it deleted, or the IKE SA", () => {
    const pair = established();
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 }); // D waits for the window
    pair.handle(pair.a, { kind: "delete_child", ikeSa: 1, child: 1 });
    pair.handle(pair.a, hard);
    pair.advance(MINUTE);
    assertLeft(pair, 1, 0);
    const other = established();
    other.handle(other.b, hard);
    other.handle(other.a, { kind: "delete_ike", ikeSa: 1 });
    other.advance(MINUTE);
    assertLeft(other, 0, 0);
  });

  for (const answer of ["is refused", "comes"] as const) {
    it(`while its rekey is under way has one in its place when the answer ${answer}`, () => {
      const pair = established();
      pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: 1 });
      const asked = hold(pair, pair.a);
      pair.handle(pair.a, hard);
      if (answer === "is refused") {
        pair.handle(pair.b, { kind: "rekey_ike", ikeSa: 1 });
        pair.inFlight.push(...asked);
      } else pair.inFlight.push(...asked);
      pair.advance(MINUTE);
      assertLeft(pair, 1, 1);
      assertUsable(pair);
    });
  }
});
