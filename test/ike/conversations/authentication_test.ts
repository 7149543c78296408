/** IKE_AUTH by every method, between two engines, in RFC notation; and what becomes of it when somebody cheats. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Credentials, parseIdentity } from "../../../lib/ike/auth/mod.ts";
import type { ConnectionConfig, IkeEngineOptions } from "../../../lib/ike/mod.ts";
import { runtimeCrypto } from "../../../lib/runtime/mod.ts";
import { NOW, pem } from "../auth/_pki.ts";
import { Pair } from "../_pair.ts";

const crypto = runtimeCrypto();
const ROOTS = ["ca-rsa", "ca-p256", "ca-ed25519"];

interface Holding {
  /** The certificate and key that it has. */
  readonly own?: string;
  readonly intermediates?: readonly string[];
  readonly authorities?: readonly string[];
  readonly crls?: readonly string[];
  readonly secret?: string;
  readonly users?: Readonly<Record<string, string>>;
}

function holding(
  { own, intermediates = [], authorities = ROOTS, crls = [], secret, users = {} }: Holding,
): Credentials {
  const credentials = new Credentials();
  for (const file of own === undefined ? [] : [own, ...intermediates]) credentials.addCertificates(pem(file));
  for (const file of authorities) credentials.addAuthorities(pem(file));
  for (const file of crls) credentials.addCrls(pem(file));
  if (own !== undefined) credentials.addPrivateKey(pem(`${own}.key`));
  if (secret !== undefined) {
    credentials.addPreSharedKey({ secret: new TextEncoder().encode(secret), owners: [] });
  }
  for (const [name, password] of Object.entries(users)) {
    credentials.addEapUser({ identity: parseIdentity(name), password });
  }
  return credentials;
}

type Authentication = Pick<ConnectionConfig, "local" | "remote">;

/** Carol, `a`, and a gateway, `b`, with what each has and how each is configured. */
function pairOf(
  a: Holding & Authentication,
  b: Holding & Authentication,
  more: Partial<IkeEngineOptions> = {},
): Pair {
  return new Pair({
    crypto,
    a: { credentials: holding(a), wallClock: () => NOW, ...more },
    b: { credentials: holding(b), wallClock: () => NOW, ...more },
    connectionA: { local: a.local, remote: a.remote },
    connectionB: { local: b.local, remote: b.remote },
  });
}

const CAROL_BY_CERTIFICATE = { auth: "pubkey", id: "carol@example.org" } as const;
const GATEWAY_BY_CERTIFICATE = { auth: "pubkey", id: "gw.example.org" } as const;

function assertEstablished(pair: Pair): void {
  assert.equal(pair.a.of("ike_sa_established").length, 1, `${pair.a.story()}\n---\n${pair.b.story()}`);
  assert.equal(pair.b.of("ike_sa_established").length, 1, `${pair.a.story()}\n---\n${pair.b.story()}`);
  pair.assertSameChild();
}

