import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { EXCHANGE, notifyPayload } from "../../../lib/ike/codec/mod.ts";
import { IKE_LIMITS } from "../../../lib/ike/mod.ts";
import { Forger } from "../_forger.ts";
import { Pair, type PairOptions } from "../_pair.ts";

const [INVALID_IKE_SPI, INVALID_SPI, CHILD_SA_NOT_FOUND] = [4, 11, 44] as const;

/** An established pair, and somebody who complains to `a` in the clear. */
function connected(
  options: PairOptions = {},
): { pair: Pair; complain: (type: number, response?: boolean) => void } {
  const pair = new Pair(options);
  pair.connect();
  pair.a.forget();
  const forger = new Forger(pair, "b");
  const complain = (type: number, response = true) => {
    const payloads = [notifyPayload(type)];
    forger.send(forger.plain({ exchangeType: EXCHANGE.informational, messageId: 2, payloads, response }));
  };
  return { pair, complain };
}

describe("Complaints in the clear (RFC 7296, sections 1.5, 2.21.4)", () => {
  for (const [name, type] of [["INVALID_IKE_SPI", INVALID_IKE_SPI], ["INVALID_SPI", INVALID_SPI]] as const) {
    it(`${name} is no proof of anything: the peer is asked whether it lives, and nothing changes when it does`, () => {
      const { pair, complain } = connected();
      const before = pair.a.engine.counters;
      complain(type);
      assert.equal(pair.a.one("message_dropped").ikeSa, 1);
      assert.deepEqual(pair.a.lines(), ["INFORMATIONAL { } -->"]);
      pair.settle();
      assert.equal(pair.a.of("peer_alive").length, 1);
      assert.deepEqual(pair.a.engine.counters, before);
      assert.equal(pair.a.of("ike_sa_deleted").length, 0);
    });
  }

  it("ends the SA where the peer is really gone, by the check and not by the complaint", () => {
    const { pair, complain } = connected();
    pair.network = () => null;
    complain(INVALID_IKE_SPI);
    pair.settle();
    assert.equal(pair.a.engine.counters.ikeSas, 1);
    pair.advance(165_061);
    assert.equal(pair.a.one("ike_sa_deleted").reason, "timeout");
  });

  it("however many, have the peer asked once in hint_pause", () => {
    const { pair, complain } = connected();
    for (let i = 0; i < 100; i++) {
      complain(INVALID_IKE_SPI);
      pair.settle();
    }
    assert.equal(pair.a.of("peer_alive").length, 1);
    pair.now += IKE_LIMITS.hint_pause.default - 1;
    complain(INVALID_SPI);
    assert.equal(pair.a.sent.length, 1);
    pair.now += 1;
    complain(INVALID_SPI);
    assert.equal(pair.a.sent.length, 2);
    pair.settle();
  });

  it("have nobody asked while a request asks already, or while the SA is not established", () => {
    const { pair, complain } = connected();
    pair.network = () => null;
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
    complain(INVALID_IKE_SPI);
    assert.equal(pair.a.sent.length, 1);
    const half = new Pair();
    half.network = ({ octets }) => octets[18] === EXCHANGE.ikeAuth ? null : octets;
    half.connect();
    const forger = new Forger(half, "b");
    const sent = half.a.sent.length;
    const payloads = [notifyPayload(INVALID_IKE_SPI)];
    forger.send(forger.plain({ exchangeType: EXCHANGE.ikeAuth, messageId: 1, payloads, response: true }));
    assert.equal(half.a.sent.length, sent);
    assert.equal(half.a.engine.counters.ikeSas, 1);
  });

  it("CHILD_SA_NOT_FOUND to a rekey is believed under the keys only", () => {
    const { pair, complain } = connected();
    const { child } = { child: 1 };
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child });
    const forger = new Forger(pair, "b");
    const payloads = [notifyPayload(CHILD_SA_NOT_FOUND)];
    forger.send(
      forger.plain({ exchangeType: EXCHANGE.createChildSa, messageId: 2, payloads, response: true }),
    );
    complain(CHILD_SA_NOT_FOUND, false);
    assert.equal(pair.a.of("message_dropped").length, 2);
    assert.equal(pair.a.of("child_sa_deleted").length, 0);
    pair.settle();
    assert.equal(pair.a.one("child_sa_installed").replaces, 1);
  });
});

