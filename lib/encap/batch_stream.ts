import { checkOption } from "./_check.ts";
import { Rebatcher } from "./_rebatcher.ts";

/** Options of a {@linkcode BatchStream}. */
export interface BatchOptions {
  /** Octets that may wait before writers are held back. Default 65536. */
  readonly maxBatchLength?: number;
}

/**
 * Single messages to batches: a batch is what was written since the reader took the last one. Nothing waits for a batch to
 * fill, so a lone message leaves at once.
 *
 * @example
 * ```ts
 * import { BatchStream } from "iketcp/encap";
 * import { strictEqual } from "node:assert";
 *
 * const stage = new BatchStream();
 * const writer = stage.writable.getWriter();
 * await writer.write(new Uint8Array([1]));
 * await writer.write(new Uint8Array([2]));
 * const { value } = await stage.readable.getReader().read();
 * strictEqual(value!.length, 2);
 * ```
 */
export class BatchStream {
  /** Batches, never empty. */
  readonly readable: ReadableStream<Uint8Array[]>;
  /** Takes single messages; held back while more than `maxBatchLength` octets wait. */
  readonly writable: WritableStream<Uint8Array>;

  /** Makes the stage. */
  constructor(options: BatchOptions = {}) {
    const most = checkOption("maxBatchLength", options.maxBatchLength ?? 65536, 0);
    const batcher = new Rebatcher<Uint8Array, Uint8Array[]>(most);
    this.readable = batcher.first.readable;
    this.writable = batcher.writable;
  }
}
