/**
 * One writable in, the two readables `ike` and `esp` out. `DemuxStream` is this with nothing in front, the inbound half of
 * `EncapsulationStream` has the cores that make messages of bytes there, without a stream hop between.
 */

import { checkOption } from "./_check.ts";
import { type EndListener, Fan, Output } from "./_fan.ts";
import { Demux, type DemuxOptions } from "./demux.ts";
import type { MessageChunk, Transducer } from "./transducer.ts";

/** Sorts what `front` makes of its input. */
export class Split<I, C extends MessageChunk> extends Fan<I, C> {
  /** IKE messages without their marker. */
  readonly ike: Output<C> = this.first; // IKE is never dropped, so it must hold the writer back
  /** ESP packets. */
  readonly esp: Output<C> = new Output<C>(this);
  /** The synchronous machine inside, with its counters. */
  readonly core: Demux = new Demux();
  readonly #front: Transducer<I, MessageChunk>;
  readonly #maxEspQueue: number;

  /** Makes the stage. */
  constructor(front: Transducer<I, MessageChunk>, options: DemuxOptions, listener?: EndListener) {
    super(checkOption("maxIkeQueue", options.maxIkeQueue ?? DEFAULT_MAX_IKE_QUEUE, 0), listener);
    this.#front = front;
    this.#maxEspQueue = checkOption("maxEspQueue", options.maxEspQueue ?? DEFAULT_MAX_ESP_QUEUE, 0);
  }

  override sort(chunk: I): void {
    this.#front.handle(chunk, (messages) => this.#sort(messages));
  }

  /** ESP never holds IKE up, so it must be dropped, once readers that wait have got theirs. */
  override handle(chunk: I): void {
    super.handle(chunk);
    while (this.esp.queue.weight > this.#maxEspQueue) {
      this.esp.queue.shift();
      this.core.counters.espDropped++;
    }
  }

  override handleEnd(): void {
    this.#front.handleEnd((messages) => this.#sort(messages));
    super.handleEnd();
  }

  #sort(chunk: MessageChunk): void {
    this.batches = Array.isArray(chunk);
    this.core.handle(chunk, this);
  }
}

const DEFAULT_MAX_ESP_QUEUE = 1 << 20; // 1 MiB
const DEFAULT_MAX_IKE_QUEUE = 1 << 18; // 256 KiB
