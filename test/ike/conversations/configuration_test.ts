import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { formatIpAddress } from "../../../lib/ip/mod.ts";
import {
  type ConnectionConfig,
  datagramPath,
  formatSelector,
  type PoolConfig,
  type Selector,
} from "../../../lib/ike/mod.ts";
import { parseIdentity } from "../../../lib/ike/auth/mod.ts";
import { Pair, type PairOptions, pskConnections, sharedSecret } from "../_pair.ts";

const POOLS: Record<string, PoolConfig> = {
  four: { addrs: "10.3.0.0/29", dns: "10.2.0.53", subnet: "10.2.0.0/16" },
  six: { addrs: "fd00:3::/120", dns: "fd00:2::53" },
};

function roadWarrior(vips: string | undefined, pools: string | undefined, options: PairOptions = {}): Pair {
  const net = { esp_proposals: "aes128gcm16" };
  return new Pair({
    ...options,
    connectionA: {
      ...(vips === undefined ? {} : { vips }),
      children: { net: { ...net, remote_ts: "10.2.0.0/16,fd00:2::/64" } },
    },
    connectionB: {
      ...(pools === undefined ? {} : { pools }),
      children: { net: { ...net, local_ts: "10.2.0.0/16,fd00:2::/64" } },
    },
    b: { pools: POOLS, ...options.b },
  });
}

