import { describe, it } from "node:test";
import assert from "node:assert/strict";
import type { ChildConfig, Selector } from "../../../lib/ike/mod.ts";
import { formatSelector } from "../../../lib/ike/mod.ts";
import { Pair, type PairOptions } from "../_pair.ts";

function selectors(pair: Pair): [local: string, remote: string] {
  const { local, remote } = pair.a.lastChild().childSa;
  return [local, remote].map((list) => list.map((one) => formatSelector(one as Selector)).join(" ")) as [
    string,
    string,
  ];
}

function withChildren(a: ChildConfig, b: ChildConfig): PairOptions {
  return { connectionA: { children: { net: a } }, connectionB: { children: { net: b } } };
}

describe("Traffic selectors (RFC 7296, section 2.9)", () => {
  it("are narrowed by the responder", () => {
    const pair = new Pair(withChildren(
      { local_ts: "10.0.0.0/8", remote_ts: "0.0.0.0/0" },
      { local_ts: "10.99.1.0/24,192.168.7.0/24[tcp/443]", remote_ts: "10.1.0.0/16" },
    ));
    pair.connect();
    assert.deepEqual(selectors(pair), ["10.1.0.0/16", "10.99.1.0/24 192.168.7.0/24[6/443]"]);
    pair.assertSameChild();
  });

  it("that have nothing in common are TS_UNACCEPTABLE, and the IKE SA lives without a child", () => {
    const pair = new Pair(withChildren(
      { local_ts: "10.1.0.0/16", remote_ts: "10.2.0.0/16" },
      { local_ts: "10.3.0.0/16", remote_ts: "10.1.0.0/16" },
    ));
    pair.connect();
    assert.equal(pair.a.talk().at(-1), "<-- IKE_AUTH { IDr, AUTH, N(TS_UNACCEPTABLE) }");
    assert.equal(pair.a.one("child_sa_failed").reason, "TS_UNACCEPTABLE");
    assert.match(
      pair.b.one("child_sa_failed").text,
      /no child has traffic between 10\.2\.0\.0\/16 and 10\.1\.0\.0\/16/,
    );
    assert.equal(pair.a.engine.counters.ikeSas, 1);
    assert.equal(pair.a.engine.counters.childSpis, 0);
    assert.equal(pair.b.engine.counters.childSpis, 0);
  });

  it("of two families are kept apart", () => {
    const both = { local_ts: "10.1.0.0/16,2001:db8:1::/48", remote_ts: "10.2.0.0/16,2001:db8:2::/48" };
    const pair = new Pair(withChildren(both, { local_ts: both.remote_ts, remote_ts: both.local_ts }));
    pair.connect();
    assert.deepEqual(selectors(pair), ["10.1.0.0/16 2001:db8:1::/48", "10.2.0.0/16 2001:db8:2::/48"]);
  });
});

