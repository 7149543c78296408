/** Datagrams of the local daemon that wait for the stream: IKE first, and the oldest ESP goes when there is too much. */

import { hasNonEspMarker, MessageQueue } from "../encap/mod.ts";
import type { RelayCounters } from "./counters.ts";

/** Bounds of an {@linkcode OutgoingQueue}. */
export interface OutgoingQueueLimits {
  /** Messages that may wait. */
  readonly maxMessages: number;
  /** Octets that may wait, with the overhead that a `MessageQueue` counts for each message. */
  readonly maxOctets: number;
}

/** A bounded queue. A datagram network may lose anything, so a full queue drops rather than holds its writer back. */
export class OutgoingQueue {
  readonly #ike = new MessageQueue();
  readonly #esp = new MessageQueue();
  readonly #counters: Pick<RelayCounters, "datagramsDropped">;
  #limits: OutgoingQueueLimits;

  /** Makes an empty queue that counts what it drops. */
  constructor(limits: OutgoingQueueLimits, counters: Pick<RelayCounters, "datagramsDropped">) {
    this.#limits = limits;
    this.#counters = counters;
  }

  /** Messages that wait. */
  get length(): number {
    return this.#ike.length + this.#esp.length;
  }

  /** Appends a message; past a bound the oldest ESP packet goes, and where only IKE waits, the message itself. */
  push(message: Uint8Array): void {
    const queue = hasNonEspMarker(message) ? this.#ike : this.#esp;
    if (
      queue === this.#ike && this.#ike.length > 0 &&
      this.#exceeds(this.#ike.length + 1, this.#ike.weight + message.byteLength)
    ) {
      this.#counters.datagramsDropped++;
      return;
    }
    queue.push(message);
    this.#trim();
  }

  /** The next messages, IKE first, up to the one that reaches `octets`. */
  take(octets: number): Uint8Array[] {
    if (this.#ike.length === 0 && this.#esp.weight <= octets) return this.#esp.takeAll();
    const messages: Uint8Array[] = [];
    for (const queue of [this.#ike, this.#esp]) {
      while (octets > 0 && queue.length > 0) {
        const message = queue.shift()!;
        messages.push(message);
        octets -= message.byteLength;
      }
    }
    return messages;
  }

  /** Call before more is pushed to a queue that nobody empties at the moment, as {@linkcode MessageQueue.settle}. */
  settle(): void {
    this.#ike.settle();
    this.#esp.settle();
  }

  /** Sets other bounds and drops ESP packets until they hold. */
  limit(limits: OutgoingQueueLimits): void {
    this.#limits = limits;
    this.#trim();
  }

  /** Drops everything: nobody is left to send it to. */
  clear(): void {
    this.#counters.datagramsDropped += this.#ike.takeAll().length + this.#esp.takeAll().length;
  }

  #trim(): void {
    while (this.#esp.length > 0 && this.#exceeds(this.length, this.#ike.weight + this.#esp.weight)) {
      this.#esp.shift();
      this.#counters.datagramsDropped++;
    }
  }

  #exceeds(messages: number, octets: number): boolean {
    return messages > this.#limits.maxMessages || octets > this.#limits.maxOctets;
  }
}