describe("Virtual addresses (RFC 7296, section 2.19)", () => {
  it("are asked for and given, with DNS servers and subnets, and the child is for them", () => {
    const pair = roadWarrior("0.0.0.0,::", "four,six");
    pair.connect();
    assert.deepEqual(pair.a.talk().slice(2), [
      "IKE_AUTH { IDi, IDr, AUTH, CP, SA, TSi, TSr } -->",
      "<-- IKE_AUTH { IDr, AUTH, CP, SA, TSi, TSr }",
    ]);
    const { configuration } = pair.a.one("ike_sa_established");
    assert.deepEqual(configuration.addresses.map(formatIpAddress), ["10.3.0.1", "fd00:3::1"]);
    assert.deepEqual(configuration.dns.map(formatIpAddress), ["10.2.0.53", "fd00:2::53"]);
    assert.deepEqual(configuration.subnets.map((one) => formatSelector(one as Selector)), ["10.2.0.0/16"]);
    const { local } = pair.a.lastChild().childSa;
    assert.deepEqual(local.map((one) => formatSelector(one as Selector)), ["10.3.0.1/32", "fd00:3::1/128"]);
    pair.assertSameChild();
  });

  it("are the ones asked for, if they are free", () => {
    const pair = roadWarrior("10.3.0.5", "four");
    pair.connect();
    assert.deepEqual(pair.a.one("ike_sa_established").configuration.addresses.map(formatIpAddress), [
      "10.3.0.5",
    ]);
  });

  it("stay with who has them when the end that gave them replaces the IKE SA, and then either end the child", () => {
    const pair = roadWarrior("0.0.0.0", "four");
    pair.connect();
    pair.handle(pair.b, { kind: "rekey_ike", ikeSa: pair.b.one("ike_sa_established").ikeSa });
    pair.settle();
    for (const end of [pair.a, pair.b]) {
      const { ikeSa } = end.of("ike_sa_established").at(-1)!;
      const { child } = end.lastChild().childSa;
      pair.handle(end, { kind: "rekey_child", ikeSa, child });
      pair.settle();
      assert.equal(end.lastChild().replaces, child, end.story());
    }
    const { local } = pair.a.lastChild().childSa;
    assert.deepEqual(local.map((one) => formatSelector(one as Selector)), ["10.3.0.1/32"]);
    pair.assertSameChild();
  });

  it("are the same ones for who comes back, and are given back when the SA goes", () => {
    const pair = roadWarrior("0.0.0.0", "four");
    for (let i = 1; i <= 3; i++) {
      pair.connect();
      const { ikeSa, configuration } = pair.a.of("ike_sa_established").at(-1)!;
      assert.deepEqual(configuration.addresses.map(formatIpAddress), ["10.3.0.1"]);
      pair.handle(pair.a, { kind: "delete_ike", ikeSa });
      pair.settle();
      pair.assertClean();
    }
  });

  it("outlive a rekey of the IKE SA, and are given back by the last one", () => {
    const pair = roadWarrior("0.0.0.0", "four");
    pair.connect();
    pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
    pair.settle();
    assert.deepEqual(pair.b.of("ike_sa_established").at(-1)!.configuration.addresses.map(formatIpAddress), [
      "10.3.0.1",
    ]);
    const { to } = pair.a.one("child_sas_moved");
    pair.connect(); // another one meanwhile gets another address
    assert.deepEqual(pair.b.of("ike_sa_established").at(-1)!.configuration.addresses.map(formatIpAddress), [
      "10.3.0.2",
    ]);
    pair.handle(pair.a, { kind: "delete_ike", ikeSa: to });
    pair.settle();
    pair.connect();
    assert.deepEqual(pair.b.of("ike_sa_established").at(-1)!.configuration.addresses.map(formatIpAddress), [
      "10.3.0.1",
    ]);
  });

  it("are given to one peer up to a limit, however many it asks for (max_addresses)", () => {
    const many = Array.from({ length: 40 }, () => "0.0.0.0").join(",");
    const pools = { four: { addrs: "10.3.0.0/24" } };
    for (const [limits, given] of [[{}, 8], [{ max_addresses: 3 }, 3]] as const) {
      const pair = roadWarrior(many, "four", { b: { pools, limits } });
      pair.connect();
      assert.equal(pair.b.engine.counters.leases, given);
      assert.equal(pair.a.one("ike_sa_established").configuration.addresses.length, given);
      pair.assertSameChild();
    }
  });

  it("run out: INTERNAL_ADDRESS_FAILURE, and the IKE SA lives without a child", () => {
    const pair = roadWarrior("0.0.0.0", "four", {
      b: { pools: { ...POOLS, four: { addrs: "10.3.0.1-10.3.0.1" } } },
    });
    pair.connect();
    pair.connect();
    assert.equal(pair.a.talk().at(-1), "<-- IKE_AUTH { IDr, AUTH, N(INTERNAL_ADDRESS_FAILURE) }");
    assert.equal(pair.a.one("child_sa_failed").reason, "INTERNAL_ADDRESS_FAILURE");
    assert.equal(pair.a.engine.counters.childSpis, 1);
    assert.equal(pair.b.engine.counters.childSpis, 1);
  });

  it("have to be asked for: FAILED_CP_REQUIRED", () => {
    const pair = roadWarrior(undefined, "four");
    pair.connect();
    assert.equal(pair.a.talk().at(-1), "<-- IKE_AUTH { IDr, AUTH, N(FAILED_CP_REQUIRED) }");
  });

  it("that nobody gives leave no traffic, and the child is deleted", () => {
    const pair = roadWarrior("0.0.0.0", undefined);
    pair.connect();
    assert.equal(pair.a.of("child_sa_failed").length, 1);
    assert.equal(pair.a.engine.counters.childSpis + pair.b.engine.counters.childSpis, 0);
  });

  it("are given back when authentication fails afterwards", () => {
    const pair = roadWarrior("0.0.0.0", "four");
    pair.network = ({ from, octets }) => from === "b" && octets[18] === 35 ? null : octets;
    pair.connect();
    pair.advance(200_000);
    assert.equal(pair.a.of("ike_sa_failed").length, 1);
    pair.handle(pair.b, { kind: "delete_ike", ikeSa: 1 });
    pair.advance(200_000);
    pair.assertClean();
  });
});

