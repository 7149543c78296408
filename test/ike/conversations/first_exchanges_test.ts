import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { emitIkeMessage, parseIkeMessage } from "../../../lib/ike/codec/mod.ts";
import { Pair, sharedSecret } from "../_pair.ts";

describe("A first handshake (RFC 7296, section 1.2)", () => {
  for (const reliable of [false, true]) {
    it(`takes two exchanges and makes one child SA ${reliable ? "on a stream" : "on UDP"}`, () => {
      const pair = new Pair({ reliable });
      pair.connect();
      assert.deepEqual(pair.a.lines(), [
        "IKE_SA_INIT { SA, KEi, Ni, N(IKEV2_FRAGMENTATION_SUPPORTED), N(SIGNATURE_HASH_ALGORITHMS), " +
        "N(NAT_DETECTION_SOURCE_IP), N(NAT_DETECTION_DESTINATION_IP) } -->",
        "<-- IKE_SA_INIT { SA, KEr, Nr, N(IKEV2_FRAGMENTATION_SUPPORTED), N(SIGNATURE_HASH_ALGORITHMS), " +
        "N(CHILDLESS_IKEV2_SUPPORTED), N(NAT_DETECTION_SOURCE_IP), N(NAT_DETECTION_DESTINATION_IP) }",
        "IKE_AUTH { IDi, N(INITIAL_CONTACT), IDr, AUTH, SA, TSi, TSr } -->",
        "<-- IKE_AUTH { IDr, AUTH, SA, TSi, TSr }",
      ]);
      const [a, b] = [pair.a.one("ike_sa_established"), pair.b.one("ike_sa_established")];
      assert.equal(a.spiI, b.spiI);
      assert.equal(a.spiR, b.spiR);
      assert.equal(a.suite, "aes128gcm16-prfsha256-x25519");
      assert.equal(a.localId, "a@example");
      assert.equal(a.remoteId, "b.example");
      assert.equal(b.remoteId, "a@example");
      assert.deepEqual(a.nat, { local: false, remote: false });
      pair.assertSameChild();
      assert.equal(pair.a.of("message_dropped").length + pair.b.of("message_dropped").length, 0);
    });
  }

  it("is deleted by the initiator", () => {
    const pair = new Pair();
    pair.connect();
    pair.a.forget();
    pair.handle(pair.a, { kind: "delete_ike", ikeSa: 1 });
    pair.settle();
    assert.deepEqual(pair.a.lines(), ["INFORMATIONAL { D } -->", "<-- INFORMATIONAL { }"]);
    assert.equal(pair.a.one("ike_sa_deleted").by, "local");
    assert.equal(pair.b.one("ike_sa_deleted").by, "peer");
    assert.equal(pair.a.one("child_sa_deleted").by, "ike_sa");
    pair.assertClean();
  });

  it("is deleted by the responder", () => {
    const pair = new Pair();
    pair.connect();
    pair.b.forget();
    pair.handle(pair.b, { kind: "delete_ike", ikeSa: 1 });
    pair.settle();
    assert.deepEqual(pair.b.lines(), ["INFORMATIONAL { D } -->", "<-- INFORMATIONAL { }"]);
    assert.equal(pair.a.one("ike_sa_deleted").by, "peer");
    pair.assertClean();
  });

  it("is deleted by both at once", () => {
    const pair = new Pair();
    pair.connect();
    pair.handle(pair.a, { kind: "delete_ike", ikeSa: 1 });
    pair.handle(pair.b, { kind: "delete_ike", ikeSa: 1 });
    pair.settle();
    pair.assertClean();
    assert.equal(pair.a.of("ike_sa_deleted").length, 1);
    assert.equal(pair.b.of("ike_sa_deleted").length, 1);
  });

  it("is cancelled before it is answered, and leaves nothing", () => {
    const pair = new Pair();
    pair.network = () => null;
    pair.connect();
    pair.handle(pair.a, { kind: "delete_ike", ikeSa: 1 });
    assert.equal(pair.a.one("ike_sa_failed").reason, "cancelled");
    pair.assertClean();
  });

  it("logs keys only when asked, and the same ones at both ends", () => {
    const pair = new Pair();
    pair.connect();
    assert.deepEqual(pair.a.keys[0], pair.b.keys[0]);
    assert.deepEqual(pair.a.keys.map(({ type }) => type), ["ike_keys", "child_keys"]);
    const told = JSON.stringify(pair.a.events, (_, value) => value instanceof Uint8Array ? undefined : value);
    assert.doesNotMatch(told, /secret/);
  });
});

