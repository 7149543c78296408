import { Deframer, type DeframerOptions } from "./deframer.ts";
import { StageStream } from "./stage_stream.ts";

/**
 * Bytes to batches of messages (RFC 9329, section 3). Each chunk is answered with at most one batch: all messages that it
 * completes, as views into it; only a message that straddles chunks is copied. A chunk is never changed.
 *
 * A Length of 0 or 1 errors the stream with `ERR_ENCAP_LENGTH`, behind every earlier message; 2 is ignored; a partial
 * message at the end is dropped and counted in `core.counters.partial`.
 *
 * @example
 * ```ts
 * import { DeframerStream } from "iketcp/encap";
 * import { deepStrictEqual } from "node:assert";
 *
 * const stage = new DeframerStream();
 * const writer = stage.writable.getWriter();
 * writer.write(new Uint8Array([0, 3, 1, 0, 4, 2, 2]));
 * const { value } = await stage.readable.getReader().read();
 * deepStrictEqual(value, [new Uint8Array([1]), new Uint8Array([2, 2])]);
 * ```
 */
export class DeframerStream extends StageStream<Uint8Array, Uint8Array[], Deframer> {
  /** Makes the stage. */
  constructor(options: DeframerOptions = {}) {
    super(new Deframer(options));
  }
}
