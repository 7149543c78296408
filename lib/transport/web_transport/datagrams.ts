/**
 * Datagrams of a WebTransport session as a {@linkcode DatagramEndpoint}: for ESP that is not to wait behind a lost segment.
 * What they hold is what UDP port 4500 would carry (RFC 3948, section 2): an ESP packet as it is, an IKE message behind four
 * zero octets, a single 0xFF as a keep-alive.
 */

import { DatagramQueue } from "../datagram_queue.ts";
import { DatagramSendQueue } from "../datagram_send_queue.ts";
import type { TransportAddress } from "../address.ts";
import type { DatagramCounters, DatagramEndpoint } from "../types.ts";

/** Datagrams that may wait to be sent; the platform bounds their octets. */
const SEND_LIMIT = 1024;

/** `datagrams` of a session. */
export interface WebTransportDatagrams {
  /** What comes. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What goes; newer platforms have `createWritable` in its place. */
  readonly writable?: WritableStream<Uint8Array>;
  /** In place of `writable`. */
  createWritable?(): WritableStream<Uint8Array>;
  /** Longest datagram. */
  readonly maxDatagramSize: number;
}

/** The two ends. */
export interface WebTransportAddresses {
  /** This end. */
  readonly localAddress: TransportAddress;
  /** The other end. */
  readonly remoteAddress: TransportAddress;
}

/** An endpoint with one peer. */
export class WebTransportDatagramEndpoint implements DatagramEndpoint {
  /** Batches of datagrams. */
  readonly readable: DatagramEndpoint["readable"];
  /** This end. */
  readonly localAddress: TransportAddress;
  /** What went wrong without an exception. */
  readonly counters: DatagramCounters = { receiveDropped: 0, sendDropped: 0, sendFailed: 0 };

  readonly #queue: DatagramQueue;
  readonly #from: TransportAddress;
  readonly #datagrams: WebTransportDatagrams;
  readonly #sending = new DatagramSendQueue(SEND_LIMIT);
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #closed = false;

  /** Takes both streams over, when somebody reads or sends. */
  constructor(datagrams: WebTransportDatagrams, addresses: WebTransportAddresses) {
    this.#datagrams = datagrams;
    this.#from = addresses.remoteAddress;
    this.localAddress = addresses.localAddress;
    this.#queue = new DatagramQueue({ cancelled: () => void this.close() });
    const { readable } = this.#queue;
    const reader = readable.getReader();
    // Datagrams that nobody asks for stay with the platform, which drops the oldest past a bound of its own.
    this.readable = new ReadableStream({
      pull: async (controller) => {
        if (this.#reader === undefined) void this.#receive();
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => this.close(),
    }, { highWaterMark: 0 });
  }

  /** Pending while many wait to be sent. */
  get ready(): Promise<void> | undefined {
    return this.#sending.ready;
  }

  /** Sends one, or drops and counts it. `data` must not change afterwards. */
  send(data: Uint8Array): void {
    if (this.#closed || data.byteLength > this.#datagrams.maxDatagramSize) {
      this.counters.sendFailed++;
      return;
    }
    if (!this.#sending.enter(1)) {
      this.counters.sendDropped++;
      return;
    }
    this.#writer ??= (this.#datagrams.writable ?? this.#datagrams.createWritable!()).getWriter();
    this.#writer.write(data).then(() => this.#sending.leave(1), () => {
      this.#sending.leave(1);
      this.counters.sendFailed++;
    });
  }

  /** Ends `readable`; the session goes on. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.handleEnd();
    this.#sending.handleEnd();
    this.#writer?.closed.catch(() => {});
    await this.#reader?.cancel().catch(() => {});
  }

  async #receive(): Promise<void> {
    this.#reader = this.#datagrams.readable.getReader();
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done || this.#closed) break;
        if (!this.#queue.handleDatagram({ data: value, from: this.#from })) this.counters.receiveDropped++;
        this.#queue.handleTurn();
      }
    } catch {
      // The session is over.
    }
    await this.close();
  }
}
