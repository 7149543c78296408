/**
 * A WebSocket over any byte stream, once its opening handshake is done: the connection that both ends make of it.
 *
 * - A message is a piece of the byte stream, of any length; messages have no meaning of their own.
 * - `writable.close()` sends a Close frame with code 1000. It ends our direction alone: a peer that answers it only when
 *   it has finished, as this class does, goes on sending, and is read (RFC 6455, section 5.5.1, lets an answer wait until
 *   the current message is sent). Browsers and most libraries answer at once: there it ends both directions.
 * - `writable.abort()` aborts the stream below, without a Close frame, which the peer takes for a break (section 7.1.5)
 *   also where the stream below cannot reset.
 * - Nothing is queued beyond what the stream below and {@linkcode CarrierConnection} hold: a reader that is slow holds the
 *   peer back.
 */

import type { TransportError } from "../../errors.ts";
import { formatAddress } from "../address.ts";
import { CarrierConnection } from "../carrier_connection.ts";
import type { Connection, ConnectionLayer } from "../types.ts";
import { CLOSE_CODES, closedByPeer, endedWithoutClose, isOrderlyClose, leftByPeer } from "./close_codes.ts";
import { WebSocketFault } from "./fault.ts";
import { type FrameEvent, FrameReader, type WebSocketRole } from "./frame_reader.ts";
import { FrameWriter } from "./frame_writer.ts";

/** Milliseconds between Pings of an idle connection: proxies give one up after a minute (nginx) or less. */
export const PING_INTERVAL = 25000;

/** Largest message that is sent: what one frame copies. A Ping or a Pong waits behind one message at most. */
const MAX_MESSAGE_LENGTH = 262144;

/** Options that both ends have. */
export interface WebSocketOptions {
  /**
   * Milliseconds after which an idle connection sends a Ping, so that middleboxes keep it; 0 sends none. Default
   * {@linkcode PING_INTERVAL}. Whether a Pong comes is not looked at: who lives is IKE's matter (RFC 9329, section 7.6).
   */
  readonly pingInterval?: number;
  /** Longest frame that is read. Default 16 MiB. */
  readonly maxFrameLength?: number;
}

/** How a {@linkcode WebSocketConnection} begins. */
export interface WebSocketStart extends WebSocketOptions {
  /** Which end this is. */
  readonly role: WebSocketRole;
  /** Its reader, from which the handshake was read. */
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  /** Its writer. */
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  /** What came behind the handshake. */
  readonly rest: Uint8Array;
  /** The subprotocol that was chosen. */
  readonly protocol?: string;
}

/** A connection over the frames of a WebSocket. */
export class WebSocketConnection extends CarrierConnection {
  /** The layers of the stream below, and this one. */
  readonly layers: readonly ConnectionLayer[];

  readonly #lower: Connection;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #frames: FrameReader;
  readonly #framer: FrameWriter;
  readonly #emit: (event: FrameEvent) => void;
  #rest: Uint8Array | undefined;

  #stopped = true;
  #reading = false;
  #released = false;
  /** The peer's Close came. */
  #peerClosed = false;
  /** Our Close left. */
  #closeSent = false;

  /** A Pong is on its way out; another Ping meanwhile only replaces what is answered next (section 5.5.3). */
  #answering = false;
  #unanswered: Uint8Array | undefined;
  /** Something was sent and received since the timer last looked. */
  #sent = false;
  #received = false;
  #pinging = false;
  readonly #pings: ReturnType<typeof setInterval> | undefined;

  /** Takes over an open stream. */
  constructor(lower: Connection, start: WebSocketStart) {
    super({ localAddress: lower.localAddress, remoteAddress: lower.remoteAddress });
    const { protocol } = start;
    const layer = { layer: "websocket", ...(protocol !== undefined && { protocol }) } as const;
    this.layers = [...lower.layers ?? [], layer];
    this.#lower = lower;
    this.#reader = start.reader;
    this.#writer = start.writer;
    this.#rest = start.rest.byteLength > 0 ? start.rest : undefined;
    this.#frames = new FrameReader(start);
    this.#framer = new FrameWriter(start);
    this.#emit = (event) => this.#handleEvent(event);
    const { pingInterval = PING_INTERVAL } = start;
    if (pingInterval > 0) this.#pings = setInterval(() => this.#handleTimer(), pingInterval);
    this.handleOpen();
  }

