import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { EXCHANGE, notifyPayload, PROTOCOL } from "../../../lib/ike/codec/mod.ts";
import type { IkeLimits } from "../../../lib/ike/mod.ts";
import { Forger } from "../_forger.ts";
import { type End, type Flight, Pair, type PairOptions } from "../_pair.ts";

const SET_WINDOW_SIZE = 16385;

/** Windows of both ends. */
function pairOf(a: number, b: number, limits: Partial<IkeLimits> = {}, options: PairOptions = {}): Pair {
  return new Pair({
    ...options,
    a: { limits: { ...limits, window_size: a } },
    b: { limits: { ...limits, window_size: b } },
  });
}

/** The SA is established, and what was said so far forgotten. */
function connected(pair: Pair): Pair {
  pair.connect();
  pair.a.forget();
  pair.b.forget();
  return pair;
}

const isRequest = ({ octets }: Flight) => (octets[19]! & 0x20) === 0;
const idOf = ({ octets }: Flight) => new DataView(octets.buffer, octets.byteOffset).getUint32(20);

/** Requests of an end that are under way. */
function requests(pair: Pair, { name }: End): number[] {
  return pair.inFlight.filter((flight) => flight.from === name && isRequest(flight)).map(idOf);
}

function createChildren(pair: Pair, end: End, count: number): void {
  for (let i = 0; i < count; i++) pair.handle(end, { kind: "initiate_child", ikeSa: 1, child: "net" });
}

