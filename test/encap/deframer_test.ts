import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { Deframer, type DeframerOptions } from "../../lib/encap/mod.ts";
import { concat } from "../../lib/bytes/mod.ts";
import { cutsOf, randomCut } from "../_support/cuts.ts";
import {
  espMessage,
  framed,
  ikeMessage,
  messages,
  roughStreams,
  showMessages,
} from "../_support/messages.ts";
import { deframeSlowly } from "../_support/slow_deframer.ts";

interface Outcome {
  readonly batches: Uint8Array[][];
  readonly error: { code?: string; message: string } | undefined;
  readonly deframer: Deframer;
}

/** Gives chunks to a deframer, and the end unless an error came before it. */
function deframe(chunks: readonly Uint8Array[], options?: DeframerOptions): Outcome {
  const deframer = new Deframer(options);
  const batches: Uint8Array[][] = [];
  try {
    for (const chunk of chunks) deframer.handle(chunk, (batch) => batches.push(batch));
    deframer.handleEnd();
  } catch (error) {
    return { batches, error: error as Error, deframer };
  }
  return { batches, error: undefined, deframer };
}

describe("Deframer", () => {
  it("takes the Length to count itself, in network order (R-FRM-1, R-FRM-2)", () => {
    const { batches } = deframe([Uint8Array.of(0, 5, 1, 2, 3, 1, 2, ...new Uint8Array(256))]);
    assert.deepEqual(batches[0]!.map((message) => message.byteLength), [3, 256]);
  });

  it("gives the same messages for any cut (R-FRM-14, R-FRM-15)", () => {
    const input = [
      ikeMessage(1),
      espMessage(2, 1400),
      Uint8Array.of(0xff),
      espMessage(3),
      new Uint8Array(3000).fill(7),
    ];
    for (const { name, chunks } of cutsOf(framed(...input))) {
      const { batches, error } = deframe(chunks);
      assert.equal(error, undefined);
      assert.equal(showMessages(batches.flat()), showMessages(input), name);
    }
  });

  it("answers a chunk with at most one batch, never an empty one", () => {
    fc.assert(fc.property(fc.array(messages, { maxLength: 12 }), fc.nat(), (input, seed) => {
      const deframer = new Deframer();
      for (const chunk of randomCut(framed(...input), seed)) {
        const batches: Uint8Array[][] = [];
        deframer.handle(chunk, (batch) => batches.push(batch));
        assert.ok(batches.length <= 1);
        assert.ok(batches.every((batch) => batch.length > 0));
      }
    }));
  });

  it("gives views of the chunk, and a copy only of a message that straddles two", () => {
    const input = [espMessage(1, 100), espMessage(2, 100), espMessage(3, 100)];
    const bytes = framed(...input);
    const [first, second] = [bytes.slice(0, 150), bytes.slice(150)];
    const { batches, deframer } = deframe([first, second]);
    assert.deepEqual(batches.map((batch) => batch.length), [1, 2]);
    assert.equal(batches[0]![0]!.buffer, first.buffer);
    assert.notEqual(batches[1]![0]!.buffer, second.buffer);
    assert.equal(batches[1]![1]!.buffer, second.buffer);
    assert.ok(
      deframer.counters.octetsCopied <= 2 * 102,
      `${deframer.counters.octetsCopied} octets were copied`,
    );
  });

  it("gives messages that do not change when the chunk behind them is used again", () => {
    const input = [espMessage(1, 100), espMessage(2, 100)];
    const received: Uint8Array[] = [];
    const deframer = new Deframer();
    const buffer = new Uint8Array(40);
    for (const chunk of randomCut(framed(...input), 5)) {
      for (let start = 0; start < chunk.length; start += buffer.length) {
        const part = chunk.subarray(start, start + buffer.length);
        buffer.set(part);
        // A message of 100 octets never lies whole in 40 octets, so all of it must have been copied.
        deframer.handle(buffer.subarray(0, part.length), (batch) => received.push(...batch));
        buffer.fill(0xee);
      }
    }
    assert.equal(showMessages(received), showMessages(input));
  });

  for (const length of [0, 1]) {
    it(`fails on a Length of ${length}, also in mid-stream, behind every earlier message (R-FRM-7)`, () => {
      const input = [ikeMessage(1), espMessage(2)];
      const bytes = concat([framed(...input), Uint8Array.of(0, length), framed(espMessage(3))]);
      for (const { name, chunks } of cutsOf(bytes)) {
        const { batches, error } = deframe(chunks);
        assert.equal(showMessages(batches.flat()), showMessages(input), name);
        assert.equal(error?.code, "ERR_ENCAP_LENGTH", name);
        assert.equal(error?.message, `Cannot read stream: expected a Length of 2 or more, got ${length}`);
      }
    });

    it(`fails on a Length of ${length} as soon as its second octet is there`, () => {
      const deframer = new Deframer();
      deframer.handle(Uint8Array.of(0), () => assert.fail("a message"));
      assert.throws(() => deframer.handle(Uint8Array.of(length), () => {}), { code: "ERR_ENCAP_LENGTH" });
    });
  }

  it("ignores empty messages, a hundred thousand in a row, in one chunk or one by one (R-FRM-8)", () => {
    const empty = new Uint8Array(200_000).map((_, i) => i % 2 === 0 ? 0 : 2);
    const message = framed(espMessage(1));
    for (
      const chunks of [
        [empty, message],
        [concat([empty, message])],
        Array.from(empty, (_, i) => empty.subarray(i, i + 1)).concat(message),
      ]
    ) {
      const { batches, deframer } = deframe(chunks);
      assert.equal(showMessages(batches.flat()), showMessages([espMessage(1)]));
      assert.equal(deframer.counters.empty, 100_000);
    }
  });

  it("gives a keepalive as a message of one octet (R-FRM-9, R-KAL-3)", () => {
    assert.deepEqual(deframe([Uint8Array.of(0, 3, 0xff)]).batches, [[Uint8Array.of(0xff)]]);
  });

  it("accepts 65533 octets, in any cut", () => {
    const message = new Uint8Array(65533).map((_, i) => i);
    for (const chunks of [[framed(message)], randomCut(framed(message), 1), randomCut(framed(message), 2)]) {
      assert.deepEqual(deframe(chunks).batches.flat(), [message]);
    }
  });

  it("keeps to maxMessageLength, and fails before the message arrives", () => {
    const options = { maxMessageLength: 100 };
    assert.equal(deframe([framed(new Uint8Array(100))], options).batches.length, 1);
    for (const { chunks } of cutsOf(concat([framed(espMessage(1)), Uint8Array.of(0, 103)]))) {
      const { batches, error } = deframe(chunks, options);
      assert.equal(batches.flat().length, 1);
      assert.equal(error?.code, "ERR_ENCAP_MESSAGE_TOO_LONG");
      assert.equal(error?.message, "Cannot read stream: expected messages of at most 100 octets, got 101");
    }
    for (const maxMessageLength of [0, -1, 65534, 2.5]) {
      assert.throws(() => new Deframer({ maxMessageLength }), {
        name: "RangeError",
        code: "ERR_OPTION_RANGE",
      });
    }
  });

  it("drops and counts a message that the end cuts short, wherever it does (R-FRM-16)", () => {
    const bytes = framed(espMessage(1), espMessage(2));
    for (let length = 0; length <= bytes.length; length++) {
      const { batches, error, deframer } = deframe([bytes.subarray(0, length)]);
      assert.equal(error, undefined);
      assert.equal(batches.flat().length, length < 42 ? 0 : length < 84 ? 1 : 2);
      assert.equal(deframer.counters.partial, length % 42 === 0 ? 0 : 1, `${length} octets`);
    }
  });

  it("refuses what is not octets with a TypeError", () => {
    for (const wrong of ["text", null, undefined, [1, 2], new ArrayBuffer(2)]) {
      assert.throws(() => new Deframer().handle(wrong as unknown as Uint8Array, () => {}), {
        name: "TypeError",
        code: "ERR_ENCAP_CHUNK",
      });
    }
  });

  it("does linear work for a message of 64 KiB in chunks of one octet", () => {
    const bytes = framed(new Uint8Array(65533));
    const deframer = new Deframer();
    let received = 0;
    for (let i = 0; i < bytes.length; i++) {
      deframer.handle(bytes.subarray(i, i + 1), (batch) => received += batch.length);
    }
    assert.equal(received, 1);
    const { octetsCopied } = deframer.counters;
    assert.ok(octetsCopied <= 3 * bytes.length, `${octetsCopied} octets were copied for ${bytes.length}`);
  });

  it("does linear work for any number of small messages in chunks of one octet", () => {
    const bytes = framed(...Array.from({ length: 500 }, (_, i) => espMessage(i, 20)));
    const deframer = new Deframer();
    for (let i = 0; i < bytes.length; i++) deframer.handle(bytes.subarray(i, i + 1), () => {});
    assert.equal(deframer.counters.messages, 500);
    assert.ok(deframer.counters.octetsCopied <= 3 * bytes.length);
  });

  it("takes memory for what has arrived, not for what is announced, and no more than a message needs", () => {
    for (
      const [announced, arrived, most] of [[65533, 3, 2048], [65533, 5000, 16_384], [6, 3, 8], [
        65533,
        65000,
        65535,
      ]]
    ) {
      const deframer = new Deframer();
      const bytes = framed(new Uint8Array(announced!));
      const rest: Uint8Array[] = [];
      deframer.handle(bytes.subarray(0, arrived!), () => {});
      deframer.handle(bytes.subarray(arrived!), (batch) => rest.push(...batch));
      assert.equal(rest[0]!.byteLength, announced);
      assert.ok(
        rest[0]!.buffer.byteLength <= Math.max(announced! + 2, most!),
        `${rest[0]!.buffer.byteLength} octets`,
      );
    }
  });

  it("agrees with the slow deframer on any stream, in any cut", () => {
    fc.assert(
      fc.property(roughStreams, fc.nat(), fc.constantFrom(65533, 8, 300), (bytes, seed, maxMessageLength) => {
        const expected = deframeSlowly([...bytes], maxMessageLength);
        for (const { name, chunks } of cutsOf(bytes, seed)) {
          const { batches, error, deframer } = deframe(chunks, { maxMessageLength });
          assert.deepEqual(batches.flat().map((message) => [...message]), expected.messages, name);
          assert.equal(error !== undefined, expected.fatal !== undefined, name);
          const { counters } = deframer;
          assert.equal(counters.messages, expected.messages.length);
          assert.equal(counters.octets, expected.messages.reduce((sum, message) => sum + message.length, 0));
          assert.equal(counters.empty, expected.empty);
          if (error === undefined) assert.equal(counters.partial, expected.rest > 0 ? 1 : 0);
          else {assert.equal(
              error.code,
              expected.fatal! < 2 ? "ERR_ENCAP_LENGTH" : "ERR_ENCAP_MESSAGE_TOO_LONG",
            );}
        }
      }),
      { numRuns: 300 },
    );
  });

  it("neither crashes nor keeps more than one message on arbitrary octets", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 5000 }), fc.nat(), (bytes, seed) => {
      const { batches, error, deframer } = deframe(randomCut(bytes, seed));
      const given = batches.flat().reduce((sum, message) => sum + message.byteLength + 2, 0);
      assert.ok(given <= bytes.length);
      if (error !== undefined) assert.equal(error.code, "ERR_ENCAP_LENGTH");
      assert.ok(deframer.counters.octetsCopied <= 3 * bytes.length);
    }));
  });
});
