/** What a peer says about child SAs that it does not take, or not all of (RFC 7296, sections 1.3, 2.9, 4). */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { NOTIFY } from "../../../lib/ike/codec/mod.ts";
import { type ChildConfig, formatSelector, type Selector } from "../../../lib/ike/mod.ts";
import { established } from "../_established.ts";
import { type End, Pair, type PairOptions } from "../_pair.ts";
import { refuse } from "./_refusals.ts";

/** What the last child SA carries. */
function traffic(end: End): string {
  const { local, remote } = end.lastChild().childSa;
  const [ours, theirs] = [local, remote].map((list) =>
    list.map((one) => formatSelector(one as Selector)).join(" ")
  );
  return `${ours} === ${theirs}`;
}

const WIDE: ChildConfig = { local_ts: "10.1.0.0/16", remote_ts: "10.0.0.0/8" };

describe("ADDITIONAL_TS_POSSIBLE (RFC 7296, section 2.9)", () => {
  const separate: PairOptions = {
    connectionA: { children: { net: WIDE } },
    connectionB: {
      children: {
        lab: { local_ts: "10.9.0.0/16", remote_ts: "10.1.0.0/16" },
        net: { local_ts: "10.2.0.0/16", remote_ts: "10.1.0.0/16" },
        far: { local_ts: "172.16.0.0/12", remote_ts: "10.1.0.0/16" },
      },
    },
  };

  it("is said by who takes one of several, and told; the others are asked for by name", () => {
    const pair = new Pair(separate);
    pair.connect();
    assert.equal(
      pair.a.talk().at(-1),
      "<-- IKE_AUTH { IDr, AUTH, SA, TSi, TSr, N(ADDITIONAL_TS_POSSIBLE) }",
    );
    assert.equal(traffic(pair.a), "10.1.0.0/16 === 10.9.0.0/16");
    assert.equal(pair.a.one("child_sa_installed").additionalTs, true);
    pair.handle(pair.a, { kind: "initiate_child", ikeSa: 1, child: "net", remote_ts: "10.2.0.0/16" });
    pair.settle();
    assert.equal(pair.a.talk().at(-1), "<-- CREATE_CHILD_SA { SA, Nr, TSi, TSr }");
    assert.equal(traffic(pair.a), "10.1.0.0/16 === 10.2.0.0/16");
    assert.equal(pair.b.lastChild().childSa.name, "net");
    assert.equal(pair.a.lastChild().additionalTs, undefined);
    // What was asked for in particular stays so when it is renewed.
    const { child } = pair.a.lastChild().childSa;
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child });
    pair.settle();
    assert.equal(traffic(pair.a), "10.1.0.0/16 === 10.2.0.0/16");
    pair.handle(pair.a, { kind: "reauthenticate", ikeSa: 1 });
    pair.settle();
    assert.equal(traffic(pair.a), "10.1.0.0/16 === 10.2.0.0/16");
    assert.equal(pair.a.engine.counters.childSpis, 2);
  });

  it("is not said where all is taken, or all that there is", () => {
    const whole = new Pair();
    whole.connect();
    assert.equal(whole.a.one("child_sa_installed").additionalTs, undefined);
    const narrowed = new Pair({ connectionA: { children: { net: WIDE } } });
    narrowed.connect();
    assert.equal(traffic(narrowed.a), "10.1.0.0/16 === 10.2.0.0/16");
    assert.equal(narrowed.a.one("child_sa_installed").additionalTs, undefined);
  });

  it("may be followed by a wish inside of the own policy only (section 2.9.1)", () => {
    const pair = established(separate);
    const wish = { kind: "initiate_child", ikeSa: 1, child: "net" } as const;
    assert.throws(
      () => pair.handle(pair.a, { ...wish, remote_ts: "192.0.2.0/24" }),
      /child net: expected remote_ts inside 10\.0\.0\.0\/8, got 192\.0\.2\.0\/24/,
    );
    assert.throws(() => pair.handle(pair.a, { ...wish, local_ts: "nowhere" }), /nowhere/);
    assert.equal(pair.a.talk().length, 0);
  });
});

