import { Split } from "./_split.ts";
import type { Demux, DemuxOptions } from "./demux.ts";
import { Chain, type MessageChunk } from "./transducer.ts";

/**
 * Messages to two streams: IKE, without its marker, and ESP (RFC 9329, section 3). Answers in kind: batches for batches,
 * single messages for single messages.
 *
 * - IKE is never starved: ESP that nobody reads is dropped past `maxEspQueue`, oldest first, and counted.
 * - IKE that nobody reads holds the whole stream back past `maxIkeQueue`.
 * - Cancelling one output drops its kind from then on; cancelling both ends the input.
 * - An end or an error reaches each reader behind everything that came before it.
 *
 * @example
 * ```ts
 * import { DemuxStream } from "iketcp/encap";
 * import { strictEqual } from "node:assert";
 *
 * const demux = new DemuxStream();
 * demux.writable.getWriter().write([new Uint8Array([0, 0, 0, 0, 42]), new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8])]);
 * const ike = await demux.ike.getReader().read();
 * strictEqual(ike.value![0]![0], 42);
 * const esp = await demux.esp.getReader().read();
 * strictEqual(esp.value![0]!.byteLength, 8);
 * ```
 */
export class DemuxStream<C extends MessageChunk = Uint8Array[]> {
  /** Takes messages of both kinds. */
  readonly writable: WritableStream<C>;
  /** IKE messages without their marker. */
  readonly ike: ReadableStream<C>;
  /** ESP packets. */
  readonly esp: ReadableStream<C>;
  /** The synchronous machine inside, with its counters. */
  readonly core: Demux;

  /** Makes the stage. */
  constructor(options: DemuxOptions = {}) {
    const split = new Split<C, C>(new Chain<C, C>([]), options);
    this.writable = split.writable;
    this.ike = split.ike.readable;
    this.esp = split.esp.readable;
    this.core = split.core;
  }
}
