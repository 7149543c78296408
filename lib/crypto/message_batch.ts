/** Where the messages of a batch lie in their slab: plain numbers in arrays that are used again for the next batch. */

import { CodedRangeError } from "../errors.ts";

/** The most messages that a batch holds; a read of 64 KiB gives at most 32768, each of two octets and its length. */
export const MAX_BATCH_MESSAGES: number = 65_536;

/** Octets in front of the IV of an ESP packet: SPI and sequence number. */
export const ESP_HEADER_SIZE: number = 8;

/**
 * A list of messages in one slab, for `sealBatch` and `openBatch`. Make one, and `clear` and fill it for every batch: it
 * allocates only when a batch is larger than all before it.
 *
 * @example Two messages in one slab
 * ```ts
 * import { MessageBatch } from "iketcp/crypto";
 * import { strictEqual } from "node:assert";
 *
 * const batch = new MessageBatch();
 * batch.add(0, 100);
 * batch.add(102, 80, { sequenceHigh: 1 });
 * strictEqual(batch.count, 2);
 * ```
 */
export class MessageBatch {
  /** Messages in the batch; only the first so many elements of the arrays mean something. */
  count: number = 0;
  /** Offset of each message in the slab. */
  starts: Int32Array;
  /** Size of each message, from the first octet of its header to the last of its ICV. */
  sizes: Int32Array;
  /** Octets in front of the IV of each message. */
  headerSizes: Int32Array;
  /** Upper half of the 64-bit sequence number of each message. */
  sequenceHighs: Uint32Array;
  /** What `openBatch` found: 1 for an authentic message, else 0. */
  accepted: Uint8Array;

  /** Makes an empty batch with room for some messages; it grows by itself. */
  constructor(capacity = 64) {
    this.starts = new Int32Array(capacity);
    this.sizes = new Int32Array(capacity);
    this.headerSizes = new Int32Array(capacity);
    this.sequenceHighs = new Uint32Array(capacity);
    this.accepted = new Uint8Array(capacity);
  }

  /** Forgets all messages and keeps the room. */
  clear(): void {
    this.count = 0;
  }

  /** Adds a message: its offset in the slab, and its size from header to ICV. */
  add(start: number, size: number, options?: { headerSize?: number; sequenceHigh?: number }): void {
    const i = this.count;
    if (i === this.starts.length) this.#grow();
    this.starts[i] = start;
    this.sizes[i] = size;
    this.headerSizes[i] = options?.headerSize ?? ESP_HEADER_SIZE;
    this.sequenceHighs[i] = options?.sequenceHigh ?? 0;
    this.accepted[i] = 0;
    this.count = i + 1;
  }

  #grow(): void {
    if (this.count >= MAX_BATCH_MESSAGES) {
      throw new CodedRangeError(
        "ERR_OPTION_RANGE",
        `Cannot add to the batch: expected at most ${MAX_BATCH_MESSAGES} messages, got one more`,
      );
    }
    const capacity = Math.min(MAX_BATCH_MESSAGES, Math.max(16, 2 * this.count));
    const copyInto = <T extends Int32Array | Uint32Array | Uint8Array>(larger: T, array: T): T => {
      larger.set(array);
      return larger;
    };
    this.starts = copyInto(new Int32Array(capacity), this.starts);
    this.sizes = copyInto(new Int32Array(capacity), this.sizes);
    this.headerSizes = copyInto(new Int32Array(capacity), this.headerSizes);
    this.sequenceHighs = copyInto(new Uint32Array(capacity), this.sequenceHighs);
    this.accepted = copyInto(new Uint8Array(capacity), this.accepted);
  }
}
