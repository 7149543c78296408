/** Both ends authenticated anew, and nothing cut off meanwhile (RFC 7296, section 2.8.3; RFC 4478). */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { parseIdentity } from "../../../lib/ike/auth/mod.ts";
import { formatIpAddress } from "../../../lib/ip/mod.ts";
import { EXCHANGE, NOTIFY, notifyPayload } from "../../../lib/ike/codec/mod.ts";
import type { ConnectionConfig } from "../../../lib/ike/mod.ts";
import { assertLeft, established } from "../_established.ts";
import { Forger } from "../_forger.ts";
import { type End, Pair, type PairOptions, sharedSecret } from "../_pair.ts";

/** Times in the words of a configuration, without anything random. */
const HALF_HOURLY = { reauth_time: "30m", rand_time: 0 } as const;
const HALF_HOUR = 1_800_000;

function reauthenticate(pair: Pair, ikeSa = 1): void {
  pair.handle(pair.a, { kind: "reauthenticate", ikeSa });
  pair.settle();
}

/** The order of events, messages left out. */
function order(end: End): string[] {
  return end.events.map(({ type }) => type).filter((type) => type !== "message");
}

/** The new IKE SA works from both ends, and deleting it leaves nothing. */
function assertUsable(pair: Pair): void {
  for (const end of [pair.a, pair.b]) {
    const { ikeSa } = end.of("ike_sa_established").at(-1)!;
    pair.handle(end, { kind: "check_liveness", ikeSa });
    pair.settle();
    assert.equal(end.of("peer_alive").length, 1, end.story());
  }
  pair.handle(pair.a, { kind: "delete_ike", ikeSa: pair.a.of("ike_sa_established").at(-1)!.ikeSa });
  pair.settle();
  pair.assertClean();
}

const CHILDREN = {
  net: { esp_proposals: "aes128gcm16", local_ts: "10.1.0.0/16", remote_ts: "10.2.0.0/16" },
  lab: { esp_proposals: "aes128gcm16", local_ts: "10.1.0.0/16", remote_ts: "10.9.0.0/16" },
};
const CHILDREN_B = {
  net: { esp_proposals: "aes128gcm16", local_ts: "10.2.0.0/16", remote_ts: "10.1.0.0/16" },
  lab: { esp_proposals: "aes128gcm16", local_ts: "10.9.0.0/16", remote_ts: "10.1.0.0/16" },
};

function twoChildren(options: PairOptions = {}): PairOptions {
  return {
    ...options,
    connectionA: { children: CHILDREN, ...options.connectionA },
    connectionB: { children: CHILDREN_B, ...options.connectionB },
  };
}

