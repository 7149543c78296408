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
  /** The writable of the connection below. */
  readonly writable: WritableStream<Uint8Array>;
  /** `rest`, then what the connection below gives, where that can be received. */
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
  readonly #rest: Uint8Array;
  /** Made when somebody asks for it: it locks the one below, which a receiver takes in its place. */
  #readable: ReadableStream<Uint8Array> | undefined;

  /** Takes the streams of `below`, puts `rest` in front and adds a layer. */
  constructor(below: Connection, rest: Uint8Array, layer?: ConnectionLayer) {
    this.#below = below;
    this.#rest = rest;
    this.writable = below.writable;
    if (below.receive !== undefined) {
      this.receive = (receiver) => {
        below.receive!(rest.byteLength === 0 ? receiver : receiveFirst(rest, receiver));
        this.#readable = below.readable; // which is locked from now on
      };
    }
    if (below.transmit !== undefined) this.transmit = below.transmit.bind(below);
    this.opened = below.opened;
    this.closed = below.closed;
    this.localAddress = below.localAddress;
    this.remoteAddress = below.remoteAddress;
    const layers = layer === undefined ? below.layers : [...below.layers ?? [], layer];
    if (layers !== undefined) this.layers = layers;
  }

  /** `rest`, then what the connection below gives. */
  get readable(): ReadableStream<Uint8Array> {
    return this.#readable ??= prepend(this.#rest, this.#below.readable);
  }

  /** Closes the connection below. */
  close(reason?: unknown): Promise<void> {
    return this.#below.close(reason);
  }
}

/** A receiver that takes `rest` before anything else, whether more comes or not. */
function receiveFirst(rest: Uint8Array, receiver: Receiver): Receiver {
  let begun = false;
  /** Pending while the receiver is not ready for what is behind `rest`. */
  let waiting: Promise<void> | undefined;
  const begin = () => {
    if (begun) return;
    begun = true;
    const ready = receiver.handleOctets(rest);
    waiting = ready?.then(() => waiting = undefined);
  };
  const end = (tell: () => void) => {
    begin();
    if (waiting === undefined) tell();
    else waiting.then(tell);
  };
  queueMicrotask(begin); // the receiver may still be in the making
  return {
    borrows: receiver.borrows,
    handleOctets(octets) {
      begin();
      if (waiting === undefined) return receiver.handleOctets(octets);
      const kept = receiver.borrows ? octets.slice() : octets;
      return waiting.then(() => receiver.handleOctets(kept));
    },
    handleEnd: () => end(() => receiver.handleEnd()),
    handleError: (error) => end(() => receiver.handleError(error)),
  };
}
