import { StageStream } from "../encap/stage_stream.ts";
import type { CaptureItem } from "./capture.ts";
import { CaptureDecoder, type CaptureDecoderOptions } from "./capture_decoder.ts";
import type { DecodedRow } from "./rows.ts";

/**
 * Batches of captured packets to batches of rows, one row a message. See {@linkcode CaptureDecoder}.
 *
 * @example The messages of a capture
 * ```ts
 * import { CaptureDecoderStream, CaptureReaderStream, CaptureWriter } from "iketcp/inspect";
 * import { deepStrictEqual } from "node:assert";
 *
 * const parts: Uint8Array<ArrayBuffer>[] = [];
 * const writer = new CaptureWriter((chunk) => parts.push(chunk));
 * const tap = writer.tcp({ hostname: "192.0.2.10", port: 40000 }, { hostname: "198.51.100.10", port: 4500 });
 * tap.sent(new TextEncoder().encode("IKETCP"));
 * tap.sent(new Uint8Array([0, 3, 0xff]));
 *
 * const rows = new Blob(parts).stream()
 *   .pipeThrough(new CaptureReaderStream())
 *   .pipeThrough(new CaptureDecoderStream());
 * const kinds: string[] = [];
 * for await (const batch of rows) kinds.push(...batch.map((row) => row.kind));
 * deepStrictEqual(kinds, ["prefix", "keepalive"]);
 * ```
 */
export class CaptureDecoderStream extends StageStream<CaptureItem[], DecodedRow[], CaptureDecoder> {
  /** Makes the stage. */
  constructor(options: CaptureDecoderOptions = {}) {
    super(new CaptureDecoder(options));
  }
}