describe("Windows (RFC 7296, section 2.3)", () => {
  it("of one are not spoken of, and one request is under way at a time", () => {
    const pair = new Pair();
    pair.connect();
    assert.ok([...pair.a.lines(), ...pair.b.lines()].every((line) => !line.includes("SET_WINDOW_SIZE")));
    createChildren(pair, pair.a, 3);
    assert.deepEqual(requests(pair, pair.a), [2]);
    pair.settle();
    assert.equal(pair.b.engine.counters.childSpis, 4);
  });

  it("of more are told in IKE_AUTH by each end, and each end heeds that of the other", () => {
    const pair = pairOf(2, 4);
    pair.connect();
    assert.deepEqual(pair.a.talk().slice(2), [
      "IKE_AUTH { IDi, IDr, AUTH, N(SET_WINDOW_SIZE), SA, TSi, TSr } -->",
      "<-- IKE_AUTH { IDr, AUTH, N(SET_WINDOW_SIZE), SA, TSi, TSr }",
    ]);
    createChildren(pair, pair.a, 6);
    createChildren(pair, pair.b, 6);
    assert.deepEqual(requests(pair, pair.a), [2, 3, 4, 5]);
    assert.deepEqual(requests(pair, pair.b), [0, 1]);
    pair.settle();
    assert.equal(pair.a.engine.counters.childSpis, 13);
    assert.equal(pair.b.engine.counters.childSpis, 13);
    assert.equal(pair.a.of("message_dropped").length + pair.b.of("message_dropped").length, 0);
  });

  it("are one for who was told nothing: windows of both ends have nothing to do with each other", () => {
    const pair = connected(pairOf(4, 1));
    createChildren(pair, pair.a, 3);
    createChildren(pair, pair.b, 3);
    assert.equal(requests(pair, pair.a).length, 1);
    assert.equal(requests(pair, pair.b).length, 3);
  });

  it("wait for the oldest: request X goes when all up to X - N are answered", () => {
    const pair = connected(pairOf(4, 4));
    pair.network = (flight) => isRequest(flight) && idOf(flight) === 2 ? null : flight.octets;
    createChildren(pair, pair.a, 8);
    pair.settle();
    assert.deepEqual(pair.a.sent.map(idOf), [2, 3, 4, 5]); // 3 to 5 are answered
    assert.equal(pair.a.of("child_sa_installed").length, 3);
    pair.network = ({ octets }) => octets;
    pair.advance(4000);
    assert.deepEqual(pair.a.sent.map(idOf), [2, 3, 4, 5, 2, 6, 7, 8, 9]);
    assert.equal(pair.a.engine.counters.childSpis, 9);
    assert.equal(pair.b.engine.counters.childSpis, 9);
  });

  it("take requests and responses in any order, each child with its own keys", () => {
    const pair = connected(pairOf(4, 4));
    createChildren(pair, pair.a, 4);
    createChildren(pair, pair.b, 4);
    while (pair.inFlight.length > 0) {
      pair.inFlight.reverse();
      pair.deliver();
    }
    const keysOf = (end: End, side: "inbound" | "outbound") =>
      end.of("child_sa_installed").map(({ childSa }) => childSa[side].encryptionKey.join()).sort();
    assert.equal(new Set(keysOf(pair.a, "inbound")).size, 8);
    assert.deepEqual(keysOf(pair.a, "inbound"), keysOf(pair.b, "outbound"));
    assert.deepEqual(keysOf(pair.a, "outbound"), keysOf(pair.b, "inbound"));
    assert.equal(pair.a.of("message_dropped").length + pair.b.of("message_dropped").length, 0);
  });

  it("keep as many responses as they are wide, each answered again by the same octets", () => {
    const pair = connected(pairOf(4, 4));
    createChildren(pair, pair.a, 5);
    pair.settle();
    const sent = pair.a.sent.slice();
    const answers = pair.b.sent.slice();
    pair.b.forget();
    for (const { octets } of sent) {
      pair.handle(pair.b, { kind: "message", path: pair.pathB, octets: octets.slice() });
    }
    assert.deepEqual(pair.b.sent.map(({ octets }) => octets), answers.slice(1).map(({ octets }) => octets));
    assert.equal(pair.b.one("message_dropped").reason, "message_id"); // the oldest, which nobody can ask for any more
    assert.equal(pair.b.of("child_sa_installed").length, 0);
  });

  it("are held against a peer that exceeds its own: what lies beyond is dropped and counted, and nothing else happens", () => {
    const pair = connected(pairOf(4, 4));
    const forger = new Forger(pair, "a");
    for (let messageId = 3; messageId < 12; messageId++) {
      forger.send(forger.seal({ exchangeType: EXCHANGE.informational, messageId, payloads: [] }));
    }
    assert.equal(pair.b.sent.length, 3); // 3, 4 and 5; 2 is still to come
    assert.deepEqual(pair.b.of("message_dropped").map(({ reason }) => reason), Array(6).fill("message_id"));
    forger.send(forger.seal({ exchangeType: EXCHANGE.informational, messageId: 2, payloads: [] }));
    forger.send(forger.seal({ exchangeType: EXCHANGE.informational, messageId: 9, payloads: [] }));
    assert.equal(pair.b.sent.length, 5);
    assert.equal(pair.b.engine.counters.ikeSas, 1);
  });

  it("are not wide before the SA is established, whatever was told", () => {
    const pair = pairOf(4, 4);
    pair.network = ({ from, octets }) => from === "b" && octets[18] === EXCHANGE.ikeAuth ? null : octets;
    pair.connect();
    const forger = new Forger(pair, "b");
    for (const messageId of [0, 1, 2]) {
      forger.send(forger.seal({ exchangeType: EXCHANGE.informational, messageId, payloads: [] }));
    }
    assert.ok(
      pair.a.of("message_dropped").every(({ reason }) => reason === "wrong_state" || reason === "message_id"),
    );
    assert.equal(pair.a.of("message_dropped").length, 3);
  });

  it("grow by an INFORMATIONAL request, and never get smaller", () => {
    const pair = connected(new Pair());
    const forger = new Forger(pair, "b");
    const tell = (messageId: number, size: number) =>
      forger.send(forger.seal({
        exchangeType: EXCHANGE.informational,
        messageId,
        payloads: [notifyPayload(SET_WINDOW_SIZE, Uint8Array.of(0, 0, 0, size))],
      }));
    createChildren(pair, pair.a, 6);
    assert.equal(requests(pair, pair.a).length, 1);
    tell(0, 3);
    assert.equal(requests(pair, pair.a).length, 3); // what waited goes at once
    tell(1, 0);
    tell(2, 2);
    pair.network = () => null;
    pair.settle();
    forger.send(forger.seal({
      exchangeType: EXCHANGE.createChildSa,
      messageId: 2,
      payloads: [notifyPayload(14)],
      response: true,
    }));
    assert.equal(requests(pair, pair.a).length, 1);
  });

  it("of a peer that promises more than anybody needs are held to max_parallel_requests", () => {
    const pair = connected(new Pair({ a: { limits: { max_parallel_requests: 5 } } }));
    const forger = new Forger(pair, "b");
    createChildren(pair, pair.a, 20);
    forger.send(forger.seal({
      exchangeType: EXCHANGE.informational,
      messageId: 0,
      payloads: [notifyPayload(SET_WINDOW_SIZE, new Uint8Array(4).fill(255))],
    }));
    assert.equal(requests(pair, pair.a).length, 5);
  });

  it("of two: everything that is without response goes out again on the next connection (R-RTX-5)", () => {
    const pair = connected(pairOf(2, 2, {}, { reliable: true }));
    pair.network = () => null;
    createChildren(pair, pair.a, 2);
    pair.settle();
    const lost = pair.a.sent.map(({ octets }) => octets);
    pair.a.forget();
    const next = pair.newPath(true, "connection 2");
    pair.network = ({ octets }) => octets;
    pair.handle(pair.a, { kind: "path_lost", path: pair.pathA });
    pair.handle(pair.a, { kind: "move", ikeSa: 1, path: next.a });
    assert.deepEqual(pair.a.sent.map(({ octets }) => octets), lost);
    pair.settle();
    assert.equal(pair.a.of("child_sa_installed").length, 2);
  });

  it("of a rekeyed IKE SA are one again, until each end has told its own anew (section 2.18)", () => {
    const pair = connected(pairOf(4, 4));
    pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
    pair.deliver();
    pair.a.forget();
    pair.inFlight.splice(1); // what `b` has told on the new SA is lost
    pair.deliver();
    const created = pair.a.one("ike_sa_established").ikeSa;
    for (let i = 0; i < 3; i++) pair.handle(pair.a, { kind: "initiate_child", ikeSa: created, child: "net" });
    const spi = pair.a.one("ike_sa_established").spiI.slice(0, 4);
    const onNew = () =>
      pair.inFlight.filter(({ from, octets }) =>
        from === "a" &&
        [...octets.subarray(0, 2)].map((octet) => octet.toString(16).padStart(2, "0")).join("") ===
          spi
      );
    assert.equal(onNew().length, 1);
    assert.ok(pair.a.lines().includes("INFORMATIONAL { N(SET_WINDOW_SIZE) } -->"));
    pair.advance(10_000);
    pair.a.forget();
    for (let i = 0; i < 6; i++) pair.handle(pair.a, { kind: "initiate_child", ikeSa: created, child: "net" });
    assert.equal(onNew().length, 4);
    pair.settle();
    pair.handle(pair.a, { kind: "delete_ike", ikeSa: created });
    pair.settle();
    pair.assertClean();
  });
});

