/**
 * The queue between a carrier that accepts connections by itself and the reader of {@linkcode Listener.connections}.
 * Bounded like the kernel's: connections past the bound are turned away by the carrier.
 */

import type { Connection } from "./types.ts";

/** Connections that may wait to be accepted, unless told otherwise: what Node's `listen` takes. */
export const DEFAULT_BACKLOG = 511;

/** Options of an {@linkcode AcceptQueue}. */
export interface AcceptQueueOptions {
  /** Connections that may wait. Default {@linkcode DEFAULT_BACKLOG}. */
  readonly limit?: number;
  /** Called when the reader cancels. */
  readonly cancelled?: () => void | Promise<void>;
}

/**
 * Connections in, connections out.
 *
 * @example
 * ```ts
 * import { AcceptQueue, memoryPair } from "iketcp/transport";
 * import { strictEqual } from "node:assert";
 *
 * const queue = new AcceptQueue({ limit: 1 });
 * const [here, there] = memoryPair();
 * strictEqual(queue.handleConnection(here), true);
 * strictEqual(queue.handleConnection(there), false);
 * ```
 */
export class AcceptQueue {
  /** Each connection, in order of arrival. */
  readonly connections: ReadableStream<Connection>;

  readonly #limit: number;
  #controller!: ReadableStreamDefaultController<Connection>;
  #waiting: Connection[] = [];
  #wanted = false;
  #ended = false;

  /** Makes an empty queue. */
  constructor(options: AcceptQueueOptions = {}) {
    this.#limit = options.limit ?? DEFAULT_BACKLOG;
    this.connections = new ReadableStream<Connection>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => {
        const connection = this.#waiting.shift();
        if (connection === undefined) this.#wanted = true;
        else this.#controller.enqueue(connection);
      },
      cancel: () => {
        this.#ended = true;
        this.#refuseWaiting();
        return options.cancelled?.();
      },
    }, { highWaterMark: 0 });
  }

  /** There is no room for another connection, or nobody will ask for one any more. */
  get full(): boolean {
    return this.#ended || this.#waiting.length >= this.#limit;
  }

  /** Takes a connection; false when there is no room for it. */
  handleConnection(connection: Connection): boolean {
    if (this.full) return false;
    if (this.#wanted) {
      this.#wanted = false;
      this.#controller.enqueue(connection);
    } else {
      this.#waiting.push(connection);
    }
    return true;
  }

  /** The listener is closed: the stream ends, and what nobody took is reset. */
  handleEnd(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#refuseWaiting();
    this.#controller.close();
  }

  #refuseWaiting(): void {
    for (const connection of this.#waiting.splice(0)) connection.writable.abort().catch(() => {});
  }
}
