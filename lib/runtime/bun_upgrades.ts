/** WebSockets of somebody's own HTTP server in Bun: a part of the `fetch` of `Bun.serve`, and its `websocket`. */

import { TransportError } from "../errors.ts";
import { formatAddress, type TransportAddress } from "../transport/address.ts";
import { CarrierConnection, CLOSE_STALL_TIME, LINGER_TIME } from "../transport/carrier_connection.ts";
import type { ConnectionLayer } from "../transport/types.ts";
import {
  CLOSE_CODES,
  closedByPeer,
  endedWithoutClose,
  isOrderlyClose,
  PRIVATE_CLOSE_CODES,
} from "../transport/web_socket/close_codes.ts";
import { WebSocketFault } from "../transport/web_socket/fault.ts";
import { MAX_FRAME_LENGTH } from "../transport/web_socket/frame_reader.ts";
import { MAX_RECEIVE_QUEUE } from "../transport/web_socket/platform.ts";
import { headOf, refusal, Upgrades } from "./_upgrades.ts";

/** The part of Bun's `ServerWebSocket` that is used. */
export interface BunWebSocket {
  /** What was given to `upgrade`. */
  readonly data: unknown;
  /** The client's address. */
  readonly remoteAddress: string;
  /** Sends; -1: it waits, and `drain` follows; 0: it was dropped. */
  sendBinary(octets: Uint8Array, compress?: boolean): number;
  /** What waits to be sent. */
  getBufferedAmount(): number;
  /** Sends a Close. */
  close(code?: number, reason?: string): void;
  /** Drops the connection. */
  terminate(): void;
}

/** The part of Bun's `Server` that is used. */
export interface BunServer {
  /** Where it listens. */
  readonly hostname?: string;
  /** Likewise. */
  readonly port?: number;
  /** Answers the request with 101. */
  upgrade(request: Request, options: { data: unknown; headers?: Record<string, string> }): boolean;
  /** The client's address. */
  requestIP(request: Request): { readonly address: string; readonly port: number } | null;
}

/** What `websocket` of `Bun.serve` holds. */
export interface BunWebSocketHandler {
  /** Longest message. */
  readonly maxPayloadLength: number;
  /** Octets that wait to be sent before Bun drops more. */
  readonly backpressureLimit: number;
  /** No compression. */
  readonly perMessageDeflate: false;
  /** Seconds until Bun drops a silent client; it pings before. */
  readonly idleTimeout: number;
  /** Pings by itself. */
  readonly sendPings: true;
  /** A connection is there. */
  open(socket: BunWebSocket): void;
  /** A message. */
  message(socket: BunWebSocket, message: unknown): void;
  /** What waited has left. */
  drain(socket: BunWebSocket): void;
  /** It is over. */
  close(socket: BunWebSocket, code: number, reason: string): void;
}

/** Octets that Bun may hold for a client before a writer waits. */
const SEND_LIMIT = 1048576;

/** Bun drops a client that says nothing for so many seconds, and pings it before: Bun takes 960 at most. */
const IDLE_TIMEOUT = 60;

/**
 * Takes the requests for its path. The connections are Bun's own WebSockets, which differ from those of `listenWebSocket` as
 * `adoptWebSocket` tells: no half-close, and a client that is faster than its reader breaks the connection past 16 MiB.
 *
 * @example
 * ```ts
 * import { WebSocketUpgrades } from "iketcp/bun";
 * import type { BunServer } from "iketcp/bun";
 *
 * const upgrades = new WebSocketUpgrades({ path: "/vpn" });
 * // Bun.serve({ fetch, websocket: upgrades.websocket })
 * function fetch(request: Request, server: BunServer): Response | undefined {
 *   const answer = upgrades.handle(request, server);
 *   if (answer === "upgraded") return undefined;
 *   return answer ?? new Response("hello");
 * }
 * ```
 */
export class WebSocketUpgrades extends Upgrades {
  /** For `Bun.serve`; a server with WebSockets of its own calls these functions for those whose `data` is a {@linkcode BunUpgrade}. */
  readonly websocket: BunWebSocketHandler = {
    maxPayloadLength: this.options.maxFrameLength ?? MAX_FRAME_LENGTH,
    backpressureLimit: 2 * SEND_LIMIT + (this.options.maxFrameLength ?? MAX_FRAME_LENGTH),
    perMessageDeflate: false,
    idleTimeout: IDLE_TIMEOUT,
    sendPings: true,
    open: (socket) => {
      const { data } = socket;
      if (!(data instanceof BunUpgrade)) return;
      data.connection = new BunWebSocketConnection(socket, data);
      this.handleConnection(data.connection);
    },
    message: ({ data }, message) => void (data as BunUpgrade).connection?.handleMessage(message),
    drain: ({ data }) => void (data as BunUpgrade).connection?.handleDrain(),
    close: ({ data }, code, reason) => void (data as BunUpgrade).connection?.handleClose(code, reason),
  };

