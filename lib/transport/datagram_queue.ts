/**
 * The receiving half of a datagram endpoint: collects what one turn of the event loop brings, hands it to the reader as
 * one batch, and drops the newest past its bound, as a kernel does. Knows nothing of sockets.
 */

import type { Datagram } from "./types.ts";

/** Octets of received datagrams that may wait for a reader, unless told otherwise. */
export const RECEIVE_QUEUE_LIMIT = 1048576;

/** What each datagram that waits, here or to be sent, counts over its octets: 1 MiB holds at most 1048576 / 128 = 8192 empty ones. */
export const DATAGRAM_OVERHEAD = 128;

/** Options of a {@linkcode DatagramQueue}. */
export interface DatagramQueueOptions {
  /** Octets, with {@linkcode DATAGRAM_OVERHEAD} for each datagram, that may wait. Default {@linkcode RECEIVE_QUEUE_LIMIT}. */
  readonly limit?: number;
  /** Called when the reader cancels. */
  readonly cancelled?: () => void;
}

/**
 * Datagrams in, batches out.
 *
 * @example
 * ```ts
 * import { DatagramQueue } from "iketcp/transport";
 * import { strictEqual } from "node:assert";
 *
 * const queue = new DatagramQueue();
 * const from = { hostname: "192.0.2.1", port: 500 };
 * queue.handleDatagram({ data: Uint8Array.of(1), from });
 * queue.handleDatagram({ data: Uint8Array.of(2), from });
 * queue.handleTurn();
 * const { value } = await queue.readable.getReader().read();
 * strictEqual(value?.length, 2);
 * ```
 */
export class DatagramQueue {
  /** Batches of everything that a turn brought. */
  readonly readable: ReadableStream<Datagram[]>;

  readonly #limit: number;
  #controller!: ReadableStreamDefaultController<Datagram[]>;
  #batch: Datagram[] = [];
  #octets = 0;
  #wanted = false;
  #ended = false;

  /** Makes an empty queue. */
  constructor(options: DatagramQueueOptions = {}) {
    this.#limit = options.limit ?? RECEIVE_QUEUE_LIMIT;
    this.readable = new ReadableStream<Datagram[]>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => {
        this.#wanted = true;
        this.handleTurn();
      },
      cancel: () => {
        this.#ended = true;
        this.#batch = [];
        options.cancelled?.();
      },
    }, { highWaterMark: 0 });
  }

  /** Takes a datagram; false when there was no room for it and it is gone. */
  handleDatagram(datagram: Datagram): boolean {
    const octets = datagram.data.byteLength + DATAGRAM_OVERHEAD;
    if (this.#ended || this.#octets + octets > this.#limit) return false;
    this.#batch.push(datagram);
    this.#octets += octets;
    return true;
  }

  /** A turn of the event loop is over: what it brought goes to the reader if one waits. */
  handleTurn(): void {
    if (!this.#wanted || this.#ended || this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#octets = 0;
    this.#wanted = false;
    this.#controller.enqueue(batch);
  }

  /** The endpoint is closed: a reader that waits sees the end, what nobody took is gone. */
  handleEnd(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#batch = [];
    this.#controller.close();
  }
}
