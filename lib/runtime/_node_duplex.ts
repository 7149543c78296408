/** A pair of web streams as a `Duplex` of Node's, which is what `node:tls` runs on in every runtime. */

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { concat } from "../bytes/mod.ts";
import type { ByteDuplex } from "../transport/http_tunnel.ts";

/** Octets that Node may gather in either direction: what comes in and goes out is on its way to or from TLS already. */
const HIGH_WATER_MARK = 65536;

/**
 * The adapter. Ending it ends the streams below; destroying it breaks them, after `breakWhenDestroyed`.
 *
 * In Deno and Bun TLS heeds neither `pause()` nor a full writable, so whoever uses it holds reading back with `hold` and waits
 * with `drained` before writing on.
 */
export class NodeDuplex extends Duplex {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #reading = false;
  /** Node asks for more. */
  #wanted = false;
  #held = false;
  #orderly = true;
  #failure: Error | undefined;
  #ended = false;

  /** Takes both streams for itself. */
  constructor(below: ByteDuplex) {
    super({ allowHalfOpen: true, highWaterMark: HIGH_WATER_MARK });
    this.#reader = below.readable.getReader();
    this.#writer = below.writable.getWriter();
    this.#writer.closed.catch((error) => this.#fail(error));
  }

  /**
   * From now on, destroying it breaks the streams below. Until then it ends them: what is written last in a handshake that
   * fails is the alert that tells the peer why, and a reset would overtake it.
   */
  breakWhenDestroyed(): void {
    this.#orderly = false;
  }

  /** Again as before `breakWhenDestroyed`: an alert is the last that is written. */
  endWhenDestroyed(): void {
    this.#orderly = true;
  }

  /** Why the streams below broke, if they did. */
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
    if (this.#wanted) void this.#readWhileWanted();
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

  /** Breaks the streams below, however it was or is destroyed. */
  abort(): void {
    this.#writer.abort(new Error("The layer above was closed")).catch(() => {});
  }

  override _read(): void {
    this.#wanted = true;
    void this.#readWhileWanted();
  }

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
    this.#writer.write(chunk).then(() => callback(), callback);
  }

  /** The records of one write of TLS as one chunk: a system call a record would cost more than the copy. */
  override _writev(chunks: { chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    this._write(concat(chunks.map(({ chunk }) => chunk)) as Buffer, "buffer", callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#writer.close().then(() => callback(), callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const reason = error ?? new Error("The layer above was closed");
    this.#reader.cancel(reason).catch(() => {});
    (this.#orderly ? this.#writer.close() : this.#writer.abort(reason)).catch(() => {});
    callback(error);
  }

  async #readWhileWanted(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.#wanted && !this.#held && !this.#ended) {
        const { done, value } = await this.#reader.read();
        this.#ended = done;
        const chunk = done ? null : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
        this.#wanted = false; // push() may ask again before it returns
        if (this.push(chunk)) this.#wanted = true;
      }
    } catch (error) {
      this.#fail(error as Error);
    } finally {
      this.#reading = false;
    }
  }

  #fail(error: Error): void {
    if (this.destroyed) return;
    this.#failure ??= error;
    this.destroy(error);
  }
}
