/**
 * What every stream carrier has in common: the two web streams of a {@linkcode Connection}, its life from open to closed,
 * and the bounded queue between a carrier that pushes and a reader that pulls. A carrier extends it with six verbs and
 * reports what happens through `handleChunk`, `handleEnd` and `handleError`; everything settles here, once.
 *
 * It knows nothing of sockets, and nothing of what the octets mean.
 */

import { CodedTypeError, TransportError } from "../errors.ts";
import { formatAddress, type TransportAddress } from "./address.ts";
import type { Connection, Receiver } from "./types.ts";

/** Octets that may wait for a reader before the carrier is told to stop. */
export const READ_QUEUE_LIMIT = 65536;

/**
 * What each waiting chunk counts over its octets, so that a peer that sends one octet per segment cannot make the queue
 * hold 65536 chunk objects: at most 65536 / 257 = 255 of them wait.
 */
export const CHUNK_OVERHEAD = 256;

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

/**
 * Where reading stands.
 *
 * - `open`: chunks go to the queue, and from there to the reader.
 * - `discarding`: nobody wants them any more; they are dropped as they come, so that the peer's end is still seen.
 * - `ended`: the peer has ended; what is queued can still be read.
 */
type ReadState = "open" | "discarding" | "ended";

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

  readonly #highWaterMark: number;
  /** The streams are made when somebody asks for them: they are most of what an idle connection costs. */
  #readable: ReadableStream<Uint8Array> | undefined;
  #writable: WritableStream<Uint8Array> | undefined;
  #source: ReadableStreamDefaultController<Uint8Array> | undefined;
  #sink: WritableStreamDefaultController | undefined;
  /** Takes what comes, in the place of the readable stream. */
  #receiver: Receiver | undefined;
  /** The receiver is not ready for more. */
  #receiving = false;
  /** The receiver has been told of the end. */
  #receiverDone = false;
  #settle!: { resolve(): void; reject(reason: unknown): void };

  #read: ReadState = "open";
  /** Chunks not taken yet. Empty whenever a reader waits (`#wanted`). */
  #queue: Uint8Array[] = [];
  /** Octets and overhead of `#queue`. */
  #queued = 0;
  #wanted = false;
  /** The carrier was told to stop, or not yet to start. */
  #stopped = true;
  /** The readable stream has been closed, cancelled or errored. */
  #sourceDone = false;

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
    this.#highWaterMark = options.highWaterMark ?? READ_QUEUE_LIMIT;
    this.closed = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.closed.catch(() => {});
  }

  /** What the peer sends. */
  get readable(): ReadableStream<Uint8Array> {
    return this.#readable ??= this.#makeReadable();
  }

  /** What goes to the peer. */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= this.#makeWritable();
  }

  /** Hands what comes to a receiver, in the turn in which it comes, in the place of `readable`, which is locked from then on. */
  receive(receiver: Receiver): void {
    // Throws where somebody reads already.
    if (this.#readable !== undefined || this.#receiver !== undefined) this.readable.getReader();
    this.#receiver = receiver;
    this.#receiving = true;
    queueMicrotask(() => this.#handleReady()); // the receiver may still be in the making
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
    return this.#queued;
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
    if (!this.#stopped || this.#released) return;
    this.#stopped = false;
    this.startReading();
  }

  /** Takes a chunk, which then belongs to the reader. False asks the carrier to stop until `startReading`. */
  protected handleChunk(chunk: Uint8Array): boolean {
    if (this.#read !== "open" || this.#broken !== undefined) return true;
    if (this.#receiver !== undefined && !this.#receiving) {
      this.#hand(this.#receiver, chunk);
      return !this.#stopped;
    }
    if (this.#wanted) {
      this.#wanted = false;
      this.#source!.enqueue(chunk);
      return true;
    }
    this.#queue.push(chunk);
    this.#queued += chunk.byteLength + CHUNK_OVERHEAD;
    if (this.#queued < this.#highWaterMark || this.#stopped) return !this.#stopped;
    this.#stopped = true;
    this.stopReading();
    return false;
  }

  /**
   * Whether the octets of the next chunk need to live only until `handleChunk` returns: the carrier may then read into the
   * same memory again and again. Holds until the next call of `handleChunk`.
   */
  protected get borrowing(): boolean {
    return this.#receiver?.borrows === true && !this.#receiving;
  }

  /** The peer has ended its direction. */
  protected handleEnd(): void {
    if (this.#read === "ended" || this.#broken !== undefined || this.#released) return;
    this.#read = "ended";
    this.#finishSource();
    this.#releaseWhenDone();
  }

  /** The connection broke, and the carrier knows why. What was received before is still delivered. */
  protected handleError(error: Error): void {
    if (this.#broken !== undefined || this.#released) return;
    // Both directions were given up or had ended: there is nobody left for whom it broke.
    if (this.#write === "ended" && this.#read !== "open") {
      this.#release(() => this.release());
      return;
    }
    this.#broken = error;
    this.#finishSource();
    this.#sink?.error(error);
    this.#release(() => this.release());
  }

  /** Closes both directions: what was written is still delivered, nothing more is read. Safe to repeat. */
  close(reason?: unknown): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = { reason, after: this.#requested };
      this.#discard();
      this.#closeSource();
      this.#finishReceiver();
      if (this.#write !== "ended") this.#startTimer(CLOSE_STALL_TIME);
      if (this.#write === "open" && this.#broken === undefined) {
        if (this.#writable === undefined || this.#writable.locked) this.#endWhenSent();
        else this.#writable.close().catch(() => {});
      }
    }
    return this.closed.catch(() => {});
  }

  /** No read-ahead in the stream itself: erroring it throws its queue away, and what came before is to be delivered before. */
  #makeReadable(): ReadableStream<Uint8Array> {
    const readable = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#source = controller;
      },
      pull: () => this.#handlePull(),
      cancel: () => {
        this.#sourceDone = true;
        this.#discard();
      },
    }, { highWaterMark: 0 });
    if (this.#receiver !== undefined) readable.getReader();
    if (this.#closing !== undefined) this.#closeSource();
    else this.#finishSource();
    return readable;
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

  #handlePull(): void {
    const chunk = this.#queue.shift();
    if (chunk === undefined) {
      this.#wanted = true;
      return;
    }
    this.#queued -= chunk.byteLength + CHUNK_OVERHEAD;
    this.#source!.enqueue(chunk);
    if (this.#queue.length === 0) this.#finishSource();
    if (this.#stopped && this.#queued < this.#highWaterMark / 2) this.#continueReading();
  }

  /** Closes or errors the readable stream once its reader has taken everything that came before. */
  #finishSource(): void {
    if (this.#queue.length > 0) return;
    if (this.#read === "ended") this.#closeSource();
    else if (this.#broken !== undefined) this.#errorSource(this.#broken);
    this.#finishReceiver();
  }

  #closeSource(): void {
    if (this.#source === undefined || this.#sourceDone) return;
    this.#sourceDone = true;
    this.#source.close();
  }

  #errorSource(error: Error): void {
    if (this.#source === undefined || this.#sourceDone) return;
    this.#sourceDone = true;
    this.#source.error(error);
  }

  #hand(receiver: Receiver, chunk: Uint8Array): void {
    const ready = receiver.handleOctets(chunk);
    if (ready === undefined) return;
    this.#receiving = true;
    ready.then(() => this.#handleReady());
  }

  /** The receiver takes more: what has come meanwhile, and then what comes. */
  #handleReady(): void {
    this.#receiving = false;
    while (!this.#receiving && this.#queue.length > 0) {
      const chunk = this.#queue.shift()!;
      this.#queued -= chunk.byteLength + CHUNK_OVERHEAD;
      this.#hand(this.#receiver!, chunk);
    }
    if (this.#receiving) return;
    this.#finishReceiver();
    this.#continueReading();
  }

  /** Tells the receiver of the end once it has taken everything that came before. */
  #finishReceiver(): void {
    const receiver = this.#receiver;
    if (receiver === undefined || this.#receiverDone || this.#receiving || this.#queue.length > 0) return;
    this.#receiverDone = this.#broken !== undefined || this.#read !== "open";
    if (this.#broken !== undefined) receiver.handleError(this.#broken);
    else if (this.#read !== "open") receiver.handleEnd();
  }

  #continueReading(): void {
    if (!this.#stopped || this.#read === "ended" || this.#released) return;
    this.#stopped = false;
    this.startReading();
  }

  /** Gives up reading: drops what is queued and what still comes. */
  #discard(): void {
    this.#dropQueue();
    if (this.#read !== "open") return;
    this.#read = "discarding";
    this.#continueReading();
    this.#releaseWhenDone();
  }

  #dropQueue(): void {
    this.#queue = [];
    this.#queued = 0;
    this.#wanted = false;
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
    this.#dropQueue();
    this.#errorSource(error);
    this.#finishReceiver();
    this.#release(() => this.reset());
  }

  /** Frees the carrier when both directions are over, at once or, when the peer's end was not seen, after a while. */
  #releaseWhenDone(): void {
    if (this.#write !== "ended") return;
    if (this.#read === "ended") this.#release(() => this.release());
    else if (this.#read === "discarding") this.#startTimer(this.lingerTime);
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
