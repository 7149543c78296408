/**
 * What every stream carrier has in common: the two directions of a {@linkcode Connection}, of which reading has a file of its
 * own (`_inbound.ts`), and its life from open to closed. A carrier extends it with six verbs and reports what happens through
 * `handleChunk`, `handleEnd` and `handleError`; everything settles here, once.
 *
 * It knows nothing of sockets, and nothing of what the octets mean.
 */

import { CodedTypeError, TransportError } from "../errors.ts";
import { Inbound, READ_QUEUE_LIMIT } from "./_inbound.ts";
import { formatAddress, type TransportAddress } from "./address.ts";
import type { Connection, Receiver } from "./types.ts";

export { CHUNK_OVERHEAD, READ_QUEUE_LIMIT } from "./_inbound.ts";

/** Milliseconds that a connection whose both directions are given up waits for the peer's end, so that a reset does not overtake our last octets. */
export const LINGER_TIME = 1000;

/** Milliseconds without progress after which `close()` stops waiting for a peer that does not read. */
export const CLOSE_STALL_TIME = 30000;

/** Options of a {@linkcode CarrierConnection}. */
export interface CarrierConnectionOptions {
  /** This end, as the network sees it. */
  readonly localAddress: TransportAddress;
  /** The other end. */
  readonly remoteAddress: TransportAddress;
  /** Octets that may wait for a reader. Default {@linkcode READ_QUEUE_LIMIT}; one chunk of the carrier may exceed it. */
  readonly highWaterMark?: number;
}

/** Where writing stands: `ending` while the half-close is on its way. */
type WriteState = "open" | "ending" | "ended";

const OPENED: Promise<void> = Promise.resolve();

/**
 * The base class of connections. Subclasses implement the protected verbs; a carrier is such a class plus a function
 * that opens it.
 *
 * @example A carrier that sends everything back
 * ```ts
 * import { CarrierConnection } from "iketcp/transport";
 * import { deepStrictEqual } from "node:assert";
 *
 * class EchoConnection extends CarrierConnection {
 *   protected override startReading(): void {}
 *   protected override stopReading(): void {}
 *   protected override send(chunk: Uint8Array): void {
 *     this.handleChunk(chunk.slice());
 *   }
 *   protected override sendEnd(): void {
 *     this.handleEnd();
 *   }
 *   protected override reset(): void {}
 *   protected override release(): void {}
 * }
 *
 * const here = { hostname: "192.0.2.1", port: 4500 };
 * const connection = new EchoConnection({ localAddress: here, remoteAddress: here });
 * const writer = connection.writable.getWriter();
 * writer.write(Uint8Array.of(1, 2, 3));
 * writer.close();
 * const chunks: number[][] = [];
 * for await (const chunk of connection.readable) chunks.push([...chunk]);
 * deepStrictEqual(chunks, [[1, 2, 3]]);
 * await connection.closed;
 * ```
 */
export abstract class CarrierConnection implements Connection {
  /** Resolved: a connection is made once its carrier is open. */
  readonly opened: Promise<void> = OPENED;
  /** Resolves when both directions have ended and the carrier is released; rejects when the connection broke. */
  readonly closed: Promise<void>;
  /** This end, as the network sees it. */
  readonly localAddress: TransportAddress;
  /** The other end. */
  readonly remoteAddress: TransportAddress;

  readonly #inbound: Inbound;
  /** Made when somebody asks for it: streams are most of what an idle connection costs. */
  #writable: WritableStream<Uint8Array> | undefined;
  #sink: WritableStreamDefaultController | undefined;
  #settle!: { resolve(): void; reject(reason: unknown): void };

  #write: WriteState = "open";
  #ending: Promise<void> | undefined;
  /** Chunks handed to the writable stream since the beginning, and how many of them were sent. */
  #requested = 0;
  #sent = 0;

  #broken: Error | undefined;
  #released = false;
  #closing: { readonly reason: unknown; readonly after: number } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn: ReturnType<typeof setTimeout> | undefined;

