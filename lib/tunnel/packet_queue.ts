/**
 * IP packets that wait for their reader. A tunnel is a network link: past a bound the oldest packet goes, and is counted, so that
 * a reader who is slow, or is nobody, never holds back the IKE messages of the same stream.
 */

import { MessageQueue } from "../encap/mod.ts";

/** Octets that may wait, each packet counting a little more than its size. */
export const DEFAULT_PACKET_QUEUE: number = 1 << 20;

/** A queue whose end is a stream of batches. */
export class PacketQueue {
  /** All packets that wait, as one chunk. */
  readonly readable: ReadableStream<Uint8Array[]>;
  /** Packets that nobody read in time. */
  dropped: number = 0;
  readonly #bound: number;
  readonly #queue: MessageQueue = new MessageQueue();
  #controller!: ReadableStreamDefaultController<Uint8Array[]>;
  #wanted = false;
  #ended = false;

  /** Makes an empty queue; its bound is in octets. */
  constructor(bound: number = DEFAULT_PACKET_QUEUE) {
    this.#bound = bound;
    this.readable = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => {
        this.#wanted = true;
        this.#deliver();
      },
      cancel: () => {
        this.#ended = true;
        this.#queue.takeAll();
      },
    }, { highWaterMark: 0 });
  }

  /** Takes the packets of one read. */
  push(packets: readonly Uint8Array[]): void {
    if (this.#ended) return;
    if (this.#wanted && this.#queue.length === 0) {
      this.#wanted = false;
      this.#controller.enqueue([...packets]);
      return;
    }
    this.#queue.settle();
    for (const packet of packets) this.#queue.push(packet);
    while (this.#queue.weight > this.#bound) {
      this.#queue.shift();
      this.dropped++;
    }
    this.#deliver();
  }

  /** Nothing more comes; what waits is still read. */
  end(): void {
    if (this.#ended) return;
    this.#deliver();
    this.#ended = true;
    if (this.#queue.length > 0) this.#controller.enqueue(this.#queue.takeAll());
    this.#controller.close();
  }

  /** The link broke; packets that wait are of no use any more. */
  fail(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#queue.takeAll();
    this.#controller.error(reason);
  }

  #deliver(): void {
    if (!this.#wanted || this.#queue.length === 0) return;
    this.#wanted = false;
    this.#controller.enqueue(this.#queue.takeAll());
  }
}
