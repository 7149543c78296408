/** A stage with queues behind its writable. An end or an error reaches each reader behind what waits for it. */

import { Inlet } from "./_inlet.ts";
import { Outlet } from "./_outlet.ts";
import { MessageQueue } from "./message_queue.ts";
import type { MessageChunk } from "./transducer.ts";

/** Who is told when one direction of a duplex has ended. */
export interface EndListener {
  /** It has ended in order, or nobody reads it any more. Called once at most. */
  handleEnd(): void;
  /** An error that arose in it has ended it. */
  handleFault(reason: unknown): void;
}

/** One writable in, one readable or several out. The first holds the writer back. */
export abstract class Fan<I, C extends MessageChunk> extends Inlet<I> {
  /** Whether readers get all that waits for them as one batch, or single messages. */
  batches = true;
  /** All outputs; each adds itself. */
  readonly outputs: Output<C>[] = [];
  /** The output that holds the writer back. */
  readonly first: Output<C> = new Output<C>(this);
  readonly #most: number;
  readonly #listener: EndListener | undefined;
  #ended = false;

  /** Makes a stage whose writer waits while more than `most` octets wait for the first reader. */
  constructor(most: number, listener?: EndListener) {
    super();
    this.#most = most;
    this.#listener = listener;
  }

  /** Puts what a chunk holds into the queues of the outputs. */
  abstract sort(chunk: I): void;

  /** Sorts a chunk. */
  override handle(chunk: I): void {
    for (const { queue } of this.outputs) queue.settle();
    this.sort(chunk);
    for (const output of this.outputs) output.notify();
  }

  /** Ends each reader behind what waits for it. */
  override handleEnd(): void {
    for (const output of this.outputs) output.end();
    this.#end();
  }

  override handleFault(reason: unknown): void {
    this.fail(reason);
    this.#listener?.handleFault(reason);
  }

  /** Ends everything with an error: the writer at once, each reader behind what waits for it. */
  fail(reason: unknown): void {
    this.error(reason);
    for (const output of this.outputs) output.fail(reason);
  }

  /** The reader of an output has cancelled. */
  handleCancel(reason: unknown): void {
    this.release();
    if (this.outputs.some((output) => output.open)) return;
    this.error(reason);
    this.#end();
  }

  override isFull(): boolean {
    return this.first.queue.weight > this.#most;
  }

  #end(): void {
    if (!this.#ended) this.#listener?.handleEnd();
    this.#ended = true;
  }
}

/** One of the readables, and what waits for it. */
export class Output<C extends MessageChunk> extends Outlet<C> {
  /** Messages in order. */
  readonly queue: MessageQueue = new MessageQueue();
  readonly #fan: Fan<never, C>;

  /** Makes an output of a stage. */
  constructor(fan: Fan<never, C>) {
    super();
    this.#fan = fan;
    fan.outputs.push(this);
  }

  /** Appends a message, if anybody still reads. */
  push(message: Uint8Array): void {
    if (this.open) this.queue.push(message);
  }

  override isEmpty(): boolean {
    return this.queue.length === 0;
  }

  override take(): C {
    const chunk = this.#fan.batches ? this.queue.takeAll() : this.queue.shift();
    this.#fan.release();
    return chunk as C;
  }

  override handleCancel(reason: unknown): void {
    this.queue.takeAll();
    this.#fan.handleCancel(reason);
  }
}
