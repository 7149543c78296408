/**
 * One writable in, the two readables `ike` and `esp` out. `DemuxStream` is this with nothing in front, the inbound half of
 * `EncapsulationStream` has the cores that make messages of bytes there, without a stream hop between.
 */

import { checkRange } from "./_check.ts";
import { Outlet } from "./_outlet.ts";
import { Demux, type DemuxOptions } from "./demux.ts";
import { MessageQueue } from "./message_queue.ts";
import type { MessageChunk, Transducer } from "./transducer.ts";

const DEFAULT_MAX_ESP_QUEUE = 1024 * 1024;
const DEFAULT_MAX_IKE_QUEUE = 256 * 1024;

/** Sorts what `front` makes of its input. */
export class Split<I, C extends MessageChunk> {
  /** Takes the input of `front`. */
  readonly writable: WritableStream<I>;
  /** IKE messages without their marker. */
  readonly ike: ReadableStream<C>;
  /** ESP packets. */
  readonly esp: ReadableStream<C>;
  /** Resolves at the end of the input or when both readers have cancelled; rejects with the error that ended it. */
  readonly ended: Promise<void>;
  /** The synchronous machine inside, with its counters. */
  readonly core: Demux;

  readonly #maxIkeQueue: number;
  readonly #ike: Output<C>;
  readonly #esp: Output<C>;
  readonly #outputs: readonly Output<C>[];
  #batches = true;
  #controller!: WritableStreamDefaultController;
  /** Lets a writer go on that was held back by unread IKE. */
  #release: () => void = () => {};
  #settle!: { resolve(): void; reject(reason: unknown): void };

  /** Makes the stage. */
  constructor(front: Transducer<I, MessageChunk>, options: DemuxOptions) {
    this.#maxIkeQueue = limit("maxIkeQueue", options.maxIkeQueue ?? DEFAULT_MAX_IKE_QUEUE);
    this.core = new Demux(limit("maxEspQueue", options.maxEspQueue ?? DEFAULT_MAX_ESP_QUEUE));
    this.#ike = this.#output();
    this.#esp = this.#output();
    this.#outputs = [this.#ike, this.#esp];
    this.ike = this.#ike.outlet.readable;
    this.esp = this.#esp.outlet.readable;
    this.ended = new Promise((resolve, reject) => this.#settle = { resolve, reject });
    this.ended.catch(() => {}); // whoever cares listens

    const sort = (chunk: MessageChunk) => this.#sort(chunk);
    const attempt = (step: () => void) => {
      try {
        step();
      } catch (error) {
        this.fail(error);
        throw error;
      }
      for (const { outlet } of this.#outputs) outlet.notify();
    };
    this.writable = new WritableStream<I>({
      start: (controller) => {
        this.#controller = controller;
      },
      write: (chunk) => {
        for (const { queue } of this.#outputs) if (queue.length > 0) queue.settle();
        attempt(() => front.handle(chunk, sort));
        if (this.#ike.queue.weight > this.#maxIkeQueue) return this.#held();
      },
      close: () => {
        attempt(() => front.handleEnd(sort));
        for (const { outlet } of this.#outputs) outlet.end();
        this.#settle.resolve();
      },
      abort: (reason) => this.fail(reason),
    });
  }

  /** Ends everything with an error: the writer at once, each reader behind what waits for it. */
  fail(reason: unknown): void {
    this.#controller.error(reason);
    this.#release();
    for (const { outlet } of this.#outputs) outlet.fail(reason);
    this.#settle.reject(reason);
  }

  #sort(chunk: MessageChunk): void {
    this.#batches = Array.isArray(chunk);
    this.core.handle(chunk, {
      ike: this.#ike.outlet.open ? this.#ike.queue : undefined,
      esp: this.#esp.outlet.open ? this.#esp.queue : undefined,
    });
  }

  /** Waits until IKE was read, or the writer aborts. */
  #held(): Promise<void> {
    return new Promise((resolve) => {
      this.#release = resolve;
      this.#controller.signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  #output(): Output<C> {
    const queue = new MessageQueue();
    const outlet = new Outlet<C>({
      isEmpty: () => queue.length === 0,
      take: () => {
        if (queue.length === 0) return undefined;
        const chunk = this.#batches ? queue.takeAll() : queue.shift();
        if (this.#ike.queue.weight <= this.#maxIkeQueue) this.#release();
        return chunk as C;
      },
      onCancel: (reason) => {
        queue.takeAll();
        this.#release();
        if (this.#outputs.some((output) => output.outlet.open)) return;
        this.#controller.error(reason);
        this.#settle.resolve();
      },
    });
    return { queue, outlet };
  }
}

interface Output<C> {
  readonly queue: MessageQueue;
  readonly outlet: Outlet<C>;
}

function limit(name: string, value: number): number {
  return checkRange(name, value, 0, Number.MAX_SAFE_INTEGER);
}
