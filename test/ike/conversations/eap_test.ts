import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { toHex } from "../../../lib/bytes/mod.ts";
import { type Credentials, parseIdentity } from "../../../lib/ike/auth/mod.ts";
import { EXCHANGE } from "../../../lib/ike/codec/mod.ts";
import { Forger } from "../_forger.ts";
import { Pair, type PairOptions, sharedSecret } from "../_pair.ts";

const hex = (text: string) => toHex(new TextEncoder().encode(text));

function user(name: string, password: string): Credentials {
  const credentials = sharedSecret();
  credentials.addEapUser({ identity: parseIdentity(name), password });
  return credentials;
}

/** `a` is a user who has a password, `b` proves itself by the shared secret. */
function withPassword(options: { a?: string; b?: string; method?: string } = {}): PairOptions {
  const { a = "Ar3etTnp", b = "Ar3etTnp", method = "eap-mschapv2" } = options;
  return {
    connectionA: { local: { auth: method, id: "a@example", eap_id: "carol" } },
    connectionB: { remote: { auth: method, id: "a@example", eap_id: "%any" } },
    a: { credentials: user("carol", a) },
    b: { credentials: user("carol", b) },
  };
}

describe("EAP (RFC 7296, section 2.16)", () => {
  it("takes as many exchanges as its method, and both ends prove that they have its key", () => {
    const pair = new Pair(withPassword());
    pair.connect();
    assert.deepEqual(pair.a.talk().slice(2), [
      "IKE_AUTH { IDi, IDr, SA, TSi, TSr } -->",
      "<-- IKE_AUTH { IDr, AUTH, EAP }", // who are you
      "IKE_AUTH { EAP } -->",
      "<-- IKE_AUTH { EAP }", // challenge
      "IKE_AUTH { EAP } -->",
      "<-- IKE_AUTH { EAP }", // the server's proof
      "IKE_AUTH { EAP } -->",
      "<-- IKE_AUTH { EAP }", // success
      "IKE_AUTH { AUTH } -->",
      "<-- IKE_AUTH { AUTH, SA, TSi, TSr }",
    ]);
    pair.assertSameChild();
    assert.equal(pair.b.one("ike_sa_established").remoteId, "a@example");
  });

  it("with a wrong password is given up by the one who is refused, who says so", () => {
    const pair = new Pair(withPassword({ a: "wrong" }));
    pair.connect();
    assert.equal(pair.a.one("ike_sa_failed").reason, "authentication_failed");
    assert.match(pair.a.one("ike_sa_failed").text, /EAP failed/);
    assert.equal(pair.b.one("ike_sa_failed").reason, "authentication_failed");
    assert.deepEqual(pair.a.talk().slice(-2), [
      "INFORMATIONAL { N(AUTHENTICATION_FAILED) } -->",
      "<-- INFORMATIONAL { }",
    ]);
    pair.assertClean();
  });

  it("with a wrong password is told by the gateway too, whatever its user does then", () => {
    const refused = /EAP failed: the name or the password of the peer is wrong \(eap-mschapv2 as "carol"\)/;
    const told = new Pair(withPassword({ a: "wrong" }));
    told.connect();
    assert.match(told.b.one("ike_sa_failed").text, refused);
    const silent = new Pair(withPassword({ a: "wrong" }));
    silent.network = ({ from, octets }) =>
      from === "a" && octets[18] === EXCHANGE.informational ? null : octets;
    silent.connect();
    silent.advance(60_000);
    assert.equal(silent.b.one("ike_sa_failed").reason, "timeout");
    assert.match(silent.b.one("ike_sa_failed").text, refused);
  });

  it("that ends with EAP-Failure has no AUTHENTICATION_FAILED beside it (section 2.21)", () => {
    // No method of either end is one of the other's.
    const other = { local: { auth: "eap-md5", id: "a@example", eap_id: "carol" } };
    const pair = new Pair({ ...withPassword(), connectionA: other });
    pair.connect();
    assert.match(pair.a.one("ike_sa_failed").text, /EAP failed/);
    assert.match(pair.b.one("ike_sa_failed").text, /EAP failed/);
    assert.doesNotMatch(pair.a.lines().join() + pair.b.lines().join(), /AUTHENTICATION_FAILED/);
    pair.assertClean();
  });

  it("alone proves nobody to an initiator that did not ask for it (RFC 5998)", () => {
    const pair = new Pair(withPassword());
    // The responder's AUTH is left out by somebody who took part in IKE_SA_INIT.
    pair.network = ({ from, octets }) => from === "b" && octets[18] === EXCHANGE.ikeAuth ? null : octets;
    pair.connect();
    pair.network = ({ octets }) => octets;
    pair.inFlight.length = 0;
    const forger = new Forger(pair, "b");
    const id = new TextEncoder().encode("b.example");
    forger.send(forger.seal({
      exchangeType: EXCHANGE.ikeAuth,
      messageId: 1,
      response: true,
      payloads: [
        { kind: "IDr", type: 2, data: id, body: Uint8Array.of(2, 0, 0, 0, ...id) },
        { kind: "EAP", data: Uint8Array.of(1, 1, 0, 5, 1) },
      ],
    }));
    assert.match(pair.a.one("ike_sa_failed").text, /without proof of who it is/);
  });

  it("is not believed when it says Success early", () => {
    const pair = new Pair(withPassword());
    pair.connect();
    const early = new Pair(withPassword());
    let count = 0;
    early.network = ({ from, octets }) =>
      from === "b" && octets[18] === EXCHANGE.ikeAuth && count++ > 0 ? null : octets;
    early.connect();
    early.inFlight.length = 0;
    const forger = new Forger(early, "b");
    forger.send(forger.seal({
      exchangeType: EXCHANGE.ikeAuth,
      messageId: 2,
      response: true,
      payloads: [{ kind: "EAP", data: Uint8Array.of(3, 2, 0, 4) }],
    }));
    assert.match(early.a.one("ike_sa_failed").text, /Success without any authentication/);
    assert.equal(early.a.of("ike_sa_established").length, 0);
  });

  it("is asked for by leaving AUTH out, and refused where the connection is not for it", () => {
    const pair = new Pair({ ...withPassword(), connectionB: {} });
    pair.connect();
    assert.equal(pair.a.talk().at(-1), "<-- IKE_AUTH { N(AUTHENTICATION_FAILED) }");
    assert.match(pair.b.one("ike_sa_failed").text, /No connection is for a@example.*by EAP/);
    pair.assertClean();
  });

  it("takes any name of a peer, also one that looks like an identity and is none", () => {
    for (const name of ["@#zz", "fqdn:#0", "ipv4:x", "asn1dn:x", "{0}:x", "", "\u0000"]) {
      const eap_id = `email:#${hex(name)}`;
      const pair = new Pair({
        ...withPassword(),
        connectionA: { local: { auth: "eap-mschapv2", id: "a@example", eap_id } },
        a: { credentials: user(eap_id, "Ar3etTnp") },
      });
      pair.connect();
      assert.equal(pair.a.of("ike_sa_established").length, 0, name);
      assert.equal(pair.b.one("ike_sa_failed").reason, "authentication_failed", pair.b.story());
      pair.assertClean();
    }
  });

  it("asks for a name that must fit the pattern of eap_id", () => {
    const asked = (eap_id: string) => {
      const pair = new Pair({
        ...withPassword(),
        connectionA: { local: { auth: "eap-mschapv2", id: "a@example", eap_id: "carol@example.org" } },
        connectionB: { remote: { auth: "eap-mschapv2", id: "a@example", eap_id } },
        a: { credentials: user("carol@example.org", "Ar3etTnp") },
        b: { credentials: user("%any", "Ar3etTnp") },
      });
      pair.connect();
      return pair;
    };
    assert.equal(asked("*@example.org").b.of("ike_sa_established").length, 1);
    const { text } = asked("*@example.com").b.one("ike_sa_failed");
    assert.match(text, /the peer calls itself carol@example\.org; expected \*@example\.com/);
  });

  it("without a password among the credentials fails before anything is told", () => {
    const pair = new Pair({ ...withPassword(), a: { credentials: sharedSecret() } });
    pair.connect();
    assert.match(pair.a.one("ike_sa_failed").text, /no EAP password for carol/);
    assert.equal(pair.a.talk().length, 2);
  });
});
