import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { concat } from "../../lib/bytes/mod.ts";
import {
  GAP_PATIENCE,
  MAX_JUMP,
  MAX_PENDING_OCTETS,
  MAX_PENDING_SEGMENTS,
  TcpReassembler,
} from "../../lib/inspect/tcp_reassembly.ts";

/** A reassembler that writes down what it gives: octets as text with the packet's number, gaps as numbers. */
class Scene {
  readonly given: (string | number)[] = [];
  readonly octets: Uint8Array[] = [];
  readonly reassembler: TcpReassembler = new TcpReassembler({
    handleData: (octets, { number }) => {
      this.octets.push(octets.slice());
      this.given.push(`${new TextDecoder().decode(octets)}@${number}`);
    },
    handleGap: (length) => this.given.push(length),
  });
  #packets = 0;

  /** A segment; `length` is what it had on the wire. */
  segment(seq: number, text: string | Uint8Array, length?: number): this {
    const octets = typeof text === "string" ? new TextEncoder().encode(text) : text;
    const arrival = { number: this.#packets++, time: this.#packets };
    this.reassembler.handleData(seq >>> 0, octets, length ?? octets.length, arrival);
    this.reassembler.handleTick();
    return this;
  }

  ticks(count: number): this {
    for (let i = 0; i < count; i++) this.reassembler.handleTick();
    return this;
  }

  get text(): string {
    return new TextDecoder().decode(concat(this.octets));
  }
}

describe("TcpReassembler", () => {
  it("gives segments in order as they come", () => {
    const { given } = new Scene().segment(1, "ab").segment(3, "cd");
    assert.deepEqual(given, ["ab@0", "cd@1"]);
  });

  it("begins behind the SYN, or with the first data", () => {
    const scene = new Scene();
    scene.reassembler.handleSyn(9);
    scene.segment(12, "cd").segment(10, "ab");
    assert.deepEqual(scene.given, ["ab@1", "cd@1"]);
    assert.deepEqual(new Scene().segment(12, "cd").segment(10, "ab").given, ["cd@0"]);
  });

  it("drops retransmissions and keepalive probes", () => {
    const { given } = new Scene().segment(1, "abc").segment(1, "abc").segment(3, "x").segment(2, "bcd")
      .segment(4, "");
    assert.deepEqual(given, ["abc@0", "d@3"]);
  });

  it("puts segments in order, and says by which packet all was there", () => {
    const { given } = new Scene().segment(1, "a").segment(4, "d").segment(3, "c").segment(2, "b").segment(
      5,
      "e",
    );
    assert.deepEqual(given, ["a@0", "b@3", "c@3", "d@3", "e@4"]);
  });

  it("keeps the copy that came first where segments overlap", () => {
    const { given } = new Scene().segment(1, "a").segment(4, "DE").segment(7, "G").segment(2, "bcdefgh");
    assert.deepEqual(given.join(""), "a@0bc@3DE@3f@3G@3h@3");
  });

  it("counts on over the wrap of sequence numbers", () => {
    const scene = new Scene();
    scene.reassembler.handleSyn(0xfffffffc);
    scene.segment(0xffffffff, "cde").segment(0xfffffffd, "ab").segment(2, "fg").segment(0xfffffffe, "bc");
    assert.equal(scene.text, "abcdefg");
  });

  it("waits for a gap to be filled, then gives it up once the peer has acknowledged it", () => {
    const scene = new Scene().segment(1, "a").segment(3, "c");
    scene.reassembler.handleAck(3);
    scene.ticks(GAP_PATIENCE);
    assert.deepEqual(scene.given, ["a@0", 1, "c@1"]);

    const late = new Scene().segment(1, "a").segment(3, "c");
    late.reassembler.handleAck(3);
    late.ticks(GAP_PATIENCE - 1).segment(2, "b");
    assert.deepEqual(late.given, ["a@0", "b@2", "c@2"]);

    const unacknowledged = new Scene().segment(1, "a").segment(3, "c");
    unacknowledged.reassembler.handleAck(2);
    assert.deepEqual(unacknowledged.ticks(10 * GAP_PATIENCE).given, ["a@0"]);
  });

  it("tells since when something waits", () => {
    const scene = new Scene().segment(1, "a");
    assert.equal(scene.reassembler.pendingSince, undefined);
    scene.segment(5, "e").segment(3, "c");
    assert.equal(scene.reassembler.pendingSince!.number, 2);
    scene.segment(2, "b");
    assert.equal(scene.reassembler.pendingSince!.number, 3);
    scene.segment(4, "d");
    assert.equal(scene.reassembler.pendingSince, undefined);
    assert.equal(scene.reassembler.heldOctets, 0);
  });

  it("gives up every gap at the end", () => {
    const scene = new Scene().segment(1, "a").segment(3, "c").segment(7, "g");
    scene.reassembler.handleEnd();
    assert.deepEqual(scene.given, ["a@0", 1, "c@1", 3, "g@2"]);
  });

  it("gives up the gap when too much waits behind it", () => {
    const scene = new Scene().segment(1, "a");
    const piece = new Uint8Array(65536);
    for (let waiting = 0; waiting <= MAX_PENDING_OCTETS; waiting += piece.length) {
      scene.segment(3 + waiting, piece);
    }
    assert.equal(scene.given[1], 1);
    assert.equal(scene.reassembler.heldOctets, 0);

    const many = new Scene().segment(1, "a");
    for (let i = 0; i <= MAX_PENDING_SEGMENTS; i++) many.segment(3 + 2 * i, "x");
    assert.deepEqual(many.given.slice(0, 3), ["a@0", 1, "x@1"]);
    assert.ok(many.reassembler.heldOctets <= MAX_PENDING_SEGMENTS);
  });

  it("knows that octets which the capture cut off are missing", () => {
    const scene = new Scene().segment(1, "ab", 4).segment(5, "e");
    assert.deepEqual(scene.given, ["ab@0", 2, "e@1"]);
    const pending = new Scene().segment(1, "a").segment(3, "c", 3).segment(6, "f").segment(2, "b");
    assert.deepEqual(pending.given, ["a@0", "b@3", "c@3", 2, "f@3"]);
  });

  it("drops a single segment from nowhere", () => {
    const far = MAX_JUMP + 1000;
    const { given, reassembler } = new Scene().segment(1, "a").segment(far, "x").segment(2, "b").segment(
      -far,
      "y",
    ).segment(3, "c");
    reassembler.handleEnd();
    assert.deepEqual(given, ["a@0", "b@2", "c@4"]);
  });

  it("goes on where two segments far away continue one another", () => {
    const far = MAX_JUMP + 1000;
    assert.deepEqual(new Scene().segment(1, "a").segment(far, "x").segment(far + 1, "y").given, [
      "a@0",
      far - 2,
      "x@2",
      "y@2",
    ]);
    // Behind: another connection of which the SYN is missing. How much was lost is not known.
    assert.deepEqual(
      new Scene().segment(1, "a").segment(-far, "x").segment(1 - far, "y").segment(2 - far, "z").given,
      [
        "a@0",
        0,
        "x@2",
        "y@2",
        "z@3",
      ],
    );
  });

  it("ends at FIN, once all before it was given", () => {
    const scene = new Scene().segment(1, "a").segment(3, "c");
    scene.reassembler.handleFin(4);
    assert.equal(scene.reassembler.finished, false);
    scene.segment(2, "b");
    assert.equal(scene.reassembler.finished, true);
    const early = new Scene().segment(1, "a");
    early.reassembler.handleFin(2);
    early.segment(2, "b");
    assert.equal(early.reassembler.finished, false, "a FIN in mid-stream was none");
  });

  it("gives every octet once and in order, whatever the network does", () => {
    // Each octet of the stream is known by its place, and carries which copy it is: a slow twin keeps the first of each.
    const segment = fc.record({ at: fc.nat(60), length: fc.integer({ min: 1, max: 12 }) });
    const base = fc.constantFrom(1, 0xffffffe0, 0x7ffffff0);
    fc.assert(fc.property(base, fc.array(segment, { minLength: 1, maxLength: 40 }), (first, segments) => {
      const scene = new Scene();
      scene.reassembler.handleSyn((first - 1) >>> 0);
      const firstCopy: (number | undefined)[] = [];
      segments.forEach(({ at, length }, copy) => {
        for (let i = at; i < at + length; i++) firstCopy[i] ??= copy;
        scene.segment(first + at, new Uint8Array(length).fill(copy));
      });
      scene.reassembler.handleEnd();

      const expected: (number | undefined)[] = [...firstCopy];
      const actual: (number | undefined)[] = [];
      let octets = 0;
      for (const given of scene.given) {
        if (typeof given === "number") actual.length += given;
        else actual.push(...scene.octets[octets++]!);
      }
      assert.deepEqual(Array.from(actual), Array.from(expected));
      assert.equal(scene.reassembler.heldOctets, 0);
    }));
  });
});
