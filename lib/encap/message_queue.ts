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
  /** How many of the last messages came after the last `settle`, and how many between that and the one before. */
  #fresh = 0;
  #aged = 0;
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
    this.#fresh++;
    this.#weight += message.byteLength + MESSAGE_OVERHEAD;
  }

  /** The oldest message, or nothing. */
  shift(): Uint8Array | undefined {
    const message = this.#messages[this.#head];
    if (message === undefined) return undefined;
    this.#weight -= message.byteLength + MESSAGE_OVERHEAD;
    this.#messages[this.#head] = GONE;
    if (++this.#head === MOST_GONE) {
      this.#messages.splice(0, MOST_GONE);
      this.#head = 0;
    }
    return message;
  }

  /** All messages, oldest first; the queue is empty afterwards. */
  takeAll(): Uint8Array[] {
    const messages = this.#head > 0 ? this.#messages.slice(this.#head) : this.#messages;
    this.#messages = [];
    this.#head =
      this.#fresh =
      this.#aged =
      this.#weight =
        0;
    return messages;
  }

  /**
   * Call before messages of another read buffer are pushed: those that have waited through a call before are copied together
   * if they are a small part of the read buffers they point into, so that a peer cannot make one waiting octet hold 64 KiB.
   */
  settle(): void {
    const end = this.#messages.length - this.#fresh;
    const start = Math.max(this.#head, end - this.#aged);
    this.#aged = this.#fresh;
    this.#fresh = 0;
    if (start >= end) return;
    const waiting = this.#messages.slice(start, end);
    let octets = 0;
    let held = 0;
    let last: ArrayBufferLike | undefined;
    for (const { buffer, byteLength } of waiting) {
      octets += byteLength + MESSAGE_OVERHEAD;
      if (buffer !== last) held += buffer.byteLength;
      last = buffer;
    }
    if (held <= 2 * octets) return;
    const slab = concat(waiting);
    let offset = 0;
    waiting.forEach((message, i) => {
      this.#messages[start + i] = slab.subarray(offset, offset += message.byteLength);
    });
  }
}

/** Stands where a message was that has gone, so that it is not kept alive. */
const GONE = new Uint8Array(0);

/** How many places of messages that have gone are kept before the array is shortened. */
const MOST_GONE = 1024;
