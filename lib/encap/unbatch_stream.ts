import { Rebatcher } from "./_rebatcher.ts";

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
    const unbatcher = new Rebatcher<Uint8Array[], Uint8Array>(0);
    unbatcher.batches = false;
    this.readable = unbatcher.first.readable;
    this.writable = unbatcher.writable;
  }
}
