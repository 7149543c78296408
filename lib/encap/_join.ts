/**
 * The two writables `ike` and `esp` in, one readable out. `MuxStream` is this with nothing behind, the outbound half of
 * `EncapsulationStream` has the cores that make bytes of messages there, without a stream hop between.
 */

import { Outlet } from "./_outlet.ts";
import { checkEsp, markIke } from "./mux.ts";
import type { MessageChunk, Transducer } from "./transducer.ts";

/** Joins the two kinds and runs `back` over each chunk at the moment it is written. */
export class Join<C extends MessageChunk, O> {
  /** What `back` makes of the messages; IKE before ESP where both wait. */
  readonly readable: ReadableStream<O>;
  /** Takes IKE messages; a write settles when its chunk was read. */
  readonly ike: WritableStream<C>;
  /** Takes ESP packets; a write settles when its chunk was read. */
  readonly esp: WritableStream<C>;
  /** Resolves when both inputs have closed and all was read; rejects with the error, or the reason of the reader's cancel. */
  readonly ended: Promise<void>;

  readonly #outlet: Outlet<O>;
  readonly #back: Transducer<C, O>;
  /** What goes out before any message: the stream prefix. */
  readonly #first: O[] = [];
  readonly #inputs: Input<O>[] = [];
  #settle!: { resolve(): void; reject(reason: unknown): void };

  /** Makes the stage. */
  constructor(back: Transducer<C, O>) {
    this.#back = back;
    back.handleStart?.((chunk) => this.#first.push(chunk));
    this.ended = new Promise((resolve, reject) => this.#settle = { resolve, reject });
    this.ended.catch(() => {}); // whoever cares listens
    this.#outlet = new Outlet<O>({
      isEmpty: () => this.#first.length === 0 && this.#inputs.every((input) => input.waiting.length === 0),
      take: () => this.#first.shift() ?? this.#inputs.find((input) => input.waiting.length > 0)?.give(),
      onCancel: (reason) => {
        for (const input of this.#inputs) input.stop(reason);
        this.#settle.reject(reason);
      },
      onEnd: () => this.#settle.resolve(),
    });
    this.readable = this.#outlet.readable;
    this.ike = this.#input((chunk) => markIke(chunk)); // first in `#inputs`, so first out
    this.esp = this.#input((chunk) => checkEsp(chunk));
  }

  /** Ends everything with an error at once; what waits is thrown away, as an abort does. */
  fail(reason: unknown): void {
    for (const input of this.#inputs) input.stop(reason);
    this.#settle.reject(reason);
    this.#outlet.abort(reason);
  }

  #input(prepare: (chunk: C) => C): WritableStream<C> {
    const input = new Input<O>();
    this.#inputs.push(input);
    return new WritableStream<C>({
      start: (controller) => {
        input.controller = controller;
      },
      write: (chunk) => {
        try {
          this.#back.handle(prepare(chunk), (out) => input.waiting.push(out));
        } catch (error) {
          this.fail(error);
          throw error;
        }
        this.#outlet.notify();
        if (input.waiting.length > 0) return input.held();
      },
      close: () => {
        input.closed = true;
        if (this.#inputs.every((each) => each.closed)) this.#outlet.end();
      },
      abort: (reason) => this.fail(reason),
    });
  }
}

/** One writable and what waits there: the outcome of at most one write. */
class Input<O> {
  waiting: O[] = [];
  closed = false;
  listens = false;
  controller!: WritableStreamDefaultController;
  taken: () => void = () => {};

  give(): O {
    const chunk = this.waiting.shift()!;
    if (this.waiting.length === 0) this.taken();
    return chunk;
  }

  /** Waits until all was taken, or the writer aborts. */
  held(): Promise<void> {
    return new Promise((resolve) => {
      this.taken = resolve;
      if (this.listens) return;
      this.listens = true;
      this.controller.signal.addEventListener("abort", () => this.taken());
    });
  }

  stop(reason: unknown): void {
    this.controller.error(reason);
    this.taken();
  }
}
