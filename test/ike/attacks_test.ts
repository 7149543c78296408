import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { EXCHANGE, notifyPayload, type Payload, PROTOCOL } from "../../lib/ike/codec/mod.ts";
import { datagramPath } from "../../lib/ike/mod.ts";
import { Forger } from "./_forger.ts";
import { type End, Pair } from "./_pair.ts";
import { childOffer, DELETE_IKE, keyExchange, nonce, rekeySa, traffic, X25519 } from "./_payloads.ts";

/** A pair of which only IKE_SA_INIT has happened, with keys at both ends. */
function halfOpen(): Pair {
  const pair = new Pair();
  pair.network = ({ octets }) => octets[18] === EXCHANGE.ikeAuth ? null : octets;
  pair.connect();
  return pair;
}

function snapshot(end: End) {
  return end.engine.counters;
}

describe("Before anybody is authenticated", () => {
  const early: readonly [string, number, readonly Payload[]][] = [
    ["INFORMATIONAL { }", EXCHANGE.informational, []],
    ["INFORMATIONAL { D }", EXCHANGE.informational, [DELETE_IKE]],
    ["CREATE_CHILD_SA { }", EXCHANGE.createChildSa, []],
    ["an exchange that nobody knows", 99, []],
  ];
  for (const [what, exchangeType, payloads] of early) {
    it(`${what} is dropped, and the handshake goes on`, () => {
      const pair = halfOpen();
      const before = snapshot(pair.b);
      const forger = new Forger(pair, "a");
      forger.send(forger.seal({ exchangeType, messageId: 1, payloads }));
      assert.equal(pair.b.one("message_dropped").reason, "wrong_state");
      assert.deepEqual(snapshot(pair.b), before);
      assert.equal(pair.inFlight.length, 0);
      pair.network = ({ octets }) => octets;
      pair.advance(4_000);
      pair.assertSameChild();
    });
  }

  it("INFORMATIONAL { N(AUTHENTICATION_FAILED) } is the last word of a peer that could not accept us", () => {
    const pair = halfOpen();
    const forger = new Forger(pair, "a");
    forger.send(
      forger.seal({ exchangeType: EXCHANGE.informational, messageId: 1, payloads: [notifyPayload(24)] }),
    );
    assert.equal(pair.b.one("ike_sa_failed").reason, "authentication_failed");
    assert.equal(pair.b.engine.counters.ikeSas, 0);
  });

  it("a response that was asked for by nobody is dropped", () => {
    const pair = halfOpen();
    const forger = new Forger(pair, "a");
    forger.send(forger.seal({ exchangeType: EXCHANGE.ikeAuth, messageId: 1, payloads: [], response: true }));
    assert.equal(pair.b.one("message_dropped").reason, "message_id");
  });

  it("IKE_AUTH without IDi, or with two of them, is INVALID_SYNTAX and ends the attempt", () => {
    for (const count of [0, 2]) {
      const pair = halfOpen();
      const forger = new Forger(pair, "a");
      const id: Payload = { kind: "IDi", type: 2, data: new Uint8Array(3), body: new Uint8Array(7) };
      const payloads = Array<Payload>(count).fill(id);
      forger.send(forger.seal({ exchangeType: EXCHANGE.ikeAuth, messageId: 1, payloads }));
      assert.equal(pair.b.one("ike_sa_failed").reason, "invalid_syntax");
      assert.equal(pair.b.talk().at(-1), "IKE_AUTH { N(INVALID_SYNTAX) } -->");
    }
  });

  it("a forged answer to IKE_SA_INIT makes only the attempt fail (R-SEC-5)", () => {
    const pair = new Pair();
    pair.network = ({ from, octets }) => {
      if (from === "a" || octets[18] !== EXCHANGE.ikeSaInit) return octets;
      const forged = octets.slice();
      forged[forged.length - 200]! ^= 1; // somewhere in the nonce, the key exchange or behind
      return forged;
    };
    pair.connect();
    pair.advance(200_000);
    assert.equal(pair.a.of("ike_sa_established").length + pair.b.of("ike_sa_established").length, 0);
    assert.equal(pair.a.of("ike_sa_failed").length, 1);
    pair.assertClean();
  });

  it("half-open SAs are given up after their time, and an initiator that comes back is served", () => {
    const pair = halfOpen();
    assert.equal(pair.b.engine.counters.halfOpen, 1);
    pair.advance(30_000);
    assert.equal(pair.b.engine.counters.halfOpen, 0);
    assert.equal(pair.b.one("ike_sa_failed").reason, "timeout");
  });
});

