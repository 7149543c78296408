/**
 * The platform's own WebSocket objects as connections: a browser's `WebSocket`, what `Deno.upgradeWebSocket` gives, what the
 * package `ws` makes. They differ from the WebSocket layer beside this file in what the API lets nobody do:
 *
 * - There is no half-close. `writable.close()` ends both directions at once; what was written before is delivered.
 * - Nobody can hold the peer back: every message is delivered at once. What waits for a slow reader is bounded by
 *   `maxReceiveQueue`, past which the connection breaks, and is closed with code 4013. Objects that have `pause` and `resume`,
 *   as those of `ws`, do hold the peer back.
 * - Nobody can reset. `writable.abort()` closes with code 4000, which the peer takes for a break, behind what was written.
 * - How much waits to be sent is only known by asking (`bufferedAmount`), so a writer that is held back asks every few
 *   milliseconds.
 */

import { TransportError } from "../../errors.ts";
import { formatAddress, type TransportAddress } from "../address.ts";
import { CarrierConnection, CLOSE_STALL_TIME, LINGER_TIME } from "../carrier_connection.ts";
import type { Connection, ConnectionLayer } from "../types.ts";
import {
  CLOSE_CODES,
  closedByPeer,
  endedWithoutClose,
  isOrderlyClose,
  PRIVATE_CLOSE_CODES,
} from "./close_codes.ts";
import { WebSocketFault } from "./fault.ts";
import { within } from "./_within.ts";

/** What is used of a WebSocket object; `addEventListener` as in the standard. */
export interface PlatformWebSocket {
  /** Set to `arraybuffer`. */
  binaryType: string;
  /** Octets that wait to be sent. */
  readonly bufferedAmount: number;
  /** 0 to 3: connecting, open, closing, closed. */
  readonly readyState: number;
  /** The subprotocol that was chosen; empty for none. */
  readonly protocol: string;
  /** Sends a binary message. */
  send(octets: Uint8Array<ArrayBuffer>): void;
  /** Sends a Close behind what waits. */
  close(code?: number, reason?: string): void;
  /** Listens. */
  addEventListener(
    type: "message" | "close" | "open" | "error",
    listener: (event: { data?: unknown; code?: number; reason?: string; message?: string }) => void,
  ): void;
  /** Holds the peer back: the objects of `ws` can. */
  pause?(): void;
  /** Goes on. */
  resume?(): void;
  /** Drops the connection: the objects of `ws` can. */
  terminate?(): void;
}

/** Options of {@linkcode adoptWebSocket}. */
export interface PlatformWebSocketOptions {
  /** This end; a WebSocket object does not say. Default: an empty host, port 0. */
  readonly localAddress?: TransportAddress;
  /** The other end. Default likewise. */
  readonly remoteAddress?: TransportAddress;
  /** Octets that may wait for a slow reader before the connection breaks. Default 16 MiB. */
  readonly maxReceiveQueue?: number;
  /** The longest message that is accepted; a longer one is answered with code 4009. Default: what the platform takes. */
  readonly maxMessageLength?: number;
}

/**
 * Octets that may wait for a slow reader where the peer cannot be held back: more than kernels hold between two ends, since
 * all of that may come before a reader has its turn.
 */
export const MAX_RECEIVE_QUEUE: number = 16 * 1024 * 1024;

/** Octets that the object may hold before a writer waits; it goes on when half of them have left. */
const SEND_LIMIT = 1048576;

/** Milliseconds between looks at `bufferedAmount`. */
const POLL = 4;

const CLOSING = 2;
const CLOSED = 3;

/**
 * Makes a connection of an open WebSocket object, which is the connection's from then on. No message must have been
 * delivered before.
 */
export function adoptWebSocket(
  socket: PlatformWebSocket,
  options: PlatformWebSocketOptions = {},
): Connection {
  return new PlatformWebSocketConnection(socket, options);
}

const NOWHERE: TransportAddress = { hostname: "", port: 0 };

class PlatformWebSocketConnection extends CarrierConnection {
  readonly layers: readonly ConnectionLayer[];

  readonly #socket: PlatformWebSocket;
  readonly #maxReceiveQueue: number;
  readonly #maxMessageLength: number;
  #fault: TransportError | undefined;
  readonly #closed: Promise<void>;
  #over = false;

