/**
 * TCP over Deno's own sockets, by their `read`, `write` and `closeWrite`: `node:net` receives four to seven times slower
 * there, and the connection's own streams close the socket at the peer's end.
 *
 * Deno has no way to reset a connection, and before it closes a socket it always half-closes it. So `writable.abort()`
 * ends both directions at once and throws away what the kernel has not taken, but the peer sees an end of stream, and an
 * error only when it writes again.
 */

import { DEFAULT_BACKLOG } from "../transport/accept_queue.ts";
import { formatAddress, type TransportAddress, unmapAddress } from "../transport/address.ts";
import { CarrierConnection } from "../transport/carrier_connection.ts";
import type { Connection, ConnectOptions, Listener, ListenOptions } from "../transport/types.ts";
import { attempt } from "./_attempt.ts";
import { deno, type DenoAddress, type DenoTcpConn, type DenoTcpListener } from "./_deno.ts";
import { ReadBuffer } from "./_read_buffer.ts";
import { checkAddress } from "./_resolve.ts";
import { connectionError, toTransportError } from "./errors.ts";

/** Milliseconds between attempts to accept while the system refuses (out of file descriptors). */
const ACCEPT_PAUSE = 50;

/** What Deno calls the fault of a connection whose peer reset it before it was accepted. */
const GONE = ["NotConnected", "ConnectionReset", "ConnectionAborted"];

/** Connects to a TCP port. From a given local address, which Deno's sockets cannot choose, it goes through `node:net`. */
export async function connectTcp(
  address: TransportAddress,
  options: ConnectOptions = {},
): Promise<Connection> {
  if (options.localAddress !== undefined) {
    const node = await import("./node_tcp.ts");
    return await node.connectTcp(address, options);
  }
  const action = `connect to tcp ${formatAddress(address)}`;
  checkAddress(address, action);
  return await attempt(options, action, async (signal) => {
    const { hostname, port } = address;
    const connection = new DenoTcpConnection(await deno().connect({ hostname, port, signal }));
    connection.open();
    return connection;
  });
}

/** Listens on a TCP port. */
export function listenTcp(address: TransportAddress, options: ListenOptions = {}): Promise<Listener> {
  const action = `listen on tcp ${formatAddress(address)}`;
  return new Promise((resolve) => {
    const { signal, backlog = DEFAULT_BACKLOG } = options;
    signal?.throwIfAborted();
    checkAddress(address, action);
    const { hostname, port } = address;
    try {
      resolve(new DenoTcpListenerAdapter(deno().listen({ hostname, port, tcpBacklog: backlog }), signal));
    } catch (error) {
      throw toTransportError(error, action);
    }
  });
}

class DenoTcpListenerAdapter implements Listener {
  readonly connections: ReadableStream<Connection>;
  readonly address: TransportAddress;

  readonly #listener: DenoTcpListener;
  readonly #signal: AbortSignal | undefined;
  readonly #handleAbort: () => void;
  #controller!: ReadableStreamDefaultController<Connection>;
  #accepting: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(listener: DenoTcpListener, signal: AbortSignal | undefined) {
    this.#listener = listener;
    this.address = toAddress(listener.addr);
    // Accepts when asked: until then connections wait in the kernel, which has the bound.
    this.connections = new ReadableStream<Connection>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#accepting = this.#accept(),
      cancel: () => {
        this.#closeListener();
        return this.#accepting;
      },
    }, { highWaterMark: 0 });
    this.#signal = signal;
    this.#handleAbort = () => void this.close();
    signal?.addEventListener("abort", this.#handleAbort, { once: true });
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closeListener();
      this.#controller.close();
    }
    return this.#accepting;
  }

  #closeListener(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#signal?.removeEventListener("abort", this.#handleAbort);
    this.#listener.close();
  }

  async #accept(): Promise<void> {
    while (!this.#closed) {
      try {
        const conn = await this.#listener.accept();
        if (this.#closed) return conn.close();
        const connection = new DenoTcpConnection(conn);
        connection.open();
        return this.#controller.enqueue(connection);
      } catch (error) {
        // An accept that failed fails that connection, not the listener. One that was reset while it waited is no reason
        // to let the others wait.
        if (this.#closed || GONE.includes((error as Error).name)) continue;
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE));
      }
    }
  }
}

class DenoTcpConnection extends CarrierConnection {
  readonly #conn: DenoTcpConn;
  readonly #buffer: ReadBuffer = new ReadBuffer();
  readonly #handleLent = (chunk: Uint8Array): void => void this.handleChunk(chunk);
  #reading: Promise<void> | undefined;
  #stopped = false;
  #closed = false;

  constructor(conn: DenoTcpConn) {
    super({ localAddress: toAddress(conn.localAddr), remoteAddress: toAddress(conn.remoteAddr) });
    this.#conn = conn;
    try {
      conn.setNoDelay(true);
      conn.setKeepAlive(true); // after the system's time, mostly two hours: Deno can set no other
    } catch {
      // Reset already: the first read will say so.
    }
  }

  open(): void {
    this.handleOpen();
  }

  protected override startReading(): void {
    this.#stopped = false;
    this.#reading ??= this.#readUntilStopped();
  }

  protected override stopReading(): void {
    this.#stopped = true;
  }

  async #readUntilStopped(): Promise<void> {
    try {
      while (!this.#stopped && !this.#closed) {
        const length = await this.#conn.read(this.#buffer.space);
        if (length === null) return this.handleEnd();
        if (this.borrowing) this.#buffer.lend(length, this.#handleLent);
        else if (length > 0) this.handleChunk(this.#buffer.take(length));
      }
    } catch (error) {
      if (!this.#closed) this.handleError(connectionError(error, this.remoteAddress));
    } finally {
      this.#reading = undefined;
    }
  }

  protected override async send(chunk: Uint8Array): Promise<void> {
    try {
      let sent = await this.#conn.write(chunk);
      while (sent < chunk.byteLength) sent += await this.#conn.write(chunk.subarray(sent));
    } catch (error) {
      throw connectionError(error, this.remoteAddress);
    }
  }

  protected override async sendEnd(): Promise<void> {
    try {
      await this.#conn.closeWrite();
    } catch (error) {
      throw connectionError(error, this.remoteAddress);
    }
  }

  protected override reset(): Promise<void> | undefined {
    return this.release();
  }

  protected override release(): Promise<void> | undefined {
    this.#closed = true;
    this.#conn.close();
    return this.#reading;
  }
}

function toAddress(address: DenoAddress): TransportAddress {
  return { hostname: unmapAddress(address.hostname), port: address.port };
}