  /** Makes the streams; the subclass calls `startReading` through {@linkcode CarrierConnection.handleOpen} when it is set up. */
  constructor(options: CarrierConnectionOptions) {
    this.localAddress = options.localAddress;
    this.remoteAddress = options.remoteAddress;
    this.#inbound = new Inbound(options.highWaterMark ?? READ_QUEUE_LIMIT, {
      startReading: () => this.startReading(),
      stopReading: () => this.stopReading(),
      handleDiscarding: () => this.#releaseWhenDone(),
    });
    this.closed = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.closed.catch(() => {});
  }

  /** What the peer sends. */
  get readable(): ReadableStream<Uint8Array> {
    return this.#inbound.readable;
  }

  /** What goes to the peer. */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= this.#makeWritable();
  }

  /** Hands what comes to a receiver, in the turn in which it comes, in the place of `readable`, which is locked from then on. */
  receive(receiver: Receiver): void {
    this.#inbound.receive(receiver);
  }

  /** Writes without a stream; a promise says that the next write must wait. Throws, or rejects, where the connection is broken. */
  transmit(chunk: Uint8Array): void | Promise<void> {
    if (this.#write !== "open" || this.#closing !== undefined) throw this.#broken ?? this.#closedError();
    this.#requested++;
    return this.#handleWrite(chunk);
  }

  /** Milliseconds that a connection whose both directions are given up waits; less where what is below waits itself. */
  protected get lingerTime(): number {
    return LINGER_TIME;
  }

  /** Octets that wait for the reader, each chunk counting {@linkcode CHUNK_OVERHEAD} more: for carriers that cannot stop. */
  protected get waiting(): number {
    return this.#inbound.waiting;
  }

  /** Begins to hand chunks to `handleChunk`; called again after `stopReading`. */
  protected abstract startReading(): void;

  /** Hands on no more chunks than are on their way already. */
  protected abstract stopReading(): void;

  /** Sends a chunk that is not empty. A promise holds the writer back until the octets are out of the caller's memory. */
  protected abstract send(chunk: Uint8Array): void | Promise<void>;

  /** Half-closes, after everything that was sent. */
  protected abstract sendEnd(): void | Promise<void>;

  /** Breaks the connection so that the peer sees an error, if the carrier can; then as `release`. */
  protected abstract reset(): void | Promise<void>;

  /** Frees what the carrier holds. Called once, and never together with `reset`. */
  protected abstract release(): void | Promise<void>;

  /** The carrier is set up: reading begins, ahead of the reader, so that the peer's end and errors are noticed. */
  protected handleOpen(): void {
    if (!this.#released) this.#inbound.open();
  }

  /** Takes a chunk, which then belongs to the reader. False asks the carrier to stop until `startReading`. */
  protected handleChunk(chunk: Uint8Array): boolean {
    return this.#inbound.handleChunk(chunk);
  }

  /**
   * Whether the octets of the next chunk need to live only until `handleChunk` returns: the carrier may then read into the
   * same memory again and again. Holds until the next call of `handleChunk`.
   */
  protected get borrowing(): boolean {
    return this.#inbound.borrowing;
  }

  /** The peer has ended its direction. */
  protected handleEnd(): void {
    if (this.#inbound.state === "ended" || this.#broken !== undefined || this.#released) return;
    this.#inbound.handleEnd();
    this.#releaseWhenDone();
  }

  /** The connection broke, and the carrier knows why. What was received before is still delivered. */
  protected handleError(error: Error): void {
    if (this.#broken !== undefined || this.#released) return;
    // Both directions were given up or had ended: there is nobody left for whom it broke.
    if (this.#write === "ended" && this.#inbound.state !== "open") {
      this.#release(() => this.release());
      return;
    }
    this.#broken = error;
    this.#inbound.handleError(error);
    this.#sink?.error(error);
    this.#release(() => this.release());
  }

  /** Closes both directions: what was written is still delivered, nothing more is read. Safe to repeat. */
  close(reason?: unknown): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = { reason, after: this.#requested };
      this.#inbound.close();
      if (this.#write !== "ended") this.#startTimer(CLOSE_STALL_TIME);
      if (this.#write === "open" && this.#broken === undefined) {
        if (this.#writable === undefined || this.#writable.locked) this.#endWhenSent();
        else this.#writable.close().catch(() => {});
      }
    }
    return this.closed.catch(() => {});
  }

  #makeWritable(): WritableStream<Uint8Array> {
    const writable = new WritableStream<Uint8Array>({
      start: (controller) => {
        this.#sink = controller;
        // The sink's abort() waits for the write that is under way, and that may wait for a peer that never reads.
        controller.signal.addEventListener("abort", () => this.#handleAbort(controller.signal.reason), {
          once: true,
        });
      },
      write: (chunk) => this.#handleWrite(chunk),
      close: () => this.#end(),
      abort: (reason) => this.#handleAbort(reason),
    }, {
      highWaterMark: 1,
      size: () => {
        this.#requested++;
        return 1;
      },
    });
    if (this.#broken !== undefined) this.#sink!.error(this.#broken);
    else if (this.#write !== "open") this.#sink!.error(this.#closedError());
    return writable;
  }

  #handleWrite(chunk: Uint8Array): void | Promise<void> {
    if (!(chunk instanceof Uint8Array)) {
      const error = new CodedTypeError(
        "ERR_TRANSPORT_CHUNK",
        `Cannot write to a connection: expected a Uint8Array, got ${describe(chunk)}`,
      );
      this.#handleAbort(error);
      throw error;
    }
    if (this.#broken !== undefined) throw this.#broken;
    try {
      const sending = chunk.byteLength > 0 ? this.send(chunk) : undefined;
      if (sending !== undefined) {
        return sending.then(() => this.#handleSent(), (error) => this.#handleUnsent(error));
      }
    } catch (error) {
      this.#handleUnsent(error);
    }
    this.#handleSent();
  }

  /** What a `send` threw is why the connection broke, unless it was broken for another reason, which then counts. */
  #handleUnsent(error: unknown): never {
    this.handleError(error as Error);
    throw this.#broken ?? error;
  }

  #handleSent(): void {
    if (this.#broken !== undefined) throw this.#broken;
    this.#sent++;
    if (this.#closing === undefined) return;
    if (this.#write === "open") this.#startTimer(CLOSE_STALL_TIME);
    if (this.#writable === undefined || this.#writable.locked) this.#endWhenSent();
  }

  /** Ends the writing of somebody else's writer, once what it had written before `close()` was called has left. */
  #endWhenSent(): void {
    const { after } = this.#closing!;
    if (this.#write !== "open" || this.#sent < after) return;
    if (this.#requested > after) return this.#endWriter();
    // A turn later, so that a close() of that writer which waited behind its last chunk comes first.
    this.#turn ??= setTimeout(() => {
      if (this.#write === "open" && this.#broken === undefined && this.#requested === after) {
        this.#endWriter();
      }
    }, 0);
  }

  #endWriter(): void {
    this.#end().catch(() => {});
    this.#sink?.error(this.#closedError());
  }

  #closedError(): TransportError {
    return new TransportError(
      "ERR_TRANSPORT_CLOSED",
      `Cannot write to ${formatAddress(this.remoteAddress)}: the connection was closed by this end`,
      { cause: this.#closing?.reason },
    );
  }

  #end(): Promise<void> {
    return this.#ending ??= this.#sendEnd();
  }

  async #sendEnd(): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    this.#write = "ending";
    try {
      await this.sendEnd();
    } catch (error) {
      this.handleError(error as Error);
    }
    if (this.#broken !== undefined) throw this.#broken;
    this.#write = "ended";
    this.#releaseWhenDone();
  }

  /** The writable stream is becoming errored by itself: erroring it from here trips an assertion of Node 20. */
  #handleAbort(reason: unknown): void {
    if (this.#broken !== undefined || this.#released) return;
    this.#breakNow(
      new TransportError(
        "ERR_TRANSPORT_CLOSED",
        `Connection to ${formatAddress(this.remoteAddress)} was aborted by this end`,
        { cause: reason },
      ),
    );
  }

  /** Breaks the connection from this end: nothing more is delivered in either direction. */
  #breakNow(error: Error): void {
    this.#broken = error;
    this.#inbound.abort(error);
    this.#release(() => this.reset());
  }

  /** Frees the carrier when both directions are over, at once or, when the peer's end was not seen, after a while. */
  #releaseWhenDone(): void {
    if (this.#write !== "ended") return;
    if (this.#inbound.state === "ended") this.#release(() => this.release());
    else if (this.#inbound.state === "discarding") this.#startTimer(this.lingerTime);
  }

  #startTimer(milliseconds: number): void {
    clearTimeout(this.#timer);
    if (!this.#released) this.#timer = setTimeout(() => this.#handleTimer(), milliseconds);
  }

  #handleTimer(): void {
    if (this.#write === "ended") {
      this.#release(() => this.release());
    } else {
      const error = new TransportError(
        "ERR_TRANSPORT_TIMEOUT",
        `Cannot close the connection to ${formatAddress(this.remoteAddress)}: the peer took nothing for ${
          CLOSE_STALL_TIME / 1000
        } s`,
      );
      this.#breakNow(error);
      this.#sink?.error(error);
    }
  }

  async #release(free: () => void | Promise<void>): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    this.#inbound.release();
    clearTimeout(this.#timer);
    clearTimeout(this.#turn);
    try {
      await free();
    } catch {
      // It was broken or is gone already: that has been said by then.
    }
    if (this.#broken !== undefined) this.#settle.reject(this.#broken);
    else this.#settle.resolve();
  }
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === "object" ? value.constructor?.name ?? "an object" : `a ${typeof value}`;
}
