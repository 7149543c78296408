import { Framer, type FramerOptions } from "./framer.ts";
import { StageStream } from "./stage_stream.ts";
import type { MessageChunk } from "./transducer.ts";

/**
 * Messages, or batches of them, to bytes (RFC 9329, section 3). A batch becomes one chunk, a slab of its own; messages are
 * copied into it, so they may be reused afterwards and are never changed. A message of 0 or more than 65533 octets is the
 * caller's mistake: a `RangeError` that errors the stream before anything of its batch is written.
 *
 * @example
 * ```ts
 * import { FramerStream } from "iketcp/encap";
 * import { deepStrictEqual } from "node:assert";
 *
 * const stage = new FramerStream();
 * stage.writable.getWriter().write([new Uint8Array([1, 2, 3])]);
 * const { value } = await stage.readable.getReader().read();
 * deepStrictEqual(value, new Uint8Array([0, 5, 1, 2, 3]));
 * ```
 */
export class FramerStream extends StageStream<MessageChunk, Uint8Array, Framer> {
  /** Makes the stage. */
  constructor(options: FramerOptions = {}) {
    super(new Framer(options));
  }
}