describe("A flood of IKE_SA_INIT", () => {
  /** Requests of many initiators: the first message of as many engines. */
  function flood(pair: Pair, count: number, sources: number): void {
    for (let i = 0; i < count; i++) {
      const other = new Pair({ seed: 1000 + i });
      other.handle(other.a, { kind: "initiate", connection: "ab", path: other.pathA });
      const remote = { address: Uint8Array.of(10, 0, 0, i % sources), port: 4500 };
      const path = datagramPath(pair.pathB.local, remote);
      pair.handle(pair.b, { kind: "message", path, octets: other.a.sent[0]!.octets.slice() });
    }
  }

  it("meets cookies from the threshold on, and state grows no more", () => {
    const pair = new Pair({ b: { limits: { cookie_threshold: 3 } } });
    flood(pair, 8, 8);
    assert.equal(pair.b.engine.counters.halfOpen, 3);
    assert.equal(pair.b.talk().filter((line) => line === "IKE_SA_INIT { N(COOKIE) } -->").length, 5);
    // Who can receive at its address gets through.
    pair.inFlight.length = 0;
    pair.connect();
    pair.assertSameChild();
  });

  it("of one source, or of all, is dropped past the limits", () => {
    for (
      const [limits, sources] of [[{ max_half_open_per_source: 2 }, 1], [{ max_half_open: 2 }, 8]] as const
    ) {
      const pair = new Pair({ b: { limits: { cookie_threshold: 1000, ...limits } } });
      flood(pair, 5, sources);
      assert.equal(pair.b.engine.counters.halfOpen, 2);
      assert.deepEqual(pair.b.of("message_dropped").map(({ reason }) => reason), ["limit", "limit", "limit"]);
      pair.inFlight.length = 0;
      pair.advance(30_000);
      pair.assertClean();
    }
  });

  it("of one message makes one SA", () => {
    const pair = new Pair();
    pair.network = ({ from, octets }) => from === "a" ? [octets, octets, octets] : null;
    pair.handle(pair.a, { kind: "initiate", connection: "ab", path: pair.pathA });
    pair.settle();
    assert.equal(pair.b.engine.counters.halfOpen, 1);
    assert.deepEqual(pair.b.sent[1]!.octets, pair.b.sent[0]!.octets);
  });
});

describe("Messages that no SA knows (RFC 7296, section 2.21.4)", () => {
  it("are answered INVALID_IKE_SPI so often and no more, and responses never", () => {
    const pair = new Pair({ b: { limits: { unprotected_replies_per_second: 3 } } });
    pair.connect();
    pair.b.forget();
    pair.inFlight.length = 0;
    const stray = (response: boolean) => {
      const octets = new Forger(pair, "a").plain({ exchangeType: 37, messageId: 5, payloads: [], response });
      octets[0]! ^= 0xff;
      return octets;
    };
    for (let i = 0; i < 10; i++) new Forger(pair, "a").send(stray(false));
    assert.equal(pair.b.sent.length, 3);
    assert.equal(pair.b.lines()[0], "INFORMATIONAL { N(INVALID_IKE_SPI) } -->");
    pair.now += 1000;
    new Forger(pair, "a").send(stray(true));
    assert.equal(pair.b.sent.length, 3);
    assert.equal(pair.b.of("message_dropped").length, 11);
  });

  it("of another major version are answered INVALID_MAJOR_VERSION, those of IKEv1 not at all (R-CFG-19)", () => {
    for (const [version, answers] of [[0x30, 1], [0x10, 0]] as const) {
      const pair = new Pair();
      pair.handle(pair.a, { kind: "initiate", connection: "ab", path: pair.pathA });
      const octets = pair.a.sent[0]!.octets.slice();
      octets[17] = version;
      pair.handle(pair.b, { kind: "message", path: pair.pathB, octets });
      assert.equal(pair.b.sent.length, answers);
      assert.equal(pair.b.engine.counters.ikeSas, 0);
    }
  });

  it("a complaint in the clear changes nothing", () => {
    const pair = new Pair();
    pair.connect();
    const before = snapshot(pair.a);
    const forger = new Forger(pair, "b");
    for (const type of [4, 7, 24]) {
      forger.send(forger.plain({ exchangeType: 37, messageId: 0, payloads: [notifyPayload(type)] }));
      forger.send(
        forger.plain({ exchangeType: 37, messageId: 2, payloads: [notifyPayload(type)], response: true }),
      );
    }
    pair.settle(); // the peer is asked whether it lives
    assert.deepEqual(snapshot(pair.a), before);
    assert.equal(pair.a.of("ike_sa_deleted").length, 0);
  });

  it("any octets are dropped", () => {
    const pair = new Pair();
    pair.connect();
    const before = snapshot(pair.b);
    const message = pair.a.sent[1]!.octets;
    for (let length = 0; length < message.length; length += 7) {
      pair.handle(pair.b, { kind: "message", path: pair.pathB, octets: message.slice(0, length) });
    }
    for (let i = 0; i < message.length; i++) {
      const octets = message.slice();
      octets[i]! ^= 0x55;
      pair.handle(pair.b, { kind: "message", path: pair.pathB, octets });
    }
    assert.deepEqual(snapshot(pair.b), before);
    assert.equal(pair.b.of("ike_sa_deleted").length, 0);
  });
});

