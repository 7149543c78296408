/** Lines to standard output, no faster than somebody reads them. */

import type { Writable } from "node:stream";
import { InspectError } from "../errors.ts";

/** Writes lines and waits while the reader is behind. */
export class LineOutput {
  readonly #stream: Writable;
  #failure: NodeJS.ErrnoException | undefined;
  #wake: () => void = () => {};
  readonly #onError = (error: NodeJS.ErrnoException): void => {
    this.#failure = error;
    this.#wake();
  };
  readonly #onDrain = (): void => this.#wake();

  /** Writes to a stream that stays open. */
  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on("error", this.#onError);
    stream.on("drain", this.#onDrain);
  }

  /** Writes lines; false when the reader has gone, which is no error of ours. */
  async write(lines: readonly string[]): Promise<boolean> {
    if (this.#failure === undefined && !this.#stream.write(lines.join("\n") + "\n")) {
      await new Promise<void>((wake) => this.#wake = wake);
    }
    if (this.#failure === undefined) return true;
    if (this.#failure.code === "EPIPE") return false;
    throw new InspectError("ERR_INSPECT_FILE", `Cannot write rows: ${this.#failure.message}`);
  }

  /** Gives the stream back. A late EPIPE is still nobody's business, so the listener for errors stays. */
  end(): void {
    this.#stream.off("drain", this.#onDrain);
  }
}
