import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { InPlaceFramer } from "../../lib/encap/in_place_framer.ts";
import { Framer, type MessageChunk } from "../../lib/encap/mod.ts";

function frame(chunks: readonly MessageChunk[], framer = new Framer()): Uint8Array[] {
  const bytes: Uint8Array[] = [];
  for (const chunk of chunks) framer.handle(chunk, (out) => bytes.push(out));
  assert.equal(framer.counters.messages, chunks.flat().length);
  return bytes;
}

function inPlace(chunks: readonly MessageChunk[]): Uint8Array[] {
  return frame(chunks, new InPlaceFramer());
}

describe("InPlaceFramer", () => {
  it("writes Lengths in place where there is room for them and nothing else, and copies elsewhere", () => {
    const slab = Uint8Array.from({ length: 40 }, (_, i) => i);
    const at = (start: number, end: number) => slab.subarray(start, end);
    const fitting = [at(7, 10), at(12, 13), at(15, 30)];
    const expected = frame([fitting.map((message) => message.slice())]);
    const [bytes] = inPlace([fitting]);
    assert.deepEqual([bytes], expected);
    assert.equal(bytes!.buffer, slab.buffer);
    for (
      const others of [[at(1, 4)], [at(5, 8), at(11, 12)], [at(5, 8), at(9, 12)], [
        at(5, 8),
        new Uint8Array(40).subarray(10, 11),
      ]]
    ) {
      const before = slab.slice();
      assert.deepEqual(inPlace([others]), frame([others]));
      assert.deepEqual(slab, before);
    }
  });

  it("refuses what a framer refuses", () => {
    const slab = new Uint8Array(70_000);
    for (const message of [slab.subarray(2, 2), slab.subarray(2, 65_537)]) {
      assert.throws(() => new InPlaceFramer().handle(message, () => {}), { name: "RangeError" });
    }
    assert.throws(() => new InPlaceFramer({ maxMessageLength: 9 }).handle(slab.subarray(2, 12), () => {}), {
      code: "ERR_ENCAP_MESSAGE_LENGTH",
    });
    assert.deepEqual(inPlace([[]]), []);
  });

  it("counts as a framer does", () => {
    const slab = new Uint8Array(40);
    const chunk = [slab.subarray(2, 12), slab.subarray(14, 15)];
    const framers = [new Framer(), new InPlaceFramer()];
    for (const framer of framers) framer.handle(chunk, () => {});
    assert.deepEqual(framers[0]!.counters, framers[1]!.counters);
  });
});
