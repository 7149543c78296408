import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { Deframer, Framer, type FramerOptions, type MessageChunk } from "../../lib/encap/mod.ts";
import { framed, messages, showMessages } from "../_support/messages.ts";

/** What a framer makes of chunks: one chunk of bytes for each that is not empty. */
function frame(chunks: readonly MessageChunk[], options?: FramerOptions): Uint8Array[] {
  const framer = new Framer(options);
  const bytes: Uint8Array[] = [];
  for (const chunk of chunks) framer.handle(chunk, (out) => bytes.push(out));
  framer.handleEnd();
  return bytes;
}

describe("Framer", () => {
  it("writes a Length in network order that counts itself (R-FRM-1, R-FRM-2)", () => {
    assert.deepEqual(frame([new Uint8Array(1)]), [Uint8Array.of(0, 3, 0)]);
    const [bytes] = frame([new Uint8Array(300)]);
    assert.deepEqual(bytes!.subarray(0, 3), Uint8Array.of(302 >> 8, 302 & 255, 0));
    assert.equal(bytes!.byteLength, 302);
  });

  it("writes a batch as one chunk, in a slab of its own", () => {
    const batch = [Uint8Array.of(1, 2), Uint8Array.of(3), new Uint8Array(500).fill(4)];
    const [bytes, ...more] = frame([batch]);
    assert.deepEqual(bytes, framed(...batch));
    assert.deepEqual(more, []);
    assert.equal(bytes!.buffer.byteLength, bytes!.byteLength);
    for (const message of batch) assert.notEqual(message.buffer, bytes!.buffer);
  });

  it("writes nothing for an empty batch", () => {
    assert.deepEqual(frame([[], []]), []);
  });

  it("sends 65533 octets and refuses 65534, and none (R-FRM-6, R-FRM-10)", () => {
    const [bytes] = frame([new Uint8Array(65533)]);
    assert.deepEqual(bytes!.subarray(0, 2), Uint8Array.of(0xff, 0xff));
    for (const length of [0, 65534, 70_000]) {
      assert.throws(() => frame([new Uint8Array(length)]), {
        name: "RangeError",
        code: "ERR_ENCAP_MESSAGE_LENGTH",
        message: `Cannot send message: expected 1 to 65533 octets, got ${length}`,
      });
    }
  });

  it("keeps to maxMessageLength", () => {
    assert.equal(frame([new Uint8Array(10)], { maxMessageLength: 10 }).length, 1);
    assert.throws(() => frame([new Uint8Array(11)], { maxMessageLength: 10 }), {
      code: "ERR_ENCAP_MESSAGE_LENGTH",
    });
    for (const maxMessageLength of [0, 65534, 1.5, NaN]) {
      assert.throws(() => new Framer({ maxMessageLength }), { name: "RangeError", code: "ERR_OPTION_RANGE" });
    }
  });

  it("writes nothing of a batch that holds one message it refuses", () => {
    const framer = new Framer();
    const bytes: Uint8Array[] = [];
    const batch = [Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2)];
    assert.throws(() => framer.handle(batch, (out) => bytes.push(out)), { code: "ERR_ENCAP_MESSAGE_LENGTH" });
    assert.deepEqual(bytes, []);
    assert.deepEqual(framer.counters, { messages: 0, octets: 0 });
  });

  it("refuses what is not octets with a TypeError", () => {
    for (const wrong of ["text", null, 7, new ArrayBuffer(4), [null], [[Uint8Array.of(1)]]]) {
      assert.throws(() => frame([wrong as unknown as Uint8Array]), {
        name: "TypeError",
        code: "ERR_ENCAP_CHUNK",
      });
    }
  });

  it("takes views that begin inside their buffer", () => {
    const buffer = Uint8Array.of(9, 9, 1, 2, 3, 9);
    assert.deepEqual(frame([buffer.subarray(2, 5)]), [Uint8Array.of(0, 5, 1, 2, 3)]);
  });

  it("counts messages and octets", () => {
    const framer = new Framer();
    framer.handle([new Uint8Array(5), new Uint8Array(7)], () => {});
    framer.handle(new Uint8Array(1), () => {});
    assert.deepEqual(framer.counters, { messages: 3, octets: 13 });
  });

  it("is undone by a deframer, for every size from 1 to 65533", () => {
    const source = new Uint8Array(65533).map((_, i) => i % 251);
    const framer = new Framer();
    const deframer = new Deframer();
    for (let size = 1; size <= 65533; size++) {
      let received: Uint8Array[] = [];
      framer.handle(source.subarray(0, size), (bytes) => deframer.handle(bytes, (batch) => received = batch));
      const [message] = received;
      // Plain comparisons: sixty thousand assertions would take longer than the work.
      if (received.length !== 1 || message!.byteLength !== size || message![size - 1] !== (size - 1) % 251) {
        assert.fail(
          `expected one message of ${size} octets, got ${received.map(({ byteLength }) => byteLength)}`,
        );
      }
    }
  });

  it("is undone by a deframer, for every size from 1 to 65533", () => {
    const source = new Uint8Array(65533).map((_, i) => i % 251);
    const framer = new Framer();
    const deframer = new Deframer();
    for (let size = 1; size <= 65533; size++) {
      let received: Uint8Array[] = [];
      framer.handle(source.subarray(0, size), (bytes) => deframer.handle(bytes, (batch) => received = batch));
      const [message] = received;
      // Plain comparisons: sixty thousand assertions would take longer than the work.
      if (received.length !== 1 || message!.byteLength !== size || message![size - 1] !== (size - 1) % 251) {
        assert.fail(
          `expected one message of ${size} octets, got ${received.map(({ byteLength }) => byteLength)}`,
        );
      }
    }
  });

  it("is undone by a deframer, for any messages in any batches", () => {
    const chunks = fc.array(fc.oneof(messages, fc.array(messages, { maxLength: 8 })), { maxLength: 8 });
    fc.assert(fc.property(chunks, (input) => {
      const deframer = new Deframer();
      const received: Uint8Array[] = [];
      for (const bytes of frame(input)) deframer.handle(bytes, (batch) => received.push(...batch));
      assert.equal(showMessages(received), showMessages(input));
      deframer.handleEnd();
      assert.equal(deframer.counters.partial, 0);
    }));
  });
});