describe("INVALID_SPI under the keys (RFC 7296, section 1.5)", () => {
  /** An established pair whose ends have nothing said yet, and the SPI that `a` sends with. */
  function sending(): { pair: Pair; spi: number } {
    const { pair } = connected();
    const { spi } = pair.b.lastChild().childSa.inbound;
    pair.b.forget();
    return { pair, spi };
  }

  it("has the end that sends on a child SA replace it", () => {
    const { pair, spi } = sending();
    pair.handle(pair.b, { kind: "unknown_spi", path: pair.pathB, spi });
    pair.settle();
    assert.deepEqual(pair.b.talk(), [
      "INFORMATIONAL { N(INVALID_SPI) } -->",
      "<-- INFORMATIONAL { }",
      "<-- CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, TSi, TSr }",
      "CREATE_CHILD_SA { SA, Nr, TSi, TSr } -->",
      "<-- INFORMATIONAL { D }",
      "INFORMATIONAL { D } -->",
    ]);
    assert.equal(pair.a.one("child_sa_installed").replaces, 1);
    pair.assertSameChild();
  });

  it("of an SPI that is nobody's any more is answered, and changes nothing", () => {
    const { pair, spi } = sending();
    const before = pair.a.engine.counters;
    pair.handle(pair.b, { kind: "unknown_spi", path: pair.pathB, spi: spi ^ 1 });
    pair.settle();
    assert.deepEqual(pair.b.talk(), ["INFORMATIONAL { N(INVALID_SPI) } -->", "<-- INFORMATIONAL { }"]);
    assert.deepEqual(pair.a.engine.counters, before);
  });

  it("is said once in invalid_spi_pause, however many packets come", () => {
    const { pair } = sending();
    const told = () => pair.b.talk().filter((line) => line.includes("INVALID_SPI")).length;
    for (let spi = 1; spi <= 100; spi++) {
      pair.handle(pair.b, { kind: "unknown_spi", path: pair.pathB, spi });
      pair.settle();
    }
    assert.equal(told(), 1);
    pair.now += IKE_LIMITS.invalid_spi_pause.default;
    pair.handle(pair.b, { kind: "unknown_spi", path: pair.pathB, spi: 1 });
    pair.settle();
    assert.equal(told(), 2);
  });

  it("has a child SA replaced once in invalid_spi_pause, however often a peer says it", () => {
    const { pair } = connected({ b: { limits: { invalid_spi_pause: 1 } } });
    for (let i = 0; i < 10; i++) {
      pair.now += 100;
      const { spi } = pair.b.lastChild().childSa.inbound;
      pair.handle(pair.b, { kind: "unknown_spi", path: pair.pathB, spi });
      pair.settle();
    }
    assert.equal(pair.a.of("child_sa_installed").length, 1);
  });

  it("is not said of packets on a path that no IKE SA uses, nor before one is established", () => {
    const { pair, spi } = sending();
    pair.handle(pair.b, { kind: "unknown_spi", path: pair.newPath(true, "somebody else's").b, spi });
    assert.deepEqual(pair.b.events, []);
    const half = new Pair();
    half.network = ({ octets }) => octets[18] === EXCHANGE.ikeAuth ? null : octets;
    half.connect();
    half.handle(half.b, { kind: "unknown_spi", path: half.pathB, spi });
    assert.ok(!half.b.talk().some((line) => line.includes("INVALID_SPI")));
  });
});

describe("A connection that is lost (RFC 9329, sections 6.1, 6.2)", () => {
  it("takes no SA with it, at either end, and nothing is sent because of it (R-REC-1, R-REC-2, R-REC-4)", () => {
    const { pair } = connected({ reliable: true });
    const before = [pair.a, pair.b].map((end) => end.engine.counters);
    pair.b.forget();
    for (let i = 0; i < 3; i++) {
      pair.handle(pair.a, { kind: "path_lost", path: pair.pathA });
      pair.handle(pair.b, { kind: "path_lost", path: pair.pathB });
    }
    assert.deepEqual([pair.a, pair.b].map((end) => end.engine.counters), before);
    assert.deepEqual([...pair.a.events, ...pair.b.events], []);
  });

  it("lets what is wanted meanwhile wait for the next one, where it goes out with all that is without response", () => {
    const { pair } = connected({ reliable: true });
    pair.network = () => null;
    pair.handle(pair.a, { kind: "path_lost", path: pair.pathA });
    pair.handle(pair.a, { kind: "initiate_child", ikeSa: 1, child: "net" });
    pair.settle();
    pair.network = ({ octets }) => octets;
    const next = pair.newPath(true, "connection 2");
    pair.handle(pair.a, { kind: "move", ikeSa: 1, path: next.a });
    pair.settle();
    assert.equal(pair.a.of("child_sa_installed").length, 1);
    assert.equal(pair.b.one("path_changed").path.id, next.b.id);
  });

  it("that nobody opens anew ends the SA when its time is over: the request under way has its last word", () => {
    const { pair } = connected({ reliable: true });
    pair.network = () => null;
    pair.handle(pair.a, { kind: "path_lost", path: pair.pathA });
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
    pair.advance(60_000);
    assert.equal(pair.a.one("ike_sa_deleted").reason, "timeout");
  });
});
