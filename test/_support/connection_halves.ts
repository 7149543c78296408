/** The two halves of a connection as a stage sees them, made by hand: what the peer sends, and what it gets. */

import { concat } from "../../lib/bytes/mod.ts";

/** A connection without a network. It notes how it was let go. */
export class ConnectionHalves {
  /** What the peer sends. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What the peer gets. */
  readonly writable: WritableStream<Uint8Array>;
  /** Chunks that the peer has got. */
  readonly sent: Uint8Array[] = [];
  /** How the halves were let go, in order: `cancel`, `close`, `abort`. */
  readonly released: string[] = [];
  /** Why. */
  readonly reasons: unknown[] = [];
  #source!: ReadableStreamDefaultController<Uint8Array>;
  #sink!: WritableStreamDefaultController;
  #go: (() => void) | undefined;
  #stalled: Promise<void> | undefined;

  /** Makes an open connection. */
  constructor() {
    this.readable = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#source = controller;
      },
      cancel: (reason) => this.#release("cancel", reason),
    }, { highWaterMark: 0 });
    this.writable = new WritableStream<Uint8Array>({
      start: (controller) => {
        this.#sink = controller;
      },
      write: (chunk) => {
        this.sent.push(chunk);
        return this.#stalled;
      },
      close: () => this.#release("close", undefined),
      abort: (reason) => this.#release("abort", reason),
    });
  }

  /** All octets that the peer has got. */
  get sentBytes(): Uint8Array<ArrayBuffer> {
    return concat(this.sent);
  }

  /** The peer sends octets. */
  receive(...chunks: Uint8Array[]): void {
    for (const chunk of chunks) this.#source.enqueue(chunk);
  }

  /** The peer sends no more. */
  receiveEnd(): void {
    this.#source.close();
  }

  /** The connection breaks. */
  break(reason: unknown): void {
    this.#source.error(reason);
    this.#sink.error(reason);
  }

  /** The peer reads no more, until `go`. */
  stall(): void {
    this.#stalled ??= new Promise((resolve) => this.#go = resolve);
  }

  /** The peer reads again. */
  go(): void {
    this.#stalled = undefined;
    this.#go?.();
  }

  #release(how: string, reason: unknown): void {
    this.released.push(how);
    this.reasons.push(reason);
  }
}
