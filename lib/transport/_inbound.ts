/**
 * The reading half of a connection: the bounded queue between a carrier that pushes and whoever takes what comes, which is a
 * reader of the readable stream, who pulls, or a receiver, who is called. What came before an end or an error is taken before.
 */

import type { Receiver } from "./types.ts";

/** Octets that may wait for a reader before the carrier is told to stop. */
export const READ_QUEUE_LIMIT = 65536;

/**
 * What each waiting chunk counts over its octets, so that a peer that sends one octet per segment cannot make the queue
 * hold 65536 chunk objects: at most 65536 / 257 = 255 of them wait.
 */
export const CHUNK_OVERHEAD = 256;

/**
 * Where reading stands.
 *
 * - `open`: chunks go to the queue, and from there to the reader.
 * - `discarding`: nobody wants them any more; they are dropped as they come, so that the peer's end is still seen.
 * - `ended`: the peer has ended; what is queued can still be read.
 */
export type ReadState = "open" | "discarding" | "ended";

/** What it needs of its connection. */
export interface InboundHost {
  /** Has the carrier hand on what comes. */
  startReading(): void;
  /** Has the carrier stop. */
  stopReading(): void;
  /** Nobody wants any more. */
  handleDiscarding(): void;
}

/** What comes. */
export class Inbound {
  readonly #highWaterMark: number;
  readonly #host: InboundHost;
  /** Made when somebody asks for it. */
  #readable: ReadableStream<Uint8Array> | undefined;
  #source: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** The readable stream has been closed, cancelled or errored. */
  #sourceDone = false;
  /** Takes what comes, in the place of the readable stream. */
  #receiver: Receiver | undefined;
  /** The receiver is not ready for more. */
  #receiving = false;
  /** The receiver has been told of the end. */
  #receiverDone = false;

  #state: ReadState = "open";
  /** Chunks not taken yet. Empty whenever a reader waits (`#wanted`). */
  #queue: Uint8Array[] = [];
  /** Octets and overhead of `#queue`. */
  #queued = 0;
  #wanted = false;
  /** The carrier was told to stop, or not yet to start. */
  #stopped = true;
  #closed = false;
  #broken: Error | undefined;
  #released = false;

  /** Begins stopped. */
  constructor(highWaterMark: number, host: InboundHost) {
    this.#highWaterMark = highWaterMark;
    this.#host = host;
  }

  /** Where it stands. */
  get state(): ReadState {
    return this.#state;
  }

  /** Octets that wait, each chunk counting {@linkcode CHUNK_OVERHEAD} more. */
  get waiting(): number {
    return this.#queued;
  }

  /** Whether the octets of the next chunk need to live only until `handleChunk` returns. */
  get borrowing(): boolean {
    return this.#receiver?.borrows === true && !this.#receiving;
  }

  /** What comes, as a stream. */
  get readable(): ReadableStream<Uint8Array> {
    return this.#readable ??= this.#makeReadable();
  }

  /** Hands what comes to a receiver from now on. */
  receive(receiver: Receiver): void {
    // Throws where somebody reads already.
    if (this.#readable !== undefined || this.#receiver !== undefined) this.readable.getReader();
    this.#receiver = receiver;
    this.#receiving = true;
    queueMicrotask(() => this.#handleReady()); // the receiver may still be in the making
  }

  /** The carrier is set up. */
  open(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#host.startReading();
  }

  /** Takes a chunk; false asks the carrier to stop until `startReading`. */
  handleChunk(chunk: Uint8Array): boolean {
    if (this.#state !== "open" || this.#broken !== undefined) return true;
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
    this.#host.stopReading();
    return false;
  }

  /** The peer has ended. */
  handleEnd(): void {
    this.#state = "ended";
    this.#finish();
  }

  /** The connection broke: whoever takes what comes is told behind what came before. */
  handleError(error: Error): void {
    this.#broken = error;
    this.#finish();
  }

  /** This end breaks the connection: nothing more is delivered. */
  abort(error: Error): void {
    this.#broken = error;
    this.#dropQueue();
    this.#errorSource(error);
    this.#finishReceiver();
  }

  /** This end has closed the connection: nothing more is delivered, and that is in order. */
  close(): void {
    this.#closed = true;
    this.#discard();
    this.#closeSource();
    this.#finishReceiver();
  }

  /** The carrier is gone, and is not asked for anything any more. */
  release(): void {
    this.#released = true;
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
    if (this.#closed) this.#closeSource();
    else this.#finish();
    return readable;
  }

  #handlePull(): void {
    const chunk = this.#queue.shift();
    if (chunk === undefined) {
      this.#wanted = true;
      return;
    }
    this.#queued -= chunk.byteLength + CHUNK_OVERHEAD;
    this.#source!.enqueue(chunk);
    if (this.#queue.length === 0) this.#finish();
    if (this.#stopped && this.#queued < this.#highWaterMark / 2) this.#continueReading();
  }

  /** Closes or errors the readable stream once its reader has taken everything that came before. */
  #finish(): void {
    if (this.#queue.length > 0) return;
    if (this.#state === "ended") this.#closeSource();
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
    this.#receiverDone = this.#broken !== undefined || this.#state !== "open";
    if (this.#broken !== undefined) receiver.handleError(this.#broken);
    else if (this.#state !== "open") receiver.handleEnd();
  }

  #continueReading(): void {
    if (this.#state !== "ended" && !this.#released) this.open();
  }

  /** Gives up reading: drops what is queued and what still comes. */
  #discard(): void {
    this.#dropQueue();
    if (this.#state !== "open") return;
    this.#state = "discarding";
    this.#continueReading();
    this.#host.handleDiscarding();
  }

  #dropQueue(): void {
    this.#queue = [];
    this.#queued = 0;
    this.#wanted = false;
  }
}