  /** `upgraded`, or the response that refuses; undefined when the path is another's. */
  handle(request: Request, server: BunServer): Response | "upgraded" | undefined {
    if (!this.wants(new URL(request.url).pathname)) return undefined;
    const decision = this.decide(headOf(request));
    if (!decision.accepted) return refusal(decision);
    const client = server.requestIP(request);
    const data = new BunUpgrade(
      { hostname: server.hostname ?? "", port: server.port ?? 0 },
      { hostname: client?.address ?? "", port: client?.port ?? 0 },
      decision.protocol,
    );
    const headers: Record<string, string> = decision.protocol === undefined
      ? {}
      : { "Sec-WebSocket-Protocol": decision.protocol };
    return server.upgrade(request, { data, headers })
      ? "upgraded"
      : refusal({ accepted: false, status: 400, reason: "Expected an upgrade to WebSocket" });
  }
}

/** What a WebSocket of Bun's server carries in its `data`. */
export class BunUpgrade {
  /** This end. */
  readonly localAddress: TransportAddress;
  /** The client. */
  readonly remoteAddress: TransportAddress;
  /** The subprotocol that was chosen. */
  readonly protocol: string | undefined;
  /** @internal */
  connection: BunWebSocketConnection | undefined;

  /** Remembers what is known of a client. */
  constructor(
    localAddress: TransportAddress,
    remoteAddress: TransportAddress,
    protocol: string | undefined,
  ) {
    this.localAddress = localAddress;
    this.remoteAddress = remoteAddress;
    this.protocol = protocol;
  }
}

class BunWebSocketConnection extends CarrierConnection {
  readonly layers: readonly ConnectionLayer[];

  readonly #socket: BunWebSocket;
  #over = false;
  #fault: TransportError | undefined;
  #wake: (() => void) | undefined;

  constructor(socket: BunWebSocket, { localAddress, remoteAddress, protocol }: BunUpgrade) {
    super({ localAddress, remoteAddress });
    this.layers = [{ layer: "websocket", ...(protocol !== undefined && { protocol }) }];
    this.#socket = socket;
    this.handleOpen();
  }

  handleMessage(message: unknown): void {
    if (this.#fault !== undefined) return;
    if (typeof message === "string") {
      const { unsupportedData } = CLOSE_CODES;
      return this.#break(new WebSocketFault(unsupportedData, "binary messages", "text"), unsupportedData);
    }
    const octets = message as Uint8Array;
    if (octets.byteLength === 0) return;
    // Bun hands out a Buffer, which may be a view of memory that is used again.
    this.handleChunk(new Uint8Array(octets));
    if (this.waiting <= MAX_RECEIVE_QUEUE) return;
    this.#break(
      new TransportError(
        "ERR_TRANSPORT_WEBSOCKET",
        `Cannot hold WebSocket from ${
          formatAddress(this.remoteAddress)
        } back: expected a reader that takes what comes, got more than ${MAX_RECEIVE_QUEUE} octets that wait`,
      ),
      CLOSE_CODES.tryAgainLater,
    );
  }

  handleDrain(): void {
    if (this.#over || this.#socket.getBufferedAmount() <= SEND_LIMIT / 2) this.#wakeAll();
  }

  handleClose(code: number, reason: string): void {
    this.#over = true;
    this.#wakeAll();
    if (isOrderlyClose(code)) return this.handleEnd();
    const peer = formatAddress(this.remoteAddress);
    this.#fault ??= code === 1006 ? endedWithoutClose(peer) : closedByPeer(peer, code, reason);
    this.handleError(this.#fault);
  }

  protected override get lingerTime(): number {
    return 0; // releasing waits by itself
  }

  protected override startReading(): void {}

  protected override stopReading(): void {}

  protected override send(chunk: Uint8Array): void | Promise<void> {
    if (this.#over) throw this.#gone();
    if (this.#socket.sendBinary(chunk, false) === 0) throw this.#gone();
    if (this.#socket.getBufferedAmount() > SEND_LIMIT) return this.#waitForRoom();
  }

  async #waitForRoom(): Promise<void> {
    await this.#woken(CLOSE_FOREVER);
    if (this.#over) throw this.#gone();
  }

  protected override sendEnd(): void {
    this.#close(CLOSE_CODES.normal);
    // What comes after it is not delivered any more.
    this.handleEnd();
  }

  protected override reset(): void {
    this.#close(PRIVATE_CLOSE_CODES.aborted);
    this.#socket.terminate();
    this.#over = true;
    this.#wakeAll();
  }

  protected override async release(): Promise<void> {
    this.#close(CLOSE_CODES.normal);
    for (let left = Infinity; !this.#over && this.#socket.getBufferedAmount() < left;) {
      left = this.#socket.getBufferedAmount();
      if (left > 0) await this.#woken(CLOSE_STALL_TIME);
    }
    if (!this.#over) await this.#woken(LINGER_TIME);
    if (!this.#over) this.#socket.terminate();
  }

  #close(code: number): void {
    if (!this.#over) this.#socket.close(code);
  }

  #break(error: TransportError, code: number): void {
    this.#fault = error;
    this.#close(code);
    this.handleError(error);
  }

  /** Resolves when something has left or it is over, or the time is. */
  #woken(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = milliseconds === CLOSE_FOREVER ? undefined : setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #wakeAll(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #gone(): TransportError {
    return this.#fault ?? new TransportError(
      "ERR_TRANSPORT_RESET",
      `Cannot write to ${formatAddress(this.remoteAddress)}: the WebSocket was closed by the peer`,
    );
  }
}

/** Waits without a limit. */
const CLOSE_FOREVER = 0;
