/**
 * One stage in somebody else's pipeline. The framing of RFC 9329 works on any ordered byte stream: here messages cross the
 * platform's own compression streams, which cut the bytes as they like, and come out as they went in.
 */

import { DeframerStream, FramerStream, UnbatchStream } from "iketcp";

const messages = [
  "ESP has no order of its own,",
  "a stream has no borders of its own;",
  "a length of two octets gives both",
];

const lines = new ReadableStream<Uint8Array>({
  start(controller) {
    for (const message of messages) controller.enqueue(new TextEncoder().encode(message));
    controller.close();
  },
});

const restored = lines
  .pipeThrough(new FramerStream())
  .pipeThrough(new CompressionStream("gzip") as ReadableWritablePair<Uint8Array, Uint8Array>)
  .pipeThrough(new DecompressionStream("gzip") as ReadableWritablePair<Uint8Array, Uint8Array>)
  .pipeThrough(new DeframerStream())
  .pipeThrough(new UnbatchStream());

for await (const message of restored) console.log(new TextDecoder().decode(message));
