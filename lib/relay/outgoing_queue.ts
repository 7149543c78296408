/** Datagrams of the local daemon that wait for the stream: IKE first, and the oldest ESP goes when there is too much. */

import { hasNonEspMarker, MessageQueue } from "../encap/mod.ts";

/** Bounds of an {@linkcode OutgoingQueue}. */
export interface OutgoingQueueLimits {
  /** Messages that may wait. */
  readonly maxMessages: number;
  /** Octets that may wait. */
  readonly maxOctets: number;
}

/** A bounded queue. A datagram network may lose anything, so a full queue drops rather than holds its writer back. */
export class OutgoingQueue {
  /** Messages dropped because too much waited. */
  dropped = 0;
  readonly #ike = new MessageQueue();
  readonly #esp = new MessageQueue();
  #limits: OutgoingQueueLimits;

  /** Makes an empty queue. */
  constructor(limits: OutgoingQueueLimits) {
    this.#limits = limits;
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
      this.dropped++;
      return;
    }
    queue.push(message);
    this.#trim();
  }

  /** All messages, IKE first. */
  takeAll(): Uint8Array[] {
    const ike = this.#ike.takeAll();
    const esp = this.#esp.takeAll();
    return ike.length === 0 ? esp : [...ike, ...esp];
  }

  /** Sets other bounds and drops ESP packets until they hold. */
  limit(limits: OutgoingQueueLimits): void {
    this.#limits = limits;
    this.#trim();
  }

  #trim(): void {
    while (this.#esp.length > 0 && this.#exceeds(this.length, this.#ike.weight + this.#esp.weight)) {
      this.#esp.shift();
      this.dropped++;
    }
  }

  #exceeds(messages: number, octets: number): boolean {
    return messages > this.#limits.maxMessages || octets > this.#limits.maxOctets;
  }
}