describe("INITIAL_CONTACT and unique (RFC 7296, section 2.4)", () => {
  it("has the responder forget SAs that the peer does not know any more", () => {
    const pair = new Pair();
    pair.connect();
    // `a` loses its memory.
    const again = new Pair({ seed: 77 });
    const before = pair.b.engine.counters.ikeSas;
    again.network = () => null;
    Object.assign(pair, { a: again.a });
    pair.connect();
    assert.equal(before, 1);
    assert.equal(pair.b.engine.counters.ikeSas, 1, pair.b.story());
    assert.match(pair.b.one("ike_sa_deleted").text!, /INITIAL_CONTACT/);
    assert.match(pair.b.lines().join("\n"), /N\(INITIAL_CONTACT\)/);
  });

  const users = (names: readonly string[]) => {
    const credentials = sharedSecret();
    for (const name of names) {
      credentials.addEapUser({ identity: parseIdentity(name), password: `of ${name}` });
    }
    return credentials;
  };

  /** A client that calls itself `a@example`, as anybody can, and proves to be an EAP user or nothing at all. */
  function client(user: string | null, seed: number): Pair {
    const auth = user === null ? "null" : "eap-mschapv2";
    const eap_id = user === null ? {} : { eap_id: user };
    const net = { esp_proposals: "aes128gcm16" };
    const clients = {
      remote: { auth: "eap-mschapv2", eap_id: "%any" },
      pools: "four",
      children: { net: { ...net, local_ts: "10.2.0.0/16" } },
    };
    const proposals = "aes128gcm16-prfsha256-x25519";
    const local = { auth: "psk", id: "b.example" };
    return new Pair({
      seed,
      connectionA: {
        local: { auth, id: "a@example", ...eap_id },
        vips: "0.0.0.0",
        children: { net: { ...net, remote_ts: "10.2.0.0/16" } },
      },
      a: { credentials: users(["carol", "mallory"]) },
      b: {
        credentials: users(["carol", "mallory"]),
        pools: POOLS,
        connections: [
          { name: "users", proposals, local, ...clients },
          { name: "anybody", proposals, local, ...clients, remote: { auth: "null" } },
        ],
      },
    });
  }

  for (const other of ["mallory", null] as const) {
    const who = other ?? "somebody without a proof";
    it(`of ${who} under the name of an EAP user ends nobody else's SA, and gets nobody else's address`, () => {
      const pair = client("carol", 1);
      pair.connect();
      Object.assign(pair, { a: client(other, 77).a });
      pair.connect();
      assert.match(pair.b.lines().at(-2)!, /IKE_AUTH/);
      assert.deepEqual(pair.b.of("ike_sa_deleted"), []);
      const [carol, second] = pair.b.of("ike_sa_established");
      assert.equal(carol!.remoteEapId, "carol");
      assert.equal(second!.remoteEapId, other ?? undefined);
      assert.equal(second!.remoteId, carol!.remoteId);
      assert.equal(second!.replaces, undefined);
      const addresses = [carol!, second!].map(({ configuration }) =>
        formatIpAddress(configuration.addresses[0]!)
      );
      assert.deepEqual(addresses, ["10.3.0.1", "10.3.0.2"]);
    });
  }

  it("of the same EAP user ends the SA before it, and the address is the same", () => {
    const pair = client("carol", 1);
    pair.connect();
    pair.handle(pair.b, { kind: "rekey_ike", ikeSa: 1 });
    pair.settle();
    Object.assign(pair, { a: client("carol", 77).a });
    pair.connect();
    assert.match(pair.b.of("ike_sa_deleted").at(-1)!.text!, /INITIAL_CONTACT/);
    assert.equal(pair.b.engine.counters.ikeSas, 1);
    const { configuration } = pair.b.of("ike_sa_established").at(-1)!;
    assert.deepEqual(configuration.addresses.map(formatIpAddress), ["10.3.0.1"]);
  });

  it("of two without a proof ends neither (RFC 7619, section 2.3)", () => {
    const pair = client(null, 1);
    pair.connect();
    Object.assign(pair, { a: client(null, 77).a });
    pair.connect();
    assert.match(pair.b.lines().join(), /INITIAL_CONTACT/);
    assert.equal(pair.b.engine.counters.ikeSas, 2);
  });

  it("is not said by who has another SA with the same peer", () => {
    const pair = new Pair();
    pair.connect();
    pair.connect();
    assert.doesNotMatch(pair.a.lines().slice(4).join("\n"), /INITIAL_CONTACT/);
    assert.equal(pair.b.engine.counters.ikeSas, 2);
  });

  it("is not said by who has one by another connection, under the same name of IKE or of EAP", () => {
    const { a } = pskConnections();
    const eap = (id: string) => ({ ...a, local: { auth: "eap-mschapv2", id, eap_id: "carol" } });
    const says = (second: Partial<ConnectionConfig>, first: ConnectionConfig = a) => {
      const credentials = users(["carol"]);
      const pair = new Pair({
        a: { credentials, connections: [first, { ...first, ...second, name: "second" }] },
        b: { credentials },
        connectionB: { remote: { auth: first.local!.auth!, eap_id: "%any" } },
      });
      pair.connect();
      pair.handle(pair.a, { kind: "initiate", connection: "second", path: pair.pathA });
      pair.network = ({ octets }) => octets[18] === 35 && octets[19] === 8 ? null : octets;
      pair.settle();
      return pair.a.lines().filter((line) => line.startsWith("IKE_AUTH")).at(-1)!.includes("INITIAL_CONTACT");
    };
    assert.equal(says({}), false);
    assert.equal(
      says({ remote: { auth: "psk" } }),
      false,
      "it may be the same peer: it is at the same address",
    );
    assert.equal(says({ remote: { auth: "psk", id: "c.example" } }), true);
    assert.equal(says({ local: { auth: "psk", id: "other@example" } }), true);
    assert.equal(says(eap("other@example"), eap("a@example")), false);
  });

  it("ends no child SA of another connection with the same peer", () => {
    const { a } = pskConnections();
    const pair = new Pair({ a: { connections: [a, { ...a, name: "second" }] } });
    pair.connect();
    pair.handle(pair.a, { kind: "initiate", connection: "second", path: pair.pathA });
    pair.settle();
    for (const end of [pair.a, pair.b]) assert.equal(end.engine.counters.ikeSas, 2, end.story());
  });

  it("is not said by who begins a second one before the first is established", () => {
    const pair = new Pair();
    for (let i = 0; i < 2; i++) {
      pair.handle(pair.a, { kind: "initiate", connection: "ab", path: pair.pathA });
    }
    pair.settle();
    assert.equal(pair.b.of("ike_sa_deleted").length, 0, pair.b.story());
    for (const end of [pair.a, pair.b]) assert.equal(end.engine.counters.ikeSas, 2);
  });

  /** The same peer, seen by the responder at another address. */
  function elsewhere(pair: Pair): Pair {
    const remote = { address: Uint8Array.of(192, 0, 2, 99), port: 4500 };
    return Object.assign(pair, { pathB: datagramPath(pair.pathB.local, remote) });
  }

  it("is acted out by unique = replace, and refused by unique = keep", () => {
    const replace = new Pair({ connectionB: { unique: "replace" } });
    replace.connect();
    elsewhere(replace).connect();
    assert.equal(replace.a.engine.counters.ikeSas, 1);
    assert.equal(replace.a.one("ike_sa_deleted").by, "peer");
    const keep = new Pair({ connectionB: { unique: "keep" } });
    keep.connect();
    elsewhere(keep).connect();
    assert.equal(keep.a.one("ike_sa_failed").reason, "authentication_failed");
    assert.equal(keep.a.engine.counters.ikeSas, 1);
  });

  for (const unique of ["replace", "keep"] as const) {
    it(`gives an old IKE SA of the same address its time with unique = ${unique}: it may be about to be replaced`, () => {
      const pair = new Pair({ connectionB: { unique } });
      pair.connect();
      pair.connect();
      assert.equal(pair.b.engine.counters.ikeSas, 2);
      pair.advance(4_999);
      assert.equal(pair.b.of("ike_sa_deleted").length, 0);
      pair.advance(1);
      assert.equal(pair.b.one("ike_sa_deleted").ikeSa, 1);
      assert.equal(pair.a.one("ike_sa_deleted").by, "peer");
      assert.equal(pair.b.engine.counters.ikeSas, 1);
    });
  }
});
