/** Messages that wait for a slow reader: first in, first out, with a sum of octets that its owner bounds. */

/**
 * What each waiting message counts beyond its own octets, for the objects that hold it; without it, a bound in octets
 * would be none on the number of tiny messages.
 */
const MESSAGE_OVERHEAD = 64;

/** A queue that knows its weight and does not pin read buffers far larger than what waits in it. */
export class MessageQueue {
  /** Octets that wait, and a constant overhead for each message. */
  get weight(): number {
    return this.#weight;
  }

  /** Messages that wait. */
  get length(): number {
    return this.#messages.length - this.#head;
  }

  #messages: Uint8Array[] = [];
  #head = 0;
  #weight = 0;
  /** Messages before this index have memory of their own, or share a buffer that is mostly waiting here. */
  #settled = 0;

  /** Appends a message; the queue holds the view until it is taken or settled. */
  push(message: Uint8Array): void {
    this.#messages.push(message);
    this.#weight += message.byteLength + MESSAGE_OVERHEAD;
  }

  /** The oldest message, or nothing. */
  shift(): Uint8Array | undefined {
    if (this.length === 0) return undefined;
    const message = this.#messages[this.#head]!;
    this.#weight -= message.byteLength + MESSAGE_OVERHEAD;
    this.#head++;
    if (this.#head === this.#messages.length) this.clear();
    else if (this.#head >= 1024 && this.#head * 2 > this.#messages.length) this.#compact();
    return message;
  }

  /** All messages, oldest first; the queue is empty afterwards. */
  takeAll(): Uint8Array[] {
    const messages = this.#head === 0 ? this.#messages : this.#messages.slice(this.#head);
    this.#messages = [];
    this.clear();
    return messages;
  }

  /** The oldest messages, as many as weigh no more than `weight`, but at least one if there is one. */
  take(weight: number): Uint8Array[] {
    if (this.#weight <= weight) return this.takeAll();
    const messages: Uint8Array[] = [];
    for (let left = weight; this.length > 0;) {
      left -= this.#messages[this.#head]!.byteLength + MESSAGE_OVERHEAD;
      if (left < 0 && messages.length > 0) break;
      messages.push(this.shift()!);
    }
    return messages;
  }

  /** Forgets everything. */
  clear(): void {
    this.#messages.length = 0;
    this.#head = this.#settled = this.#weight = 0;
  }

  /**
   * Call when messages are left to wait. New ones that are a small part of the read buffer they point into are copied, so
   * that a peer cannot make one waiting octet hold 64 KiB.
   */
  settle(): void {
    const fresh = this.#messages.slice(Math.max(this.#settled, this.#head));
    const waiting = new Map<ArrayBufferLike, number>();
    for (const { buffer, byteLength } of fresh) waiting.set(buffer, (waiting.get(buffer) ?? 0) + byteLength);
    for (let i = Math.max(this.#settled, this.#head); i < this.#messages.length; i++) {
      const message = this.#messages[i]!;
      if (message.buffer.byteLength > 2 * waiting.get(message.buffer)! + MESSAGE_OVERHEAD) {
        this.#messages[i] = message.slice();
      }
    }
    this.#settled = this.#messages.length;
  }

  #compact(): void {
    this.#messages = this.#messages.slice(this.#head);
    this.#settled = Math.max(0, this.#settled - this.#head);
    this.#head = 0;
  }
}
