/**
 * What has brought other IKE daemons down when something was gone: deletions that come twice or lie, messages about what is deleted, or is
 * somebody else's. The peer has the keys. One class a test, with the identifiers under which it became known.
 */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { EXCHANGE, NOTIFY, notifyPayload } from "../../../lib/ike/codec/mod.ts";
import { assertLeft, assertNothingLeft, assertUsable, hold } from "../_established.ts";
import { Forger } from "../_forger.ts";
import { Pair } from "../_pair.ts";
import {
  childOffer,
  DELETE_IKE,
  deleteChildren,
  IKE_SPI,
  ikeOffer,
  keyExchange,
  nonce,
  rekeySa,
  traffic,
} from "../_payloads.ts";
import { Rewriter } from "../_rewriter.ts";
import { lie, spiTo, withChild } from "./_lies.ts";

const CREATE = EXCHANGE.createChildSa!;
const INFORMATIONAL = EXCHANGE.informational!;

describe("SPIs of somebody else", () => {
  /** Two IKE SAs with a child SA each; the second one's SPI. */
  function twoSas(): { pair: Pair; foreign: Uint8Array } {
    const { pair } = withChild();
    pair.connect();
    const foreign = spiTo(pair.a);
    pair.b.forget();
    return { pair, foreign };
  }

  it("in REKEY_SA are CHILD_SA_NOT_FOUND, which names them, and that child SA goes on", () => {
    const { pair, foreign } = twoSas();
    const answer = lie(pair, {
      exchangeType: CREATE,
      payloads: [rekeySa(foreign), childOffer(1), nonce(), ...traffic("a")],
    });
    assert.equal(answer, "CREATE_CHILD_SA { N(CHILD_SA_NOT_FOUND) } -->");
    assert.equal(pair.b.of("child_sa_installed").length, 0);
    assert.equal(pair.b.engine.counters.childSpis, 2);
  });

  it("in D are passed over, and that child SA goes on", () => {
    const { pair, foreign } = twoSas();
    const answer = lie(pair, { exchangeType: INFORMATIONAL, payloads: [deleteChildren(foreign)] });
    assert.equal(answer, "INFORMATIONAL { } -->");
    assert.equal(pair.b.of("child_sa_deleted").length, 0);
  });

  it("that are our own are not the peer's: D names what its sender receives on (section 1.4.1)", () => {
    const pair = new Pair();
    pair.connect();
    const own = spiTo(pair.b);
    pair.b.forget();
    lie(pair, { exchangeType: INFORMATIONAL, payloads: [deleteChildren(own)] });
    assert.equal(pair.b.of("child_sa_deleted").length, 0);
  });
});

describe("Deleted twice (CVE-2023-38712)", () => {
  it("in one message: D of the IKE SA twice, or beside D of a child SA, is one deletion", () => {
    for (const more of [DELETE_IKE, "child", notifyPayload(NOTIFY.initialContact)] as const) {
      const { pair, spi } = withChild();
      const payloads = [DELETE_IKE, more === "child" ? deleteChildren(spi, spi) : more];
      assert.equal(lie(pair, { exchangeType: INFORMATIONAL, payloads }), "INFORMATIONAL { } -->");
      assert.equal(pair.b.one("ike_sa_deleted").by, "peer");
      assert.equal(pair.b.of("child_sa_deleted").length, 1);
      assertNothingLeft(pair.b);
    }
  });

  it("in one message: a child SA named twice, in one D and in two, goes once and is named once in return", () => {
    for (
      const twice of [(spi: Uint8Array) => [deleteChildren(spi, spi)], (spi: Uint8Array) => [
        deleteChildren(spi),
        deleteChildren(spi),
      ]]
    ) {
      const { pair, spi } = withChild();
      assert.equal(
        lie(pair, { exchangeType: INFORMATIONAL, payloads: twice(spi) }),
        "INFORMATIONAL { D } -->",
      );
      assert.equal(pair.b.of("child_sa_deleted").length, 1);
      assert.equal(pair.b.engine.counters.ikeSas, 1);
    }
  });

  it("in two messages: the second D of a child SA finds nothing", () => {
    const { pair, spi } = withChild();
    const deletion = { exchangeType: INFORMATIONAL, payloads: [deleteChildren(spi)] };
    assert.equal(lie(pair, deletion, deletion), "INFORMATIONAL { } -->");
    assert.equal(pair.b.of("child_sa_deleted").length, 1);
  });

  it("in two messages: the second D of the IKE SA finds no SA, and the first one again no more", () => {
    const { pair } = withChild();
    const deletion = { exchangeType: INFORMATIONAL, payloads: [DELETE_IKE] };
    const forger = new Forger(pair, "a");
    for (const messageId of [2, 3, 2]) forger.send(forger.seal({ ...deletion, messageId }));
    assert.equal(pair.b.of("ike_sa_deleted").length, 1);
    pair.b.engine.handle({ kind: "delete_ike", ikeSa: 1 }, pair.now); // nor does its own wish
    pair.inFlight.length = 0;
    pair.handle(pair.a, { kind: "delete_ike", ikeSa: 1 });
    pair.network = () => null;
    pair.advance(400_000);
    pair.assertClean();
  });

  it("by both ends, and both answers are lost: each deletes again on its own, and once", () => {
    const { pair } = withChild();
    for (const end of [pair.a, pair.b]) pair.handle(end, { kind: "delete_ike", ikeSa: 1 });
    pair.network = ({ octets }) => (octets[19]! & 0x20) !== 0 ? null : octets;
    pair.advance(400_000);
    for (const end of [pair.a, pair.b]) assert.equal(end.of("ike_sa_deleted").length, 1, end.story());
    pair.assertClean();
  });
});