  /** The stream below waits for the peer's end by itself. */
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
    this.#sent = true;
    for (let offset = 0; offset < chunk.byteLength; offset += MAX_MESSAGE_LENGTH) {
      await this.#writer.write(this.#framer.data(chunk.subarray(offset, offset + MAX_MESSAGE_LENGTH)));
    }
  }

  protected override async sendEnd(): Promise<void> {
    this.#closeSent = true;
    try {
      await this.#writer.write(this.#framer.close(CLOSE_CODES.normal));
    } catch (error) {
      // A peer that has closed may be gone without waiting for our Close, and lost nothing.
      if (!this.#peerClosed) throw error;
    }
  }

  protected override async reset(): Promise<void> {
    this.#free();
    await this.#writer.abort().catch(() => {});
    await this.#lower.close();
  }

  protected override async release(): Promise<void> {
    this.#free();
    // What was written, a Close frame among it, is still delivered.
    await this.#lower.close();
  }

  #free(): void {
    this.#released = true;
    clearInterval(this.#pings);
  }

  async #readUntilStopped(): Promise<void> {
    this.#reading = true;
    try {
      while (!this.#stopped && !this.#released) {
        const rest = this.#rest;
        this.#rest = undefined;
        const { done, value } = rest === undefined ? await this.#reader.read() : { done: false, value: rest };
        if (this.#released) return;
        if (done) return this.#handleLowerEnd();
        this.#received = true;
        // After the Close frame there is nothing to read but the end.
        if (!this.#peerClosed) this.#frames.handle(value!, this.#emit);
      }
    } catch (error) {
      if (error instanceof WebSocketFault) this.#refuse(error);
      else this.handleError(error as TransportError);
    } finally {
      this.#reading = false;
    }
  }

  #handleEvent(event: FrameEvent): void {
    switch (event.kind) {
      case "data":
        this.handleChunk(event.octets);
        break;
      case "ping":
        this.#unanswered = event.payload;
        if (!this.#answering) this.#answer();
        break;
      case "pong":
        break;
      case "close":
        this.#peerClosed = true;
        if (isOrderlyClose(event.code)) this.handleEnd();
        else this.#handlePeerFault(event.code, event.reason);
    }
  }

  /** Section 5.5.1: a Close is answered with a Close, here at once since the peer takes nothing more. */
  #handlePeerFault(code: number, reason: string): void {
    this.#sendClose(code);
    this.handleError(closedByPeer(formatAddress(this.remoteAddress), code, reason));
  }

  #refuse(fault: WebSocketFault): void {
    this.#sendClose(fault.closeCode, fault.message);
    this.handleError(fault);
  }

  #sendClose(code: number, reason?: string): void {
    if (this.#closeSent) return;
    this.#closeSent = true;
    this.#writer.write(this.#framer.close(code, reason)).catch(() => {});
  }

  /** Nobody ends the stream below and reads on: a peer that has closed and ends it has left, and takes nothing more. */
  #handleLowerEnd(): void {
    const peer = formatAddress(this.remoteAddress);
    if (!this.#peerClosed) this.handleError(endedWithoutClose(peer));
    else if (!this.#closeSent) this.handleError(leftByPeer(peer));
  }

  async #answer(): Promise<void> {
    this.#answering = true;
    while (this.#unanswered !== undefined && !this.#closeSent) {
      const payload = this.#unanswered;
      this.#unanswered = undefined;
      // A failure shows in the reading, too.
      await this.#writer.write(this.#framer.pong(payload)).catch(() => {});
    }
    this.#answering = false;
  }

  #handleTimer(): void {
    const idle = !this.#sent || !this.#received;
    this.#sent = false;
    this.#received = false;
    if (idle && !this.#closeSent && !this.#pinging) this.#ping();
  }

  /** One at a time: a peer that takes nothing would have them pile up. */
  async #ping(): Promise<void> {
    this.#pinging = true;
    await this.#writer.write(this.#framer.ping()).catch(() => {});
    this.#pinging = false;
  }
}