describe("A first handshake that fails", () => {
  it("tells both ends when the keys differ, and leaves nothing", () => {
    const pair = new Pair({ b: { credentials: sharedSecret("another") } });
    pair.connect();
    assert.deepEqual(pair.a.talk().slice(2), [
      "IKE_AUTH { IDi, IDr, AUTH, SA, TSi, TSr } -->",
      "<-- IKE_AUTH { N(AUTHENTICATION_FAILED) }",
    ]);
    assert.equal(pair.a.one("ike_sa_failed").reason, "authentication_failed");
    assert.match(
      pair.a.one("ike_sa_failed").text,
      /AUTHENTICATION_FAILED: it has no connection for a@example, or does not accept our proof \(auth = psk\)/,
    );
    assert.match(
      pair.b.one("ike_sa_failed").text,
      /the shared keys differ.* \(a@example at 192\.0\.2\.1:4500\)$/,
    );
    assert.equal(pair.b.one("ike_sa_failed").remoteId, "a@example");
    assert.deepEqual(pair.b.one("ike_sa_failed").path, pair.pathB);
    pair.assertClean();
  });

  it("is told to the responder when the initiator cannot accept it", () => {
    // `a` wants to talk to somebody else than who answers.
    const pair = new Pair({ connectionA: { remote: { auth: "psk", id: "*.other" } } });
    pair.connect();
    assert.deepEqual(pair.a.talk().slice(3), [
      "<-- IKE_AUTH { IDr, AUTH, SA, TSi, TSr }",
      "INFORMATIONAL { N(AUTHENTICATION_FAILED) } -->",
      "<-- INFORMATIONAL { }",
    ]);
    assert.match(pair.a.one("ike_sa_failed").text, /the peer is b\.example; expected \*\.other/);
    assert.equal(pair.b.one("ike_sa_deleted").reason, "authentication_failed");
    pair.assertClean();
  });

  it("says that no proposal was acceptable: on a stream at once", () => {
    const pair = new Pair({ reliable: true, connectionA: { proposals: "aes256-sha512-modp4096" } });
    pair.connect();
    assert.deepEqual(pair.a.talk(), [
      "IKE_SA_INIT { SA, KEi, Ni } -->",
      "<-- IKE_SA_INIT { N(NO_PROPOSAL_CHOSEN) }",
    ]);
    const { text: offered } = pair.b.one("message_dropped");
    assert.match(offered, /no proposal is acceptable: aes256-sha512-prfsha512-modp4096$/);
    const { reason, text, remoteId } = pair.a.one("ike_sa_failed");
    assert.equal(reason, "no_proposal_chosen");
    assert.match(text, /\(the peer at 192\.0\.2\.2:4500\)$/);
    assert.equal(remoteId, undefined); // it has not said who it is
    // Both messages of an exchange without an SA are as long in the responder's log as they were on the wire.
    const [request, response] = [pair.a.sent[0]!.octets.length, pair.b.sent[0]!.octets.length];
    assert.deepEqual(pair.b.of("message").map(({ length }) => length), [request, response]);
    pair.assertClean();
  });

  it("says what was offered as far as it can be told, and not without end", () => {
    const pair = new Pair({ reliable: true });
    const transforms = [
      { type: 1, id: 20, keyLength: 256 },
      { type: 1, id: 4711, keyLength: 99 },
      { type: 2, id: 5 },
      { type: 4, id: 35 },
      { type: 6, id: 36 },
    ];
    const proposal = { number: 1, protocol: 1, spi: new Uint8Array(0), transforms };
    pair.network = ({ octets }) => {
      const message = parseIkeMessage(octets);
      const payloads = message.payloads.map((payload) =>
        payload.kind === "SA"
          ? { ...payload, proposals: Array.from({ length: 20 }, (_, i) => ({ ...proposal, number: i + 1 })) }
          : payload
      );
      return emitIkeMessage({ ...message, payloads });
    };
    pair.connect();
    const { text } = pair.b.one("message_dropped");
    const one = "aes256gcm16-(type 1, ID 4711, 99 bits)-prfsha256-(type 4, ID 35)-(type 6, ID 36)";
    assert.ok(text.startsWith(`no proposal is acceptable: ${one}, ${one}, `), text);
    assert.ok(text.length < 500 && text.endsWith("…"), text);
  });

  it("waits for better news on UDP, where anybody could have refused (section 2.21.1)", () => {
    const pair = new Pair({ connectionA: { proposals: "aes256-sha512-modp4096" } });
    pair.connect();
    assert.equal(pair.a.of("ike_sa_failed").length, 0);
    pair.advance(5_000);
    assert.equal(pair.a.one("ike_sa_failed").reason, "no_proposal_chosen");
    assert.match(pair.a.one("ike_sa_failed").text, /NO_PROPOSAL_CHOSEN/);
    pair.assertClean();
  });
});
