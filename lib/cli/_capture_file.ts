/** A pcapng file of what crosses connections, and the tap that fills it. */

import { closeSync, openSync, writeSync } from "node:fs";
import { ConfigError } from "../errors.ts";
import { CaptureWriter } from "../inspect/mod.ts";
import type { Connection } from "../transport/mod.ts";
import { type KeepMessage, SievedCapture } from "./_capture_sieve.ts";

/** Octets that are gathered before they go to the file, and the time in milliseconds after which they go anyway. */
const GATHERED = 65536;
const GATHER_TIME = 200;

/**
 * Writes are synchronous: a capture is for looking at a fault, and must neither lose packets nor gather them in memory when
 * the disk is slower than the network.
 */
export class CaptureFile {
  readonly #path: string;
  readonly #file: number;
  readonly #writer: CaptureWriter;
  #waiting: Uint8Array[] = [];
  #waitingOctets = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #paused = false;
  #failed = false;

  /** Creates the file, or empties it. */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = openSync(path, "w");
    } catch (error) {
      throw new ConfigError("ERR_CONFIG_FILE", `Cannot write capture ${path}: ${(error as Error).message}`);
    }
    this.#writer = new CaptureWriter((chunk) => this.#write(chunk));
  }

  /**
   * The same connection; what crosses it from now on goes to the file, as TCP segments with made-up sequence numbers. `keep` chooses
   * messages of a connection that this end has opened; all the others are left out, as if they had not been sent.
   */
  tap(connection: Connection, keep?: KeepMessage): Connection {
    const whole = this.#writer.tcp(connection.localAddress, connection.remoteAddress);
    const tap = keep === undefined ? whole : new SievedCapture(whole, keep);
    const record = (step: () => void) => {
      if (!this.#paused) step();
    };
    record(() => tap.opened());
    connection.closed.catch(() => {}).then(() => record(() => tap.closed()));

    const readable = connection.readable.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          record(() => tap.received(chunk));
          controller.enqueue(chunk);
        },
      }),
    );
    const writer = connection.writable.getWriter();
    const writable = new WritableStream<Uint8Array>({
      start: (controller) => {
        writer.closed.catch((error) => controller.error(error));
        // The stream's own abort() waits for the write that is under way, and that may wait for a peer that never reads.
        controller.signal.addEventListener(
          "abort",
          () => writer.abort(controller.signal.reason).catch(() => {}),
        );
      },
      write: (chunk) => {
        record(() => tap.sent(chunk));
        return writer.write(chunk);
      },
      close: () => writer.close(),
      abort: (reason) => writer.abort(reason),
    });
    const { opened, closed, localAddress, remoteAddress, layers } = connection;
    return {
      readable,
      writable,
      opened,
      closed,
      localAddress,
      remoteAddress,
      ...(layers && { layers }),
      close: (reason) => connection.close(reason),
    };
  }

  /** Records no more. */
  pause(): void {
    this.#paused = true;
  }

  /** Goes on: what was left out is missing from the conversation. */
  resume(): void {
    this.#paused = this.#failed;
  }

  /** Writes what is left and closes the file. */
  close(): void {
    this.#paused = true;
    this.#flush();
    closeSync(this.#file);
  }

  #write(chunk: Uint8Array): void {
    this.#waiting.push(chunk);
    this.#waitingOctets += chunk.byteLength;
    if (this.#waitingOctets >= GATHERED) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), GATHER_TIME);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingOctets = 0;
    try {
      for (const chunk of waiting) {
        for (let offset = 0; offset < chunk.byteLength;) offset += writeSync(this.#file, chunk, offset);
      }
    } catch (error) {
      if (!this.#failed) {
        console.error(`iketcp: Cannot go on with capture ${this.#path}: ${(error as Error).message}`);
      }
      this.#failed = this.#paused = true; // what crosses is worth more than what is recorded of it
    }
  }
}
