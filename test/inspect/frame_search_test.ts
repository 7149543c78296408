import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, fromHex } from "../../lib/bytes/mod.ts";
import {
  type ArrivedOctets,
  FrameSearch,
  LONGEST_PAIRED_ESP,
  MAX_SEARCH_OCTETS,
} from "../../lib/inspect/frame_search.ts";
import { esp, frame, markedIke } from "../_support/captures.ts";
import { randomCut, randomNumbers } from "../_support/cuts.ts";

/** Octets that look like nothing: the end of a message whose start is missing. */
function noise(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const random = randomNumbers(seed);
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}

/** What is found in segments that come one by one: the octets from the first message on, or undefined. */
function search(segments: readonly Uint8Array[], known = new Map<number, number>()): Uint8Array | undefined {
  const frames = new FrameSearch(known);
  for (const [i, segment] of segments.entries()) {
    const found = frames.handle(segment, { number: i, time: i });
    if (found !== undefined) return concat([...found.map(({ octets }) => octets), ...segments.slice(i + 1)]);
  }
  return undefined;
}

describe("FrameSearch", () => {
  it("finds an IKE message anywhere in a segment, as soon as its header is there", () => {
    const message = frame(markedIke({ exchange: 37, size: 500 }));
    const frames = new FrameSearch(new Map());
    assert.equal(frames.handle(noise(1000), { number: 0, time: 0 }), undefined);
    assert.equal(frames.handle(message.subarray(0, 33), { number: 1, time: 1 }), undefined);
    const found = frames.handle(message.subarray(33, 34), { number: 2, time: 2 })!;
    assert.deepEqual(concat(found.map(({ octets }) => octets)), message.subarray(0, 34));
    assert.deepEqual(found.map(({ arrival }) => arrival.number), [1, 2]);
  });

  it("finds two ESP packets of one SA behind one another", () => {
    const stream = concat([
      noise(700),
      frame(esp(0x12345678, 41)),
      frame(esp(0x12345678, 42)),
      new Uint8Array(40),
    ]);
    const found = search([stream.subarray(0, 650), stream.subarray(650)]);
    assert.deepEqual(found, stream.subarray(700));
  });

  it("finds the longest ESP packets that it pairs", () => {
    const stream = concat([
      noise(50),
      frame(esp(0x12345678, 41, LONGEST_PAIRED_ESP)),
      frame(esp(0x12345678, 42)),
    ]);
    assert.deepEqual(search(randomCut(stream, 5)), stream.subarray(50));
  });

  it("does not pair ESP packets of two SAs, or far from one another in sequence", () => {
    for (
      const other of [esp(0x12345679, 42), esp(0x12345678, 41), esp(0x12345678, 40), esp(0x12345678, 5000)]
    ) {
      const stream = concat([noise(99), frame(esp(0x12345678, 41)), frame(other), new Uint8Array(40)]);
      assert.equal(search([stream]), undefined);
    }
  });

  it("finds one ESP packet of an SA that it knows", () => {
    const stream = concat([noise(99), frame(esp(0x12345678, 41)), noise(40)]);
    assert.deepEqual(search([stream], new Map([[0x12345678, 40]])), stream.subarray(99));
    assert.equal(search([stream], new Map([[0x12345678, 41]])), undefined, "a sequence number of the past");
  });

  it("finds segments that are whole messages", () => {
    const cases: readonly (readonly Uint8Array[])[] = [
      [esp(0x12345678, 41)],
      [fromHex("ff")],
      [esp(0x12345678, 41, 24), new Uint8Array(0), esp(0x87654321, 7, 300), fromHex("ff")],
    ];
    for (const messages of cases) {
      const segment = concat(messages.map(frame));
      assert.deepEqual(search([noise(99), segment]), segment);
    }
  });

  it("does not take for messages what merely has the right length", () => {
    const cases: readonly Uint8Array[] = [
      frame(new Uint8Array(0)),
      frame(fromHex("fe")),
      frame(fromHex("010203")),
      frame(concat([fromHex("000000ff"), new Uint8Array(60)])), // a reserved SPI
      frame(concat([new Uint8Array(4), noise(60)])), // a marker without an IKE header
      frame(esp(0x12345678, 1, 16)), // shorter than any ESP packet
    ];
    for (const segment of cases) assert.equal(search([segment, noise(99)]), undefined);
  });

  it("takes along the packet that leads from the start of a segment to what it found", () => {
    const stream = concat([frame(esp(0x12345678, 41)), frame(markedIke())]);
    assert.deepEqual(search([noise(99), stream.subarray(0, 100), stream.subarray(100)]), stream);
    // Not from anywhere else: a length that points there by chance is likelier than a message.
    assert.deepEqual(search([concat([noise(99), stream])]), frame(markedIke()));
    // But for one of an SA that it knows, whatever its sequence number.
    assert.deepEqual(search([concat([noise(99), stream])], new Map([[0x12345678, 500]])), stream);
  });

  it("forgets what was before a hole", () => {
    const stream = concat([frame(esp(0x12345678, 41, 500)), frame(esp(0x12345678, 42, 500))]);
    const frames = new FrameSearch(new Map());
    assert.equal(
      frames.handle(concat([noise(9), stream.subarray(0, 300)]), { number: 0, time: 0 }),
      undefined,
    );
    frames.handleGap();
    assert.equal(frames.handle(stream.subarray(500), { number: 1, time: 1 }), undefined);
  });

  it("gives the same whatever the segments, where no segment is a message by itself", () => {
    const message = fc.record({
      seq: fc.integer({ min: 1, max: 9 }),
      size: fc.integer({ min: 40, max: 300 }),
    })
      .map(({ seq, size }) => frame(esp(0x0abbccdd, seq, size)));
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 1, max: 400 }),
        message,
        fc.nat(),
        (seed, before, first, cut) => {
          const stream = concat([
            noise(before, seed),
            first,
            frame(markedIke({ size: 100 })),
            noise(60, seed),
          ]);
          const found = search(randomCut(stream, cut))!;
          assert.ok(found !== undefined);
          // The ESP packet is found only where it begins a segment; the IKE message always.
          const places = [stream.subarray(before), stream.subarray(before + first.length)];
          assert.ok(
            places.some((place) => place.length === found.length),
            `${found.length} of ${stream.length}`,
          );
        },
      ),
    );
  });

  it("finds nothing in octets that look like nothing, and gives up after its limit", () => {
    const frames = new FrameSearch(new Map());
    let octets = 0;
    let held = 0;
    for (let seed = 0; !frames.exhausted; seed++) {
      const segment = noise(65536, seed);
      octets += segment.length;
      assert.equal(frames.handle(segment, { number: seed, time: seed }), undefined);
      held = Math.max(held, frames.heldOctets);
    }
    assert.ok(octets > MAX_SEARCH_OCTETS && octets < MAX_SEARCH_OCTETS + 100_000);
    // Twice a segment with what is kept before it, and the candidates.
    assert.ok(held < 1024 * 1024, `${held} octets held`);
  });

  it("holds little when segments have one octet", () => {
    const frames = new FrameSearch(new Map());
    let found: ArrivedOctets[] | undefined;
    const octets = noise(100_000);
    for (let i = 0; i < octets.length && found === undefined; i++) {
      found = frames.handle(octets.subarray(i, i + 1), { number: i, time: i });
    }
    assert.equal(found, undefined);
    assert.ok(frames.heldOctets < 1024 * 1024, `${frames.heldOctets} octets held`);
  });
});
