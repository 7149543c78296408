/**
 * Our stages in a pipeline of `node:stream`: a recorded stream out of a file, cut into messages, counted. `pipeline` takes
 * generators, and a stage is one line of them: it is written to on one side and read on the other.
 */

import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { DeframerStream, KeepaliveFilterStream, PrefixReaderStream } from "iketcp/encap";

// The prefix, an IKE message with its marker, a keep-alive, and an ESP packet.
const recorded = Uint8Array.from([
  ...new TextEncoder().encode("IKETCP"),
  ...[0, 10, 0, 0, 0, 0, 1, 2, 3, 4],
  ...[0, 3, 0xff],
  ...[0, 10, 0, 0, 16, 1, 0, 0, 0, 1],
]);
const folder = mkdtempSync(join(tmpdir(), "iketcp-"));
const file = join(folder, "stream");
writeFileSync(file, recorded);

await pipeline(
  createReadStream(file, { highWaterMark: 5 }), // chunks of five octets: a cut anywhere is fine
  (source: AsyncIterable<Uint8Array>) =>
    readableOf(source)
      .pipeThrough(new PrefixReaderStream())
      .pipeThrough(new DeframerStream())
      .pipeThrough(new KeepaliveFilterStream()),
  async (batches: AsyncIterable<Uint8Array[]>) => {
    for await (const batch of batches) {
      for (const message of batch) {
        const marker = message.subarray(0, 4).every((octet) => octet === 0);
        console.log(marker ? "IKE" : "ESP", message.byteLength, "octets");
      }
    }
  },
);
rmSync(folder, { recursive: true });

/** What comes of an iterable, as the stream that it is meant to be; `ReadableStream.from` is not in every runtime. */
function readableOf(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel(reason) {
      await iterator.return?.(reason);
    },
  });
}
