import { wrongChunk } from "./_check.ts";
import { Outlet } from "./_outlet.ts";

/**
 * Batches to single messages, for consumers who want one message a chunk. Convenient, not fast: a stream hop a message;
 * `for await (const batch of readable) for (const message of batch)` costs next to nothing.
 *
 * A pair of streams for `pipeThrough`, with a queue of its own, so that a whole batch reaches the reader even when an error
 * follows it.
 *
 * @example
 * ```ts
 * import { UnbatchStream } from "iketcp/encap";
 * import { strictEqual } from "node:assert";
 *
 * const stage = new UnbatchStream();
 * const writer = stage.writable.getWriter();
 * writer.write([new Uint8Array([1]), new Uint8Array([2])]);
 * writer.close();
 * let messages = 0;
 * for await (const message of stage.readable) messages += message.byteLength;
 * strictEqual(messages, 2);
 * ```
 */
export class UnbatchStream {
  /** One message a chunk. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Takes batches; a write settles when all its messages were read. */
  readonly writable: WritableStream<Uint8Array[]>;

  /** Makes the stage. */
  constructor() {
    let batch: readonly Uint8Array[] = [];
    let next = 0;
    let taken: () => void = () => {};
    let stop: (reason: unknown) => void;
    const outlet = new Outlet<Uint8Array>({
      isEmpty: () => next >= batch.length,
      take() {
        const message = batch[next++];
        if (next >= batch.length) taken();
        return message;
      },
      onCancel(reason) {
        stop(reason);
        taken();
      },
    });
    this.readable = outlet.readable;
    this.writable = new WritableStream<Uint8Array[]>({
      start(controller) {
        stop = (reason) => controller.error(reason);
        // An abort need not wait for the readers: what they have not read yet stays for them.
        controller.signal.addEventListener("abort", () => taken());
      },
      write(chunk) {
        if (!Array.isArray(chunk)) {
          const error = wrongChunk("UnbatchStream", "an array of messages", chunk);
          outlet.fail(error);
          throw error;
        }
        if (chunk.length === 0) return;
        batch = chunk;
        next = 0;
        const done = new Promise<void>((resolve) => taken = resolve);
        outlet.notify();
        return done;
      },
      close: () => outlet.end(),
      abort: (reason) => outlet.fail(reason),
    });
  }
}
