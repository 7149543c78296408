import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { DemuxStream, type MessageChunk } from "../../lib/encap/mod.ts";
import {
  collect,
  collectUntilError,
  readUntilError,
  recordingSource,
  sourceOf,
  testStage,
} from "../compliance/stage_suite.ts";
import { espMessage, ikeMessage, showMessages } from "../_support/messages.ts";
import { assertWaits, soon, soonRejected, stuck, turns, Watched } from "../_support/turns.ts";

const input = [ikeMessage(1), espMessage(1), ikeMessage(2), espMessage(2, 1400), espMessage(3)];
const ike = [1, 2].map((seed) => ikeMessage(seed).subarray(4));
const esp = [espMessage(1), espMessage(2, 1400), espMessage(3)];
const faulty = [input, [ikeMessage(3), espMessage(4), "text" as unknown as Uint8Array]];

testStage<Uint8Array[], Uint8Array[]>("DemuxStream, to IKE", {
  make() {
    const demux = new DemuxStream({ maxIkeQueue: 10_000 });
    collectUntilError(demux.esp);
    return { readable: demux.ike, writable: demux.writable };
  },
  input: [input],
  output: showMessages(ike),
  show: showMessages,
  showInput: (chunk) => showMessages([chunk]),
  cuts: () => [{ name: "batches of one", chunks: input.map((message) => [message]) }],
  faulty: {
    input: faulty,
    output: showMessages([...ike, ikeMessage(3).subarray(4)]),
    code: "ERR_ENCAP_CHUNK",
  },
  flood: { chunk: [ikeMessage(1, 1000)], most: 9 },
  abortWaits: false,
  cancelEnds: false,
});

testStage<Uint8Array, Uint8Array>("DemuxStream of single messages, to ESP", {
  make() {
    const demux = new DemuxStream<Uint8Array>();
    collectUntilError(demux.ike);
    return { readable: demux.esp, writable: demux.writable };
  },
  input,
  output: showMessages(esp),
  show: showMessages,
  showInput: (chunk) => showMessages([chunk]),
  abortWaits: false,
  cancelEnds: false,
});

testStage<Uint8Array[], Uint8Array[]>("DemuxStream, to ESP alone", {
  make() {
    const demux = new DemuxStream();
    demux.ike.cancel();
    return { readable: demux.esp, writable: demux.writable };
  },
  input: [input],
  output: showMessages(esp),
  show: showMessages,
  showInput: (chunk) => showMessages([chunk]),
  faulty: { input: faulty, output: showMessages([...esp, espMessage(4)]), code: "ERR_ENCAP_CHUNK" },
  abortWaits: false,
});

/** Octets of the messages that wait, as a reader then gets them, and of the buffers behind them. */
function weigh(chunks: readonly Uint8Array[][]): { octets: number; held: number } {
  const messages = chunks.flat();
  const buffers = [...new Set(messages.map((message) => message.buffer))];
  return {
    octets: messages.reduce((sum, message) => sum + message.byteLength, 0),
    held: buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0),
  };
}

