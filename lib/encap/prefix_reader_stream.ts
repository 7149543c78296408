import { PrefixReader } from "./prefix_reader.ts";
import { StageStream } from "./stage_stream.ts";

/**
 * Bytes to bytes: takes the stream prefix off and errors with `ERR_ENCAP_PREFIX` at the first octet that is not part of it
 * (RFC 9329, section 4). For the TCP Responder only.
 *
 * @example
 * ```ts
 * import { PrefixReaderStream } from "iketcp/encap";
 * import { strictEqual } from "node:assert";
 *
 * const stage = new PrefixReaderStream();
 * const writer = stage.writable.getWriter();
 * writer.write(new TextEncoder().encode("IKETCP\x00\x02"));
 * const { value } = await stage.readable.getReader().read();
 * strictEqual(value!.byteLength, 2);
 * ```
 */
export class PrefixReaderStream extends StageStream<Uint8Array, Uint8Array, PrefixReader> {
  /** Makes the stage. */
  constructor() {
    super(new PrefixReader());
  }
}
