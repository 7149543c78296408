/** NATs on the way (RFC 7296, section 2.23): found by digests of IPv4 and IPv6 addresses, and from port 500 to port 4500 because of them. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { parseIpAddress } from "../../../lib/ip/mod.ts";
import { datagramPath, type IkePath } from "../../../lib/ike/mod.ts";
import { type End, Pair, type PairOptions } from "../_pair.ts";

const NONE = { local: false, remote: false };

/** A path as `a` sees it, which is `inside` at its end, and as `b` does, for which `a` is `outside`. */
function paths(inside: string, outside: string, gateway: string, port: number): { a: IkePath; b: IkePath } {
  const at = (address: string) => ({ address: parseIpAddress(address)!, port });
  return {
    a: datagramPath(at(inside), at(gateway)),
    b: datagramPath(at(gateway), at(outside)),
  };
}

/** Ports of what an end has sent, an exchange each. */
function ports(end: End): string[] {
  return end.sent.map(({ path, octets }) => `${octets[18]}: ${path.local.port} to ${path.remote.port}`);
}

/** `a` begins on port 500 and may go on on port 4500. */
function fromPort500(inside: string, outside: string, options: PairOptions = {}): Pair {
  const pair = new Pair(options);
  const [first, then] = [500, 4500].map((port) => paths(inside, outside, "192.0.2.2", port));
  pair.connectOn({ a: { ...first!.a, behindNat: then!.a }, b: first!.b }, then!);
  return pair;
}

describe("NAT detection with IPv6 addresses", () => {
  it("finds none where there is none", () => {
    const pair = new Pair();
    pair.connectOn(paths("2001:db8::1", "2001:db8::1", "2001:db8::2", 4500));
    for (const end of [pair.a, pair.b]) assert.deepEqual(end.one("ike_sa_established").nat, NONE);
    pair.assertSameChild();
  });

  it("finds a prefix that was translated, and the address is one of 16 octets (RFC 6296)", () => {
    const pair = new Pair();
    pair.connectOn(paths("fd00::1", "2001:db8::1", "2001:db8::2", 4500));
    assert.deepEqual(pair.a.one("ike_sa_established").nat, { local: true, remote: false });
    assert.deepEqual(pair.b.one("ike_sa_established").nat, { local: false, remote: true });
    pair.assertSameChild();
  });

  it("finds that only one bit of the last octet differs", () => {
    const pair = new Pair();
    pair.connectOn(paths("2001:db8::3", "2001:db8::1", "2001:db8::2", 4500));
    assert.equal(pair.b.one("ike_sa_established").nat.remote, true);
  });
});

describe("From port 500", () => {
  it("an initiator behind a NAT goes to port 4500 with IKE_AUTH, and the responder answers there", () => {
    const pair = fromPort500("10.0.0.9", "192.0.2.1");
    assert.deepEqual(pair.a.one("ike_sa_established").nat, { local: true, remote: false });
    assert.deepEqual(ports(pair.a), ["34: 500 to 500", "35: 4500 to 4500"]);
    assert.deepEqual(ports(pair.b), ["34: 500 to 500", "35: 4500 to 4500"]);
    for (const end of [pair.a, pair.b]) {
      assert.equal(end.one("ike_sa_established").path.local.port, 4500);
      assert.deepEqual(end.unusedPaths.length, 1); // of port 500
    }
    pair.assertSameChild();
    pair.b.forget();
    pair.handle(pair.b, { kind: "delete_ike", ikeSa: 1 });
    pair.settle();
    assert.deepEqual(ports(pair.b), ["37: 4500 to 4500"]);
    pair.assertClean();
  });

  it("an initiator without a NAT stays where it is", () => {
    const pair = fromPort500("192.0.2.1", "192.0.2.1");
    assert.deepEqual(pair.a.one("ike_sa_established").nat, NONE);
    assert.deepEqual(ports(pair.a), ["34: 500 to 500", "35: 500 to 500"]);
  });

  it("an initiator that claims a NAT with encap goes as well", () => {
    const pair = fromPort500("192.0.2.1", "192.0.2.1", { connectionA: { encap: true } });
    assert.deepEqual(ports(pair.a), ["34: 500 to 500", "35: 4500 to 4500"]);
    assert.deepEqual(ports(pair.b), ["34: 500 to 500", "35: 4500 to 4500"]);
  });

  it("a cookie is fetched first, and a lost IKE_AUTH is sent again on port 4500", () => {
    const pair = new Pair({ b: { limits: { cookie_threshold: 0 } } });
    let lost = false;
    pair.network = ({ octets, from }) => {
      if (octets[18] !== 35 || from === "b" || lost) return octets;
      lost = true;
      return null;
    };
    const [first, then] = [500, 4500].map((port) => paths("10.0.0.9", "192.0.2.1", "192.0.2.2", port));
    pair.connectOn({ a: { ...first!.a, behindNat: then!.a }, b: first!.b }, then!);
    pair.advance(4_000);
    assert.deepEqual(ports(pair.a), [
      "34: 500 to 500",
      "34: 500 to 500",
      "35: 4500 to 4500",
      "35: 4500 to 4500",
    ]);
    assert.equal(pair.b.one("ike_sa_established").path.remote.port, 4500);
  });
});