describe("A count of SPIs that lies (CVE-2004-0221)", () => {
  const lies: readonly [what: string, body: readonly number[]][] = [
    ["65535 SPIs of 4 octets, and one there", [3, 4, 0xff, 0xff, 1, 2, 3, 4]],
    ["65535 SPIs of no octets", [3, 0, 0xff, 0xff]],
    ["no SPI, and one there", [3, 4, 0, 0, 1, 2, 3, 4]],
    ["an SPI of 255 octets", [3, 255, 0, 1, 1, 2, 3, 4]],
    ["an SPI of the IKE SA", [1, 8, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8]],
  ];
  for (const [what, body] of lies) {
    it(`is INVALID_SYNTAX and ends this SA: ${what}`, () => {
      const { pair } = withChild();
      const rewriter = new Rewriter(pair);
      const content = Uint8Array.of(0, 0, 0, 4 + body.length, ...body);
      pair.network = ({ from, octets }) =>
        from === "a" ? rewriter.rewrite(octets, () => ({ nextPayload: 42, content })) : octets;
      pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
      pair.settle();
      assert.equal(pair.b.talk().at(-1), "INFORMATIONAL { N(INVALID_SYNTAX) } -->");
      for (const end of [pair.a, pair.b]) assert.equal(end.one("ike_sa_deleted").reason, "invalid_syntax");
      pair.assertClean();
    });
  }
});

describe("Use after deletion", () => {
  it("of a child SA: its rekey is answered after the peer has deleted it, and the new one is the only one", () => {
    const { pair } = withChild();
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: 1 });
    pair.deliver();
    const answer = hold(pair, pair.b);
    pair.handle(pair.b, { kind: "delete_child", ikeSa: 1, child: 1 });
    pair.settle();
    assert.equal(pair.a.of("child_sa_deleted").length, 1);
    pair.inFlight.push(...answer);
    pair.settle();
    assert.equal(pair.a.one("child_sa_installed").replaces, 1);
    assertLeft(pair, 1, 1);
    pair.assertSameChild();
    assertUsable(pair);
  });

  it("of a child SA: a rekey that is asked for afterwards, by the caller or the datapath, is no rekey", () => {
    const { pair } = withChild();
    pair.handle(pair.a, { kind: "delete_child", ikeSa: 1, child: 1 });
    const before = pair.a.sent.length;
    for (const limit of ["soft", "hard"] as const) {
      pair.handle(pair.a, { kind: "child_usage", ikeSa: 1, child: 1, limit });
    }
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: 1 });
    pair.settle();
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: 1 });
    assert.equal(pair.a.sent.length, before);
    assertLeft(pair, 1, 0);
  });

  it("of an IKE SA that goes: every CREATE_CHILD_SA is TEMPORARY_FAILURE (section 2.25.2)", () => {
    for (
      const payloads of [
        [childOffer(1), nonce(), ...traffic("a")],
        [ikeOffer(IKE_SPI), nonce(), keyExchange()],
      ]
    ) {
      const { pair } = withChild();
      pair.handle(pair.b, { kind: "delete_ike", ikeSa: 1 });
      const answer = lie(pair, { exchangeType: CREATE, payloads });
      assert.equal(answer, "CREATE_CHILD_SA { N(TEMPORARY_FAILURE) } -->");
      assert.equal(pair.b.of("child_sa_installed").length + pair.b.of("ike_sa_established").length, 0);
    }
  });

  it("of an IKE SA that is gone: a request meets nobody, and a response nothing at all", () => {
    const { pair } = withChild();
    const forger = new Forger(pair, "a");
    pair.handle(pair.b, { kind: "delete_ike", ikeSa: 1 });
    pair.settle();
    pair.assertClean();
    pair.b.forget();
    for (const response of [false, true]) {
      const payloads = [childOffer(1), nonce(), ...traffic("a")];
      forger.send(forger.seal({ exchangeType: CREATE, messageId: 2, payloads, response }));
    }
    assert.deepEqual(pair.b.of("message_dropped").map(({ reason }) => reason), [
      "unknown_spi",
      "unknown_spi",
    ]);
    assert.deepEqual(pair.b.lines(), ["CREATE_CHILD_SA { N(INVALID_IKE_SPI) } -->"]);
    pair.inFlight.length = 0;
    pair.assertClean();
  });

  it("of an IKE SA that is replaced: a new child SA there is refused, and its D works to the end", () => {
    const { pair } = withChild();
    pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
    pair.deliver();
    pair.deliver();
    hold(pair, pair.a); // D of the old one
    pair.b.forget();
    const forger = new Forger(pair, "a");
    const payloads = [childOffer(1), nonce(), ...traffic("a")];
    forger.send(forger.seal({ exchangeType: CREATE, messageId: 3, payloads }));
    assert.equal(pair.b.talk().at(-1), "CREATE_CHILD_SA { N(TEMPORARY_FAILURE) } -->");
    forger.send(forger.seal({ exchangeType: INFORMATIONAL, messageId: 4, payloads: [DELETE_IKE] }));
    assert.equal(pair.b.one("ike_sa_deleted").by, "replaced");
    assert.equal(pair.b.engine.counters.ikeSas, 1);
    assert.equal(pair.b.engine.counters.childSpis, 1);
  });
});
