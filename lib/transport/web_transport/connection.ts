/**
 * One bidirectional stream of a WebTransport session as a connection; the session is the stream's alone.
 *
 * The end of a direction is the stream's FIN. Two things are said beside the stream, on one unidirectional stream of each
 * end, which an end that does not know them leaves unread:
 *
 * - how many octets a direction had, since Deno's client sends no FIN;
 * - that the other direction was read to its end, since closing a session throws away what is on its way: a session is closed
 *   by an end whose octets have all been read, or after a time.
 *
 * A session that is closed with another code than 0 breaks the connection.
 */

import { TransportError } from "../../errors.ts";
import { formatAddress, type TransportAddress } from "../address.ts";
import { CarrierConnection, CLOSE_STALL_TIME, LINGER_TIME } from "../carrier_connection.ts";
import type { ConnectionLayer, DatagramEndpoint } from "../types.ts";

/** With what a session is closed whose connection was aborted. */
const ABORTED = { closeCode: 1, reason: "aborted" } as const;

/** RFC 9114, section 8.1: H3_NO_ERROR, with which some implementations close a session in order. */
const ORDERLY_CODES: readonly number[] = [0, 0x100];

/** Messages beside the stream: a kind, and a count of octets in 64 bits. */
const ENDED = 1;
const READ = 2;
const MESSAGE_LENGTH = 9;

/** What both kinds of sessions have, a browser's and a server's. */
export interface WebTransportSession {
  /** Settles when the session is over. */
  readonly closed: Promise<{ readonly closeCode?: number; readonly reason?: string } | undefined>;
  /** Closes it at once. */
  close(info?: { readonly closeCode?: number; readonly reason?: string }): void;
  /** Opens a stream to the peer. */
  createUnidirectionalStream(): Promise<WritableStream<Uint8Array>>;
  /** Streams of the peer. */
  readonly incomingUnidirectionalStreams: ReadableStream<ReadableStream<Uint8Array>>;
}

/** What a {@linkcode WebTransportConnection} is made of. */
export interface WebTransportStart {
  /** The session. */
  readonly session: WebTransportSession;
  /** Its one stream. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Its one stream. */
  readonly writable: WritableStream<Uint8Array>;
  /** Datagrams of the session. */
  readonly datagrams: DatagramEndpoint;
  /** This end. */
  readonly localAddress: TransportAddress;
  /** The other end. */
  readonly remoteAddress: TransportAddress;
}

/** A connection over WebTransport. */
export class WebTransportConnection extends CarrierConnection {
  /** What lies between the network and the stream. */
  readonly layers: readonly ConnectionLayer[] = [{ layer: "webtransport" }];
  /** Datagrams of the session: not ordered, not repeated, of the same path. */
  readonly datagrams: DatagramEndpoint;

  readonly #session: WebTransportSession;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #stopped = true;
  #reading = false;
  #released = false;
  #sent = 0;
  #received = 0;
  /** How many octets the peer says it sent, once it has ended. */
  #expected = Infinity;
  #ended = false;

  #said: Promise<WritableStreamDefaultWriter<Uint8Array>> | undefined;
  /** The peer has read all that we sent, or the session is over. */
  readonly #done: Promise<void>;
  #handleDone!: () => void;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  /** Settles a write that waits for a peer that takes nothing, once the connection is over. */
  readonly #over: Promise<never>;
  #endAll!: (reason: unknown) => void;

