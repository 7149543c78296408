/**
 * The sending half of a datagram endpoint: accounts for what waits to be sent. It refuses what is past its bound, and says
 * well before whether there is room, for whoever can hold back rather than lose datagrams. Knows nothing of sockets.
 */

/** Octets of datagrams that may wait to be sent, unless told otherwise. */
export const SEND_QUEUE_LIMIT = 1048576;

/**
 * What waits, in octets or in datagrams, whatever the bound counts.
 *
 * @example
 * ```ts
 * import { DatagramSendQueue } from "iketcp/transport";
 * import { deepStrictEqual, ok, strictEqual } from "node:assert";
 *
 * const queue = new DatagramSendQueue(1000);
 * deepStrictEqual([queue.enter(200), queue.ready], [true, undefined]);
 * deepStrictEqual([queue.enter(700), queue.enter(200)], [true, false]);
 * const { ready } = queue;
 * ok(ready instanceof Promise);
 * queue.leave(700);
 * strictEqual(await ready, undefined);
 * ```
 */
export class DatagramSendQueue {
  readonly #limit: number;
  #waiting = 0;
  #ready: Promise<void> | undefined;
  #resume: (() => void) | undefined;
  #ended = false;

  /** Makes an empty queue. */
  constructor(limit: number = SEND_QUEUE_LIMIT) {
    this.#limit = limit;
  }

  /**
   * Pending while more than a quarter of the bound waits; `undefined` when there is room. Who waits for it after each batch loses
   * nothing as long as a batch is no more than the other three quarters.
   */
  get ready(): Promise<void> | undefined {
    if (this.#ended || this.#waiting <= this.#limit / 4) return undefined;
    return this.#ready ??= new Promise((resolve) => this.#resume = resolve);
  }

  /** A datagram is handed to the system; false when there is no room for it and it must be dropped. */
  enter(amount: number): boolean {
    if (this.#waiting + amount > this.#limit) return false;
    this.#waiting += amount;
    return true;
  }

  /** The system is done with a datagram. */
  leave(amount: number): void {
    this.#waiting -= amount;
    if (this.#waiting <= this.#limit / 4) this.#release();
  }

  /** The endpoint is closed: nobody waits for it any longer. */
  handleEnd(): void {
    this.#ended = true;
    this.#release();
  }

  #release(): void {
    this.#resume?.();
    this.#ready = this.#resume = undefined;
  }
}
