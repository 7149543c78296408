import { PrefixWriter } from "./prefix_writer.ts";
import { StageStream } from "./stage_stream.ts";

/**
 * Bytes to bytes: writes the stream prefix once, as one chunk, before anything else and without waiting for a message
 * (RFC 9329, sections 4 and 6.1). For the TCP Originator only.
 *
 * @example
 * ```ts
 * import { PrefixWriterStream } from "iketcp/encap";
 * import { strictEqual } from "node:assert";
 *
 * const reader = new PrefixWriterStream().readable.getReader();
 * const { value } = await reader.read();
 * strictEqual(new TextDecoder().decode(value), "IKETCP");
 * ```
 */
export class PrefixWriterStream extends StageStream<Uint8Array, Uint8Array, PrefixWriter> {
  /** Makes the stage. */
  constructor() {
    super(new PrefixWriter());
  }
}