describe("What may be under way at once", () => {
  it("is nothing beside a rekey or a deletion of the IKE SA", () => {
    for (const wish of ["rekey_ike", "delete_ike"] as const) {
      const pair = connected(pairOf(4, 4));
      createChildren(pair, pair.a, 2);
      pair.handle(pair.a, { kind: wish, ikeSa: 1 });
      pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
      assert.deepEqual(requests(pair, pair.a), [2, 3]);
      const before = pair.a.lines().length;
      pair.settle();
      // It goes when both children are there, and the check after it, on the new SA if there is one.
      const sent = pair.a.lines().slice(before).filter((line) => line.endsWith("-->"));
      assert.equal(
        sent[0],
        wish === "rekey_ike" ? "CREATE_CHILD_SA { SA, Ni, KEi } -->" : "INFORMATIONAL { D } -->",
      );
      assert.equal(pair.a.of("child_sa_installed").length, 2);
      assert.equal(pair.b.of("message").filter(({ line }) => line.includes("TEMPORARY_FAILURE")).length, 0);
    }
  });

  it("is one exchange for a child SA: its deletion does not overtake its rekey, and others go on", () => {
    const pair = connected(pairOf(4, 4));
    createChildren(pair, pair.a, 1);
    pair.settle();
    const [one, other] = [1, pair.a.lastChild().childSa.child];
    pair.a.forget();
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: one });
    pair.handle(pair.a, { kind: "delete_child", ikeSa: 1, child: one });
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: other });
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
    assert.deepEqual(pair.a.talk(), [
      "CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, TSi, TSr } -->",
      "CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, TSi, TSr } -->",
      "INFORMATIONAL { } -->",
    ]);
    pair.settle();
    assert.equal(pair.a.engine.counters.childSpis, pair.b.engine.counters.childSpis);
    pair.handle(pair.b, { kind: "delete_ike", ikeSa: 1 });
    pair.settle();
    pair.assertClean();
  });

  it("holds for the peer alike: D of the IKE SA that overtakes its other requests ends everything", () => {
    const pair = connected(pairOf(4, 4));
    createChildren(pair, pair.b, 3);
    const forger = new Forger(pair, "a");
    const payloads = [{ kind: "D" as const, protocol: PROTOCOL.ike!, spis: [] }];
    forger.send(forger.seal({ exchangeType: EXCHANGE.informational, messageId: 5, payloads }));
    assert.equal(pair.b.one("ike_sa_deleted").by, "peer");
    assert.equal(pair.b.engine.counters.childSpis, 0);
    assert.equal(pair.b.engine.counters.ikeSas, 0);
  });
});

