/**
 * The readable end of a stage that keeps its own queue. It is filled only when somebody reads, so that the stage's queue is
 * the only one, and what waits there is delivered before an end or an error, which an ordinary controller would let
 * overtake it.
 */

/** An underlying source, as lean as `Inlet`. */
export abstract class Outlet<C> {
  /** Whether a chunk could still reach a reader. */
  open = true;
  #controller!: ReadableStreamDefaultController<C>;
  #wanted = false;
  /** Ends the stream; set once it is known how, called once everything that waits was read. */
  #finish: (() => void) | undefined;

  /** The stream for the reader. */
  readonly readable: ReadableStream<C> = new ReadableStream<C>(this, { highWaterMark: 0 });

  /** Whether nothing waits. */
  abstract isEmpty(): boolean;
  /** The next chunk of what waits. */
  abstract take(): C;
  /** The reader has cancelled. */
  abstract handleCancel(reason: unknown): void;
  /** Everything was read, and the stream has closed. */
  handleClosed?(): void;

  /** Called by the stream. */
  start(controller: ReadableStreamDefaultController<C>): void {
    this.#controller = controller;
  }

  /** Called by the stream. */
  pull(): void {
    this.#wanted = true;
    this.notify();
  }

  /** Called by the stream. */
  cancel(reason: unknown): void {
    this.open = false;
    this.handleCancel(reason);
  }

  /** Tells that something waits, or that nothing is left. */
  notify(): void {
    if (this.open && this.#wanted && !this.isEmpty()) {
      this.#wanted = false;
      this.#controller.enqueue(this.take());
    }
    // A reader that let go of its lock may have left a chunk with the controller: an error must wait for that, too.
    if (this.open && this.#finish && this.isEmpty() && this.#controller.desiredSize === 0) {
      this.open = false;
      this.#finish();
    }
  }

  /** Closes the stream behind what waits. */
  end(): void {
    this.#finish ??= () => {
      this.#controller.close();
      this.handleClosed?.();
    };
    this.notify();
  }

  /** Errors the stream behind what waits. */
  fail(reason: unknown): void {
    this.#finish ??= () => this.#controller.error(reason);
    this.notify();
  }

  /** Errors the stream at once, whatever waits. */
  error(reason: unknown): void {
    this.open = false;
    this.#controller.error(reason);
  }
}
