/** A pair of web streams, or a connection, as a `Duplex` of Node's, which is what `node:tls` runs on in every runtime. */

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { concat } from "../bytes/mod.ts";
import type { ByteDuplex } from "../transport/http_tunnel.ts";
import type { Connection, Receiver } from "../transport/types.ts";

/** Octets that Node may gather in either direction: what comes in and goes out is on its way to or from TLS already. */
const HIGH_WATER_MARK = 65536;

/**
 * The adapter. Ending it ends what is below; destroying it breaks that, after `breakWhenDestroyed`.
 *
 * In Deno and Bun TLS heeds neither `pause()` nor a full writable, so whoever uses it holds reading back with `hold` and waits
 * with `drained` before writing on.
 */
export class NodeDuplex extends Duplex {
  readonly #below: Below;
  /** Node has asked for the first time. */
  #begun = false;
  #begin!: () => void;
  /** Node asks for more. */
  #wanted = false;
  #held = false;
  /** What is below waits until this is called. */
  #readOn: (() => void) | undefined;
  #orderly = true;
  #failure: Error | undefined;

  /** Takes both directions for itself. */
  constructor(below: ByteDuplex & Partial<Connection>) {
    super({ allowHalfOpen: true, highWaterMark: HIGH_WATER_MARK });
    this.#below = below.receive !== undefined && below.transmit !== undefined
      ? new ConnectionBelow(below as Connection)
      : new StreamsBelow(below);
    // Deno's TLS cannot be told that what is below has ended or broken before it has begun itself.
    const begun = new Promise<void>((resolve) => this.#begin = resolve);
    this.#below.closed.catch((error) => begun.then(() => this.#fail(error)));
    this.#below.receive({
      borrows: false,
      handleOctets: (octets) =>
        this.#begun ? this.#handleOctets(octets) : begun.then(() => this.#handleOctets(octets)),
      handleEnd: () => {
        begun.then(() => this.destroyed || this.push(null));
      },
      handleError: (error) => {
        begun.then(() => this.#fail(error));
      },
    });
  }

  /**
   * From now on, destroying it breaks what is below. Until then it ends that: what is written last in a handshake that
   * fails is the alert that tells the peer why, and a reset would overtake it.
   */
  breakWhenDestroyed(): void {
    this.#orderly = false;
  }

  /** Again as before `breakWhenDestroyed`: an alert is the last that is written. */
  endWhenDestroyed(): void {
    this.#orderly = true;
  }

  /** Why what is below broke, if it did. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Reads no more than is on its way, until `resumeReading`. */
  hold(): void {
    this.#held = true;
  }

  /** Reads on after `hold`. */
  resumeReading(): void {
    this.#held = false;
    this.#continue();
  }

  /** Resolves when what was written has gone below, up to a bounded rest; undefined when it has already. */
  drained(): Promise<void> | undefined {
    if (!this.writableNeedDrain || this.destroyed) return undefined;
    return new Promise((resolve) => {
      const finish = () => {
        this.removeListener("drain", finish);
        this.removeListener("close", finish);
        resolve();
      };
      this.once("drain", finish);
      this.once("close", finish);
    });
  }

  /** Breaks what is below, however it was or is destroyed. */
  abort(): void {
    this.#below.abort(new Error("The layer above was closed"));
  }

  override _read(): void {
    this.#wanted = true;
    this.#begun = true;
    this.#begin();
    this.#continue();
  }

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
    let sent: void | Promise<void>;
    try {
      sent = this.#below.transmit(chunk);
    } catch (error) {
      return callback(error as Error);
    }
    if (sent === undefined) callback();
    else sent.then(() => callback(), callback);
  }

  /** The records of one write of TLS as one chunk: a system call a record would cost more than the copy. */
  override _writev(chunks: { chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    this._write(concat(chunks.map(({ chunk }) => chunk)) as Buffer, "buffer", callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#below.end().then(() => callback(), callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const reason = error ?? new Error("The layer above was closed");
    if (this.#orderly) this.#below.close(reason);
    else this.#below.abort(reason);
    this.#readOn?.(); // to nobody
    callback(error);
  }

  #handleOctets(octets: Uint8Array): void | Promise<void> {
    if (this.destroyed) return;
    this.#wanted = false; // push() may ask again before it returns
    if (this.push(Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength))) this.#wanted = true;
    if (this.#wanted && !this.#held) return;
    return new Promise((resolve) => this.#readOn = resolve);
  }

  #continue(): void {
    if (!this.#wanted || this.#held) return;
    const readOn = this.#readOn;
    this.#readOn = undefined;
    readOn?.();
  }

  #fail(error: Error): void {
    if (this.destroyed) return;
    this.#failure ??= error;
    this.destroy(error);
  }
}

/** What the adapter needs of what it stands on. */
interface Below {
  /** Rejects when it breaks. */
  readonly closed: Promise<unknown>;
  /** Hands on what comes. */
  receive(receiver: Receiver): void;
  /** Writes; a promise says that the next write must wait. */
  transmit(chunk: Uint8Array): void | Promise<void>;
  /** Half-closes. */
  end(): Promise<void>;
  /** Reads no more, and ends behind what was written. */
  close(reason: Error): void;
  /** Breaks it. */
  abort(reason: Error): void;
}

/** A connection that can do without streams. */
class ConnectionBelow implements Below {
  readonly closed: Promise<void>;
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.closed = connection.closed;
  }

  receive(receiver: Receiver): void {
    this.#connection.receive!(receiver);
  }

  transmit(chunk: Uint8Array): void | Promise<void> {
    return this.#connection.transmit!(chunk);
  }

  end(): Promise<void> {
    return this.#connection.writable.close();
  }

  close(reason: Error): void {
    void this.#connection.close(reason);
  }

  abort(reason: Error): void {
    this.#connection.writable.abort(reason).catch(() => {});
  }
}

/** Streams, whoever made them. */
class StreamsBelow implements Below {
  readonly closed: Promise<unknown>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor(below: ByteDuplex) {
    this.#reader = below.readable.getReader();
    this.#writer = below.writable.getWriter();
    this.closed = this.#writer.closed;
  }

  receive(receiver: Receiver): void {
    void this.#read(receiver);
  }

  transmit(chunk: Uint8Array): Promise<void> {
    return this.#writer.write(chunk);
  }

  end(): Promise<void> {
    return this.#writer.close();
  }

  close(reason: Error): void {
    this.#reader.cancel(reason).catch(() => {});
    this.#writer.close().catch(() => {});
  }

  abort(reason: Error): void {
    this.#reader.cancel(reason).catch(() => {});
    this.#writer.abort(reason).catch(() => {});
  }

  async #read(receiver: Receiver): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) return receiver.handleEnd();
        await receiver.handleOctets(value);
      }
    } catch (error) {
      receiver.handleError(error as Error);
    }
  }
}
