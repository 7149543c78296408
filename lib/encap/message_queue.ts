/** Messages that wait for a slow reader: first in, first out, with a weight that its owner bounds. */

import { concat } from "../bytes/concat.ts";

/**
 * What each waiting message weighs beyond its own octets, for the objects that hold it; without it, a bound in octets would
 * be none on the number of tiny messages.
 */
const MESSAGE_OVERHEAD = 64;

/** A queue that knows its weight and, once settled, does not pin read buffers far larger than what waits in it. */
export class MessageQueue {
  #messages: Uint8Array[] = [];
  /** Messages before this index have gone. */
  #head = 0;
  /** Messages from this index on may point into read buffers that they would pin. */
  #settled = 0;
  #weight = 0;

  /** Octets that wait, and a constant overhead for each message. */
  get weight(): number {
    return this.#weight;
  }

  /** Messages that wait. */
  get length(): number {
    return this.#messages.length - this.#head;
  }

  /** Appends a message, as a view. */
  push(message: Uint8Array): void {
    this.#messages.push(message);
    this.#weight += message.byteLength + MESSAGE_OVERHEAD;
  }

  /** The oldest message, or nothing. */
  shift(): Uint8Array | undefined {
    if (this.length === 0) return undefined;
    const message = this.#messages[this.#head++]!;
    this.#weight -= message.byteLength + MESSAGE_OVERHEAD;
    if (this.#head === MOST_GONE) {
      this.#messages.splice(0, MOST_GONE);
      this.#settled = Math.max(0, this.#settled - MOST_GONE);
      this.#head = 0;
    }
    return message;
  }

  /** All messages, oldest first; the queue is empty afterwards. */
  takeAll(): Uint8Array[] {
    const messages = this.#head > 0 ? this.#messages.slice(this.#head) : this.#messages;
    this.#messages = [];
    this.#head = this.#settled = this.#weight = 0;
    return messages;
  }

  /**
   * Call when messages are left to wait for long: those that came since the last call are copied together if they are a
   * small part of the read buffers they point into, so that a peer cannot make one waiting octet hold 64 KiB.
   */
  settle(): void {
    const start = Math.max(this.#settled, this.#head);
    this.#settled = this.#messages.length;
    const fresh = this.#messages.slice(start);
    let octets = 0;
    for (const message of fresh) octets += message.byteLength + MESSAGE_OVERHEAD;
    let held = 0;
    for (const buffer of new Set(fresh.map((message) => message.buffer))) held += buffer.byteLength;
    if (held <= 2 * octets) return;
    const slab = concat(fresh);
    let offset = 0;
    fresh.forEach((message, i) => {
      this.#messages[start + i] = slab.subarray(offset, offset += message.byteLength);
    });
  }
}

/** How many messages that have gone are kept in the array before it is shortened. */
const MOST_GONE = 1024;
