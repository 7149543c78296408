/**
 * A readable that is filled from a queue only when somebody reads, so that its owner's queue is the only one. What waits
 * there is delivered before an end or an error, which an ordinary controller would let overtake it.
 */

/** Where an outlet gets its chunks. */
export interface OutletSource<C> {
  /** The next chunk, or `undefined` when nothing waits. Called only when a reader wants one. */
  take(): C | undefined;
  /** Whether nothing waits. */
  isEmpty(): boolean;
  /** The reader has cancelled. */
  onCancel(reason: unknown): void;
  /** Everything was read and the stream has ended without an error. */
  onEnd?(): void;
}

/** The readable end of a stage that keeps its own queue. */
export class Outlet<C> {
  /** The stream for the reader. */
  readonly readable: ReadableStream<C>;
  readonly #source: OutletSource<C>;
  #controller!: ReadableStreamDefaultController<C>;
  #wanted = false;
  #open = true;
  #ending: { readonly error?: { readonly reason: unknown } } | undefined;

  /** Makes an outlet that asks `source`. */
  constructor(source: OutletSource<C>) {
    this.#source = source;
    this.readable = new ReadableStream<C>({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => {
        this.#wanted = true;
        this.notify();
      },
      cancel: (reason) => {
        this.#open = false;
        source.onCancel(reason);
      },
    }, { highWaterMark: 0 });
  }

  /** Whether a chunk could still reach a reader. */
  get open(): boolean {
    return this.#open;
  }

  /** Tells that the source has something, or has nothing left. */
  notify(): void {
    if (!this.#open) return;
    if (this.#wanted) {
      const chunk = this.#source.take();
      if (chunk !== undefined) {
        this.#wanted = false;
        this.#controller.enqueue(chunk);
      }
    }
    // A reader that let go of its lock may have left a chunk with the controller: an error must wait for that, too.
    if (
      this.#open && this.#ending !== undefined && this.#source.isEmpty() && this.#controller.desiredSize === 0
    ) this.#finish();
  }

  /** Ends the stream once everything that waits was read. */
  end(): void {
    this.#ending ??= {};
    this.notify();
  }

  /** Errors the stream once everything that waits was read. */
  fail(reason: unknown): void {
    this.#ending ??= { error: { reason } };
    this.notify();
  }

  /** Errors the stream at once, whatever waits. */
  abort(reason: unknown): void {
    if (!this.#open) return;
    this.#open = false;
    this.#controller.error(reason);
  }

  #finish(): void {
    this.#open = false;
    if (this.#ending?.error !== undefined) return this.#controller.error(this.#ending.error.reason);
    this.#controller.close();
    this.#source.onEnd?.();
  }
}
