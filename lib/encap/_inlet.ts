/** The writable end of a stage that keeps its own queue, so that it can hold a write back for as long as a reader is slow. */

/**
 * An underlying sink without closures. Streams are what an idle connection costs most memory for, so this one is made when
 * somebody asks for it: many only ever receive.
 */
export abstract class Inlet<I> {
  #writable: WritableStream<I> | undefined;
  #controller!: WritableStreamDefaultController;
  #release: (() => void) | undefined;

  /** The stream for the writer. */
  get writable(): WritableStream<I> {
    return this.#writable ??= new WritableStream<I>(this);
  }

  /** Takes a chunk. */
  abstract handle(chunk: I): void;
  /** The writer has closed. */
  abstract handleEnd(): void;
  /** The writer has aborted, or one of the above has thrown. */
  abstract handleFault(reason: unknown): void;
  /** Whether so much waits that the writer must wait, too. */
  abstract isFull(): boolean;

  /** Called by the stream. */
  start(controller: WritableStreamDefaultController): void {
    this.#controller = controller;
  }

  /** Called by the stream. */
  write(chunk: I): Promise<void> | void {
    this.#attempt(() => this.handle(chunk));
    if (!this.isFull()) return;
    this.#controller.signal.onabort ??= () => this.#release?.(); // an abort would otherwise wait for the write
    return new Promise((resolve) => this.#release = resolve);
  }

  /** Called by the stream. */
  close(): void {
    this.#attempt(() => this.handleEnd());
  }

  /** Called by the stream. */
  abort(reason: unknown): void {
    this.handleFault(reason);
  }

  /** Tells that less waits than before. */
  release(): void {
    if (!this.isFull()) this.#release?.();
  }

  /** Errors the writable at once. */
  error(reason: unknown): void {
    void this.writable; // makes the stream if nobody has asked for it yet
    this.#controller.error(reason);
    this.#release?.();
  }

  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.handleFault(error);
      throw error;
    }
  }
}
