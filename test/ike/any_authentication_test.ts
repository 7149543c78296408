/**
 * IKE_AUTH of a peer that has agreed on the keys of IKE_SA_INIT, as anybody can, and says whatever it likes: well-formed, out of place
 * and out of this world. The other end refuses it in words, believes nothing, and has nothing left.
 */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Credentials, parseIdentity, parsePem } from "../../lib/ike/auth/mod.ts";
import { EXCHANGE, NOTIFY, notifyPayload, type Payload } from "../../lib/ike/codec/mod.ts";
import type { AuthenticationConfig, IkeEngineOptions } from "../../lib/ike/mod.ts";
import { runtimeCrypto } from "../../lib/runtime/mod.ts";
import { NOW, pem } from "./auth/_pki.ts";
import { Forger } from "./_forger.ts";
import { Pair, sharedSecret } from "./_pair.ts";
import { childOffer, traffic } from "./_payloads.ts";

const crypto = runtimeCrypto();
const CERTIFICATES = ["carol-rsa", "gw-p256", "sub", "expired", "gw-ed448"].map((name) =>
  parsePem(pem(name))[0]!.der
);

/** Everything that an end may need; the forger knows none of it. */
function credentials(): Credentials {
  const all = sharedSecret();
  all.addCertificates(pem("gw-p256"));
  all.addPrivateKey(pem("gw-p256.key"));
  for (const authority of ["ca-rsa", "ca-p256", "ca-ed25519"]) all.addAuthorities(pem(authority));
  all.addEapUser({ identity: parseIdentity("carol"), password: "of carol" });
  return all;
}

const octets = (maxLength: number) => fc.uint8Array({ maxLength });
const text = (value: string) => new TextEncoder().encode(value);

/** What might be taken for an identity, and what cannot. */
const name = fc.oneof(
  fc.constantFrom(
    "",
    "a@example",
    "b.example",
    "carol",
    "%any",
    "*",
    "@#zz",
    "fqdn:#0",
    "{0}:x",
    "ipv4:x",
    "C=CH, CN=a",
  )
    .map(text),
  fc.constant(parseIdentity("C=CH, O=Example, CN=carol").data),
  octets(20),
);

const identity = (kind: "IDi" | "IDr") =>
  fc.tuple(fc.constantFrom(0, 1, 2, 3, 5, 9, 10, 11, 13, 200, 201, 255), name).map((
    [type, data],
  ): Payload => ({
    kind,
    type,
    data,
    body: Uint8Array.of(type, 0, 0, 0, ...data),
  }));

/** A certificate, whole or with one octet changed, or anything. */
const certificate = fc.oneof(
  fc.tuple(fc.constantFrom(...CERTIFICATES), fc.option(fc.nat()), fc.nat(255)).map(([der, at, octet]) => {
    const changed = der.slice();
    if (at !== null) changed[at % der.length] = octet;
    return changed;
  }),
  octets(40),
);

const proof = fc.tuple(
  fc.constantFrom(0, 1, 2, 3, 9, 10, 11, 12, 13, 14, 255),
  fc.oneof(
    octets(80),
    octets(70).map((signature) => Uint8Array.of(7, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, ...signature)),
  ),
).map(([method, data]): Payload => ({ kind: "AUTH", method, data }));

/** A packet of EAP; its identifier is that of the packet that it answers, or the next one. */
const eap = fc.tuple(
  fc.constantFrom(1, 2, 2, 2, 3, 4),
  fc.constantFrom(1, 2, 3, 4, 6, 13, 26, 254),
  fc.oneof(name, octets(60), octets(60).map((rest) => Uint8Array.of(2, 0, 0, 59, 49, ...rest))),
).map(([code, type, data]) => (identifier: number): Payload => ({
  kind: "EAP",
  data: code > 2
    ? Uint8Array.of(code, identifier, 0, 4)
    : Uint8Array.of(code, identifier, 0, 5 + data.length, type, ...data),
}));

const notify = fc.constantFrom(
  NOTIFY.initialContact!,
  NOTIFY.eapOnlyAuthentication!,
  NOTIFY.useTransportMode!,
  NOTIFY.authenticationFailed!,
  40_000,
).map((type) => notifyPayload(type));

const configuration = fc.array(
  fc.tuple(fc.constantFrom(1, 8, 99), octets(16)).map(([type, value]) => {
    const size = type === 1 ? 4 : type === 8 ? 17 : value.length;
    return { type, value: value.length < size ? new Uint8Array(0) : value.subarray(0, size) };
  }),
  { maxLength: 12 },
).map((attributes): Payload => ({ kind: "CP", type: 1, attributes }));

const maybe = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: undefined });