describe("Reauthentication (RFC 7296, section 2.8.3)", () => {
  it("makes the new IKE SA with its child SA before the old one is deleted", () => {
    const pair = established();
    reauthenticate(pair);
    assert.deepEqual(pair.a.talk(), [
      "IKE_SA_INIT { SA, KEi, Ni } -->",
      "<-- IKE_SA_INIT { SA, KEr, Nr }",
      "IKE_AUTH { IDi, IDr, AUTH, SA, TSi, TSr } -->",
      "<-- IKE_AUTH { IDr, AUTH, SA, TSi, TSr }",
      "INFORMATIONAL { D } -->", // the old IKE SA
      "<-- INFORMATIONAL { }",
    ]);
    assert.ok(!pair.a.lines().some((line) => line.includes("INITIAL_CONTACT")));
    assert.equal(pair.a.one("ike_sa_established").replaces, 1);
    const [made, gone] = [pair.a.one("child_sa_installed"), pair.a.one("child_sa_deleted")];
    assert.equal(made.replaces, gone.child);
    assert.equal(made.send, true);
    assert.equal(gone.by, "replaced");
    assert.equal(pair.a.one("ike_sa_deleted").by, "replaced");
    assert.deepEqual(order(pair.a), [
      "ike_sa_established",
      "child_sa_installed",
      "child_sa_deleted",
      "ike_sa_deleted",
    ]);
    pair.assertSameChild();
    assertLeft(pair, 1, 1);
    assertUsable(pair);
  });

  it("is recognised by who answers, which sends on the old child SA until that is deleted", () => {
    const pair = established();
    reauthenticate(pair);
    assert.equal(pair.b.one("ike_sa_established").replaces, 1);
    const made = pair.b.one("child_sa_installed");
    assert.equal(made.send, false);
    assert.equal(made.replaces, pair.b.one("child_sa_deleted").child);
    assert.equal(pair.b.one("child_sa_switched").child, made.childSa.child);
    assert.deepEqual(order(pair.b), [
      "ike_sa_established",
      "child_sa_installed",
      "child_sa_deleted",
      "child_sa_switched",
      "ike_sa_deleted",
    ]);
  });

  it("moves the answering end's packets at the first one of the peer, or when the old child SA has had its time", () => {
    for (const how of ["packet", "time"]) {
      const pair = established();
      // The deletion of the old IKE SA never arrives.
      pair.network = ({ octets }) => octets[18] === EXCHANGE.informational ? null : octets;
      reauthenticate(pair);
      const { ikeSa, childSa: { child } } = pair.b.one("child_sa_installed");
      assert.equal(pair.b.of("child_sa_switched").length, 0);
      if (how === "packet") pair.handle(pair.b, { kind: "child_usage", ikeSa, child, path: pair.pathB });
      else pair.advance(5_000);
      assert.equal(pair.b.one("child_sa_switched").child, child, how);
      pair.network = ({ octets }) => octets;
      pair.advance(20_000);
      assert.equal(pair.b.of("child_sa_switched").length, 1);
      assertLeft(pair, 1, 1);
    }
  });

  it("makes every child SA once more, those of CREATE_CHILD_SA too", () => {
    const pair = established(twoChildren(), ["net", "lab"]);
    reauthenticate(pair);
    assert.deepEqual(pair.a.talk().slice(2), [
      "IKE_AUTH { IDi, IDr, AUTH, SA, TSi, TSr } -->",
      "<-- IKE_AUTH { IDr, AUTH, SA, TSi, TSr }",
      "CREATE_CHILD_SA { SA, Ni, TSi, TSr } -->",
      "<-- CREATE_CHILD_SA { SA, Nr, TSi, TSr }",
      "INFORMATIONAL { D } -->",
      "<-- INFORMATIONAL { }",
    ]);
    for (const end of [pair.a, pair.b]) {
      assert.deepEqual(end.of("child_sa_installed").map(({ childSa }) => childSa.name), ["net", "lab"]);
      assert.equal(end.of("child_sa_deleted").length, 2);
      assert.ok(end.of("child_sa_installed").every(({ replaces }) => replaces !== undefined));
    }
    assert.equal(pair.b.of("child_sa_switched").length, 2);
    assertLeft(pair, 1, 2);
  });

  it("goes without a child SA where there is none", () => {
    const pair = established({}, []);
    reauthenticate(pair);
    assert.deepEqual(pair.a.talk().slice(2, 4), [
      "IKE_AUTH { IDi, IDr, AUTH } -->",
      "<-- IKE_AUTH { IDr, AUTH }",
    ]);
    assertLeft(pair, 1, 0);
    assertUsable(pair);
  });

  it("happens by time, and again", () => {
    const pair = established({ connectionA: HALF_HOURLY });
    pair.advance(HALF_HOUR - 1);
    assert.equal(pair.a.of("ike_sa_established").length, 0);
    pair.advance(1);
    assert.equal(pair.a.of("ike_sa_established").length, 1);
    pair.advance(HALF_HOUR);
    assert.equal(pair.a.of("ike_sa_established").length, 2);
    assertLeft(pair, 1, 1);
  });

  it("goes by EAP where the first one did", () => {
    const credentials = (password: string) => {
      const both = sharedSecret();
      both.addEapUser({ identity: parseIdentity("carol"), password });
      return both;
    };
    const pair = established({
      connectionA: { local: { auth: "eap-mschapv2", id: "a@example", eap_id: "carol" } },
      connectionB: { remote: { auth: "eap-mschapv2", id: "a@example", eap_id: "%any" } },
      a: { credentials: credentials("Ar3etTnp") },
      b: { credentials: credentials("Ar3etTnp") },
    });
    reauthenticate(pair);
    assert.deepEqual(pair.a.talk().slice(-4), [
      "IKE_AUTH { AUTH } -->",
      "<-- IKE_AUTH { AUTH, SA, TSi, TSr }",
      "INFORMATIONAL { D } -->",
      "<-- INFORMATIONAL { }",
    ]);
    assert.equal(pair.b.one("child_sa_installed").send, false);
    assertLeft(pair, 1, 1);
  });

  it("keeps the virtual address, which is given back with the last IKE SA", () => {
    const pair = established({
      connectionA: { vips: "0.0.0.0,::", children: { net: { remote_ts: "10.2.0.0/16,fd00:2::/64" } } },
      connectionB: { pools: "four,six", children: { net: { local_ts: "10.2.0.0/16,fd00:2::/64" } } },
      b: { pools: { four: { addrs: "10.3.0.0/30" }, six: { addrs: "fd00:3::/120" } } },
    });
    for (let round = 0; round < 3; round++) {
      const { ikeSa } = pair.a.of("ike_sa_established").at(-1) ?? { ikeSa: 1 };
      reauthenticate(pair, ikeSa);
      for (const end of [pair.a, pair.b]) {
        const { configuration, replaces } = end.of("ike_sa_established").at(-1)!;
        assert.deepEqual(configuration.addresses.map(formatIpAddress), ["10.3.0.1", "fd00:3::1"]);
        assert.equal(replaces, round + 1);
      }
      pair.assertSameChild();
      assertLeft(pair, 1, 1);
    }
    assertUsable(pair);
    pair.connect();
    const { configuration } = pair.b.of("ike_sa_established").at(-1)!;
    assert.deepEqual(configuration.addresses.map(formatIpAddress), ["10.3.0.1", "fd00:3::1"]);
  });

  for (const unique of ["no", "never", "keep", "replace"] as const) {
    it(`is no second IKE SA to a responder with unique = ${unique}`, () => {
      const pair = established({ connectionA: { unique }, connectionB: { unique } });
      reauthenticate(pair);
      assert.equal(pair.a.one("ike_sa_deleted").by, "replaced");
      assert.equal(pair.b.one("ike_sa_deleted").by, "peer");
      assertLeft(pair, 1, 1);
    });
  }

  it("leaves no old IKE SA at a responder with unique = replace, though the peer does not delete it", () => {
    const pair = established({ connectionB: { unique: "replace" } });
    const isResponse = (octets: Uint8Array) => (octets[19]! & 0x20) !== 0;
    pair.network = ({ from, octets }) =>
      from === "a" && octets[18] === EXCHANGE.informational && !isResponse(octets) ? null : octets;
    reauthenticate(pair);
    pair.advance(5_000);
    assert.equal(pair.b.engine.counters.childSpis, 1);
    assert.equal(pair.b.engine.counters.ikeSas, 1);
  });

  it("is begun by the end that began the first IKE SA, also when a rekey has turned roles around", () => {
    const pair = established({ connectionA: HALF_HOURLY, connectionB: HALF_HOURLY });
    pair.handle(pair.b, { kind: "reauthenticate", ikeSa: 1 });
    pair.settle();
    assert.deepEqual(pair.b.talk(), []);
    pair.handle(pair.b, { kind: "rekey_ike", ikeSa: 1 });
    pair.settle();
    assert.equal(pair.a.one("ike_sa_established").role, "responder");
    pair.a.forget();
    pair.b.forget();
    pair.advance(HALF_HOUR);
    assert.equal(pair.a.one("ike_sa_established").role, "initiator");
    assertLeft(pair, 1, 1);
  });

  it("is not put off by rekeys", () => {
    const pair = established({ connectionA: { ...HALF_HOURLY, rekey_time: "11m", over_time: "10m" } });
    pair.advance(HALF_HOUR - 1);
    assert.equal(pair.a.of("child_sas_moved").length, 2);
    pair.advance(1);
    const { replaces } = pair.a.of("ike_sa_established").at(-1)!;
    assert.equal(pair.a.of("child_sas_moved").at(-1)!.to, replaces);
    assert.equal(
      pair.a.of("child_sa_installed").at(-1)!.replaces,
      pair.a.of("child_sa_deleted").at(-1)!.child,
    );
    assertLeft(pair, 1, 1);
  });
});

