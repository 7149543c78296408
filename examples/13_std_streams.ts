/**
 * Our stages and the functions of `@std/streams`, which take and give standard streams as ours do. For Deno:
 * `deno run examples/13_std_streams.ts`. The package comes from JSR, so this needs the network at its first run; tests
 * give it functions that stand in for the package's.
 */

import { LimitedBytesTransformStream, mergeReadableStreams, toArrayBuffer } from "@std/streams";
import { BatchStream, DeframerStream, FramerStream, UnbatchStream } from "iketcp/encap";

/** Messages as a stream. */
function messages(...texts: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(texts).pipeThrough(new TextEncoderStream());
}

// Two sources become one stream of messages, one stream of bytes, and no more than 1000 of those.
const bytes = mergeReadableStreams(messages("one", "three"), messages("two", "four"))
  .pipeThrough(new BatchStream())
  .pipeThrough(new FramerStream())
  .pipeThrough(new LimitedBytesTransformStream(1000));

const framed = await toArrayBuffer(bytes as ReadableStream<Uint8Array>);
console.log(framed.byteLength, "octets");

const restored = ReadableStream.from([new Uint8Array(framed)])
  .pipeThrough(new DeframerStream())
  .pipeThrough(new UnbatchStream())
  .pipeThrough(new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>);
for await (const message of restored) console.log(message);
