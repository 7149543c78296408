/** Joins messages to a byte stream, each behind its Length (RFC 9329, section 3). The twin of `deframer.ts`. */

import { checkMessage, checkOption, messagesOf } from "./_check.ts";
import { LENGTH_FIELD_LENGTH, MAX_MESSAGE_LENGTH } from "./constants.ts";
import type { Emit, MessageChunk, Transducer } from "./transducer.ts";

/** Options of a {@linkcode Framer}. */
export interface FramerOptions {
  /** The longest message that may be sent. Default and most: 65533. */
  readonly maxMessageLength?: number;
}

/** What a {@linkcode Framer} has done. */
export interface FramerCounters {
  /** Messages framed. */
  messages: number;
  /** Octets of those messages, without their Length fields. */
  octets: number;
}

/**
 * Writes a message, or a whole batch, into one new slab.
 *
 * @example The Length counts itself
 * ```ts
 * import { Framer } from "iketcp/encap";
 * import { deepStrictEqual } from "node:assert";
 *
 * new Framer().handle([new Uint8Array([7]), new Uint8Array([8, 9])], (bytes) => {
 *   deepStrictEqual(bytes, new Uint8Array([0, 3, 7, 0, 4, 8, 9]));
 * });
 * ```
 */
export class Framer implements Transducer<MessageChunk, Uint8Array> {
  /** What was done so far. */
  readonly counters: FramerCounters = { messages: 0, octets: 0 };
  readonly #maxMessageLength: number;

  /** Makes a framer. */
  constructor(options: FramerOptions = {}) {
    this.#maxMessageLength = checkOption(
      "maxMessageLength",
      options.maxMessageLength ?? MAX_MESSAGE_LENGTH,
      1,
      MAX_MESSAGE_LENGTH,
    );
  }

  /** Emits the frames of all messages as one chunk; throws a `RangeError` before anything is written if one cannot be sent. */
  handle(chunk: MessageChunk, emit: Emit<Uint8Array>): void {
    const messages = messagesOf(chunk);
    let size = 0;
    for (const message of messages) {
      checkMessage(message, "message", 1, this.#maxMessageLength);
      size += LENGTH_FIELD_LENGTH + message.byteLength;
    }
    if (size === 0) return;

    const slab = this.slab(size);
    let offset = 0;
    for (const message of messages) {
      const length = LENGTH_FIELD_LENGTH + message.byteLength;
      slab[offset++] = length >> 8;
      slab[offset++] = length; // the array keeps the low octet
      slab.set(message, offset);
      offset += message.byteLength;
      this.counters.octets += message.byteLength;
    }
    this.counters.messages += messages.length;
    emit(slab);
  }

  /** Memory for the frames of a chunk. */
  protected slab(size: number): Uint8Array {
    return new Uint8Array(size);
  }

  /** Nothing is left. */
  handleEnd(): void {}
}
