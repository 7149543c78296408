/** EAP-TLS with the runtime's TLS: both sides in one process, packets by hand. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Credentials, parseIdentity } from "../../lib/ike/auth/mod.ts";
import {
  type EapOutcome,
  EapPeer,
  EapServer,
  type EapTlsCredentials,
  eapTlsCredentials,
  type EapTlsRequest,
  tlsPeer,
  tlsServer,
} from "../../lib/ike/eap/mod.ts";
import { answerEapTls, supportsEapTls } from "../../lib/runtime/eap_tls.ts";
import { runtimeCrypto } from "../../lib/runtime/mod.ts";
import { toHex } from "../../lib/bytes/mod.ts";
import { NOW, pem } from "../ike/auth/_pki.ts";
import { Pair } from "../ike/_pair.ts";

const crypto = runtimeCrypto();
const random = (octets: Uint8Array) =>
  void globalThis.crypto.getRandomValues(octets as Uint8Array<ArrayBuffer>);

interface SideOptions {
  readonly key: string;
  readonly localId: string;
  readonly remoteId: string | null;
  readonly authorities?: readonly string[];
  readonly files?: readonly string[];
}

function side(
  { key, localId, remoteId, authorities = ["ca-rsa", "ca-p256"], files = [] }: SideOptions,
): EapTlsCredentials {
  const credentials = new Credentials();
  for (const file of [key, ...files]) credentials.addCertificates(pem(file));
  for (const authority of authorities) credentials.addAuthorities(pem(authority));
  credentials.addPrivateKey(pem(`${key}.key`));
  const made = eapTlsCredentials({
    credentials,
    crypto,
    localId: parseIdentity(localId),
    remoteId: () => remoteId === null ? null : parseIdentity(remoteId),
    now: NOW,
  });
  assert.ok(typeof made !== "string", String(made));
  return made;
}

const CAROL = { key: "carol-rsa", localId: "carol@example.org", remoteId: "gw.example.org" };
const GATEWAY = { key: "gw-p256", localId: "gw.example.org", remoteId: null };

/** Answers needs as whoever drives an engine does. */
async function answered(outcome: EapOutcome): Promise<EapOutcome> {
  while (outcome.kind === "need") {
    const answer = await answerEapTls(outcome.need.request as EapTlsRequest).catch((error: unknown) => error);
    outcome = outcome.resume(answer);
  }
  return outcome;
}

async function converse(
  peerSide: EapTlsCredentials,
  serverSide: EapTlsCredentials,
  identity = "carol@example.org",
): Promise<{ peer: EapOutcome | null; server: EapOutcome; packets: Uint8Array[] }> {
  const peer = new EapPeer({ identity, methods: [tlsPeer], tls: peerSide, random });
  const server = new EapServer({ methods: [tlsServer], tls: serverSide, passwordOf: () => null, random });
  const packets: Uint8Array[] = [];
  let asked = await answered(server.begin());
  for (;;) {
    const packet = asked.kind === "need" ? undefined : asked.packet;
    if (packet === undefined) return { peer: null, server: asked, packets };
    packets.push(packet);
    const response = await answered(peer.handle(packet));
    if (asked.kind !== "reply" || response.kind !== "reply") {
      return { peer: response, server: asked, packets };
    }
    packets.push(response.packet);
    asked = await answered(server.handle(response.packet));
  }
}

function reasonOf(outcome: EapOutcome | null): string {
  assert.equal(outcome?.kind, "failure");
  return outcome.kind === "failure" ? outcome.reason : "";
}

const skip = await supportsEapTls() ? false : "this runtime's TLS exports no keying material";

