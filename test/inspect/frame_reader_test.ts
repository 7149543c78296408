import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, fromHex, toHex } from "../../lib/bytes/mod.ts";
import { Deframer } from "../../lib/encap/mod.ts";
import { EncapError } from "../../lib/errors.ts";
import { FrameReader } from "../../lib/inspect/frame_reader.ts";
import { frame, PREFIX } from "../_support/captures.ts";
import { cutsOf, randomCut } from "../_support/cuts.ts";

/** A reader that writes down what it finds: messages as hexadecimal, faults as codes. */
class Scene {
  readonly found: string[] = [];
  readonly reader: FrameReader = new FrameReader({
    handleMessage: (message) => void this.found.push(toHex(message)),
    handleFault: (error) => void this.found.push(error.code),
  });

  read(octets: Uint8Array): number | undefined {
    return this.reader.handle(octets, { number: 0, time: 0 });
  }
}

/** The same by the deframer of a live end. */
function deframe(chunks: readonly Uint8Array[]): string[] {
  const deframer = new Deframer();
  const found: string[] = [];
  try {
    for (const chunk of chunks) {
      deframer.handle(chunk, (batch) => found.push(...batch.map((message) => toHex(message))));
    }
  } catch (error) {
    assert.ok(error instanceof EncapError);
    found.push(error.code);
  }
  return found;
}

describe("FrameReader", () => {
  it("gives messages, empty ones too, whatever the cuts", () => {
    const stream = concat(
      [fromHex("00"), fromHex("aabbcc"), new Uint8Array(0), fromHex("ff"), new Uint8Array(300)].map(frame),
    );
    for (const { name, chunks } of cutsOf(stream)) {
      const scene = new Scene();
      for (const chunk of chunks) assert.equal(scene.read(chunk), undefined);
      assert.deepEqual(scene.found, ["00", "aabbcc", "", "ff", "00".repeat(300)], name);
      assert.equal(scene.reader.handleEnd(), undefined);
      assert.equal(scene.reader.heldOctets, 0);
    }
  });

  it("takes 65533 octets, the longest message there is", () => {
    const stream = frame(new Uint8Array(65533));
    for (const chunks of [[stream], randomCut(stream, 7)]) {
      const scene = new Scene();
      for (const chunk of chunks) scene.read(chunk);
      assert.deepEqual(scene.found.map(({ length }) => length / 2), [65533]);
    }
  });

  it("says where a length of 0 or 1 leaves the stream", () => {
    for (const length of ["0000", "0001"]) {
      const stream = concat([frame(fromHex("aabb")), fromHex(length), fromHex("000345")]);
      const scene = new Scene();
      assert.equal(scene.read(stream), 6);
      assert.deepEqual(scene.found, ["aabb", "ERR_ENCAP_LENGTH"]);
      const split = new Scene();
      assert.equal(split.read(stream.subarray(0, 5)), undefined);
      assert.equal(split.read(stream.subarray(5)), 1);
      assert.deepEqual(split.found, ["aabb", "ERR_ENCAP_LENGTH"]);
    }
  });

  it("names a second prefix and goes on behind it", () => {
    const stream = concat([frame(fromHex("aabb")), PREFIX, frame(fromHex("cc"))]);
    for (const { name, chunks } of cutsOf(stream)) {
      const scene = new Scene();
      for (const chunk of chunks) scene.read(chunk);
      assert.deepEqual(scene.found, ["aabb", "ERR_ENCAP_PREFIX", "cc"], name);
    }
  });

  it("still takes a message as long as the prefix looks like", () => {
    const message = new Uint8Array(0x494b - 2).fill(0x45);
    for (const chunks of [[frame(message)], randomCut(frame(message), 3)]) {
      const scene = new Scene();
      for (const chunk of chunks) scene.read(chunk);
      assert.deepEqual(scene.found, [toHex(message)]);
    }
  });

  it("knows the border behind a hole inside a message", () => {
    const next = frame(fromHex("ccdd"));
    const message = frame(new Uint8Array(20));
    for (let begin = 2; begin < message.length; begin++) {
      for (let end = begin + 1; end <= message.length; end++) {
        const scene = new Scene();
        scene.read(message.subarray(0, begin));
        assert.equal(scene.reader.handleGap(end - begin), true, `${begin} ${end}`);
        scene.read(message.subarray(end));
        scene.read(next);
        assert.deepEqual(scene.found, ["ccdd"], `${begin} ${end}`);
      }
    }
  });

  it("has lost the border when the hole reaches beyond it, or nobody knows how far", () => {
    const message = frame(new Uint8Array(20));
    const holes: readonly (readonly [before: number, length: number])[] = [[0, 1], [1, 5], [10, 13], [10, 0]];
    for (const [before, length] of holes) {
      const scene = new Scene();
      scene.read(message.subarray(0, before));
      assert.equal(scene.reader.handleGap(length), false, `${before} ${length}`);
      assert.equal(scene.reader.heldOctets, 0);
    }
    const twice = new Scene();
    twice.read(message.subarray(0, 4));
    assert.equal(twice.reader.handleGap(8), true);
    assert.equal(twice.reader.handleGap(10), true);
    assert.equal(twice.reader.handleGap(1), false);
  });

  it("says what a stream lacks that ends inside a message", () => {
    const scene = new Scene();
    scene.read(fromHex("000a0102"));
    const error = scene.reader.handleEnd()!;
    assert.equal(error.code, "ERR_ENCAP_MESSAGE_INCOMPLETE");
    assert.match(error.message, /expected a message of 10 octets, got 4 before the end$/);
    scene.read(fromHex("00"));
    assert.match(scene.reader.handleEnd()!.message, /expected a Length of 2 octets, got 1 before the end$/);
    assert.equal(scene.reader.handleEnd(), undefined);
  });

  it("agrees with the deframer of a live end on anything but empty messages and second prefixes", () => {
    const message = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map(frame),
      fc.constantFrom(fromHex("0000"), fromHex("0001"), fromHex("0002"), fromHex("000200020003ff")),
      fc.uint8Array({ maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), fc.nat(), (parts, seed) => {
        const stream = concat(parts);
        if (toHex(stream).includes("494b45544350")) return;
        const chunks = randomCut(stream, seed);
        const scene = new Scene();
        for (const chunk of chunks) {
          if (scene.read(chunk) !== undefined) break;
        }
        assert.deepEqual(scene.found.filter((found) => found !== ""), deframe(chunks));
      }),
      { numRuns: 300 },
    );
  });
});
