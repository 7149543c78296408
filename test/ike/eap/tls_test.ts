/** The framing and the rules of EAP-TLS, with a TLS that says what a test tells it to say. The real one: `test/runtime`. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import {
  type EapOutcome,
  EapPeer,
  EapServer,
  type EapTlsAnswer,
  type EapTlsCredentials,
  type EapTlsRequest,
  emitEapPacket,
  parseEapPacket,
  tlsPeer,
  tlsServer,
} from "../../../lib/ike/eap/mod.ts";
import { toHex } from "../../../lib/bytes/mod.ts";
import { counting } from "./_conversation.ts";

const KEYS = new Uint8Array(128).map((_, i) => i);
const octets = (size: number) => new Uint8Array(size).fill(0x16);

/** An answer of TLS. */
function tls(answer: Partial<EapTlsAnswer>): EapTlsAnswer {
  return { octets: new Uint8Array(0), established: null, committed: false, ...answer };
}

const ESTABLISHED = { keyMaterial: KEYS, certificates: [Uint8Array.of(1)] };

function credentials(reason: string | null = null): EapTlsCredentials {
  return { certificates: [], pkcs8: new Uint8Array(0), reasonAgainst: () => reason };
}

/** One side, and what TLS will say, in order; `asked` are the flights that it was given. */
class Side {
  readonly asked: Uint8Array[] = [];
  readonly #side: EapPeer | EapServer;
  readonly #answers: unknown[];
  #identifier = 0;

  constructor(
    role: "peer" | "server",
    answers: readonly unknown[],
    own: EapTlsCredentials | null = credentials(),
  ) {
    this.#answers = [...answers];
    const common = { random: counting(), identity: "carol", ...own === null ? {} : { tls: own } };
    this.#side = role === "peer"
      ? new EapPeer({ ...common, methods: [tlsPeer] })
      : new EapServer({ ...common, methods: [tlsServer], passwordOf: () => null });
  }

  begin(): EapOutcome {
    return this.#resumed((this.#side as EapServer).begin());
  }

  /** Gives Type-Data of the other side. */
  give(data: Uint8Array, code: number = this.#side instanceof EapPeer ? 1 : 2): EapOutcome {
    const identifier = code === 2 ? this.#identifier : ++this.#identifier;
    return this.#resumed(this.#side.handle(emitEapPacket({ code, identifier, type: 13, data })));
  }

  /** EAP-Success. */
  success(): EapOutcome {
    return this.#side.handle(emitEapPacket({ code: 3, identifier: ++this.#identifier }));
  }

  #resumed(outcome: EapOutcome): EapOutcome {
    while (outcome.kind === "need") {
      this.asked.push((outcome.need.request as EapTlsRequest).octets);
      outcome = outcome.resume(this.#answers.shift());
    }
    if (outcome.kind === "reply") this.#identifier = outcome.packet[1]!;
    return outcome;
  }
}

function dataOf(outcome: EapOutcome): Uint8Array {
  assert.equal(outcome.kind, "reply", outcome.kind === "failure" ? outcome.reason : outcome.kind);
  return parseEapPacket((outcome as { packet: Uint8Array }).packet)!.data;
}

function reasonOf(outcome: EapOutcome): string {
  assert.equal(outcome.kind, "failure", "it went well");
  return (outcome as { reason: string }).reason;
}

const START = Uint8Array.of(0x20);
const ACK = Uint8Array.of(0);