describe("Child SAs of their own (RFC 7296, section 1.3.1)", () => {
  const two = (local: string, remote: string) => ({
    net: { esp_proposals: "aes128gcm16", local_ts: `10.${local}.0.0/16`, remote_ts: `10.${remote}.0.0/16` },
    dmz: {
      esp_proposals: "aes128gcm16-x25519",
      local_ts: `172.${local}.0.0/16`,
      remote_ts: `172.${remote}.0.0/16`,
    },
  });
  const options: PairOptions = {
    connectionA: { children: two("1", "2") },
    connectionB: { children: two("2", "1") },
  };

  it("follow the first one, with a key exchange where the proposals have one", () => {
    const pair = new Pair(options);
    pair.connect(["net", "dmz"]);
    assert.deepEqual(pair.a.talk().slice(2), [
      "IKE_AUTH { IDi, IDr, AUTH, SA, TSi, TSr } -->",
      "<-- IKE_AUTH { IDr, AUTH, SA, TSi, TSr }",
      "CREATE_CHILD_SA { SA, Ni, KEi, TSi, TSr } -->",
      "<-- CREATE_CHILD_SA { SA, Nr, KEr, TSi, TSr }",
    ]);
    assert.deepEqual(pair.a.of("child_sa_installed").map(({ childSa }) => childSa.name), ["net", "dmz"]);
    pair.assertSameChild();
  });

  it("are made when they are wanted, by either end", () => {
    for (const who of ["a", "b"] as const) {
      const pair = new Pair(options);
      pair.connect();
      pair.handle(pair[who], { kind: "initiate_child", ikeSa: 1, child: "dmz" });
      pair.settle();
      assert.equal(pair[who].lastChild().childSa.name, "dmz");
      pair.assertSameChild();
    }
  });

  it("are deleted alone, by either end (section 1.4.1)", () => {
    for (const who of ["a", "b"] as const) {
      const pair = new Pair(options);
      pair.connect(["net", "dmz"]);
      const { child } = pair[who].lastChild().childSa;
      pair[who].forget();
      pair.handle(pair[who], { kind: "delete_child", ikeSa: 1, child });
      pair.settle();
      assert.deepEqual(pair[who].lines(), ["INFORMATIONAL { D } -->", "<-- INFORMATIONAL { D }"]);
      assert.equal(pair[who].one("child_sa_deleted").by, "local");
      assert.equal(pair.a.engine.counters.childSpis, 1);
      assert.equal(pair.b.engine.counters.childSpis, 1);
    }
  });

  it("are deleted by both at once, and named in no answer (section 1.4.1)", () => {
    const pair = new Pair();
    pair.connect();
    pair.a.forget();
    pair.handle(pair.a, { kind: "delete_child", ikeSa: 1, child: pair.b.lastChild().childSa.child });
    pair.handle(pair.b, { kind: "delete_child", ikeSa: 1, child: pair.b.lastChild().childSa.child });
    pair.settle();
    assert.deepEqual(pair.a.lines(), [
      "INFORMATIONAL { D } -->",
      "<-- INFORMATIONAL { D }",
      "INFORMATIONAL { } -->",
      "<-- INFORMATIONAL { }",
    ]);
    assert.equal(pair.a.of("child_sa_deleted").length, 1);
    assert.equal(pair.b.of("child_sa_deleted").length, 1);
    assert.equal(pair.a.engine.counters.childSpis + pair.b.engine.counters.childSpis, 0);
  });

  it("are refused when there are too many", () => {
    const pair = new Pair({ ...options, b: { limits: { max_children: 1 } } });
    pair.connect(["net", "dmz"]);
    assert.equal(pair.a.one("child_sa_failed").reason, "NO_ADDITIONAL_SAS");
    assert.equal(pair.a.engine.counters.childSpis, 1);
  });

  it("without a common proposal are NO_PROPOSAL_CHOSEN", () => {
    const pair = new Pair(withChildren(
      { esp_proposals: "aes256gcm16", local_ts: "10.1.0.0/16", remote_ts: "10.2.0.0/16" },
      { esp_proposals: "aes128gcm16", local_ts: "10.2.0.0/16", remote_ts: "10.1.0.0/16" },
    ));
    pair.connect();
    assert.match(pair.b.one("child_sa_failed").text, /none of the proposals is one of child net: \S+-noesn$/);
    assert.equal(pair.a.one("child_sa_failed").reason, "NO_PROPOSAL_CHOSEN");
    assert.equal(pair.b.engine.counters.childSpis, 0);
  });

  it("are of transport mode where both want it, and none where only one does", () => {
    const of = (mode: "tunnel" | "transport"): ChildConfig => ({ mode });
    const both = new Pair(withChildren(of("transport"), of("transport")));
    both.connect();
    assert.equal(both.a.talk()[2], "IKE_AUTH { IDi, IDr, AUTH, SA, TSi, TSr, N(USE_TRANSPORT_MODE) } -->");
    assert.equal(both.a.lastChild().childSa.mode, "transport");
    both.assertSameChild();
    // "If this is unacceptable to the initiator, the initiator MUST delete the SA" (section 1.3.1).
    const one = new Pair(withChildren(of("transport"), of("tunnel")));
    one.connect();
    assert.match(one.a.one("child_sa_failed").text, /tunnel mode/);
    assert.equal(one.a.talk().at(-2), "INFORMATIONAL { D } -->");
    assert.equal(one.a.engine.counters.childSpis + one.b.engine.counters.childSpis, 0);
  });
});

describe("An IKE SA without a child (RFC 6023)", () => {
  it("is made where the configuration wants it, and the child follows", () => {
    const pair = new Pair({ connectionA: { childless: "force" } });
    pair.connect();
    assert.deepEqual(pair.a.talk().slice(2), [
      "IKE_AUTH { IDi, IDr, AUTH } -->",
      "<-- IKE_AUTH { IDr, AUTH }",
      "CREATE_CHILD_SA { SA, Ni, TSi, TSr } -->",
      "<-- CREATE_CHILD_SA { SA, Nr, TSi, TSr }",
    ]);
    pair.assertSameChild();
  });

  it("is made where there is nothing to be carried", () => {
    const pair = new Pair();
    pair.connect([]);
    assert.equal(pair.a.of("ike_sa_established").length, 1);
    assert.equal(pair.b.of("child_sa_failed").length, 0);
  });

  it("is insisted on by a responder", () => {
    const pair = new Pair({ connectionB: { childless: "force" } });
    pair.connect();
    assert.equal(pair.a.one("child_sa_failed").reason, "NO_ADDITIONAL_SAS");
    assert.equal(pair.a.of("ike_sa_established").length, 1);
  });

  it("cannot be insisted on with a responder that does not say it can", () => {
    const pair = new Pair({ connectionA: { childless: "force" }, connectionB: { childless: "never" } });
    pair.connect();
    assert.match(pair.a.one("ike_sa_failed").text, /childless/);
    assert.equal(pair.a.engine.counters.ikeSas, 0);
  });
});
