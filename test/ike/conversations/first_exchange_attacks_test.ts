/**
 * What has brought other IKE daemons down before anybody was authenticated, one class a test, with the identifiers under which it became
 * known. The peer may have the keys of IKE_SA_INIT, which anybody can agree on; it proves nothing.
 */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Credentials } from "../../../lib/ike/auth/mod.ts";
import { emitIkeMessage, EXCHANGE, NOTIFY, notifyPayload, type Payload } from "../../../lib/ike/codec/mod.ts";
import { Forger } from "../_forger.ts";
import { type End, Pair, type PairOptions } from "../_pair.ts";
import { IKE_SPI, ikeOffer, keyExchange, nonce, selectors, traffic } from "../_payloads.ts";

/** A pair whose IKE_AUTH request, or response, does not arrive. */
function beforeAuthentication(lost: "request" | "response", options: PairOptions = {}): Pair {
  const pair = new Pair(options);
  pair.network = ({ octets }) => {
    const isResponse = (octets[19]! & 0x20) !== 0;
    return octets[18] === EXCHANGE.ikeAuth && isResponse === (lost === "response") ? null : octets;
  };
  pair.connect();
  return pair;
}

/** What was lost comes again, and both ends are established. */
function assertGoesOn(pair: Pair): void {
  pair.network = ({ octets }) => octets;
  pair.advance(4_000);
  for (const end of [pair.a, pair.b]) assert.equal(end.of("ike_sa_established").length, 1, end.story());
  pair.assertSameChild();
}

/** Nothing but drops, and lines about messages. */
function assertUntouched(end: End): void {
  const changes = end.events.filter(({ type }) => type !== "message" && type !== "message_dropped");
  assert.deepEqual(changes, [], end.story());
}

/** IKE_SA_INIT with these payloads, from an initiator of that SPI. */
function init(payloads: readonly Payload[], spi = 0x42): Uint8Array {
  return emitIkeMessage({
    spiI: new Uint8Array(8).fill(spi),
    spiR: new Uint8Array(8),
    exchangeType: EXCHANGE.ikeSaInit,
    initiator: true,
    response: false,
    messageId: 0,
    payloads,
  });
}

/** What `b` answers to an IKE_SA_INIT, which leaves no state there. */
function answerTo(octets: Uint8Array): string {
  const pair = new Pair();
  pair.handle(pair.b, { kind: "message", path: pair.pathB, octets });
  const { ikeSas, halfOpen, timers } = pair.b.engine.counters;
  assert.deepEqual({ ikeSas, halfOpen, timers }, { ikeSas: 0, halfOpen: 0, timers: 0 });
  return pair.b.lines().at(-1) ?? "";
}

const REKEY_IKE: Payload[] = [ikeOffer(IKE_SPI), nonce(), keyExchange()];

describe("A rekey of an unestablished IKE SA (CVE-2014-2338)", () => {
  it("makes no initiator believe that it is established", () => {
    const pair = beforeAuthentication("request");
    const responder = new Forger(pair, "b");
    responder.send(
      responder.seal({ exchangeType: EXCHANGE.createChildSa, messageId: 0, payloads: REKEY_IKE }),
    );
    assert.equal(pair.a.one("message_dropped").reason, "wrong_state");
    assertUntouched(pair.a);
    assertGoesOn(pair);
  });

  it("makes no responder believe that it is established", () => {
    const pair = beforeAuthentication("request");
    const initiator = new Forger(pair, "a");
    initiator.send(
      initiator.seal({ exchangeType: EXCHANGE.createChildSa, messageId: 1, payloads: REKEY_IKE }),
    );
    assert.equal(pair.b.one("message_dropped").reason, "wrong_state");
    assertUntouched(pair.b);
    assertGoesOn(pair);
  });

  it("is not begun by this end either, whatever its caller wants too early", () => {
    const pair = beforeAuthentication("request");
    for (const kind of ["rekey_ike", "reauthenticate", "check_liveness"] as const) {
      pair.handle(pair.a, { kind, ikeSa: 1 });
      pair.handle(pair.b, { kind, ikeSa: 1 });
    }
    assertUntouched(pair.a);
    assertUntouched(pair.b);
    assertGoesOn(pair);
  });
});

