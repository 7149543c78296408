/**
 * Connections inside one process: a pair, and a small network of addresses with listeners. For tests, for demonstrations
 * and for joining parts of a program that speak through connections. They behave as TCP does: bounded, half-closing,
 * resetting.
 */

import { CodedRangeError, TransportError } from "../errors.ts";
import { AcceptQueue } from "./accept_queue.ts";
import { formatAddress, type TransportAddress } from "./address.ts";
import { CarrierConnection, READ_QUEUE_LIMIT } from "./carrier_connection.ts";
import type { Connection, ConnectOptions, Listener, ListenOptions } from "./types.ts";

/** Options of a memory pair. */
export interface MemoryOptions {
  /**
   * Octets that one direction holds before writing waits. Default 65536. What a direction holds never exceeds it by more
   * than one slice of 16384 octets.
   */
  readonly highWaterMark?: number;
  /** Address of the first end. Default `memory:1`. */
  readonly localAddress?: TransportAddress;
  /** Address of the second end. Default `memory:2`. */
  readonly remoteAddress?: TransportAddress;
}

/** Octets that are copied at once: the most by which a direction exceeds its `highWaterMark`. */
const SLICE = 16384;

/** First port that is given out to connections that named none, as systems do. */
const FIRST_EPHEMERAL_PORT = 49152;

/**
 * Two connections that are the ends of one.
 *
 * @example
 * ```ts
 * import { memoryPair } from "iketcp/transport";
 * import { deepStrictEqual } from "node:assert";
 *
 * const [here, there] = memoryPair();
 * const writer = here.writable.getWriter();
 * await writer.write(Uint8Array.of(1, 2, 3));
 * await writer.close();
 * for await (const chunk of there.readable) deepStrictEqual([...chunk], [1, 2, 3]);
 * await Promise.all([here.close(), there.close()]);
 * ```
 */
export function memoryPair(options: MemoryOptions = {}): [Connection, Connection] {
  const localAddress = options.localAddress ?? { hostname: "memory", port: 1 };
  const remoteAddress = options.remoteAddress ?? { hostname: "memory", port: 2 };
  const highWaterMark = options.highWaterMark ?? READ_QUEUE_LIMIT;
  if (!(highWaterMark > 0)) {
    throw new CodedRangeError(
      "ERR_OPTION_RANGE",
      `Cannot make a memory pair: expected a highWaterMark above 0, got ${highWaterMark}`,
    );
  }
  const here = new MemoryConnection({ localAddress, remoteAddress, highWaterMark });
  const there = new MemoryConnection({
    localAddress: remoteAddress,
    remoteAddress: localAddress,
    highWaterMark,
  });
  here.join(there);
  there.join(here);
  return [here, there];
}

class MemoryConnection extends CarrierConnection {
  #peer: MemoryConnection | undefined;
  /** This end takes no more until it calls `startReading`. */
  #full = false;
  /** The other end's write that waits for room here. */
  #resume: (() => void) | undefined;
  #gone = false;

  join(peer: MemoryConnection): void {
    this.#peer = peer;
    this.handleOpen();
  }

  protected override startReading(): void {
    this.#full = false;
    this.#wake();
  }

  protected override stopReading(): void {
    this.#full = true;
  }

  protected override send(chunk: Uint8Array): void | Promise<void> {
    const left = this.#deliver(chunk);
    if (left !== undefined) return this.#sendSlowly(left);
  }

  async #sendSlowly(chunk: Uint8Array): Promise<void> {
    let left: Uint8Array | undefined = chunk;
    while (left !== undefined) {
      const peer: MemoryConnection = this.#peer!;
      await new Promise<void>((resolve) => peer.#resume = resolve);
      left = this.#deliver(left);
    }
  }

