import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ReadBuffer, SharedReadBuffer } from "../../lib/runtime/_read_buffer.ts";
import { copyOut } from "../../lib/runtime/_slab.ts";

/** Reads of these parts of the space, each filled with its own number; gives the chunks and the sizes of the spaces. */
function fill(
  buffer: ReadBuffer | SharedReadBuffer,
  parts: readonly number[],
): { chunks: Uint8Array[]; spaces: number[] } {
  const chunks: Uint8Array[] = [];
  const spaces: number[] = [];
  for (const [number, part] of parts.entries()) {
    const { space } = buffer;
    const length = Math.max(1, Math.round(part * space.byteLength));
    spaces.push(space.byteLength);
    space.fill(number, 0, length);
    const chunk = buffer.take(length);
    assert.equal(chunk.byteLength, length);
    chunks.push(chunk);
  }
  return { chunks, spaces };
}

const kinds = {
  ReadBuffer: () => new ReadBuffer(),
  SharedReadBuffer: () => new SharedReadBuffer(new Uint8Array(65536), (length) => new ArrayBuffer(length)),
};

for (const [name, make] of Object.entries(kinds)) {
  describe(name, () => {
    it("never touches octets that it has given out", () => {
      const part = fc.oneof(fc.constant(1), fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true }));
      fc.assert(
        fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
          const { chunks } = fill(make(), parts);
          for (const [number, chunk] of chunks.entries()) assert.ok(chunk.every((octet) => octet === number));
        }),
        { numRuns: 50 },
      );
    });

    it("grows while reads fill it, and is small again after one that does not", () => {
      const { spaces } = fill(make(), [0.5, 1, 1, 1, 1, 0.5, 0.5, 0.1]);
      const small = name === "ReadBuffer" ? 4096 : 65536;
      assert.ok(spaces[0]! <= small && spaces[1]! <= small);
      assert.ok(spaces[2] === 262144 && spaces[5] === 262144, `${spaces}`);
      assert.ok(spaces[6]! <= small && spaces[7]! <= small, `${spaces}`);
    });
  });
}

describe("ReadBuffer", () => {
  it("goes on in the rest of what it has, down to half of a small buffer", () => {
    const buffer = new ReadBuffer();
    const first = buffer.take(1000);
    const second = buffer.take(1000);
    assert.equal(first.buffer, second.buffer);
    assert.equal(buffer.space.byteLength, 2096);
    buffer.take(100);
    assert.equal(buffer.space.byteLength, 4096);
  });
});

describe("SharedReadBuffer", () => {
  it("copies what came into everybody's buffer, and hands on what came into its own", () => {
    const scratch = new Uint8Array(65536);
    const buffer = new SharedReadBuffer(scratch, (length) => new ArrayBuffer(length));
    assert.notEqual(buffer.take(1000).buffer, scratch.buffer);
    assert.notEqual(buffer.take(65536).buffer, scratch.buffer);
    const { space } = buffer;
    assert.equal(buffer.take(262144).buffer, space.buffer);
  });
});

describe("copyOut", () => {
  it("copies any length, and never twice to the same place", () => {
    fc.assert(fc.property(fc.array(fc.oneof(fc.nat(700), fc.nat(70_000)), { maxLength: 40 }), (lengths) => {
      const scratch = new Uint8Array(70_000);
      const copies = lengths.map((length, number) => {
        scratch.fill(number, 0, length);
        return copyOut(scratch, length);
      });
      for (const [number, copy] of copies.entries()) {
        assert.equal(copy.byteLength, lengths[number]);
        assert.ok(copy.every((octet) => octet === number));
      }
    }));
  });

  it("keeps no more memory alive than the size of a piece allows", () => {
    const scratch = new Uint8Array(100_000);
    assert.equal(copyOut(scratch, 512).buffer.byteLength, 8192);
    assert.equal(copyOut(scratch, 16384).buffer.byteLength, 65536);
    assert.equal(copyOut(scratch, 16385).buffer.byteLength, 16385);
  });
});
