import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { DemuxStream, type MessageChunk, MuxStream } from "../../lib/encap/mod.ts";
import { collect, collectUntilError, sourceOf, testStage } from "../compliance/stage_suite.ts";
import { espMessage, ikeMessage, showMessages } from "../_support/messages.ts";
import { assertWaits, soonRejected, stuck, Watched } from "../_support/turns.ts";

const bare = [1, 2, 3].map((seed) => ikeMessage(seed).subarray(4));
const packets = [espMessage(1), espMessage(2, 1400), espMessage(3)];

testStage<Uint8Array[], Uint8Array[]>("MuxStream, from IKE", {
  make() {
    const mux = new MuxStream();
    mux.esp.close().catch(() => {});
    return { readable: mux.readable, writable: mux.ike };
  },
  input: [bare],
  output: showMessages([1, 2, 3].map((seed) => ikeMessage(seed))),
  show: showMessages,
  showInput: (chunk) => showMessages([chunk]),
  cuts: () => [{ name: "batches of one", chunks: bare.map((message) => [message]) }],
  faulty: {
    input: [bare, [new Uint8Array(65530)], bare],
    output: showMessages([1, 2, 3].map((seed) => ikeMessage(seed))),
    code: "ERR_ENCAP_MESSAGE_LENGTH",
  },
  flood: { chunk: bare, most: 0 },
  abortWaits: false,
});

testStage<Uint8Array, Uint8Array>("MuxStream of single messages, from ESP", {
  make() {
    const mux = new MuxStream<Uint8Array>();
    mux.ike.close().catch(() => {});
    return { readable: mux.readable, writable: mux.esp };
  },
  input: packets,
  output: showMessages(packets),
  show: showMessages,
  showInput: (chunk) => showMessages([chunk]),
  faulty: {
    input: [...packets, new Uint8Array(20)],
    output: showMessages(packets),
    code: "ERR_ENCAP_MESSAGE_LENGTH",
  },
  flood: { chunk: packets[0]!, most: 0 },
  abortWaits: false,
});

describe("MuxStream", () => {
  it("puts the marker in front of IKE and gives ESP as it is (R-FRM-3, R-FRM-17)", async () => {
    const mux = new MuxStream();
    const reader = mux.readable.getReader();
    const writers = [mux.ike.getWriter(), mux.esp.getWriter()] as const;
    writers[1].write([packets[0]!]);
    assert.deepEqual((await reader.read()).value, [packets[0]]);
    writers[0].write([bare[0]!]);
    assert.deepEqual((await reader.read()).value, [ikeMessage(1)]);
    await Promise.all(writers.map((writer) => writer.close()));
    assert.ok((await reader.read()).done);
  });

  it("lets IKE go first where both wait", async () => {
    const mux = new MuxStream();
    mux.esp.getWriter().write([packets[0]!]);
    mux.ike.getWriter().write([bare[0]!]);
    await assertWaits(new Watched("nothing", new Promise(() => {})));
    const reader = mux.readable.getReader();
    assert.deepEqual((await reader.read()).value, [ikeMessage(1)]);
    assert.deepEqual((await reader.read()).value, [packets[0]]);
    await reader.cancel();
  });

  it("settles a write when its chunk was read", async () => {
    const mux = new MuxStream();
    const written = new Watched("the write", mux.ike.getWriter().write([bare[0]!]));
    await assertWaits(written);
    const reader = mux.readable.getReader();
    await reader.read();
    assert.deepEqual(await stuck([written]), []);
    await reader.cancel();
  });

  it("ends when both inputs have closed, whichever is first", async () => {
    for (const order of [["ike", "esp"], ["esp", "ike"]] as const) {
      const mux = new MuxStream();
      const all = new Watched("the reader", collect(mux.readable));
      await mux[order[0]].close();
      await assertWaits(all);
      await mux[order[1]].close();
      assert.deepEqual(await stuck([all]), []);
    }
  });

  it("fails both inputs and the output with an error of one, behind what the other has written", async () => {
    const reason = new Error("from upstream");
    const mux = new MuxStream();
    const espWriter = mux.esp.getWriter();
    const ikeWriter = mux.ike.getWriter();
    const written = new Watched("the write", espWriter.write([packets[0]!]));
    const closed = [new Watched("ike", ikeWriter.closed), new Watched("esp", espWriter.closed)];
    await assertWaits(written);
    await ikeWriter.abort(reason);
    assert.deepEqual(await stuck([written, ...closed]), []);
    assert.deepEqual(closed.map((each) => each.reason), [reason, reason]);
    const { chunks, error } = await collectUntilError(mux.readable);
    assert.equal(showMessages(chunks), showMessages([packets[0]!]));
    assert.equal(error, reason);
  });

  it("fails both inputs when the reader cancels", async () => {
    const reason = new Error("cancel");
    const mux = new MuxStream();
    const writers = [mux.ike.getWriter(), mux.esp.getWriter()];
    const writes = [
      new Watched("ike", writers[0]!.write([bare[0]!])),
      new Watched("esp", writers[1]!.write([packets[0]!])),
    ];
    await mux.readable.cancel(reason);
    assert.deepEqual(await stuck(writes), []);
    for (const writer of writers) assert.equal(await soonRejected("closed", writer.closed), reason);
  });

  it("is undone by DemuxStream, for any messages of both kinds, each in its order", async () => {
    const kinds = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 40 })), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(kinds, async (input) => {
        const ike = input.filter(([isIke]) => isIke).map(([, length], i) =>
          ikeMessage(i, length).subarray(4)
        );
        const esp = input.filter(([isIke]) => !isIke).map(([, length], i) => espMessage(i, 8 + length));
        const mux = new MuxStream<Uint8Array>();
        const demux = new DemuxStream<Uint8Array>();
        const pipes = [
          sourceOf(ike).pipeTo(mux.ike),
          sourceOf(esp).pipeTo(mux.esp),
          mux.readable.pipeTo(demux.writable),
        ];
        const [gotIke, gotEsp] = await Promise.all([collect(demux.ike), collect(demux.esp)]);
        await Promise.all(pipes);
        assert.equal(showMessages(gotIke), showMessages(ike));
        assert.equal(showMessages(gotEsp), showMessages(esp));
      }),
      { numRuns: 60 },
    );
  });

  it("takes batches and single messages alike where both are allowed", async () => {
    const mux = new MuxStream<MessageChunk>();
    const pipes = [sourceOf<MessageChunk>([bare, bare[0]!]).pipeTo(mux.ike), mux.esp.close()];
    const chunks = await collect(mux.readable);
    await Promise.all(pipes);
    assert.deepEqual(chunks.map((chunk) => Array.isArray(chunk)), [true, false]);
  });
});