describe("CREATE_CHILD_SA before IKE_AUTH (CVE-2009-1957)", () => {
  it("behind an IKE_SA_INIT that failed meets no SA in a half-made state", () => {
    const pair = new Pair();
    const path = pair.pathB;
    pair.handle(pair.b, {
      kind: "message",
      path,
      octets: init([ikeOffer(), keyExchange(31, new Uint8Array(32)), nonce()]),
    });
    assert.equal(pair.b.lines().at(-1), "IKE_SA_INIT { N(INVALID_SYNTAX) } -->");
    for (const spiR of [pair.b.sent[0]!.octets.slice(8, 16), IKE_SPI]) {
      const octets = emitIkeMessage({
        spiI: new Uint8Array(8).fill(0x42),
        spiR,
        exchangeType: EXCHANGE.createChildSa,
        initiator: true,
        response: false,
        messageId: 1,
        payloads: [notifyPayload(NOTIFY.rekeySa, undefined, { protocol: 3, spi: new Uint8Array(4) })],
      });
      pair.handle(pair.b, { kind: "message", path, octets });
    }
    assert.equal(pair.b.of("message_dropped").length, 2);
    pair.inFlight.length = 0;
    pair.assertClean();
  });
});

describe("IKE_AUTH without traffic selectors (CVE-2009-1958)", () => {
  for (const missing of ["TSi", "TSr", "SA"] as const) {
    it(`is INVALID_SYNTAX without ${missing}, and ends the attempt`, () => {
      const pair = beforeAuthentication("request");
      const initiator = new Forger(pair, "a");
      const payloads: Payload[] = [
        { kind: "IDi", type: 3, data: new TextEncoder().encode("a@example"), body: new Uint8Array(0) },
        { kind: "AUTH", method: 2, data: new Uint8Array(32) },
        { kind: "SA", proposals: [{ number: 1, protocol: 3, spi: new Uint8Array(4), transforms: [] }] },
        ...traffic("a"),
      ];
      const some = payloads.filter(({ kind }) => kind !== missing);
      initiator.send(initiator.seal({ exchangeType: EXCHANGE.ikeAuth, messageId: 1, payloads: some }));
      assert.equal(pair.b.talk().at(-1), "IKE_AUTH { N(INVALID_SYNTAX) } -->");
      assert.equal(pair.b.one("ike_sa_failed").reason, "invalid_syntax");
      pair.advance(200_000);
      assert.equal(pair.b.engine.counters.ikeSas, 0);
    });
  }
});

describe("A missing secret, and the request repeated (CVE-2024-2357)", () => {
  it("is AUTHENTICATION_FAILED once, and each repetition finds an end that is over it", () => {
    const pair = new Pair({ b: { credentials: new Credentials() } });
    pair.connect();
    assert.equal(pair.a.talk().at(-1), "<-- IKE_AUTH { N(AUTHENTICATION_FAILED) }");
    assert.equal(pair.b.one("ike_sa_failed").reason, "authentication_failed");
    const request = pair.a.sent.find(({ octets }) => octets[18] === EXCHANGE.ikeAuth)!;
    pair.b.forget();
    for (let i = 0; i < 3; i++) {
      pair.handle(pair.b, { kind: "message", path: pair.pathB, octets: request.octets.slice() });
      pair.advance(4_000);
    }
    assertUntouched(pair.b);
    pair.advance(200_000);
    pair.assertClean();
  });
});

