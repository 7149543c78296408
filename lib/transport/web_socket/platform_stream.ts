/**
 * The platform's `WebSocketStream` as a connection: Chromium has it, and Deno with `--unstable-net`. Its streams hold a peer
 * back for a slow reader, and a writer for a slow peer. There is no half-close, as with every platform's WebSocket:
 * `writable.close()` ends both directions. Not what {@linkcode connectPlatformWebSocket} takes by itself: see there.
 */

import { TransportError } from "../../errors.ts";
import { formatAddress, type TransportAddress } from "../address.ts";
import { CarrierConnection, LINGER_TIME } from "../carrier_connection.ts";
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

/** What is used of a `WebSocketStream`. */
export interface PlatformWebSocketStream {
  /** Resolves when the handshake is done. */
  readonly opened: Promise<OpenedWebSocketStream>;
  /** Resolves with how it was closed; rejects when it was not. */
  readonly closed: Promise<{ readonly closeCode?: number; readonly reason?: string }>;
  /** Closes it. */
  close(info?: { closeCode?: number; reason?: string }): void;
}

/** What it gives when it is open. Chunks are `ArrayBuffer`s in Chromium and `Uint8Array`s in Deno. */
export interface OpenedWebSocketStream {
  /** What comes: strings are text. */
  readonly readable: ReadableStream<unknown>;
  /** What goes. */
  readonly writable: WritableStream<unknown>;
  /** The subprotocol that was chosen; empty for none. */
  readonly protocol: string;
}

/** The two ends, which the object does not know. */
export interface WebSocketStreamAddresses {
  /** This end. Default: an empty host, port 0. */
  readonly localAddress?: TransportAddress;
  /** The other end. Default likewise. */
  readonly remoteAddress?: TransportAddress;
}

const NOWHERE: TransportAddress = { hostname: "", port: 0 };

/** Makes a connection of an open `WebSocketStream`, which is the connection's from then on. */
export function adoptWebSocketStream(
  stream: PlatformWebSocketStream,
  opened: OpenedWebSocketStream,
  addresses: WebSocketStreamAddresses = {},
): Connection {
  return new WebSocketStreamConnection(stream, opened, addresses);
}

class WebSocketStreamConnection extends CarrierConnection {
  readonly layers: readonly ConnectionLayer[];

  readonly #stream: PlatformWebSocketStream;
  readonly #reader: ReadableStreamDefaultReader<unknown>;
  readonly #writer: WritableStreamDefaultWriter<unknown>;
  #stopped = true;
  #reading = false;
  #released = false;
  /** Settles a write that waits for a peer that takes nothing, once the connection is over. */
  readonly #over: Promise<never>;
  #endAll!: (reason: unknown) => void;

  constructor(
    stream: PlatformWebSocketStream,
    opened: OpenedWebSocketStream,
    addresses: WebSocketStreamAddresses,
  ) {
    const { localAddress = NOWHERE, remoteAddress = NOWHERE } = addresses;
    super({ localAddress, remoteAddress });
    this.layers = [{ layer: "websocket", ...(opened.protocol && { protocol: opened.protocol }) }];
    this.#over = new Promise((_, reject) => {
      this.#endAll = reject;
    });
    this.#over.catch(() => {});
    this.#stream = stream;
    this.#reader = opened.readable.getReader();
    this.#writer = opened.writable.getWriter();
    this.#writer.closed.catch(() => {});
    this.#reader.closed.catch(() => {});
    stream.closed.catch(() => {});
    this.handleOpen();
  }

  protected override get lingerTime(): number {
    return 0;
  }

  protected override startReading(): void {
    this.#stopped = false;
    if (!this.#reading) this.#readUntilStopped();
  }

  protected override stopReading(): void {
    this.#stopped = true;
  }

  protected override async send(chunk: Uint8Array): Promise<void> {
    try {
      // The caller may use its chunk again, and what was given is not known to have been copied.
      await Promise.race([this.#writer.write(chunk.slice()), this.#over]);
    } catch (error) {
      if (this.#released) throw error;
      throw await this.#whyClosed();
    }
  }

  protected override async sendEnd(): Promise<void> {
    // Deno ends the stream's writable without a Close frame that says how: so the object is closed when all is written.
    await this.#writer.ready.catch(() => {});
    this.#close(CLOSE_CODES.normal);
    this.handleEnd();
  }

  protected override reset(): void {
    this.#released = true;
    this.#close(PRIVATE_CLOSE_CODES.aborted);
    this.#endAll(endedWithoutClose(formatAddress(this.remoteAddress)));
  }

  protected override async release(): Promise<void> {
    this.#released = true;
    this.#close(CLOSE_CODES.normal);
    this.#endAll(endedWithoutClose(formatAddress(this.remoteAddress)));
    await within(this.#stream.closed.catch(() => {}), LINGER_TIME);
  }

  #close(closeCode: number): void {
    try {
      this.#stream.close({ closeCode });
    } catch {
      // It is closed.
    }
  }

  async #readUntilStopped(): Promise<void> {
    this.#reading = true;
    try {
      while (!this.#stopped && !this.#released) {
        const { done, value } = await this.#reader.read();
        if (this.#released) return;
        if (done) return this.#handleClosed();
        if (typeof value === "string") {
          throw new WebSocketFault(PRIVATE_CLOSE_CODES.unsupportedData, "binary messages", "text");
        }
        const octets = value instanceof Uint8Array ? value : new Uint8Array(value as ArrayBuffer);
        if (octets.byteLength > 0) this.handleChunk(octets);
      }
    } catch (error) {
      if (this.#released) return;
      if (error instanceof WebSocketFault) {
        this.#close(error.closeCode);
        this.handleError(error);
      } else {
        this.handleError(await this.#whyClosed());
      }
    } finally {
      this.#reading = false;
    }
  }

  async #handleClosed(): Promise<void> {
    const { closeCode = CLOSE_CODES.noStatus } = await this.#stream.closed.catch(() => ({ closeCode: 1006 }));
    if (isOrderlyClose(closeCode)) this.handleEnd();
    else this.handleError(await this.#whyClosed());
  }

  async #whyClosed(): Promise<TransportError> {
    const peer = formatAddress(this.remoteAddress);
    try {
      const { closeCode = CLOSE_CODES.noStatus, reason = "" } = await this.#stream.closed;
      return isOrderlyClose(closeCode)
        ? new TransportError("ERR_TRANSPORT_RESET", `WebSocket to ${peer} was closed by the peer`)
        : closedByPeer(peer, closeCode, reason);
    } catch {
      return endedWithoutClose(peer);
    }
  }
}