  constructor(socket: PlatformWebSocket, options: PlatformWebSocketOptions) {
    const { localAddress = NOWHERE, remoteAddress = NOWHERE, maxReceiveQueue = MAX_RECEIVE_QUEUE } = options;
    const { maxMessageLength = Infinity } = options;
    super({ localAddress, remoteAddress });
    const { protocol } = socket;
    this.layers = [{ layer: "websocket", ...(protocol && { protocol }) }];
    this.#socket = socket;
    this.#maxReceiveQueue = maxReceiveQueue;
    this.#maxMessageLength = maxMessageLength;
    socket.binaryType = "arraybuffer";
    this.#closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code = 1006, reason = "" }) => {
        this.#over = true;
        this.#handleClose(code, reason);
        resolve();
      });
    });
    socket.addEventListener("message", ({ data }) => this.#handleMessage(data));
    socket.addEventListener("error", () => {}); // a close event follows
    this.handleOpen();
  }

  protected override get lingerTime(): number {
    return 0; // releasing waits by itself
  }

  protected override startReading(): void {
    if (this.#socket.readyState < CLOSED) this.#socket.resume?.();
  }

  protected override stopReading(): void {
    if (this.#socket.readyState < CLOSED) this.#socket.pause?.();
  }

  protected override send(chunk: Uint8Array): void | Promise<void> {
    const socket = this.#socket;
    if (socket.readyState >= CLOSING) throw this.#fault ?? this.#gone();
    // `ws` keeps what it is given until the kernel has it; the standard has objects copy.
    const octets = socket.pause === undefined ? chunk : chunk.slice();
    socket.send(octets as Uint8Array<ArrayBuffer>);
    if (socket.bufferedAmount > SEND_LIMIT) return this.#waitForRoom();
  }

  async #waitForRoom(): Promise<void> {
    while (this.#socket.bufferedAmount > SEND_LIMIT / 2) {
      if (this.#socket.readyState >= CLOSING) throw this.#fault ?? this.#gone();
      await sleep(POLL);
    }
  }

  protected override sendEnd(): void {
    this.#close(CLOSE_CODES.normal);
    // What comes after it is not delivered any more.
    this.handleEnd();
  }

  protected override reset(): void {
    this.#close(PRIVATE_CLOSE_CODES.aborted);
    this.#socket.terminate?.();
  }

  /** Closing sends what waits first, and the peer's Close comes last. */
  protected override async release(): Promise<void> {
    this.#close(CLOSE_CODES.normal);
    this.#socket.resume?.();
    let left = this.#socket.bufferedAmount;
    for (let waited = 0; !this.#over && left > 0 && waited < CLOSE_STALL_TIME; waited += POLL) {
      await sleep(POLL);
      const now = this.#socket.bufferedAmount;
      if (now < left) waited = 0;
      left = now;
    }
    if (!this.#over) await within(this.#closed, LINGER_TIME);
    if (!this.#over) this.#socket.terminate?.();
  }

  #close(code: number): void {
    if (this.#socket.readyState < CLOSING) this.#socket.close(code);
  }

  #handleMessage(data: unknown): void {
    if (this.#fault !== undefined) return;
    if (!(data instanceof ArrayBuffer)) {
      this.#break(
        new WebSocketFault(PRIVATE_CLOSE_CODES.unsupportedData, "binary messages", "text"),
        PRIVATE_CLOSE_CODES.unsupportedData,
      );
      return;
    }
    if (data.byteLength > this.#maxMessageLength) {
      const expected = `messages of at most ${this.#maxMessageLength} octets`;
      this.#break(
        new WebSocketFault(PRIVATE_CLOSE_CODES.tooBig, expected, `one of ${data.byteLength}`),
        PRIVATE_CLOSE_CODES.tooBig,
      );
      return;
    }
    if (data.byteLength === 0) return;
    this.handleChunk(new Uint8Array(data));
    if (this.waiting <= this.#maxReceiveQueue) return;
    this.#break(
      new TransportError(
        "ERR_TRANSPORT_WEBSOCKET",
        `Cannot hold WebSocket from ${
          formatAddress(this.remoteAddress)
        } back: expected a reader that takes what comes, got more than ${this.#maxReceiveQueue} octets that wait`,
      ),
      PRIVATE_CLOSE_CODES.tryAgainLater,
    );
  }

  #break(error: TransportError, code: number): void {
    this.#fault = error;
    this.#close(code);
    this.handleError(error);
  }

  #handleClose(code: number, reason: string): void {
    if (isOrderlyClose(code)) return this.handleEnd();
    const peer = formatAddress(this.remoteAddress);
    // 1006, as the standard has it; Deno says 0 or 1006.
    const cut = code === 0 || code === 1006;
    this.#fault ??= cut ? endedWithoutClose(peer) : closedByPeer(peer, code, reason);
    this.handleError(this.#fault);
  }

  #gone(): TransportError {
    return new TransportError(
      "ERR_TRANSPORT_RESET",
      `Cannot write to ${formatAddress(this.remoteAddress)}: the WebSocket was closed by the peer`,
    );
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