describe("Certificates in IKE_AUTH", () => {
  const GATEWAYS: readonly (readonly [string, readonly string[]])[] = [
    ["gw-rsa", []],
    ["gw-p256", []],
    ["gw-p384", ["sub"]],
    ["gw-p521", []],
    ["gw-ed25519", []],
    ["gw-ed448", []],
  ];
  for (const [own, intermediates] of GATEWAYS) {
    it(`authenticate both ends: ${own}`, () => {
      const pair = pairOf(
        { own: "carol-rsa", local: CAROL_BY_CERTIFICATE, remote: GATEWAY_BY_CERTIFICATE },
        {
          own,
          intermediates,
          local: GATEWAY_BY_CERTIFICATE,
          remote: { auth: "pubkey", id: "*@example.org" },
        },
      );
      pair.connect();
      assertEstablished(pair);
      const [init, answer, auth, last] = pair.a.talk() as [string, string, string, string];
      assert.match(init, /SA, KEi, Ni/);
      assert.match(answer, /CERTREQ/);
      assert.match(auth, /IDi, CERT, .*CERTREQ.*AUTH/);
      assert.match(last, own === "gw-p384" ? /IDr, CERT, CERT, AUTH/ : /IDr, CERT, AUTH/);
      assert.equal(pair.b.one("ike_sa_established").remoteId, "carol@example.org");
    });
  }

  it("are asked for, but need not be sent where the other end has them", () => {
    const pair = pairOf(
      {
        own: "carol-rsa",
        local: CAROL_BY_CERTIFICATE,
        remote: { ...GATEWAY_BY_CERTIFICATE, certs: [pem("gw-p256")] },
      },
      { own: "gw-p256", local: GATEWAY_BY_CERTIFICATE, remote: CAROL_BY_CERTIFICATE },
    );
    pair.connect();
    assertEstablished(pair);
  });

  it("give the identity where none is configured: the subject of the one that is named", () => {
    const pair = pairOf(
      {
        own: "carol-rsa",
        local: { auth: "pubkey", certs: [pem("carol-rsa")] },
        remote: GATEWAY_BY_CERTIFICATE,
      },
      { own: "gw-p256", local: GATEWAY_BY_CERTIFICATE, remote: { auth: "pubkey", id: "C=XX, O=*, CN=*" } },
    );
    pair.connect();
    assertEstablished(pair);
    assert.equal(pair.b.one("ike_sa_established").remoteId, "C=XX, O=iketcp test, CN=carol");
  });

  const REFUSED: readonly (readonly [string, Partial<Holding & Authentication>, RegExp])[] = [
    [
      "of a root that nobody trusts",
      { authorities: ["ca-ed25519"] },
      /neither among the trusted authorities/,
    ],
    ["of somebody else", { remote: { auth: "pubkey", id: "*.example.com" } }, /expected \*\.example\.com/],
    [
      "of a kind that is not wanted",
      { remote: { auth: "ed25519", id: "gw.example.org" } },
      /"ed25519" is expected/,
    ],
  ];
  for (const [name, options, reason] of REFUSED) {
    it(`are refused by the initiator, in words: ${name}`, () => {
      const pair = pairOf(
        { own: "carol-rsa", local: CAROL_BY_CERTIFICATE, remote: GATEWAY_BY_CERTIFICATE, ...options },
        { own: "gw-p256", local: GATEWAY_BY_CERTIFICATE, remote: CAROL_BY_CERTIFICATE },
      );
      pair.connect();
      const failure = pair.a.one("ike_sa_failed");
      assert.equal(failure.reason, "authentication_failed");
      assert.match(failure.text, reason);
      pair.assertClean();
    });
  }

  it("are refused by the responder when revoked or expired, with AUTHENTICATION_FAILED and no more to the peer", () => {
    const late = pairOf(
      { own: "carol-rsa", local: CAROL_BY_CERTIFICATE, remote: GATEWAY_BY_CERTIFICATE },
      { own: "gw-p256", local: GATEWAY_BY_CERTIFICATE, remote: CAROL_BY_CERTIFICATE },
      { wallClock: () => Date.UTC(2300, 0, 1) },
    );
    late.connect();
    assert.match(late.b.one("ike_sa_failed").text, /expired on 2120-01-01/);
    assert.equal(late.a.talk().at(-1), "<-- IKE_AUTH { N(AUTHENTICATION_FAILED) }");
    late.assertClean();
  });

  it("do not stand for a pre-shared key, nor the other way round", () => {
    const byKey = pairOf(
      { secret: "a secret", local: { auth: "psk", id: "carol@example.org" }, remote: GATEWAY_BY_CERTIFICATE },
      { own: "gw-p256", secret: "a secret", local: GATEWAY_BY_CERTIFICATE, remote: CAROL_BY_CERTIFICATE },
    );
    byKey.connect();
    assert.match(byKey.b.one("ike_sa_failed").text, /Shared Key Message Integrity Code/);
    byKey.assertClean();
  });
});

