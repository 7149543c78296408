/**
 * TCP over `node:net`, for Node and Bun (and for what Deno's own sockets lack).
 *
 * The ready-made adapter, `Duplex.toWeb`, does not hold writers back, hangs on half-closed connections and aborts with a
 * FIN. Sockets that we connect read into a scratch buffer of the whole process (`onread`), so that an idle connection
 * holds none, and into large ones under load; accepted sockets do not take that option and hand on what Node allocates.
 */

import { Buffer } from "node:buffer";
import { connect, createServer, type Server, type Socket } from "node:net";

import type { TransportError } from "../errors.ts";
import { formatAddress, type TransportAddress, unmapAddress } from "../transport/address.ts";
import { AcceptQueue, DEFAULT_BACKLOG } from "../transport/accept_queue.ts";
import { CarrierConnection } from "../transport/carrier_connection.ts";
import type { Connection, ConnectOptions, Listener, ListenOptions } from "../transport/types.ts";
import { attempt } from "./_attempt.ts";
import { checkAddress, resolveAddress } from "./_resolve.ts";
import { SharedReadBuffer } from "./_read_buffer.ts";
import { detectRuntime } from "./detect.ts";
import { connectionError, toTransportError } from "./errors.ts";

/** Shared by all sockets: Node calls back in the same turn in which it has read, and nobody else reads meanwhile. */
const SCRATCH = new Uint8Array(65536);

/** Bun takes `onread`, and copies into its buffer what it has in memory that could be handed on. */
const READS_INTO_BUFFERS = detectRuntime().name !== "bun";

/**
 * Octets that one connection may write without a turn of the event loop. As long as the kernel takes everything, nothing
 * else would make a busy writer wait, and timers and other sockets would starve.
 */
const TURN_OCTETS = 1048576;

/**
 * Milliseconds of silence after which the system asks the peer whether it is still there, ten times with a second between
 * (RFC 9329, section 6.7): who has gone without a word must not hold a socket for ever.
 */
const KEEPALIVE_TIME = 60_000;

/** Connects to a TCP port. */
export async function connectTcp(
  address: TransportAddress,
  options: ConnectOptions = {},
): Promise<Connection> {
  const action = `connect to tcp ${formatAddress(address)}`;
  const { localAddress } = options;
  checkAddress(address, action);
  if (localAddress !== undefined) checkAddress(localAddress, action);
  return await attempt(options, action, async (signal) => {
    const local = localAddress && await resolveAddress(localAddress, action);
    signal.throwIfAborted();
    return openSocket(address, local, signal);
  });
}

/** Listens on a TCP port. */
export async function listenTcp(address: TransportAddress, options: ListenOptions = {}): Promise<Listener> {
  const action = `listen on tcp ${formatAddress(address)}`;
  const { signal, backlog = DEFAULT_BACKLOG } = options;
  signal?.throwIfAborted();
  checkAddress(address, action);
  const { hostname: host, port } = await resolveAddress(address, action);
  signal?.throwIfAborted();
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(toTransportError(error, action)));
    server.listen({ host, port, backlog }, resolve);
  });
  const listener = new NodeTcpListener(server, backlog, signal);
  if (signal?.aborted) {
    await listener.close();
    throw signal.reason;
  }
  return listener;
}

/**
 * A connection on a socket that is open already, of TCP or of `node:tls`, and from which nobody else reads. What was read of
 * it before is the caller's matter.
 */
export function adoptSocket(socket: Socket): Connection {
  const connection = new NodeTcpConnection(socket, { hostname: "", port: 0 });
  socket.on("data", (data) => connection.handleData(plain(data as Uint8Array)));
  connection.open();
  return connection;
}

function openSocket(
  address: TransportAddress,
  local: TransportAddress | undefined,
  signal: AbortSignal,
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const buffer = READS_INTO_BUFFERS ? new SharedReadBuffer(SCRATCH, allocate) : undefined;
    let connection: NodeTcpConnection | undefined;
    const socket = connect({
      host: address.hostname,
      port: address.port,
      localAddress: local?.hostname,
      localPort: local?.port,
      family: local === undefined ? 0 : local.hostname.includes(":") ? 6 : 4,
      allowHalfOpen: true,
      onread: buffer && {
        buffer: () => buffer.space,
        callback: (length) => connection!.handleRead(buffer, length),
      },
    });
    if (buffer === undefined) socket.on("data", (data) => connection!.handleData(plain(data as Uint8Array)));
    const abort = () => {
      socket.destroy();
      reject(signal.reason);
    };
    const fail = (error: Error) => {
      signal.removeEventListener("abort", abort);
      reject(error);
    };
    signal.addEventListener("abort", abort, { once: true });
    socket.once("error", fail);
    socket.once("connect", () => {
      signal.removeEventListener("abort", abort);
      connection = new NodeTcpConnection(socket, address);
      socket.removeListener("error", fail);
      connection.open();
      resolve(connection);
    });
  });
}

class NodeTcpListener implements Listener {
  readonly connections: ReadableStream<Connection>;
  readonly address: TransportAddress;

  readonly #server: Server;
  readonly #queue: AcceptQueue;
  readonly #signal: AbortSignal | undefined;
  readonly #handleAbort: () => void;
  #closed: Promise<void> | undefined;