  /** Copies as much as there is room for, since the caller may use its chunk again; gives what is left. */
  #deliver(chunk: Uint8Array): Uint8Array | undefined {
    const peer = this.#peer!;
    if (this.#gone || peer.#gone) throw resetError(this.remoteAddress);
    let offset = 0;
    while (offset < chunk.byteLength) {
      if (peer.#full) return chunk.subarray(offset);
      const slice = chunk.slice(offset, offset + SLICE);
      offset += slice.byteLength;
      peer.handleChunk(slice);
    }
    // The last slice filled it: hold the writer back now rather than at its next chunk.
    return peer.#full ? chunk.subarray(offset) : undefined;
  }

  protected override sendEnd(): void {
    // An end that finds the other one closed harms nobody, as with TCP.
    if (!this.#peer!.#gone) this.#peer!.handleEnd();
  }

  protected override reset(): void {
    this.release();
    this.#peer!.handleError(resetError(this.localAddress));
  }

  protected override release(): void {
    this.#gone = true;
    this.#wake();
    this.#peer!.#wake();
  }

  #wake(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }
}

function resetError(peer: TransportAddress): TransportError {
  return new TransportError(
    "ERR_TRANSPORT_RESET",
    `Connection to ${formatAddress(peer)} was reset by the peer`,
  );
}

/**
 * A network inside one process, with the functions that real carriers have.
 *
 * @example
 * ```ts
 * import { MemoryNetwork } from "iketcp/transport";
 * import { strictEqual } from "node:assert";
 *
 * const network = new MemoryNetwork();
 * const listener = await network.listen({ hostname: "gw.example", port: 4500 });
 * const client = await network.connect({ hostname: "gw.example", port: 4500 });
 * const { value: server } = await listener.connections.getReader().read();
 * strictEqual(server?.remoteAddress.port, client.localAddress.port);
 * await Promise.all([client.close(), server?.close(), listener.close()]);
 * ```
 */
export class MemoryNetwork {
  readonly #options: MemoryOptions;
  readonly #listeners: Map<string, AcceptQueue> = new Map();
  #nextPort = FIRST_EPHEMERAL_PORT;

  /** Makes a network without listeners; `highWaterMark` holds for each of its connections. */
  constructor(options: Pick<MemoryOptions, "highWaterMark"> = {}) {
    this.#options = options;
  }

  /** Connects to a listener of this network. */
  connect: (address: TransportAddress, options?: ConnectOptions) => Promise<Connection> = (
    address,
    options,
  ) =>
    new Promise((resolve) => {
      options?.signal?.throwIfAborted();
      const queue = this.#listeners.get(formatAddress(address));
      if (queue === undefined || queue.full) {
        throw new TransportError(
          "ERR_TRANSPORT_REFUSED",
          `Cannot connect to ${formatAddress(address)}: ${
            queue === undefined ? "nothing listens there" : "too many connections wait to be accepted"
          }`,
        );
      }
      const localAddress = options?.localAddress ?? { hostname: "memory", port: this.#takePort() };
      const [here, there] = memoryPair({ ...this.#options, localAddress, remoteAddress: address });
      queue.handleConnection(there);
      resolve(here);
    });

  /** Listens at an address of this network; port 0 takes a free one. */
  listen: (address: TransportAddress, options?: ListenOptions) => Promise<Listener> = (address, options) =>
    new Promise((resolve) => {
      options?.signal?.throwIfAborted();
      let bound = address;
      while (bound.port === 0 || (address.port === 0 && this.#listeners.has(formatAddress(bound)))) {
        bound = { hostname: address.hostname, port: this.#takePort() };
      }
      const name = formatAddress(bound);
      if (this.#listeners.has(name)) {
        throw new TransportError(
          "ERR_TRANSPORT_ADDRESS_IN_USE",
          `Cannot listen on ${name}: the address is in use`,
        );
      }
      const forget = () => {
        if (this.#listeners.get(name) === queue) this.#listeners.delete(name);
        options?.signal?.removeEventListener("abort", close);
      };
      const close = () => {
        forget();
        queue.handleEnd();
        return Promise.resolve();
      };
      const queue = new AcceptQueue({ limit: options?.backlog, cancelled: forget });
      this.#listeners.set(name, queue);
      options?.signal?.addEventListener("abort", close, { once: true });
      resolve({ connections: queue.connections, address: bound, close });
    });

  /** The next port of the range; starts again once it is used up. */
  #takePort(): number {
    const port = this.#nextPort;
    this.#nextPort = port === 65535 ? FIRST_EPHEMERAL_PORT : port + 1;
    return port;
  }
}
