/** The stages one behind the other, as somebody's pipeline: what holds for each must hold for all of them together. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  BatchStream,
  DeframerStream,
  DemuxStream,
  FramerStream,
  KeepaliveFilterStream,
  MuxStream,
  PrefixReaderStream,
  PrefixWriterStream,
  UnbatchStream,
} from "../../lib/encap/mod.ts";
import { concat } from "../../lib/bytes/mod.ts";
import { collect, collectUntilError, recordingSource, sourceOf } from "../compliance/stage_suite.ts";
import { cutsOf, randomCut } from "../_support/cuts.ts";
import {
  ascii,
  espMessage,
  framed,
  ikeMessage,
  messages,
  roughStreams,
  showMessages,
} from "../_support/messages.ts";
import { deframeSlowly } from "../_support/slow_deframer.ts";
import { stuck, turns, Watched } from "../_support/turns.ts";

const wire = concat([
  ascii("IKETCP"),
  framed(ikeMessage(1), espMessage(1), Uint8Array.of(0xff), ikeMessage(2), espMessage(2)),
]);
const ike = showMessages([ikeMessage(1).subarray(4), ikeMessage(2).subarray(4)]);
const esp = showMessages([espMessage(1), espMessage(2)]);

/** The whole way in, as separate stages. */
function inbound(source: ReadableStream<Uint8Array>): { demux: DemuxStream; piped: Watched } {
  const demux = new DemuxStream();
  const piped = source.pipeThrough(new PrefixReaderStream()).pipeThrough(new DeframerStream())
    .pipeThrough(new KeepaliveFilterStream()).pipeTo(demux.writable);
  return { demux, piped: new Watched("the pipes", piped) };
}

describe("A pipeline of separate stages", () => {
  it("sorts a stream, in any cut", async () => {
    for (const { name, chunks } of cutsOf(wire)) {
      const { demux, piped } = inbound(sourceOf(chunks));
      const [gotIke, gotEsp] = await Promise.all([collect(demux.ike), collect(demux.esp)]);
      assert.equal(showMessages(gotIke), ike, name);
      assert.equal(showMessages(gotEsp), esp, name);
      assert.deepEqual(await stuck([piped]), []);
    }
  });

  for (const pause of [0, 1, 5]) {
    it(`delivers every message before a fatal Length, then the error, and cancels its source, pause ${pause}`, async () => {
      for (const { name, chunks } of cutsOf(concat([wire, Uint8Array.of(0, 1)]))) {
        const source = recordingSource([...chunks, wire], { endless: true });
        const { demux, piped } = inbound(source.readable);
        const [fromIke, fromEsp] = await Promise.all([
          collectUntilError(demux.ike, pause),
          collectUntilError(demux.esp, pause),
        ]);
        assert.equal(showMessages(fromIke.chunks), ike, name);
        assert.equal(showMessages(fromEsp.chunks), esp, name);
        assert.equal((fromIke.error as { code: string }).code, "ERR_ENCAP_LENGTH");
        assert.equal(fromEsp.error, fromIke.error);
        assert.deepEqual(await stuck([piped]), []);
        await turns(5);
        assert.deepEqual(source.cancelled, [fromIke.error], name);
      }
    });

    it(`hands an error of its source on behind every message, pause ${pause}`, async () => {
      const reason = new Error("ECONNRESET");
      for (const { name, chunks } of cutsOf(wire)) {
        const { demux, piped } = inbound(sourceOf(chunks, reason));
        const [fromIke, fromEsp] = await Promise.all([
          collectUntilError(demux.ike, pause),
          collectUntilError(demux.esp, pause),
        ]);
        assert.equal(showMessages(fromIke.chunks), ike, name);
        assert.equal(showMessages(fromEsp.chunks), esp, name);
        assert.deepEqual([fromIke.error, fromEsp.error], [reason, reason]);
        assert.deepEqual(await stuck([piped]), []);
      }
    });
  }

  it("cancels its source when both readers have cancelled", async () => {
    const reason = new Error("cancel");
    const source = recordingSource([wire], { endless: true });
    const { demux, piped } = inbound(source.readable);
    await demux.ike.getReader().read();
    await demux.esp.cancel(reason);
    await turns(5);
    assert.deepEqual(source.cancelled, []);
    const second = inbound(recordingSource([wire], { endless: true }).readable);
    await Promise.all([second.demux.ike.cancel(reason), second.demux.esp.cancel(reason)]);
    assert.deepEqual(await stuck([second.piped]), []);
    source.close();
    assert.deepEqual(await stuck([piped]), []);
  });

  it("gives any messages back, in any cuts, from one end to the other", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(messages, { maxLength: 6 }), { maxLength: 6 }),
        fc.nat(),
        async (batches, seed) => {
          const bytes = await collect(
            sourceOf(batches).pipeThrough(new FramerStream()).pipeThrough(new PrefixWriterStream()),
          );
          const received = await collect(
            sourceOf(randomCut(concat(bytes), seed)).pipeThrough(new PrefixReaderStream()).pipeThrough(
              new DeframerStream(),
            ),
          );
          assert.equal(showMessages(received), showMessages(batches.flat()));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("agrees with the slow deframer on any stream, through unbatched and batched chunks", async () => {
    await fc.assert(
      fc.asyncProperty(roughStreams, fc.nat(), async (bytes, seed) => {
        const expected = deframeSlowly([...bytes]);
        const { chunks, error } = await collectUntilError(
          sourceOf(randomCut(bytes, seed)).pipeThrough(new DeframerStream()).pipeThrough(new UnbatchStream())
            .pipeThrough(new BatchStream()).pipeThrough(new UnbatchStream()),
        );
        assert.deepEqual(chunks.map((message) => [...message]), expected.messages);
        assert.equal(
          (error as { code?: string } | undefined)?.code,
          expected.fatal === undefined ? undefined : "ERR_ENCAP_LENGTH",
        );
      }),
      { numRuns: 150 },
    );
  });

  it("goes both ways, through mux, framer, deframer and demux", async () => {
    const mux = new MuxStream();
    const { demux, piped } = inbound(
      mux.readable.pipeThrough(new FramerStream()).pipeThrough(new PrefixWriterStream()),
    );
    const bare = Array.from({ length: 40 }, (_, i) => ikeMessage(i, 20 + 30 * i).subarray(4));
    const packets = Array.from({ length: 40 }, (_, i) => espMessage(i, 20 + 35 * i));
    const sent = [
      sourceOf(bare.map((message) => [message])).pipeTo(mux.ike),
      sourceOf([packets]).pipeTo(mux.esp),
    ];
    const [gotIke, gotEsp] = await Promise.all([collect(demux.ike, 1), collect(demux.esp, 2)]);
    assert.equal(showMessages(gotIke), showMessages(bare));
    assert.equal(showMessages(gotEsp), showMessages(packets));
    await Promise.all(sent);
    assert.deepEqual(await stuck([piped]), []);
  });
});