  constructor(server: Server, backlog: number, signal: AbortSignal | undefined) {
    this.#server = server;
    this.#queue = new AcceptQueue({ limit: backlog, cancelled: () => this.close() });
    this.connections = this.#queue.connections;
    const bound = server.address() as { address: string; port: number };
    this.address = { hostname: unmapAddress(bound.address), port: bound.port };
    // An accept that failed (out of file descriptors) fails that connection, not the listener.
    server.on("error", () => {});
    server.on("connection", (socket) => this.#handleSocket(socket));
    this.#signal = signal;
    this.#handleAbort = () => void this.close();
    signal?.addEventListener("abort", this.#handleAbort, { once: true });
  }

  close(): Promise<void> {
    return this.#closed ??= new Promise((resolve) => {
      this.#signal?.removeEventListener("abort", this.#handleAbort);
      this.#queue.handleEnd();
      // The port is free at once; Node's callback would wait for the connections that were handed out.
      this.#server.close();
      setImmediate(resolve);
    });
  }

  #handleSocket(socket: Socket): void {
    if (this.#queue.full) {
      socket.on("error", () => {});
      socket.resetAndDestroy();
      return;
    }
    this.#queue.handleConnection(adoptSocket(socket));
  }
}

class NodeTcpConnection extends CarrierConnection {
  readonly #socket: Socket;
  readonly #written: (error?: Error | null) => void;
  /** Writes given to the socket, and those it called back for. */
  #issued = 0;
  #called = 0;
  #turnOctets = 0;
  /** The write, and the half-close, that wait for the socket. */
  #writing: Waiter | undefined;
  #ending: Waiter | undefined;
  #ended = false;
  #closed = false;

  constructor(socket: Socket, peer: TransportAddress) {
    super({
      localAddress: { hostname: unmapAddress(socket.localAddress ?? "0.0.0.0"), port: socket.localPort ?? 0 },
      remoteAddress: {
        hostname: unmapAddress(socket.remoteAddress ?? peer.hostname),
        port: socket.remotePort ?? peer.port,
      },
    });
    this.#socket = socket;
    this.#written = (error) => {
      this.#called++;
      // Node 20 reports a write that a reset cut off as done.
      if (error || socket.destroyed) this.#writing?.reject(this.#explain(error));
      else if (this.#called === this.#issued) this.#writing?.resolve();
    };
    socket.setNoDelay?.(true); // a socket of node:tls on another stream has neither
    socket.setKeepAlive?.(true, KEEPALIVE_TIME);
    socket.on("end", () => {
      this.#ended = true;
      this.handleEnd();
    });
    socket.on("error", (error) => this.handleError(this.#explain(error)));
    socket.on("close", () => this.#handleClose());
  }

  open(): void {
    this.handleOpen();
  }

  /** As `handleData`, for what is in a buffer. */
  handleRead(buffer: SharedReadBuffer, length: number): boolean {
    return this.handleChunk(this.borrowing ? buffer.lend(length) : buffer.take(length));
  }

  /** False when the socket is to stop reading, which the socket has been told by then. */
  handleData(chunk: Uint8Array): boolean {
    return this.handleChunk(chunk);
  }

  protected override startReading(): void {
    this.#socket.resume();
  }

  protected override stopReading(): void {
    this.#socket.pause();
  }

  protected override send(chunk: Uint8Array): void | Promise<void> {
    const socket = this.#socket;
    this.#issued++;
    socket.write(chunk, this.#written);
    // What did not leave at once stays in the caller's memory until the callback.
    if (socket.writableLength > 0) {
      this.#writing = new Waiter();
      return this.#writing.promise;
    }
    this.#turnOctets += chunk.byteLength;
    if (this.#turnOctets < TURN_OCTETS) return;
    this.#turnOctets = 0;
    return new Promise((resolve) => setImmediate(resolve));
  }

  protected override sendEnd(): Promise<void> {
    const ending = this.#ending = new Waiter();
    this.#socket.end((error?: Error | null) => {
      if (error) ending.reject(this.#explain(error));
      else ending.resolve();
    });
    return ending.promise;
  }

  protected override async reset(): Promise<void> {
    // Node cannot reset a socket while its half-close is under way, which takes one turn, and then never closes it.
    await this.#ending?.promise.catch(() => {});
    await this.#destroy(() => {
      // A socket of node:tls cannot be reset.
      if ("encrypted" in this.#socket) this.#socket.destroy();
      else this.#socket.resetAndDestroy();
    });
  }

  protected override release(): Promise<void> {
    return this.#destroy(() => this.#socket.destroy());
  }

  #destroy(destroy: () => void): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed) return resolve();
      this.#socket.once("close", () => resolve());
      destroy();
    });
  }

  #handleClose(): void {
    this.#closed = true;
    const error = this.#explain();
    this.#writing?.reject(error);
    this.#ending?.reject(error);
    // Node closes by itself a socket that has ended in both directions; any other end of it is a break.
    if (!this.#ended || !this.#socket.writableFinished) this.handleError(error);
  }

  #explain(error?: Error | null): TransportError {
    return connectionError(error ?? { code: "ECONNRESET" }, this.remoteAddress);
  }
}

/** Memory that is not filled with zeros, as it is written before it is read. */
function allocate(length: number): ArrayBuffer {
  return Buffer.allocUnsafeSlow(length).buffer;
}

/** A `Buffer` as what it is underneath, since its `slice` and `toString` are not those of a `Uint8Array`. */
function plain(data: Uint8Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** A promise that is settled from outside. */
class Waiter {
  readonly promise: Promise<void>;
  resolve!: () => void;
  reject!: (error: unknown) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}
