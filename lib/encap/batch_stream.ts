import { checkRange, wrongChunk } from "./_check.ts";
import { Outlet } from "./_outlet.ts";
import { MessageQueue } from "./message_queue.ts";

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
    const most = checkRange("maxBatchLength", options.maxBatchLength ?? 65536, 1, Number.MAX_SAFE_INTEGER);
    const queue = new MessageQueue();
    let taken: () => void = () => {};
    let stop: (reason: unknown) => void;
    const outlet = new Outlet<Uint8Array[]>({
      isEmpty: () => queue.length === 0,
      take() {
        if (queue.length === 0) return undefined;
        taken();
        return queue.takeAll();
      },
      onCancel(reason) {
        queue.takeAll();
        stop(reason);
        taken();
      },
    });
    this.readable = outlet.readable;
    this.writable = new WritableStream<Uint8Array>({
      start(controller) {
        stop = (reason) => controller.error(reason);
        controller.signal.addEventListener("abort", () => taken());
      },
      write(message) {
        if (!(message instanceof Uint8Array)) {
          const error = wrongChunk("BatchStream", "a Uint8Array", message);
          outlet.fail(error);
          throw error;
        }
        queue.push(message);
        outlet.notify();
        if (queue.length === 0) return;
        queue.settle();
        if (queue.weight > most) return new Promise<void>((resolve) => taken = resolve);
      },
      close: () => outlet.end(),
      abort: (reason) => outlet.fail(reason),
    });
  }
}
