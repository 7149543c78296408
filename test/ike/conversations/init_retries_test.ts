import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Pair } from "../_pair.ts";

describe("COOKIE (RFC 7296, section 2.6)", () => {
  it("is asked for under load, comes back first, and changes nothing else", () => {
    const pair = new Pair({ b: { limits: { cookie_threshold: 0 } } });
    pair.connect();
    assert.deepEqual(pair.a.talk(), [
      "IKE_SA_INIT { SA, KEi, Ni } -->",
      "<-- IKE_SA_INIT { N(COOKIE) }",
      "IKE_SA_INIT { N(COOKIE), SA, KEi, Ni } -->",
      "<-- IKE_SA_INIT { SA, KEr, Nr }",
      "IKE_AUTH { IDi, IDr, AUTH, SA, TSi, TSr } -->",
      "<-- IKE_AUTH { IDr, AUTH, SA, TSi, TSr }",
    ]);
    const [first, second] = pair.a.sent.map(({ octets }) => octets);
    assert.deepEqual(second!.subarray(0, 8), first!.subarray(0, 8)); // the same SPI, and Message ID 0
    assert.deepEqual(second!.subarray(20, 24), new Uint8Array(4));
    const rest = first!.subarray(28);
    assert.deepEqual(second!.subarray(second!.length - rest.length), rest);
  });

  it("leaves no state behind at the responder", () => {
    const pair = new Pair({ b: { limits: { cookie_threshold: 0 } } });
    pair.network = ({ from, octets }) => from === "b" ? null : octets;
    pair.connect();
    assert.deepEqual(pair.b.talk(), ["<-- IKE_SA_INIT { SA, KEi, Ni }", "IKE_SA_INIT { N(COOKIE) } -->"]);
    const { ikeSas, halfOpen, timers } = pair.b.engine.counters;
    assert.deepEqual({ ikeSas, halfOpen, timers }, { ikeSas: 0, halfOpen: 0, timers: 0 });
  });

  it("that is wrong is answered with another one (R-CKP-10)", () => {
    const pair = new Pair({ b: { limits: { cookie_threshold: 0 } } });
    let spoiled = false;
    pair.network = ({ from, octets }) => {
      if (from === "b" || octets[16] !== 41 || spoiled) return octets; // 41: N comes first
      spoiled = true;
      const wrong = octets.slice();
      wrong[40]! ^= 1; // inside the cookie
      return wrong;
    };
    pair.connect();
    assert.equal(pair.a.talk().filter((line) => line === "<-- IKE_SA_INIT { N(COOKIE) }").length, 2);
    pair.assertSameChild();
  });

  it("is not asked for on a stream (R-CKP-1)", () => {
    const pair = new Pair({ reliable: true, b: { limits: { cookie_threshold: 0 } } });
    pair.connect();
    assert.equal(pair.a.talk()[1], "<-- IKE_SA_INIT { SA, KEr, Nr }");
  });

  it("is not asked for without end", () => {
    const pair = new Pair({ b: { limits: { cookie_threshold: 0, cookie_lifetime: 1 } } });
    // Time flies so fast that no cookie is ever valid.
    pair.network = ({ octets }) => {
      pair.now += 10;
      return octets;
    };
    pair.connect();
    assert.equal(pair.a.one("ike_sa_failed").reason, "limit");
    pair.assertClean();
  });
});

describe("INVALID_KE_PAYLOAD (RFC 7296, sections 1.2, 2.6.1)", () => {
  const proposals = "aes128gcm16-prfsha256-x25519-ecp256";

  for (const reliable of [true, false]) {
    it(`is followed by a value of the wanted group ${reliable ? "on the same connection (R-ERR-3)" : "on UDP"}`, () => {
      const pair = new Pair({
        reliable,
        connectionA: { proposals },
        connectionB: { proposals: "aes128gcm16-prfsha256-ecp256" },
      });
      pair.connect();
      assert.deepEqual(pair.a.talk().slice(0, 4), [
        "IKE_SA_INIT { SA, KEi, Ni } -->",
        "<-- IKE_SA_INIT { N(INVALID_KE_PAYLOAD) }",
        "IKE_SA_INIT { SA, KEi, Ni } -->",
        "<-- IKE_SA_INIT { SA, KEr, Nr }",
      ]);
      assert.equal(pair.a.one("ike_sa_established").suite, "aes128gcm16-prfsha256-ecp256");
      assert.deepEqual(pair.a.unusedPaths, []);
    });
  }

  it("after a cookie keeps the cookie", () => {
    const pair = new Pair({
      connectionA: { proposals },
      connectionB: { proposals: "aes128gcm16-prfsha256-ecp256" },
      b: { limits: { cookie_threshold: 0 } },
    });
    pair.connect();
    assert.deepEqual(pair.a.talk().slice(0, 6), [
      "IKE_SA_INIT { SA, KEi, Ni } -->",
      "<-- IKE_SA_INIT { N(COOKIE) }",
      "IKE_SA_INIT { N(COOKIE), SA, KEi, Ni } -->",
      "<-- IKE_SA_INIT { N(INVALID_KE_PAYLOAD) }",
      "IKE_SA_INIT { N(COOKIE), SA, KEi, Ni } -->",
      "<-- IKE_SA_INIT { SA, KEr, Nr }",
    ]);
  });

  it("for a group that was not offered ends the attempt: anybody could have sent it", () => {
    const pair = new Pair({ reliable: true });
    pair.network = ({ from, octets }) => from === "b" ? invalidKe(octets, 2) : octets; // group 2: 1024 bits
    pair.connect();
    assert.match(pair.a.one("ike_sa_failed").text, /group 2, which we did not offer/);
    assert.equal(pair.a.engine.counters.ikeSas, 0);
  });
});

/** An answer with the SPIs of another one: N(INVALID_KE_PAYLOAD) for a group. */
function invalidKe(answer: Uint8Array, group: number): Uint8Array {
  const octets = new Uint8Array(38);
  octets.set(answer.subarray(0, 8));
  octets.set([
    41,
    0x20,
    34,
    0x20,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    38,
    0,
    0,
    0,
    10,
    0,
    0,
    0,
    17,
    group >> 8,
    group & 0xff,
  ], 16);
  return octets;
}

describe("NAT detection (RFC 7296, section 2.23)", () => {
  it("finds the NAT in front of the initiator, and the responder finds the same", () => {
    const pair = new Pair();
    // What `a` takes for its address is another one at `b`.
    pair.connectThroughNat();
    assert.deepEqual(pair.a.one("ike_sa_established").nat, { local: true, remote: false });
    assert.deepEqual(pair.b.one("ike_sa_established").nat, { local: false, remote: true });
  });

  it("is played with encap = yes", () => {
    const pair = new Pair({ connectionA: { encap: true } });
    pair.connect();
    assert.deepEqual(pair.a.one("ike_sa_established").nat, { local: true, remote: false });
    assert.deepEqual(pair.b.one("ike_sa_established").nat, { local: false, remote: true });
  });

  it("counts the ports of the TCP connection (R-NAT-2)", () => {
    const pair = new Pair({ reliable: true });
    pair.connect();
    assert.deepEqual(pair.a.one("ike_sa_established").nat, { local: false, remote: false });
  });
});
