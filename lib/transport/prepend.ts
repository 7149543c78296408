/** Streams and connections with some octets put back in front: for whoever has read a little too much. */

import type { TransportAddress } from "./address.ts";
import type { Connection, ConnectionLayer, Receiver } from "./types.ts";

/** Gives `rest`, then what `readable` gives; both are read only when somebody asks. */
export function prepend(rest: Uint8Array, readable: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  if (rest.byteLength === 0) return readable;
  const reader = readable.getReader();
  let first: Uint8Array | undefined = rest;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (first !== undefined) {
        controller.enqueue(first);
        first = undefined;
        return;
      }
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/** A connection whose stream begins elsewhere than the one below: everything else is that one's. */
export class ResumedConnection implements Connection {
  /** `rest`, then what the connection below gives. */
  readonly readable: ReadableStream<Uint8Array>;
  /** The writable of the connection below. */
  readonly writable: WritableStream<Uint8Array>;
  /** As below, where nothing was put back. */
  readonly receive?: (receiver: Receiver) => void;
  /** As below. */
  readonly transmit?: (chunk: Uint8Array) => void | Promise<void>;
  /** As below. */
  readonly opened: Promise<void>;
  /** As below. */
  readonly closed: Promise<void>;
  /** As below. */
  readonly localAddress: TransportAddress;
  /** As below. */
  readonly remoteAddress: TransportAddress;
  /** Those below, and more. */
  readonly layers?: readonly ConnectionLayer[];

  readonly #below: Connection;

  /** Takes the streams of `below`, puts `rest` in front and adds a layer. */
  constructor(below: Connection, rest: Uint8Array, layer?: ConnectionLayer) {
    this.#below = below;
    this.readable = prepend(rest, below.readable);
    this.writable = below.writable;
    if (rest.byteLength === 0 && below.receive !== undefined) this.receive = below.receive.bind(below);
    if (below.transmit !== undefined) this.transmit = below.transmit.bind(below);
    this.opened = below.opened;
    this.closed = below.closed;
    this.localAddress = below.localAddress;
    this.remoteAddress = below.remoteAddress;
    const layers = layer === undefined ? below.layers : [...below.layers ?? [], layer];
    if (layers !== undefined) this.layers = layers;
  }

  /** Closes the connection below. */
  close(reason?: unknown): Promise<void> {
    return this.#below.close(reason);
  }
}