describe("Message IDs (RFC 7296, section 2.2)", () => {
  it("never run out: the IKE SA is rekeyed after max_requests of ours", () => {
    const pair = connected(new Pair({ a: { limits: { max_requests: 6 } } }));
    for (let i = 0; i < 4; i++) {
      pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
      pair.settle();
    }
    assert.equal(pair.a.of("ike_sa_established").length, 0);
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
    pair.settle();
    assert.equal(pair.a.one("ike_sa_established").replaces, 1);
    assert.equal(pair.a.one("ike_sa_deleted").by, "replaced");
  });

  it("of the peer count as well", () => {
    const pair = connected(new Pair({ b: { limits: { max_requests: 4 } } }));
    for (let i = 0; i < 3; i++) {
      pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
      pair.settle();
    }
    assert.equal(pair.b.one("ike_sa_established").replaces, 1);
  });

  it("end with the SA, where the peer never takes a rekey", () => {
    const pair = connected(new Pair({ a: { limits: { max_requests: 4 } } }));
    const forger = new Forger(pair, "b");
    pair.network = () => null;
    for (let i = 0; i < 20 && pair.a.engine.counters.ikeSas > 0; i++) {
      pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
      for (const flight of pair.inFlight.splice(0)) {
        const exchangeType = flight.octets[18]!;
        const payloads = exchangeType === EXCHANGE.createChildSa ? [notifyPayload(35)] : [];
        forger.send(forger.seal({ exchangeType, messageId: idOf(flight), payloads, response: true }));
      }
    }
    const { reason, text } = pair.a.one("ike_sa_deleted");
    assert.equal(reason, "expired");
    assert.match(text!, /Message IDs/);
    assert.equal(Math.max(...pair.a.sent.map(idOf)), 8);
  });
});

describe("What waits for the window", () => {
  /** The window is full, and no more may wait. */
  function full(pair: Pair): void {
    for (let i = 0; i < 3; i++) pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
  }

  it("is all child SAs that were asked for from the beginning, however many", () => {
    const pair = new Pair({ a: { limits: { max_queued_tasks: 2 } } });
    pair.connect(Array.from({ length: 6 }, () => "net"));
    assert.equal(pair.b.engine.counters.childSpis, 6, pair.a.story());
  });

  it("is every child SA of an IKE SA that is authenticated anew", () => {
    const pair = connected(pairOf(1, 1, { max_queued_tasks: 2 }));
    for (let i = 0; i < 5; i++) {
      createChildren(pair, pair.a, 1);
      pair.settle();
    }
    pair.handle(pair.a, { kind: "reauthenticate", ikeSa: 1 });
    pair.settle();
    assert.equal(pair.a.one("ike_sa_deleted").by, "replaced", pair.a.story());
    assert.equal(pair.b.engine.counters.childSpis, 6);
  });

  it("is every D: the peer is told of each child SA that goes", () => {
    const pair = new Pair({ a: { limits: { max_queued_tasks: 2 } } });
    pair.connect(Array.from({ length: 6 }, () => "net"));
    const children = pair.a.of("child_sa_installed").map(({ childSa }) => childSa.child);
    full(pair);
    for (const child of children) pair.handle(pair.a, { kind: "delete_child", ikeSa: 1, child });
    pair.settle();
    for (const end of [pair.a, pair.b]) assert.equal(end.engine.counters.childSpis, 0, end.story());
  });

  for (const kind of ["rekey_child", "rekey_ike"] as const) {
    it(`is not a rekey that finds no place: it is tried again (${kind})`, () => {
      const pair = connected(pairOf(1, 1, { max_queued_tasks: 2 }));
      full(pair);
      pair.handle(pair.a, { kind, ikeSa: 1, child: 1 });
      pair.settle();
      const rekeys = () => pair.a.talk().filter((line) => /^CREATE_CHILD_SA .*-->$/.test(line)).length;
      assert.equal(rekeys(), 0);
      pair.advance(20_000);
      assert.equal(rekeys(), 1, pair.a.story());
    });
  }
});