describe("SINGLE_PAIR_REQUIRED (RFC 7296, section 2.9)", () => {
  const ONE_PAIR: PairOptions = {
    connectionA: { children: { net: { local_ts: "10.1.0.0/16", remote_ts: "10.2.0.0/16" } } },
    connectionB: {
      children: { net: { local_ts: "10.2.0.0/16", remote_ts: "10.1.0.0/16", single_pair: true } },
    },
  };

  it("is said to who asks for more, who asks again for one pair", () => {
    const pair = new Pair(ONE_PAIR);
    pair.connect();
    assert.deepEqual(pair.a.talk().slice(3), [
      "<-- IKE_AUTH { IDr, AUTH, N(SINGLE_PAIR_REQUIRED) }",
      "CREATE_CHILD_SA { SA, Ni, TSi, TSr } -->",
      "<-- CREATE_CHILD_SA { SA, Nr, TSi, TSr }",
    ]);
    assert.equal(traffic(pair.a), "10.1.0.1/32 === 10.2.0.1/32");
    assert.equal(pair.a.of("child_sa_failed").length, 0);
    pair.assertSameChild();
  });

  it("is never heard by who names the pair, and each pair has its own child SA", () => {
    const pair = established(ONE_PAIR);
    pair.handle(pair.a, {
      kind: "initiate_child",
      ikeSa: 1,
      child: "net",
      local_ts: "10.1.0.7",
      remote_ts: "10.2.0.8[tcp/443]",
    });
    pair.settle();
    assert.equal(pair.a.talk().length, 2);
    assert.equal(traffic(pair.a), "10.1.0.7/32 === 10.2.0.8/32[6/443]");
    assert.equal(pair.a.engine.counters.childSpis, 2);
  });

  it("is answered by the pair of the packet, the first selectors, where these are one", () => {
    const pair = established(ONE_PAIR);
    const wish = { kind: "initiate_child", ikeSa: 1, child: "net" } as const;
    pair.handle(pair.a, {
      ...wish,
      local_ts: "10.1.0.7,10.1.0.0/16",
      remote_ts: ["10.2.0.8", "10.2.0.0/16"],
    });
    pair.settle();
    assert.deepEqual(pair.a.talk(), [
      "CREATE_CHILD_SA { SA, Ni, TSi, TSr } -->",
      "<-- CREATE_CHILD_SA { SA, Nr, TSi, TSr, N(ADDITIONAL_TS_POSSIBLE) }",
    ]);
    assert.equal(traffic(pair.a), "10.1.0.7/32 === 10.2.0.8/32");
  });

  it("has the addresses of both ends asked for where they are among the traffic", () => {
    const pair = new Pair({
      connectionA: {
        vips: "0.0.0.0",
        children: { net: { remote_ts: "192.0.2.0/24" } },
      },
      connectionB: { pools: "four", children: { net: { local_ts: "192.0.2.0/24", single_pair: true } } },
      b: { pools: { four: { addrs: "10.3.0.0/29" } } },
    });
    pair.connect();
    assert.equal(traffic(pair.a), "10.3.0.1/32 === 192.0.2.2/32");
  });

  it("is kept to when either end renews the child SA", () => {
    for (const who of ["a", "b"] as const) {
      const pair = established(ONE_PAIR);
      pair.handle(pair.a, {
        kind: "initiate_child",
        ikeSa: 1,
        child: "net",
        local_ts: "10.1.0.7",
        remote_ts: "10.2.0.8",
      });
      pair.settle();
      const { child } = pair[who].lastChild().childSa;
      pair.handle(pair[who], { kind: "rekey_child", ikeSa: 1, child });
      pair.settle();
      assert.equal(pair[who].lastChild().replaces, child, pair[who].story());
      assert.equal(traffic(pair.a), "10.1.0.7/32 === 10.2.0.8/32");
    }
  });

  it("for a single pair is the end of it", () => {
    const pair = established();
    refuse(pair, NOTIFY.singlePairRequired!);
    pair.handle(pair.a, {
      kind: "initiate_child",
      ikeSa: 1,
      child: "net",
      local_ts: "10.1.0.7",
      remote_ts: "10.2.0.8",
    });
    pair.handle(pair.a, { kind: "initiate_child", ikeSa: 1, child: "net" });
    pair.settle();
    // The second one is asked for two times: as it is, and as one pair.
    assert.equal(pair.a.talk().length, 6);
    assert.equal(pair.a.of("child_sa_failed").length, 2);
    assert.match(pair.a.of("child_sa_failed")[0]!.text, /single pairs of addresses only/);
    assert.equal(pair.a.engine.counters.childSpis, 1);
  });
});

describe("NO_ADDITIONAL_SAS (RFC 7296, sections 1.3, 4)", () => {
  it("is said at the limit of child SAs, and told", () => {
    const pair = established({ b: { limits: { max_children: 2 } } });
    for (let i = 0; i < 2; i++) {
      pair.handle(pair.a, { kind: "initiate_child", ikeSa: 1, child: "net" });
      pair.settle();
    }
    assert.equal(pair.a.talk().at(-1), "<-- CREATE_CHILD_SA { N(NO_ADDITIONAL_SAS) }");
    const { reason, text, retryIn } = pair.a.one("child_sa_failed");
    assert.equal(reason, "NO_ADDITIONAL_SAS");
    assert.match(text, /takes no more child SAs on this IKE SA/);
    assert.equal(retryIn, undefined);
    assert.match(pair.b.one("child_sa_failed").text, /max_children \(2\)/);
  });

  it("is not said to a rekey, which makes them no more", () => {
    const pair = established({ b: { limits: { max_children: 1 } } });
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: 1 });
    pair.settle();
    assert.equal(pair.a.one("child_sa_installed").replaces, 1);
  });

  for (const kind of ["rekey_child", "rekey_ike"] as const) {
    it(`to ${kind}, of a peer that takes one child SA in IKE_AUTH and no more, has a new IKE SA made instead`, () => {
      const pair = established();
      refuse(pair, NOTIFY.noAdditionalSas!);
      pair.handle(pair.a, kind === "rekey_ike" ? { kind, ikeSa: 1 } : { kind, ikeSa: 1, child: 1 });
      pair.settle();
      assert.deepEqual(pair.a.talk().slice(1), [
        "<-- CREATE_CHILD_SA { N(NO_ADDITIONAL_SAS) }",
        "IKE_SA_INIT { SA, KEi, Ni } -->",
        "<-- IKE_SA_INIT { SA, KEr, Nr }",
        "IKE_AUTH { IDi, IDr, AUTH, SA, TSi, TSr } -->",
        "<-- IKE_AUTH { IDr, AUTH, SA, TSi, TSr }",
        "INFORMATIONAL { D } -->",
        "<-- INFORMATIONAL { }",
      ]);
      assert.equal(pair.a.one("ike_sa_established").replaces, 1);
      assert.equal(pair.a.one("child_sa_installed").replaces, 1);
      for (const end of [pair.a, pair.b]) {
        assert.equal(end.engine.counters.ikeSas, 1);
        assert.equal(end.engine.counters.childSpis, 1);
      }
    });
  }
});
