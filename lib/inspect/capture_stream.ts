import { StageStream } from "../encap/stage_stream.ts";

/**
 * A tap: passes bytes on as they are and tells them to a recorder on the way. Where nothing is recorded, leave it out.
 *
 * @example Record one direction of a connection
 * ```ts
 * import { CaptureStream, CaptureWriter } from "iketcp/inspect";
 * import { deepStrictEqual } from "node:assert";
 *
 * const file: Uint8Array<ArrayBuffer>[] = [];
 * const tap = new CaptureWriter((chunk) => file.push(chunk))
 *   .tcp({ hostname: "192.0.2.10", port: 40000 }, { hostname: "198.51.100.10", port: 4500 });
 *
 * const source = new Blob(["IKETCP"]).stream();
 * const recorded = source.pipeThrough(new CaptureStream((octets) => tap.sent(octets)));
 * for await (const chunk of recorded) deepStrictEqual(chunk, new TextEncoder().encode("IKETCP"));
 * deepStrictEqual(file.length, 1 + 3 + 1);
 * ```
 */
export class CaptureStream extends StageStream<Uint8Array, Uint8Array> {
  /** Calls `record` with each chunk before it is passed on; `record` must not change it. */
  constructor(record: (octets: Uint8Array) => void) {
    super({
      handle(chunk, emit) {
        record(chunk);
        emit(chunk);
      },
      handleEnd() {},
    });
  }
}