describe("IKE_AUTH that failed, and comes again", () => {
  it("with another proof behind the refusal is not tried a second time", () => {
    const pair = beforeAuthentication("request");
    const initiator = new Forger(pair, "a");
    const wrong: Payload[] = [
      { kind: "IDi", type: 3, data: new TextEncoder().encode("a@example"), body: new Uint8Array(0) },
      { kind: "AUTH", method: 2, data: new Uint8Array(32) },
    ];
    for (const messageId of [1, 1, 2]) {
      initiator.send(initiator.seal({ exchangeType: EXCHANGE.ikeAuth, messageId, payloads: wrong }));
    }
    const { octets } = pair.a.sent.find((flight) => flight.octets[18] === EXCHANGE.ikeAuth)!;
    pair.handle(pair.b, { kind: "message", path: pair.pathB, octets: octets.slice() }); // the right one, too late
    assert.equal(pair.b.of("ike_sa_failed").length, 1);
    assert.equal(pair.b.of("ike_sa_established").length, 0);
    pair.network = () => null;
    pair.advance(200_000);
    pair.assertClean();
  });

  it("after it succeeded, with other payloads under its Message ID, is no repetition: it is dropped, and not answered", () => {
    const pair = new Pair();
    pair.connect();
    pair.b.forget();
    const initiator = new Forger(pair, "a");
    initiator.send(initiator.seal({ exchangeType: EXCHANGE.ikeAuth, messageId: 1, payloads: [nonce()] }));
    assertUntouched(pair.b);
    assert.equal(pair.b.one("message_dropped").reason, "message_id");
    assert.equal(pair.b.sent.length, 0);
  });
});

describe("The answer to IKE_SA_INIT", () => {
  it("that comes twice, the second time with another public value, counts once", () => {
    const pair = new Pair();
    const answers: Uint8Array[] = [];
    pair.network = ({ from, octets }) => {
      if (from === "a" || octets[18] !== EXCHANGE.ikeSaInit) return octets;
      const other = octets.slice();
      const at = other.findIndex((octet, i) => octet === 0 && other[i + 1] === 31 && i > 60); // KE: group 31
      other[at + 10]! ^= 1;
      answers.push(octets, other);
      return answers;
    };
    pair.connect();
    assert.equal(pair.a.one("message_dropped").reason, "message_id");
    assert.equal(pair.a.of("ike_sa_established").length, 1, pair.a.story());
    pair.assertSameChild();
  });

  it("of a group that was not sent ends the attempt (CVE-2014-9221 named group 1025)", () => {
    for (const id of [19, 1025]) {
      const pair = new Pair({ reliable: true });
      pair.network = ({ from, octets }) => {
        if (from === "a") return octets;
        return emitIkeMessage({
          spiI: octets.slice(0, 8),
          spiR: IKE_SPI,
          exchangeType: EXCHANGE.ikeSaInit,
          initiator: false,
          response: true,
          messageId: 0,
          payloads: [ikeOffer(), keyExchange(id), nonce()],
        });
      };
      pair.connect();
      assert.equal(pair.a.one("ike_sa_failed").reason, "protocol");
      assert.equal(pair.a.engine.counters.ikeSas, 0);
    }
  });
});