  /** Takes over an open stream and its session. */
  constructor(start: WebTransportStart) {
    super(start);
    this.#session = start.session;
    this.datagrams = start.datagrams;
    this.#reader = start.readable.getReader();
    this.#writer = start.writable.getWriter();
    this.#reader.closed.catch(() => {});
    this.#writer.closed.catch(() => {});
    this.#done = new Promise((resolve) => {
      this.#handleDone = resolve;
    });
    this.#over = new Promise((_, reject) => {
      this.#endAll = reject;
    });
    this.#over.catch(() => {});
    this.#session.closed.then(
      (info) => this.#handleClosed(info?.closeCode ?? 0, info?.reason ?? ""),
      (error) => this.#handleClosed(undefined, (error as Error).message),
    );
    void this.#listen();
    this.handleOpen();
  }

  protected override get lingerTime(): number {
    return 0; // releasing waits by itself
  }

  protected override startReading(): void {
    this.#stopped = false;
    if (!this.#reading) void this.#readUntilStopped();
  }

  protected override stopReading(): void {
    this.#stopped = true;
  }

  protected override async send(chunk: Uint8Array): Promise<void> {
    try {
      // Browsers take the chunk's memory for themselves; the caller may use it again.
      await Promise.race([this.#writer.write(chunk.slice()), this.#over]);
    } catch (error) {
      throw error instanceof TransportError ? error : this.#broken((error as Error).message);
    }
    this.#sent += chunk.byteLength;
  }

  protected override async sendEnd(): Promise<void> {
    this.#say(ENDED, this.#sent);
    try {
      await Promise.race([this.#writer.close(), this.#over]);
    } catch (error) {
      throw error instanceof TransportError ? error : this.#broken((error as Error).message);
    }
  }

  protected override reset(): void {
    this.#free();
    this.#close(ABORTED);
  }

  protected override async release(): Promise<void> {
    this.#free();
    // Octets that the peer has not read would be lost with the session.
    const timer = new Promise<void>((resolve) => {
      this.#closeTimer = setTimeout(resolve, LINGER_TIME);
    });
    await Promise.race([this.#done, timer]);
    clearTimeout(this.#closeTimer);
    this.#closeTimer = setTimeout(() => this.#close({}), CLOSE_STALL_TIME);
    void this.#done.then(() => this.#close({}));
  }

  #free(): void {
    this.#released = true;
    this.#endAll(this.#broken("the connection is over"));
  }

  #close(info: { readonly closeCode?: number; readonly reason?: string }): void {
    clearTimeout(this.#closeTimer);
    void this.datagrams.close();
    try {
      this.#session.close(info);
    } catch {
      // It is closed.
    }
  }

  async #readUntilStopped(): Promise<void> {
    this.#reading = true;
    try {
      while (!this.#stopped && !this.#ended) {
        const { done, value } = await this.#reader.read();
        if (done) {
          // Deno gives an end also for a stream that was reset, or whose session is over: then more was announced.
          return this.#received < this.#expected && this.#expected !== Infinity
            ? undefined
            : this.#handleAllRead();
        }
        this.#received += value.byteLength;
        if (value.byteLength > 0) this.handleChunk(value);
        if (this.#received >= this.#expected) return this.#handleAllRead();
      }
    } catch (error) {
      // A session that was closed says how, if it can.
      await Promise.race([this.#session.closed.catch(() => {}), this.#over.catch(() => {})]);
      if (!this.#ended) this.handleError(this.#broken((error as Error).message));
    } finally {
      this.#reading = false;
    }
  }

  #handleAllRead(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#say(READ, this.#received);
    this.handleEnd();
  }

  #handleClosed(code: number | undefined, reason: string): void {
    clearTimeout(this.#closeTimer);
    this.#handleDone();
    void this.datagrams.close();
    if (this.#ended || this.#released) {
      this.#endAll(this.#broken("the session is over"));
      return;
    }
    const orderly = code !== undefined && ORDERLY_CODES.includes(code) && this.#expected === Infinity;
    if (orderly) {
      this.#ended = true;
      this.handleEnd();
      this.#endAll(this.#broken("the session is over"));
      return;
    }
    const error = this.#broken(
      code === undefined ? reason : `the peer closed the session with code ${code}${reason && `: ${reason}`}`,
    );
    this.#endAll(error);
    this.handleError(error);
  }

  /** What the peer says beside the stream. */
  async #listen(): Promise<void> {
    try {
      const streams = this.#session.incomingUnidirectionalStreams.getReader();
      const { value: stream } = await streams.read();
      if (stream === undefined) return;
      const reader = stream.getReader();
      const message = new Uint8Array(MESSAGE_LENGTH);
      for (let length = 0;;) {
        const { done, value } = await reader.read();
        if (done) return;
        for (const octet of value) {
          message[length++] = octet;
          if (length < MESSAGE_LENGTH) continue;
          length = 0;
          this.#handleSaid(message[0]!, Number(new DataView(message.buffer).getBigUint64(1)));
        }
      }
    } catch {
      // The session is over, which is heard of elsewhere.
    }
  }

  #handleSaid(kind: number, octets: number): void {
    if (kind === READ && octets === this.#sent) this.#handleDone();
    if (kind !== ENDED) return;
    this.#expected = octets;
    if (this.#received >= octets && this.#reading) this.#handleAllRead();
  }

  #say(kind: number, octets: number): void {
    this.#said ??= this.#session.createUnidirectionalStream().then((stream) => stream.getWriter());
    const message = new Uint8Array(MESSAGE_LENGTH);
    message[0] = kind;
    new DataView(message.buffer).setBigUint64(1, BigInt(octets));
    // A peer that lets no stream be opened is told nothing, and the time decides.
    this.#said = this.#said.then(async (writer) => {
      await writer.write(message);
      return writer;
    });
    this.#said.catch(() => {});
  }

  #broken(why: string): TransportError {
    return new TransportError(
      "ERR_TRANSPORT_RESET",
      `WebTransport to ${formatAddress(this.remoteAddress)} broke: ${why || "no reason was given"}`,
    );
  }
}