describe("A responder with several connections", () => {
  /** A gateway with these connections, and a client with a certificate or a secret that sets up an IKE SA. */
  function connect(
    connections: readonly Partial<ConnectionConfig>[],
    client: Holding & Partial<ConnectionConfig>,
  ): Pair {
    const gateway = holding({ own: "gw-p256", secret: "a secret" });
    const { local, remote, proposals } = client;
    const pair = new Pair({
      crypto,
      a: { credentials: holding(client), wallClock: () => NOW },
      b: {
        credentials: gateway,
        wallClock: () => NOW,
        connections: connections.map((connection, i) => ({
          name: `number ${i}`,
          proposals: "aes128gcm16-prfsha256-x25519",
          local: GATEWAY_BY_CERTIFICATE,
          children: { net: { local_ts: "10.2.0.0/16", remote_ts: "10.1.0.0/16" } },
          ...connection,
        })),
      },
      connectionA: { local: local!, remote: remote!, ...(proposals === undefined ? {} : { proposals }) },
    });
    pair.connect();
    return pair;
  }
  const bySecret = {
    secret: "a secret",
    local: { auth: "psk", id: "carol@example.org" },
    remote: GATEWAY_BY_CERTIFICATE,
  };
  const byCertificate = { own: "carol-rsa", local: CAROL_BY_CERTIFICATE, remote: GATEWAY_BY_CERTIFICATE };

  it("takes the one that the kind of proof is for", () => {
    const connections = ["pubkey", "null", "psk"].map((auth) => ({ remote: { auth } }));
    const connectionOf = (client: Holding & Partial<ConnectionConfig>) =>
      connect(connections, client).b.one("ike_sa_established").connection;
    assert.equal(connectionOf(byCertificate), "number 0");
    assert.equal(connectionOf({ local: { auth: "null" }, remote: GATEWAY_BY_CERTIFICATE }), "number 1");
    assert.equal(connectionOf(bySecret), "number 2");
  });

  it("takes the one whose authorities have issued the certificate", () => {
    const below = (authority: string) => ({ remote: { auth: "pubkey", cacerts: [pem(authority)] } });
    const pair = connect([below("ca-p256"), below("ca-rsa"), below("ca-ed25519")], byCertificate);
    assert.equal(pair.b.one("ike_sa_established").connection, "number 1");
    const neither = connect([below("ca-p256"), below("ca-ed25519")], byCertificate);
    assert.match(neither.b.one("ike_sa_failed").text, /issued by ".*root rsa", which is neither/);
    assert.equal(neither.a.talk().at(-1), "<-- IKE_AUTH { N(AUTHENTICATION_FAILED) }");
    neither.assertClean();
  });

  it("goes first by how closely they name the addresses", () => {
    const [gcm, cbc] = ["aes128gcm16-prfsha256-x25519", "aes256-sha256-x25519"];
    const offers = { proposals: [gcm!, cbc!] };
    const remote = { auth: "psk", id: "*@example.org" };
    const any = { remote, proposals: cbc! };
    const chosen = (addresses: Partial<ConnectionConfig>, first: Partial<ConnectionConfig> = any) =>
      connect([first, { remote, proposals: gcm!, ...addresses }], { ...bySecret, ...offers })
        .b.one("ike_sa_established").connection;
    assert.equal(chosen({}), "number 0");
    assert.equal(chosen({ local_addrs: "192.0.2.2" }), "number 1");
    assert.equal(chosen({ remote_addrs: "192.0.2.0/24" }), "number 1");
    assert.equal(chosen({ remote_addrs: "192.0.2.1" }, { ...any, remote_addrs: "192.0.2.0/24" }), "number 1");
    assert.equal(chosen({ remote_addrs: "192.0.2.0/24" }, { ...any, remote_addrs: "192.0.2.1" }), "number 0");
    assert.equal(chosen({ local_addrs: "192.0.2.2" }, { ...any, remote_addrs: "192.0.2.0/24" }), "number 0");
  });

  it("holds a proof against so many and no more (max_tried_connections)", () => {
    const wrong = { remote: { auth: "pubkey", cacerts: [pem("ca-p256")] } };
    const right = { remote: { auth: "pubkey", cacerts: [pem("ca-rsa")] } };
    const after = (count: number) =>
      connect([...Array.from({ length: count }, () => wrong), right], byCertificate).b;
    assert.equal(after(7).one("ike_sa_established").connection, "number 7");
    assert.match(after(8).one("ike_sa_failed").text, /root rsa", which is neither/);
  });

  it("says what the closest one has against a peer", () => {
    const connections = [{ remote: { auth: "rsa", id: "*@example.org" } }, {
      remote: { auth: "ed25519", id: "carol@example.org" },
    }];
    assert.equal(connect(connections, byCertificate).b.one("ike_sa_established").connection, "number 0");
    const { text } = connect([{ remote: { auth: "ecdsa" } }, connections[1]!], byCertificate)
      .b.one("ike_sa_failed");
    assert.match(text, /"ed25519" is expected/);
  });

  it("takes the one that accepts what was chosen, though it would have chosen something else", () => {
    const [gcm, cbc] = ["aes128gcm16-prfsha256-x25519", "aes256-sha256-x25519"];
    const connections = [
      { remote: { auth: "psk", id: "dave@example.org" }, proposals: cbc! },
      { remote: { auth: "psk", id: "carol@example.org" }, proposals: [gcm!, cbc!] },
      { remote: { auth: "psk", id: "erin@example.org" }, proposals: gcm! },
    ];
    const offers = { proposals: [gcm!, cbc!] };
    const carol = connect(connections, { ...bySecret, ...offers }).b.one("ike_sa_established");
    assert.equal(carol.connection, "number 1");
    assert.match(carol.suite, /^aes256-sha256/);
    const erin = { ...bySecret, ...offers, local: { auth: "psk", id: "erin@example.org" } };
    assert.match(
      connect(connections, erin).b.one("ike_sa_failed").text,
      /No connection is for erin@example.org/,
    );
  });
});

describe("EAP in IKE_AUTH", () => {
  const client = (password: string): Holding & Authentication => ({
    users: { carol: password },
    local: { auth: "eap-mschapv2", id: "carol@example.org", eap_id: "carol" },
    remote: GATEWAY_BY_CERTIFICATE,
  });
  const gateway: Holding & Authentication = {
    own: "gw-p256",
    users: { carol: "Ar3etTnp" },
    local: GATEWAY_BY_CERTIFICATE,
    remote: { auth: "eap-mschapv2", id: "*@example.org", eap_id: "%any" },
  };

  it("follows the gateway's own proof, and ends with AUTH by its key", () => {
    const pair = pairOf(client("Ar3etTnp"), gateway);
    pair.connect();
    assertEstablished(pair);
    const talk = pair.a.talk().slice(2).map((line) => line.replace(/, (CERTREQ|IDr|SA|TSi|TSr)/g, ""));
    assert.match(talk[0]!, /^IKE_AUTH \{ IDi.*\} -->$/);
    assert.ok(!talk[0]!.includes("AUTH,") && !talk[0]!.includes(", AUTH"), "no AUTH: that asks for EAP");
    assert.deepEqual(talk.slice(1), [
      "<-- IKE_AUTH { IDr, CERT, AUTH, EAP }",
      "IKE_AUTH { EAP } -->",
      "<-- IKE_AUTH { EAP }",
      "IKE_AUTH { EAP } -->",
      "<-- IKE_AUTH { EAP }",
      "IKE_AUTH { EAP } -->",
      "<-- IKE_AUTH { EAP }",
      "IKE_AUTH { AUTH } -->",
      "<-- IKE_AUTH { AUTH }",
    ]);
  });

  it("fails for a wrong password, on both ends, and leaves nothing", () => {
    const pair = pairOf(client("wrong"), gateway);
    pair.connect();
    assert.equal(pair.a.one("ike_sa_failed").reason, "authentication_failed");
    assert.match(pair.a.one("ike_sa_failed").text, /refused the name or the password/);
    pair.advance(600_000);
    pair.assertClean();
  });

  it("does not go on with a gateway whose certificate does not hold: the password proves nothing to it", () => {
    const pair = pairOf({ ...client("Ar3etTnp"), authorities: ["ca-rsa"] }, gateway);
    pair.connect();
    assert.match(pair.a.one("ike_sa_failed").text, /neither among the trusted authorities/);
    assert.ok(!pair.a.talk().slice(4).some((line) => line.includes("EAP")), pair.a.story());
    pair.advance(600_000);
    pair.assertClean();
  });

  it("does not replace the gateway's proof by a method that cannot (RFC 5998): MS-CHAP-V2", () => {
    const pair = pairOf(
      { ...client("Ar3etTnp"), remote: { auth: "eap", id: "gw.example.org" } },
      { ...gateway, local: { auth: "eap", id: "gw.example.org" } },
    );
    pair.connect();
    assert.equal(pair.a.of("ike_sa_established").length, 0, pair.a.story());
    pair.advance(600_000);
    pair.assertClean();
  });

  it("is not believed to replace a proof that one end gives and the other does not expect, or expects and does not get", () => {
    const alone = { auth: "eap-mschapv2", id: "gw.example.org" };
    // A gateway that does not know RFC 5998, or does not want it.
    const unasked = pairOf({ ...client("Ar3etTnp"), remote: alone }, gateway);
    unasked.connect();
    assert.match(
      unasked.a.one("ike_sa_failed").text,
      /it authenticates itself by Digital Signature, but eap-mschapv2 alone is expected; .*auth = pubkey/,
    );
    const byKey = pairOf({ own: "carol-rsa", local: CAROL_BY_CERTIFICATE, remote: alone }, {
      ...gateway,
      remote: CAROL_BY_CERTIFICATE,
    });
    byKey.connect();
    assert.match(byKey.a.one("ike_sa_failed").text, /by Digital Signature, but eap-mschapv2 alone/);
    // Clients that did not ask for EAP alone, of a gateway that has nothing else.
    const expecting = pairOf(client("Ar3etTnp"), { ...gateway, local: alone });
    expecting.connect();
    assert.match(
      expecting.b.one("ike_sa_failed").text,
      /Cannot prove who we are: eap-mschapv2 alone has to be asked for/,
    );
    const signing = pairOf(
      { own: "carol-rsa", local: CAROL_BY_CERTIFICATE, remote: GATEWAY_BY_CERTIFICATE },
      { ...gateway, local: alone, remote: CAROL_BY_CERTIFICATE },
    );
    signing.connect();
    assert.match(signing.b.one("ike_sa_failed").text, /eap-mschapv2 alone has to be asked for/);
    for (const pair of [unasked, byKey, expecting, signing]) {
      pair.advance(600_000);
      pair.assertClean();
    }
  });

  it("says so where there is no password", () => {
    const pair = pairOf({ ...client("x"), users: {} }, gateway);
    pair.connect();
    assert.match(pair.a.one("ike_sa_failed").text, /no EAP password for/);
  });
});

describe("NULL authentication in IKE_AUTH", () => {
  it("is accepted where both ends ask for it, and the peer is nobody", () => {
    const pair = pairOf(
      { local: { auth: "null" }, remote: GATEWAY_BY_CERTIFICATE },
      { own: "gw-p256", local: GATEWAY_BY_CERTIFICATE, remote: { auth: "null" } },
    );
    pair.connect();
    assertEstablished(pair);
    assert.equal(pair.b.one("ike_sa_established").remoteId, "%null");
  });

  it("is refused otherwise", () => {
    const pair = pairOf(
      { local: { auth: "null" }, remote: GATEWAY_BY_CERTIFICATE },
      { own: "gw-p256", local: GATEWAY_BY_CERTIFICATE, remote: { auth: "pubkey" } },
    );
    pair.connect();
    assert.match(pair.b.one("ike_sa_failed").text, /NULL Authentication/);
    pair.assertClean();
  });
});