describe("EAP-TLS", () => {
  it("authenticates both sides and gives both one key, in fragments that fit", { skip }, async () => {
    const { peer, server, packets } = await converse(side(CAROL), side(GATEWAY));
    assert.ok(server.kind === "success", reasonOrKind(server));
    assert.ok(peer?.kind === "success", reasonOrKind(peer));
    assert.equal(peer.msk?.length, 64);
    assert.equal(toHex(peer.msk!), toHex(server.msk!));
    assert.deepEqual([peer.method, peer.safeAlone], ["eap-tls", true]);
    assert.ok(packets.every(({ length }) => length <= 1024 + 10));
    assert.ok(packets.some((packet) => (packet[5]! & 0x40) !== 0), "something was long enough to be cut");
  });

  it("does so with TLS 1.2 too, whose keys are derived otherwise", { skip }, async () => {
    const { peer, server, packets } = await converse(side(CAROL), {
      ...side(GATEWAY),
      maxVersion: "TLSv1.2",
    });
    assert.ok(peer?.kind === "success" && server.kind === "success", reasonOrKind(peer));
    assert.equal(toHex(peer.msk!), toHex(server.msk!));
    // Section 2.1.1: the peer answers the server's Finished with a packet without data.
    assert.equal(toHex(packets.at(-2)!.subarray(4)), "0d00");
  });

  it("sends its intermediates along", { skip }, async () => {
    const gateway = side({ ...GATEWAY, key: "gw-p384", files: ["sub"] });
    const { peer, server } = await converse(side(CAROL), gateway);
    assert.deepEqual([peer?.kind, server.kind], ["success", "success"], reasonOrKind(peer));
  });

  it("refuses a server that is somebody else, or that nobody trusts", { skip }, async () => {
    const other = await converse(side({ ...CAROL, remoteId: "other.example.org" }), side(GATEWAY));
    assert.match(
      reasonOf(other.peer),
      /server's certificate for eap-tls does not hold: .* is not for other\.example\.org/,
    );
    const unknown = await converse(side({ ...CAROL, authorities: ["ca-ed25519"] }), side(GATEWAY));
    assert.match(reasonOf(unknown.peer), /neither among the trusted authorities/);
  });

  it("refuses a peer that calls itself what its certificate does not say", { skip }, async () => {
    const { server } = await converse(side(CAROL), side(GATEWAY), "dave@example.org");
    assert.match(
      reasonOf(server),
      /peer's certificate for eap-tls does not hold: .* is not for dave@example\.org/,
    );
  });

  it("refuses a peer that nobody trusts", { skip }, async () => {
    const { server } = await converse(side(CAROL), side({ ...GATEWAY, authorities: ["ca-p256"] }));
    assert.match(reasonOf(server), /peer's certificate for eap-tls does not hold: .*root rsa/);
  });

  it("fails in words on octets that are no TLS", { skip }, async () => {
    const server = new EapServer({
      methods: [tlsServer],
      tls: side(GATEWAY),
      passwordOf: () => null,
      random,
      identity: "x",
    });
    const start = server.begin() as { packet: Uint8Array };
    const garbage = Uint8Array.of(2, start.packet[1]!, 0, 12, 13, 0, 1, 2, 3, 4, 5, 6);
    assert.match(reasonOf(await answered(server.handle(garbage))), /eap-tls failed: TLS failed/);
  });

  it("says which runtimes have it where this one has not", {
    skip: skip === false ? "this one has it" : false,
  }, async () => {
    const { peer } = await converse(side(CAROL), side(GATEWAY));
    assert.match(reasonOf(peer), /exports no keying material; Node and Bun do/);
  });
});

describe("EAP-TLS between two engines", () => {
  const holding = (own: string, roots: readonly string[]) => {
    const credentials = new Credentials();
    credentials.addCertificates(pem(own));
    credentials.addPrivateKey(pem(`${own}.key`));
    for (const root of roots) credentials.addAuthorities(pem(root));
    return credentials;
  };
  const CLIENT = { auth: "eap-tls", id: "carol@example.org" };
  const BY_CERTIFICATE = { auth: "pubkey", id: "gw.example.org" };

  /** Both engines, until neither has anything more to say or to ask. */
  async function connect(gatewayAuth: string, roots = ["ca-rsa", "ca-p256"]): Promise<Pair> {
    const gateway = { ...BY_CERTIFICATE, auth: gatewayAuth };
    const pair = new Pair({
      crypto,
      a: { credentials: holding("carol-rsa", roots), wallClock: () => NOW },
      b: { credentials: holding("gw-p256", ["ca-rsa"]), wallClock: () => NOW },
      connectionA: { local: CLIENT, remote: gateway },
      connectionB: { local: gateway, remote: { ...CLIENT, id: "*@example.org", eap_id: "%any" } },
    });
    pair.connect();
    for (let end = waiting(pair); end !== undefined; end = waiting(pair)) {
      const { id, need } = end.needs.shift()!;
      const { request } = need as { request: EapTlsRequest };
      const result = await answerEapTls(request).catch((error: unknown) => error);
      pair.handle(end, { kind: "answer", id, result });
      pair.settle();
    }
    return pair;
  }

  function waiting(pair: Pair) {
    return [pair.a, pair.b].find(({ needs }) => needs.length > 0);
  }

  it("follows the gateway's own proof", { skip }, async () => {
    const pair = await connect("pubkey");
    assert.equal(pair.a.of("ike_sa_established").length, 1, `${pair.a.story()}\n---\n${pair.b.story()}`);
    pair.assertSameChild();
    assert.match(pair.a.talk()[3]!, /IDr, CERT, AUTH, EAP/);
  });

  it("takes its place where both agree (RFC 5998): no AUTH before EAP is over", { skip }, async () => {
    const pair = await connect("eap-tls");
    assert.equal(pair.a.of("ike_sa_established").length, 1, `${pair.a.story()}\n---\n${pair.b.story()}`);
    pair.assertSameChild();
    assert.match(pair.a.talk()[2]!, /EAP_ONLY_AUTHENTICATION/);
    assert.equal(pair.a.talk()[3], "<-- IKE_AUTH { IDr, EAP }");
  });

  it("does not take its place for a gateway whose certificate does not hold", { skip }, async () => {
    const pair = await connect("eap-tls", ["ca-rsa"]);
    assert.match(pair.a.one("ike_sa_failed").text, /server's certificate for eap-tls does not hold/);
    pair.advance(600_000);
    pair.assertClean();
  });
});

function reasonOrKind(outcome: EapOutcome | null): string {
  return outcome?.kind === "failure" ? outcome.reason : String(outcome?.kind);
}