describe("IKE_SA_INIT that is refused, without any state", () => {
  const INVALID_SYNTAX = "IKE_SA_INIT { N(INVALID_SYNTAX) } -->";
  const INVALID_KE = "IKE_SA_INIT { N(INVALID_KE_PAYLOAD) } -->";
  const table: readonly [what: string, payloads: readonly Payload[], answer: string][] = [
    ["without KE (CVE-2013-7294)", [ikeOffer(), nonce()], INVALID_SYNTAX],
    ["without Ni", [ikeOffer(), keyExchange()], INVALID_SYNTAX],
    ["without SA", [keyExchange(), nonce()], INVALID_SYNTAX],
    ["with two SA payloads", [ikeOffer(), ikeOffer(), keyExchange(), nonce()], INVALID_SYNTAX],
    ["with two KE payloads", [ikeOffer(), keyExchange(), keyExchange(), nonce()], INVALID_SYNTAX],
    ["with two nonces", [ikeOffer(), keyExchange(), nonce(), nonce()], INVALID_SYNTAX],
    ["with TSi", [ikeOffer(), keyExchange(), nonce(), selectors("TSi", 1)], INVALID_SYNTAX],
    [
      "with a public value of zeros only (CVE-2008-4551)",
      [ikeOffer(), keyExchange(31, new Uint8Array(32)), nonce()],
      INVALID_SYNTAX,
    ],
    [
      "with a public value too short",
      [ikeOffer(), keyExchange(31, new Uint8Array(31)), nonce()],
      INVALID_SYNTAX,
    ],
    ["with KE of a group that SA does not name", [ikeOffer(), keyExchange(19), nonce()], INVALID_KE],
    ["with KE of group 1025 (CVE-2014-9221)", [ikeOffer(), keyExchange(1025), nonce()], INVALID_KE],
    ["with KE of group 0", [ikeOffer(), keyExchange(0), nonce()], INVALID_KE],
    [
      "with a group that nobody knows in SA and KE",
      [ikeOffer(undefined, 1025), keyExchange(1025), nonce()],
      "IKE_SA_INIT { N(NO_PROPOSAL_CHOSEN) } -->",
    ],
  ];
  for (const [what, payloads, answer] of table) {
    it(what, () => assert.equal(answerTo(init(payloads)), answer));
  }

  for (const size of [15, 257]) {
    it(`with a nonce of ${size} octets`, () => {
      // Our own codec would not write one: it is cut from, or filled into, a nonce that is right.
      const octets = init([ikeOffer(), keyExchange(), nonce(0x11, size === 15 ? 16 : 256)]);
      const changed = new Uint8Array(octets.length + (size === 15 ? -1 : 1));
      changed.set(octets.subarray(0, changed.length));
      const view = new DataView(changed.buffer);
      view.setUint32(24, changed.length);
      view.setUint16(changed.length - size - 2, size + 4);
      assert.equal(answerTo(changed), INVALID_SYNTAX);
    });
  }

  it("with an initiator's SPI of zeros", () => {
    assert.equal(answerTo(init([ikeOffer(), keyExchange(), nonce()], 0)), INVALID_SYNTAX);
  });
});

describe("EAP where nobody has begun it", () => {
  const ipad: Payload = { kind: "EAP", data: Uint8Array.of(3, 1, 0, 4) }; // EAP-Success
  const auth: Payload = { kind: "AUTH", method: 2, data: new Uint8Array(32) };
  for (const [what, payloads] of [["EAP-Success", [ipad]], ["AUTH alone", [auth]]] as const) {
    it(`does not begin with ${what} (CVE-2021-45079 was an early success)`, () => {
      const pair = beforeAuthentication("request");
      const initiator = new Forger(pair, "a");
      initiator.send(
        initiator.seal({ exchangeType: EXCHANGE.ikeAuth, messageId: 1, payloads: [...payloads] }),
      );
      assert.equal(pair.b.talk().at(-1), "IKE_AUTH { N(INVALID_SYNTAX) } -->");
      assert.equal(pair.b.one("ike_sa_failed").reason, "invalid_syntax");
      pair.network = () => null;
      pair.advance(200_000);
      pair.assertClean();
    });
  }

  it("ends an attempt whose initiator proved itself by a key", () => {
    const pair = beforeAuthentication("response");
    const responder = new Forger(pair, "b");
    const payloads = [{ ...ipad }];
    responder.send(
      responder.seal({ exchangeType: EXCHANGE.ikeAuth, messageId: 1, payloads, response: true }),
    );
    assert.equal(pair.a.one("ike_sa_failed").reason, "refused");
    assert.equal(pair.a.of("ike_sa_established").length, 0);
  });

  it("comes too late once both ends are authenticated", () => {
    const pair = new Pair();
    pair.connect();
    pair.b.forget();
    const initiator = new Forger(pair, "a");
    initiator.send(initiator.seal({ exchangeType: EXCHANGE.ikeAuth, messageId: 2, payloads: [ipad] }));
    assert.equal(pair.b.one("message_dropped").reason, "wrong_state");
    assertUntouched(pair.b);
  });
});