describe("EAP-TLS, the peer", () => {
  it("cuts what is long, announces its size once, and waits for every acknowledgement", () => {
    const peer = new Side("peer", [tls({ octets: octets(2500) })]);
    const first = dataOf(peer.give(START));
    assert.deepEqual([toHex(first.subarray(0, 5)), first.length], ["c0000009c4", 5 + 1024]);
    const second = dataOf(peer.give(ACK));
    assert.deepEqual([second[0], second.length], [0x40, 1 + 1024]);
    const third = dataOf(peer.give(ACK));
    assert.deepEqual([third[0], third.length], [0, 1 + 452]);
  });

  it("puts fragments together, acknowledging each but the last", () => {
    const peer = new Side("peer", [tls({ octets: octets(10) }), tls({ octets: octets(10) })]);
    peer.give(START);
    assert.deepEqual([...dataOf(peer.give(Uint8Array.of(0xc0, 0, 0, 0, 5, 1, 2)))], [0]);
    assert.deepEqual([...dataOf(peer.give(Uint8Array.of(0x40, 3)))], [0]);
    dataOf(peer.give(Uint8Array.of(0, 4, 5)));
    assert.deepEqual([...peer.asked[1]!], [1, 2, 3, 4, 5]);
  });

  it("believes Success when TLS is complete, the server is right, and has said that it is content", () => {
    const answers = [tls({ octets: octets(10) }), tls({ octets: octets(10), established: ESTABLISHED })];
    const early = new Side("peer", answers);
    early.give(START);
    early.give(Uint8Array.of(0, 1));
    assert.match(reasonOf(early.success()), /before eap-tls was complete/);

    const peer = new Side("peer", [...answers, tls({ established: ESTABLISHED, committed: true })]);
    peer.give(START);
    peer.give(Uint8Array.of(0, 1));
    assert.deepEqual([...dataOf(peer.give(Uint8Array.of(0, 2)))], [0]);
    const ended = peer.success();
    assert.equal(ended.kind === "success" && toHex(ended.msk!), toHex(KEYS.subarray(0, 64)));
  });

  it("does not believe Success at the start, nor from a server that nobody trusts or that shows no certificate", () => {
    const started = new Side("peer", [tls({ octets: octets(10) })]);
    started.give(START);
    assert.match(reasonOf(started.success()), /before eap-tls was complete/);
    const all = { committed: true, established: ESTABLISHED };
    const untrusted = new Side(
      "peer",
      [tls({ octets: octets(9) }), tls(all)],
      credentials("nobody knows it"),
    );
    untrusted.give(START);
    assert.match(reasonOf(untrusted.give(Uint8Array.of(0, 1))), /server's certificate .* nobody knows it/);
    const bare = { ...all, established: { ...ESTABLISHED, certificates: [] } };
    const nameless = new Side("peer", [tls({ octets: octets(9) }), tls(bare)]);
    nameless.give(START);
    assert.match(reasonOf(nameless.give(Uint8Array.of(0, 1))), /server has no certificate/);
  });

  it("refuses lengths that lie, fragments without data, starts that come twice or never, and data instead of an acknowledgement", () => {
    const started = () => {
      const peer = new Side("peer", [tls({ octets: octets(10) }), tls({ octets: octets(10) })]);
      peer.give(START);
      return peer;
    };
    assert.match(
      reasonOf(started().give(Uint8Array.of(0x80, 0, 0, 0, 3, 1, 2))),
      /has 2 octets; 3 were announced/,
    );
    assert.match(reasonOf(started().give(Uint8Array.of(0x80, 0, 0, 0, 1, 1, 2))), /longer than 1 octets/);
    assert.match(
      reasonOf(started().give(Uint8Array.of(0xc0, 0xff, 0xff, 0xff, 0xff, 1))),
      /longer than 65536 octets/,
    );
    assert.match(reasonOf(started().give(Uint8Array.of(0x40))), /fragment has no data/);
    assert.match(reasonOf(started().give(Uint8Array.of(0x80, 0, 0))), /cut short/);
    assert.match(reasonOf(started().give(new Uint8Array(0))), /no flags/);
    assert.match(reasonOf(started().give(START)), /starts eap-tls twice/);
    assert.match(reasonOf(new Side("peer", []).give(ACK)), /before or beside the start/);
    const sending = new Side("peer", [tls({ octets: octets(2000) })]);
    sending.give(START);
    assert.match(reasonOf(sending.give(Uint8Array.of(0, 1))), /was not acknowledged/);
  });

  it("does not gather for ever", () => {
    const peer = new Side("peer", [tls({ octets: octets(10) })]);
    peer.give(START);
    const fragment = new Uint8Array(1001).fill(1);
    fragment[0] = 0x40;
    let outcome = peer.give(fragment);
    for (let i = 0; i < 90 && outcome.kind === "reply"; i++) outcome = peer.give(fragment);
    assert.match(reasonOf(outcome), /longer than 65536 octets/);
  });

  it("says so where there is no certificate, no TLS, or TLS fails", () => {
    assert.match(reasonOf(new Side("peer", [], null).give(START)), /no certificate with its key/);
    assert.match(reasonOf(new Side("peer", [undefined]).give(START)), /no TLS backend/);
    assert.match(reasonOf(new Side("peer", [new Error("alert 40")]).give(START)), /eap-tls failed: alert 40/);
  });
});

describe("EAP-TLS, the server", () => {
  it("succeeds when the peer has acknowledged its last flight", () => {
    const server = new Side("server", [
      tls({ octets: octets(900) }),
      tls({ octets: octets(50), established: ESTABLISHED }),
    ]);
    assert.deepEqual([...dataOf(server.begin())], [0x20]);
    dataOf(server.give(Uint8Array.of(0, 1, 2)));
    dataOf(server.give(Uint8Array.of(0, 3)));
    const ended = server.give(ACK);
    assert.equal(ended.kind === "success" && toHex(ended.msk!), toHex(KEYS.subarray(0, 64)));
    assert.deepEqual(server.asked.map((flight) => [...flight]), [[1, 2], [3]]);
  });

  it("does not succeed for a peer that acknowledges too early, has no certificate, or is somebody else", () => {
    const early = new Side("server", [tls({ octets: octets(900) }), tls({})]);
    early.begin();
    early.give(Uint8Array.of(0, 1));
    assert.match(reasonOf(early.give(ACK)), /not complete/);
    const bare = { ...ESTABLISHED, certificates: [] };
    const nameless = new Side("server", [tls({ octets: octets(50), established: bare })]);
    nameless.begin();
    assert.match(reasonOf(nameless.give(Uint8Array.of(0, 1))), /peer has no certificate/);
    const other = new Side(
      "server",
      [tls({ octets: octets(50), established: ESTABLISHED })],
      credentials("not carol"),
    );
    other.begin();
    assert.match(reasonOf(other.give(Uint8Array.of(0, 1))), /peer's certificate .* not carol/);
  });
});