describe("Inside an established SA", () => {
  it("a changed request is not authentic, and moves no path (R-CHO-3)", () => {
    const pair = new Pair({ reliable: true });
    pair.connect();
    const other = pair.newPath(true, "connection 2");
    const forger = new Forger(pair, "a");
    const octets = forger.seal({ exchangeType: EXCHANGE.informational, messageId: 2, payloads: [] });
    octets[octets.length - 1]! ^= 1;
    pair.handle(pair.b, { kind: "message", path: other.b, octets });
    assert.equal(pair.b.one("message_dropped").reason, "not_authentic");
    assert.equal(pair.b.of("path_changed").length, 0);
  });

  it("a request outside the window is dropped, and moves no path (R-CHO-5)", () => {
    const pair = new Pair({ reliable: true });
    pair.connect();
    const other = pair.newPath(true, "connection 2");
    const forger = new Forger(pair, "a");
    for (const messageId of [0, 3, 1000, 0xffffffff]) {
      const octets = forger.seal({ exchangeType: EXCHANGE.informational, messageId, payloads: [] });
      pair.handle(pair.b, { kind: "message", path: other.b, octets });
    }
    assert.equal(pair.b.of("message_dropped").length, 4);
    assert.equal(pair.b.of("path_changed").length, 0);
  });

  it("a malformed request is INVALID_SYNTAX and ends this SA and no other (R-ERR-7)", () => {
    const pair = new Pair();
    pair.connect();
    pair.connect();
    assert.equal(pair.b.engine.counters.ikeSas, 2);
    pair.b.forget();
    const forger = new Forger(pair, "a"); // of the first SA
    const twoNonces: Payload[] = [{ kind: "Nonce", data: new Uint8Array(16) }, {
      kind: "Nonce",
      data: new Uint8Array(16),
    }];
    forger.send(forger.seal({ exchangeType: EXCHANGE.createChildSa, messageId: 2, payloads: twoNonces }));
    assert.equal(pair.b.lines().at(-1), "CREATE_CHILD_SA { N(INVALID_SYNTAX) } -->");
    assert.equal(pair.b.one("ike_sa_deleted").reason, "invalid_syntax");
    assert.equal(pair.b.engine.counters.ikeSas, 1);
  });

  it("INVALID_SYNTAX in a response ends the SA without D (section 2.21.3)", () => {
    const pair = new Pair();
    pair.connect();
    pair.network = () => null;
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
    pair.settle();
    pair.a.forget();
    const forger = new Forger(pair, "b");
    const payloads = [notifyPayload(7)];
    forger.send(
      forger.seal({ exchangeType: EXCHANGE.informational, messageId: 2, payloads, response: true }),
    );
    assert.equal(pair.a.one("ike_sa_deleted").reason, "invalid_syntax");
    assert.equal(pair.a.sent.length, 0);
    assert.equal(pair.a.engine.counters.timers, 0);
  });

  it("a malformed response ends the SA in order (section 2.21)", () => {
    const pair = new Pair();
    pair.connect();
    pair.network = () => null;
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
    pair.settle();
    pair.a.forget();
    const forger = new Forger(pair, "b");
    const wrong: Payload = { kind: "Nonce", data: new Uint8Array(16) };
    forger.send(
      forger.seal({ exchangeType: EXCHANGE.informational, messageId: 2, payloads: [wrong], response: true }),
    );
    assert.equal(pair.a.lines().at(-1), "INFORMATIONAL { D } -->");
  });

  it("an unknown critical payload is refused by its type, and nothing ends (RFC 7296, section 2.5)", () => {
    const pair = new Pair();
    pair.connect();
    const forger = new Forger(pair, "a");
    const critical: Payload = { kind: "unknown", type: 200, critical: true, data: new Uint8Array(4) };
    pair.b.forget();
    forger.send(forger.seal({ exchangeType: EXCHANGE.informational, messageId: 2, payloads: [critical] }));
    assert.deepEqual(pair.b.lines(), ["INFORMATIONAL { N(UNSUPPORTED_CRITICAL_PAYLOAD) } -->"]);
    assert.equal(pair.b.engine.counters.ikeSas, 1);
  });

  it("an unknown payload that is not critical is passed over", () => {
    const pair = new Pair();
    pair.connect();
    const forger = new Forger(pair, "a");
    const unknown: Payload = { kind: "unknown", type: 200, critical: false, data: new Uint8Array(4) };
    forger.send(forger.seal({ exchangeType: EXCHANGE.informational, messageId: 2, payloads: [unknown] }));
    assert.equal(pair.b.talk().at(-1), "INFORMATIONAL { } -->");
  });

  it("IKE_AUTH and IKE_SA_INIT come too late", () => {
    const pair = new Pair();
    pair.connect();
    const forger = new Forger(pair, "a");
    forger.send(forger.seal({ exchangeType: EXCHANGE.ikeAuth, messageId: 2, payloads: [] }));
    forger.send(forger.plain({ exchangeType: EXCHANGE.ikeSaInit, messageId: 2, payloads: [] }));
    assert.deepEqual(pair.b.of("message_dropped").map(({ reason }) => reason), [
      "wrong_state",
      "wrong_state",
    ]);
    assert.equal(pair.b.engine.counters.ikeSas, 1);
  });

  it("a deletion of child SAs that there are not is answered by nothing", () => {
    const pair = new Pair();
    pair.connect();
    const forger = new Forger(pair, "a");
    const spis = [Uint8Array.of(1, 2, 3, 4), Uint8Array.of(0, 0, 0, 0)];
    forger.send(forger.seal({
      exchangeType: EXCHANGE.informational,
      messageId: 2,
      payloads: [{ kind: "D", protocol: PROTOCOL.esp!, spis }],
    }));
    assert.equal(pair.b.talk().at(-1), "INFORMATIONAL { } -->");
    assert.equal(pair.b.engine.counters.childSpis, 1);
  });

  it("a rekey of a child SA that there is not is CHILD_SA_NOT_FOUND (section 2.25)", () => {
    const pair = new Pair();
    pair.connect();
    const forger = new Forger(pair, "a");
    const payloads = [rekeySa(Uint8Array.of(9, 9, 9, 9)), childOffer(1), nonce(), ...traffic("a")];
    forger.send(forger.seal({ exchangeType: EXCHANGE.createChildSa, messageId: 2, payloads }));
    assert.equal(pair.b.talk().at(-1), "CREATE_CHILD_SA { N(CHILD_SA_NOT_FOUND) } -->");
    assert.equal(pair.b.engine.counters.childSpis, 1);
  });

  it("a key exchange value that RFC 6989 refuses is INVALID_SYNTAX", () => {
    const pair = new Pair({
      connectionB: {
        children: {
          net: { esp_proposals: "aes128gcm16-x25519", local_ts: "0.0.0.0/0", remote_ts: "0.0.0.0/0" },
        },
      },
      connectionA: {
        children: {
          net: { esp_proposals: "aes128gcm16-x25519", local_ts: "0.0.0.0/0", remote_ts: "0.0.0.0/0" },
        },
      },
    });
    pair.connect();
    const forger = new Forger(pair, "a");
    const zeros = keyExchange(X25519, new Uint8Array(32));
    const payloads = [childOffer(1, X25519), nonce(), zeros, ...traffic("a")];
    forger.send(forger.seal({ exchangeType: EXCHANGE.createChildSa, messageId: 2, payloads }));
    assert.equal(pair.b.talk().at(-1), "CREATE_CHILD_SA { N(INVALID_SYNTAX) } -->");
    assert.equal(pair.b.engine.counters.childSpis, 0);
    assert.equal(pair.b.engine.counters.ikeSas, 0);
  });
});