describe("DemuxStream", () => {
  it("answers in kind, batches for batches and single messages for single messages", async () => {
    const demux = new DemuxStream<MessageChunk>();
    const [ikeReader, espReader] = [demux.ike.getReader(), demux.esp.getReader()];
    const writer = demux.writable.getWriter();
    await writer.write(input);
    assert.deepEqual((await ikeReader.read()).value, ike);
    assert.deepEqual((await espReader.read()).value, esp);
    for (const message of input) await writer.write(message);
    assert.deepEqual((await ikeReader.read()).value, ike[0]);
    assert.deepEqual((await ikeReader.read()).value, ike[1]);
    assert.deepEqual((await espReader.read()).value, esp[0]);
    await writer.close();
  });

  it("gives a reader that comes late all that waits as one batch", async () => {
    const demux = new DemuxStream();
    const writer = demux.writable.getWriter();
    for (const message of input) await writer.write([message]);
    assert.deepEqual((await demux.ike.getReader().read()).value, ike);
    assert.deepEqual((await demux.esp.getReader().read()).value, esp);
    await writer.close();
  });

  it("never lets a slow reader of ESP starve IKE", async () => {
    const demux = new DemuxStream();
    const writer = demux.writable.getWriter();
    const reader = demux.ike.getReader();
    for (let i = 0; i < 200; i++) {
      await soon(
        "a write",
        writer.write([...Array.from({ length: 40 }, (_, k) => espMessage(k, 1400)), ikeMessage(i)]),
      );
      assert.deepEqual((await soon("IKE", reader.read())).value, [ikeMessage(i).subarray(4)]);
    }
    assert.ok(demux.core.counters.espDropped > 6000);
    await writer.close();
  });

  it("drops ESP past its bound, oldest first, and counts it", async () => {
    const demux = new DemuxStream({ maxEspQueue: 20_000 });
    const writer = demux.writable.getWriter();
    for (let i = 0; i < 100; i++) await writer.write([espMessage(i, 1000)]);
    const closed = writer.close();
    const waiting = (await collect(demux.esp)).flat();
    await closed;
    const dropped = demux.core.counters.espDropped;
    assert.equal(waiting.length + dropped, 100);
    assert.equal(
      showMessages(waiting),
      showMessages(Array.from(waiting, (_, i) => espMessage(dropped + i, 1000))),
    );
    assert.ok(
      waiting.length >= 18 && waiting.length <= 20,
      `${waiting.length} packets of 1000 octets waited`,
    );
  });

  it("gives a reader that waits a whole batch, however far past the bound of the queue", async () => {
    const demux = new DemuxStream({ maxEspQueue: 0 });
    const writer = demux.writable.getWriter();
    const reader = demux.esp.getReader();
    for (let round = 0; round < 3; round++) {
      const read = reader.read();
      await turns();
      await writer.write(esp);
      assert.deepEqual((await soon("the read", read)).value, esp);
    }
    assert.equal(demux.core.counters.espDropped, 0);
    await writer.write(esp); // now nobody waits
    assert.equal(demux.core.counters.espDropped, 3);
    await writer.close();
  });

  it("holds the whole stream back past 256 KiB of unread IKE, and goes on when it is read", async () => {
    const demux = new DemuxStream();
    const writer = demux.writable.getWriter();
    let written = 0;
    const all = (async () => {
      for (let i = 0; i < 600; i++, written++) await writer.write([ikeMessage(i, 1000), espMessage(i)]);
      await writer.close();
    })();
    await assertWaits(new Watched("writing", all));
    assert.ok(written > 240 && written < 263, `${written} messages of 1000 octets were accepted`);

    const reader = demux.ike.getReader();
    const received: Uint8Array[] = (await reader.read()).value!;
    assert.equal(received.length, written + 1);
    received.push(...(await readUntilError(reader)).chunks.flat());
    await all;
    assert.equal(
      showMessages(received),
      showMessages(Array.from(received, (_, i) => ikeMessage(i, 1000).subarray(4))),
    );
    assert.equal(received.length, 600);
    assert.equal((await collect(demux.esp)).flat().length, 600);
  });

  it("goes on when a reader who does not read IKE cancels it", async () => {
    const demux = new DemuxStream({ maxIkeQueue: 1000 });
    const writer = demux.writable.getWriter();
    const written = new Watched("the write", writer.write([ikeMessage(1, 2000)]));
    await assertWaits(written);
    await demux.ike.cancel();
    assert.deepEqual(await stuck([written]), []);
    await writer.write([ikeMessage(2, 2000), espMessage(1)]);
    await writer.close();
    assert.deepEqual((await collect(demux.esp)).flat(), [espMessage(1)]);
  });

  it("keeps memory bounded, in tiny messages too, when nobody ever reads", async () => {
    for (
      const [message, kind] of [[espMessage(1, 8), "esp"], [ikeMessage(1, 1), "ike"], [
        espMessage(1, 9000),
        "esp",
      ]] as const
    ) {
      const demux = new DemuxStream();
      const writer = demux.writable.getWriter();
      writer.closed.catch(() => {});
      let written = 0;
      (async () => {
        for (; written < 400; written++) {
          // As a deframer does it: views into a read buffer of 64 KiB, most of which is something else.
          const buffer = new Uint8Array(65536);
          const batch: Uint8Array[] = [];
          for (let k = 0; k < 40 && (k + 1) * message.length < buffer.length; k++) {
            buffer.set(message, k * message.length);
            batch.push(buffer.subarray(k * message.length, (k + 1) * message.length));
          }
          await writer.write(batch);
        }
      })().catch(() => {});
      for (let before = -1; before !== written;) {
        before = written;
        await turns(20);
      }
      assert.equal(kind === "ike" ? written < 400 : written === 400, true, `${kind}: ${written} writes`);
      const aborted = writer.abort(new Error("enough"));
      const { octets, held } = weigh((await collectUntilError(demux[kind])).chunks);
      await aborted;
      const bound = kind === "ike" ? 256 * 1024 : 1024 * 1024;
      assert.ok(octets <= bound + 40 * message.length, `${kind}: ${octets} octets waited`);
      assert.ok(held <= 2 * bound + 3 * 65536, `${kind}: ${held} octets were kept alive`);
    }
  });

  it("does not add up listeners for an abort while unread IKE holds it back again and again", async () => {
    const added: string[] = [];
    const original = EventTarget.prototype.addEventListener;
    EventTarget.prototype.addEventListener = function (
      this: EventTarget,
      ...rest: Parameters<typeof original>
    ) {
      added.push(rest[0]);
      return original.apply(this, rest);
    };
    try {
      const demux = new DemuxStream({ maxIkeQueue: 0 });
      const writer = demux.writable.getWriter();
      const reader = demux.ike.getReader();
      for (let i = 0; i < 50; i++) {
        const written = writer.write([ikeMessage(i)]);
        await turns();
        await reader.read();
        await written;
      }
      await writer.close();
    } finally {
      EventTarget.prototype.addEventListener = original;
    }
    assert.ok(added.filter((type) => type === "abort").length <= 1, `${added.length} listeners`);
  });

  it("drops what comes for an output that was cancelled, and ends with the last one", async () => {
    const reason = new Error("cancel");
    const demux = new DemuxStream();
    const source = recordingSource([input], { endless: true });
    const piped = new Watched("the pipe", source.readable.pipeTo(demux.writable));
    await demux.esp.cancel();
    assert.deepEqual((await demux.ike.getReader().read()).value, ike);
    assert.equal(piped.state, "pending");
    const second = new DemuxStream();
    const otherPipe = new Watched(
      "the pipe",
      recordingSource([input], { endless: true }).readable.pipeTo(second.writable),
    );
    await second.ike.cancel(new Error("first"));
    await second.esp.cancel(reason);
    assert.deepEqual(await stuck([otherPipe]), []);
    assert.equal(otherPipe.reason, reason);
    source.close();
    assert.deepEqual(await stuck([piped]), []);
  });

  it("hands an error on to each reader behind what waits for that reader", async () => {
    const reason = new Error("from upstream");
    const demux = new DemuxStream();
    const piped = soonRejected("the pipe", sourceOf([input, input], reason).pipeTo(demux.writable));
    assert.equal(await piped, reason); // nobody has read anything
    const [fromIke, fromEsp] = await Promise.all([
      collectUntilError(demux.ike, 2),
      collectUntilError(demux.esp),
    ]);
    assert.equal(showMessages(fromIke.chunks), showMessages([...ike, ...ike]));
    assert.equal(showMessages(fromEsp.chunks), showMessages([...esp, ...esp]));
    assert.deepEqual([fromIke.error, fromEsp.error], [reason, reason]);
  });

  it("hands an error on behind a chunk that a reader left with the stream when it let go of its lock", async () => {
    const reason = new Error("from upstream");
    const demux = new DemuxStream();
    const first = demux.ike.getReader();
    const read = new Watched("the read", first.read());
    await turns();
    first.releaseLock();
    const writer = demux.writable.getWriter();
    await writer.write(input);
    await writer.abort(reason);
    const { chunks, error } = await collectUntilError(demux.ike);
    assert.equal(showMessages(chunks), showMessages(ike));
    assert.equal(error, reason);
    assert.equal(read.state, "rejected");
  });

  it("loses nothing and reorders nothing within a kind, whatever the pace of its readers", async () => {
    const batches = fc.array(
      fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 60 })), { maxLength: 6 }),
      { maxLength: 15 },
    );
    await fc.assert(
      fc.asyncProperty(
        batches,
        fc.nat(2),
        fc.nat(2),
        fc.constantFrom(0, 100, 100_000),
        async (given, pauseIke, pauseEsp, maxIkeQueue) => {
          let n = 0;
          const chunks = given.map((batch) =>
            batch.map(([isIke, length]) => isIke ? ikeMessage(n++, length) : espMessage(n++, 8 + length))
          );
          const demux = new DemuxStream({ maxIkeQueue });
          const piped = sourceOf(chunks).pipeTo(demux.writable);
          const [gotIke, gotEsp] = await Promise.all([
            collect(demux.ike, pauseIke),
            collect(demux.esp, pauseEsp),
          ]);
          await piped;
          const flat = chunks.flat();
          assert.equal(
            showMessages(gotIke),
            showMessages(flat.filter((message) => message[0] === 0).map((message) => message.subarray(4))),
          );
          assert.equal(showMessages(gotEsp), showMessages(flat.filter((message) => message[0] !== 0)));
          assert.ok(gotIke.every((batch) => batch.length > 0) && gotEsp.every((batch) => batch.length > 0));
        },
      ),
      { numRuns: 100 },
    );
  });

  it("refuses bounds that are not whole numbers of octets", () => {
    for (const options of [{ maxIkeQueue: -1 }, { maxEspQueue: 0.5 }, { maxEspQueue: NaN }]) {
      assert.throws(() => new DemuxStream(options), { name: "RangeError", code: "ERR_OPTION_RANGE" });
    }
  });
});
