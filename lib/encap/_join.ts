/**
 * The two writables `ike` and `esp` in, one readable out. `MuxStream` is this with nothing behind, the outbound half of
 * `EncapsulationStream` has the cores that make bytes of messages there, without a stream hop between.
 */

import type { EndListener } from "./_fan.ts";
import { Inlet } from "./_inlet.ts";
import { Outlet } from "./_outlet.ts";
import { checkEsp, markIke } from "./mux.ts";
import type { Emit, MessageChunk, Transducer } from "./transducer.ts";

/** Joins the two kinds and runs `back` over each chunk at the moment it is written. IKE goes first where both wait. */
export class Join<C extends MessageChunk, O> extends Outlet<O> {
  /** Takes IKE messages. */
  readonly ike: Input<C, O>;
  /** Takes ESP packets. */
  readonly esp: Input<C, O>;
  readonly #listener: EndListener | undefined;
  #openInputs = 2;

  /** Makes the stage. */
  constructor(back: Transducer<C, O>, listener?: EndListener) {
    super();
    this.#listener = listener;
    this.ike = new Input(this, (chunk, emit) => back.handle(markIke(chunk), emit));
    this.esp = new Input(this, (chunk, emit) => back.handle(checkEsp(chunk), emit));
    back.handleStart?.((chunk) => this.ike.waiting.push(chunk)); // it goes out first, before any message
  }

  override isEmpty(): boolean {
    return !this.ike.isFull() && !this.esp.isFull();
  }

  override take(): O {
    const input = this.ike.isFull() ? this.ike : this.esp;
    const chunk = input.waiting.shift()!;
    input.release();
    return chunk;
  }

  override handleCancel(reason: unknown): void {
    this.handleFault(reason);
  }

  override handleClosed(): void {
    this.#listener?.handleEnd();
  }

  /** An input has closed. */
  handleInputEnd(): void {
    if (--this.#openInputs === 0) this.end();
  }

  /** An input has failed. */
  handleFault(reason: unknown): void {
    this.fail(reason);
    this.#listener?.handleFault(reason);
  }

  /** Ends everything with an error: the writers at once, the reader behind what waits for it. */
  override fail(reason: unknown): void {
    this.ike.error(reason);
    this.esp.error(reason);
    super.fail(reason);
  }
}

/** One of the writables, and what waits there: the outcome of one write. */
class Input<C extends MessageChunk, O> extends Inlet<C> {
  readonly waiting: O[] = [];
  readonly #join: Join<C, O>;
  readonly #run: (chunk: C, emit: Emit<O>) => void;

  constructor(join: Join<C, O>, run: (chunk: C, emit: Emit<O>) => void) {
    super();
    this.#join = join;
    this.#run = run;
  }

  override handle(chunk: C): void {
    this.#run(chunk, (out) => this.waiting.push(out));
    this.#join.notify();
  }

  /** A write settles when all that came of it was read. */
  override isFull(): boolean {
    return this.waiting.length > 0;
  }

  override handleEnd(): void {
    this.#join.handleInputEnd();
  }

  override handleFault(reason: unknown): void {
    this.#join.handleFault(reason);
  }
}