/** What begins IKE_AUTH, or answers its first message. */
const first = (as: "a" | "b") =>
  fc.tuple(
    identity(as === "a" ? "IDi" : "IDr"),
    fc.array(fc.tuple(fc.constantFrom(4, 4, 7, 1, 12), certificate), { maxLength: 3 }),
    maybe<Payload | ((identifier: number) => Payload)>(as === "a" ? identity("IDr") : eap),
    maybe(proof),
    maybe(configuration),
    fc.boolean(),
    fc.array(notify, { maxLength: 2 }),
  ).map(([id, certificates, other, auth, cp, child, notifies]) => (identifier: number): Payload[] => [
    id,
    ...certificates.map(([encoding, data]): Payload => ({ kind: "CERT", encoding, data })),
    ...(other === undefined ? [] : typeof other === "function" ? [other(identifier)] : [other]),
    ...(auth === undefined ? [] : [auth]),
    ...(cp === undefined ? [] : [cp]),
    ...(child ? [childOffer(0x1234), ...traffic("a")] : []),
    ...notifies,
  ]);

/** What follows: EAP, or a proof. */
const next = fc.oneof(
  { weight: 5, arbitrary: eap.map((packet) => (identifier: number) => [packet(identifier)]) },
  { weight: 1, arbitrary: proof.map((auth) => () => [auth]) },
);

const EAP_WORDS = ["eap", "eap-mschapv2", "eap-md5", "eap-gtc", "eap-tls"];
const authentication = (words: readonly string[]): fc.Arbitrary<AuthenticationConfig> =>
  fc.record({
    auth: fc.constantFrom(...words),
    id: maybe(fc.constantFrom("gw.example.org", "%any")),
    eap_id: maybe(fc.constantFrom("carol", "%any", "*@example")),
  }).map(({ auth, id, eap_id }) => ({
    auth,
    ...(id === undefined ? {} : { id }),
    ...(eap_id === undefined ? {} : { eap_id }),
  }));

/** The forger in the place of `as` speaks to the other end, which is configured like this. */
function run(
  as: "a" | "b",
  config: { local: AuthenticationConfig; remote: AuthenticationConfig },
  messages: readonly ((identifier: number) => Payload[])[],
): void {
  const common: Partial<IkeEngineOptions> = {
    crypto,
    wallClock: () => NOW,
    credentials: credentials(),
    pools: { four: { addrs: "10.3.0.0/29" } },
  };
  const pair = new Pair({
    a: common,
    b: common,
    [as === "a" ? "connectionB" : "connectionA"]: {
      ...config,
      ...(as === "a" ? { pools: "four" } : { vips: "0.0.0.0" }),
    },
  });
  pair.network = ({ octets }) => octets[18] === EXCHANGE.ikeAuth ? null : octets;
  try {
    pair.connect();
  } catch (error) {
    // What cannot be begun for want of a certificate or secret is the caller's to know.
    if ((error as { code?: string }).code === "ERR_CONFIG_CREDENTIAL") return;
    throw error;
  }
  if (pair[as].keys.length === 0) return;
  const forger = new Forger(pair, as);
  const target = as === "a" ? pair.b : pair.a;
  let identifier = 1;
  for (const [i, payloads] of messages.entries()) {
    const before = target.sent.length;
    const exchangeType = EXCHANGE.ikeAuth;
    forger.send(
      forger.seal({ exchangeType, messageId: i + 1, response: as === "b", payloads: payloads(identifier) }),
    );
    for (const { id } of target.needs.splice(0)) {
      pair.handle(target, { kind: "answer", id, result: new Error("not here") });
    }
    for (const { octets } of target.sent.slice(before)) {
      const packet = forger.open(octets).find(({ kind }) => kind === "EAP");
      if (packet?.kind === "EAP") identifier = as === "a" ? packet.data[1]! : packet.data[1]! + 1 & 0xff;
    }
    pair.settle();
  }
  assert.deepEqual(target.of("ike_sa_established"), []);
  const told = target.events.map((event) => "text" in event ? event.text ?? "" : "").join("");
  assert.doesNotMatch(told, /\p{Cc}/u, "nothing that plays tricks with a terminal");
  assert.doesNotMatch(told, /a secret of both ends|of carol/);
  pair.network = () => null;
  pair.advance(400_000);
  const { closedResponses, ...left } = target.engine.counters;
  assert.equal(closedResponses, 0);
  assert.ok(Object.values(left).every((count) => count === 0), target.story());
}

describe("Whatever a peer says in IKE_AUTH that has keys and no proof", () => {
  it("a responder refuses it in words, and has nothing left", () => {
    const config = fc.record({
      local: authentication(["psk", "pubkey", "eap-tls", "eap"]),
      remote: authentication(["psk", "pubkey", "any", ...EAP_WORDS, ...EAP_WORDS]),
    });
    fc.assert(
      fc.property(config, first("a"), fc.array(next, { maxLength: 4 }), (config, start, rest) => {
        run("a", config, [start, ...rest]);
      }),
      { numRuns: 200 },
    );
  });

  it("an initiator refuses it in words, and has nothing left", () => {
    const config = fc.record({
      local: authentication(["psk", "pubkey", "null", ...EAP_WORDS]),
      remote: authentication(["psk", "pubkey", "eap", "eap-tls", "any"]),
    });
    fc.assert(
      fc.property(config, first("b"), fc.array(next, { maxLength: 4 }), (config, start, rest) => {
        run("b", config, [start, ...rest]);
      }),
      { numRuns: 200 },
    );
  });
});