describe("A reauthentication that fails", () => {
  const times: Partial<ConnectionConfig> = { ...HALF_HOURLY, over_time: "10m" };

  it("leaves the old IKE SA as it is, and is tried again until the lifetime ends", () => {
    const pair = established({ connectionA: times });
    pair.network = ({ octets }) => octets[18] === EXCHANGE.ikeAuth ? null : octets;
    pair.advance(HALF_HOUR + 170_000);
    assert.equal(pair.a.one("ike_sa_failed").reason, "timeout");
    const failed = pair.a.one("ike_reauthentication_failed");
    assert.equal(failed.ikeSa, 1);
    assert.equal(failed.reason, "timeout");
    assert.equal(pair.a.of("child_sa_deleted").length, 0);
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
    pair.settle();
    assert.equal(pair.a.of("peer_alive").length, 1);
    pair.network = ({ octets }) => octets;
    pair.advance(20_000);
    assert.equal(pair.a.one("ike_sa_established").replaces, 1);
    assertLeft(pair, 1, 1);
  });

  it("for as long as the SA may live ends it", () => {
    const pair = established({ connectionA: times, b: { limits: { retransmit_tries: 1 } } });
    pair.network = ({ octets }) => octets[18] === EXCHANGE.ikeAuth ? null : octets;
    pair.advance(HALF_HOUR + 600_000);
    const { reason, text } = pair.a.one("ike_sa_deleted");
    assert.equal(reason, "expired");
    assert.match(text!, /not authenticated anew in time/);
    assert.ok(pair.a.of("ike_reauthentication_failed").length >= 2);
    assert.equal(pair.a.one("child_sa_deleted").by, "ike_sa");
  });

  it("because the peer's secret is another now tells so on the old IKE SA", () => {
    const secrets = sharedSecret();
    const pair = established({ b: { credentials: secrets } });
    secrets.addPreSharedKey({
      secret: new TextEncoder().encode("another one"),
      owners: [parseIdentity("a@example"), parseIdentity("b.example")],
    });
    reauthenticate(pair);
    assert.equal(pair.a.one("ike_reauthentication_failed").reason, "authentication_failed");
    assertLeft(pair, 1, 1);
  });

  it("because a child SA is refused deletes the new IKE SA, not the old one", () => {
    const pair = new Pair(twoChildren({ b: { limits: { max_children: 2 } } }));
    pair.connect(["net", "lab"]);
    pair.handle(pair.a, { kind: "initiate_child", ikeSa: 1, child: "lab" });
    pair.settle();
    assert.equal(pair.a.of("child_sa_failed").length, 1);
    // A third one that the peer has made, so that the new IKE SA can only have two.
    pair.handle(pair.b, { kind: "initiate_child", ikeSa: 1, child: "lab" });
    pair.settle();
    pair.a.forget();
    pair.b.forget();
    reauthenticate(pair);
    assert.equal(pair.a.one("child_sa_failed").reason, "NO_ADDITIONAL_SAS");
    assert.match(pair.a.one("ike_reauthentication_failed").text, /Child SA lab could not be made/);
    assert.equal(pair.a.one("ike_sa_deleted").ikeSa, pair.a.one("ike_sa_established").ikeSa);
    assertLeft(pair, 1, 3);
  });

  it("because the caller deletes either IKE SA leaves neither", () => {
    for (const which of ["old", "new"]) {
      const pair = established(twoChildren(), ["net", "lab"]);
      pair.handle(pair.a, { kind: "reauthenticate", ikeSa: 1 });
      for (let i = 0; i < 4; i++) pair.deliver();
      const { ikeSa } = pair.a.one("ike_sa_established");
      pair.handle(pair.a, { kind: "delete_ike", ikeSa: which === "old" ? 1 : ikeSa });
      pair.settle();
      pair.advance(60_000);
      assert.equal(pair.a.of("ike_reauthentication_failed").length, 0);
      pair.assertClean();
    }
  });

  it("because the peer deletes the old IKE SA meanwhile goes on with the new one", () => {
    const pair = established();
    pair.handle(pair.a, { kind: "reauthenticate", ikeSa: 1 });
    for (let i = 0; i < 3; i++) pair.deliver();
    pair.handle(pair.b, { kind: "delete_ike", ikeSa: 1 });
    pair.settle();
    assertLeft(pair, 1, 1);
    assertUsable(pair);
  });
});

