import { StageStream } from "../encap/stage_stream.ts";
import type { CaptureItem } from "./capture.ts";
import { CaptureReader } from "./capture_reader.ts";

/**
 * Bytes of a pcap or pcapng file, in any cut, to batches of its packets. Holds one record at most; chunks are never
 * changed. See {@linkcode CaptureReader}.
 *
 * @example The packets of a capture
 * ```ts
 * import { CaptureReaderStream, pcapngHeader, pcapngPacket } from "iketcp/inspect";
 * import { strictEqual } from "node:assert";
 *
 * const file = new Blob([pcapngHeader(), pcapngPacket(new Uint8Array(40), 1795207191.92)]);
 * let packets = 0;
 * for await (const batch of file.stream().pipeThrough(new CaptureReaderStream())) {
 *   for (const item of batch) {
 *     if ("error" in item) throw item.error;
 *     strictEqual(item.time, 1795207191.92);
 *     packets++;
 *   }
 * }
 * strictEqual(packets, 1);
 * ```
 */
export class CaptureReaderStream extends StageStream<Uint8Array, CaptureItem[], CaptureReader> {
  /** Makes the stage. */
  constructor() {
    super(new CaptureReader());
  }
}