describe("While both ends are authenticated anew", () => {
  it("what the peer begins on the old IKE SA is put off, and nothing is begun there", () => {
    for (const kind of ["rekey_ike", "rekey_child", "initiate_child"] as const) {
      const pair = established();
      pair.handle(pair.a, { kind: "reauthenticate", ikeSa: 1 });
      pair.deliver(); // IKE_SA_INIT is at b
      const wish = kind === "rekey_ike"
        ? { kind, ikeSa: 1 }
        : kind === "rekey_child"
        ? { kind, ikeSa: 1, child: 1 }
        : { kind, ikeSa: 1, child: "net" };
      pair.handle(pair.b, wish);
      pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: 1 });
      pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
      pair.settle();
      assert.ok(pair.b.talk().includes("<-- CREATE_CHILD_SA { N(TEMPORARY_FAILURE) }"), pair.b.story());
      assertLeft(pair, 1, 1);
      assertUsable(pair);
    }
  });

  it("nothing is begun on an IKE SA that a rekey of both ends has left over", () => {
    let found = 0;
    for (let seed = 1; seed <= 6; seed++) {
      const pair = established({ seed });
      pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
      pair.handle(pair.b, { kind: "rekey_ike", ikeSa: 1 });
      // The answer to the rekey of `b` is lost, so that `b` never has what `a` has made for it.
      const isAnswer = (octets: Uint8Array) =>
        octets[18] === EXCHANGE.createChildSa && (octets[19]! & 0x20) !== 0;
      pair.network = ({ from, octets }) => from === "a" && isAnswer(octets) ? null : octets;
      pair.settle();
      const { to } = pair.a.one("child_sas_moved");
      const left = pair.a.of("ike_sa_established").find(({ ikeSa }) => ikeSa !== to);
      if (left === undefined || pair.a.of("ike_sa_deleted").some(({ ikeSa }) => ikeSa === left.ikeSa)) {
        continue;
      }
      found++;
      const sent = pair.a.sent.length;
      for (const kind of ["reauthenticate", "rekey_ike"] as const) {
        pair.handle(pair.a, { kind, ikeSa: left.ikeSa });
      }
      assert.equal(pair.a.sent.length, sent);
      pair.advance(400_000);
      assertLeft(pair, 1, 1);
    }
    assert.ok(found > 0);
  });

  it("a rekey that came first is waited for", () => {
    const pair = established();
    pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
    pair.handle(pair.a, { kind: "reauthenticate", ikeSa: 1 });
    pair.settle();
    const { to } = pair.a.one("child_sas_moved");
    pair.advance(20_000);
    assert.equal(pair.a.of("ike_sa_established").at(-1)!.replaces, to);
    assertLeft(pair, 1, 1);
  });
});

describe("AUTH_LIFETIME (RFC 4478)", () => {
  it("is said by a responder, and the initiator authenticates itself anew in time", () => {
    const pair = new Pair({ connectionB: { ...HALF_HOURLY, over_time: "5m" } });
    pair.connect();
    assert.equal(pair.a.talk().at(-1), "<-- IKE_AUTH { IDr, AUTH, N(AUTH_LIFETIME), SA, TSi, TSr }");
    pair.a.forget();
    pair.advance(HALF_HOUR);
    assert.equal(pair.a.one("ike_sa_established").replaces, 1);
    assertLeft(pair, 1, 1);
  });

  it("that is not heeded ends the IKE SA", () => {
    const pair = established({ connectionB: { ...HALF_HOURLY, over_time: "5m" } });
    pair.network = ({ octets }) => octets[18] === EXCHANGE.ikeSaInit ? null : octets;
    pair.advance(HALF_HOUR + 300_000);
    assert.equal(pair.b.one("ike_sa_deleted").reason, "expired");
    assert.match(pair.b.one("ike_sa_deleted").text!, /not authenticated anew/);
    assert.equal(pair.a.of("ike_sa_deleted").at(-1)!.by, "peer");
  });

  it("may come later, and zero means now", () => {
    const pair = established();
    pair.advance(60_000);
    const zero = notifyPayload(NOTIFY.authLifetime!, new Uint8Array(4));
    const forger = new Forger(pair, "b");
    forger.send(forger.seal({ exchangeType: EXCHANGE.informational, messageId: 0, payloads: [zero] }));
    pair.settle();
    pair.tick();
    pair.settle();
    assert.equal(pair.a.one("ike_sa_established").replaces, 1);
    assertLeft(pair, 1, 1);
  });

  it("of a peer that says zero each time makes no more than one IKE SA in ten seconds", () => {
    const pair = established();
    const zero = notifyPayload(NOTIFY.authLifetime!, new Uint8Array(4));
    for (let messageId = 0; messageId < 3; messageId++) {
      const forger = new Forger(pair, "b");
      forger.send(forger.seal({ exchangeType: EXCHANGE.informational, messageId, payloads: [zero] }));
      pair.settle();
    }
    pair.advance(9_999);
    assert.equal(pair.a.of("ike_sa_established").length, 0);
    pair.advance(1);
    assert.equal(pair.a.of("ike_sa_established").length, 1);
  });

  it("of an initiator means nothing", () => {
    const pair = established();
    pair.advance(60_000);
    const zero = notifyPayload(NOTIFY.authLifetime!, new Uint8Array(4));
    const forger = new Forger(pair, "a");
    forger.send(forger.seal({ exchangeType: EXCHANGE.informational, messageId: 2, payloads: [zero] }));
    pair.settle();
    pair.advance(60_000);
    assert.equal(pair.b.of("ike_sa_established").length, 0);
  });
});
