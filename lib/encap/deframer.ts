/**
 * Splits a byte stream into messages (RFC 9329, section 3). Knows nothing of streams, of the prefix, or of what a message
 * holds.
 *
 * ```text
 *  0                   1
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6
 * +-------------------------------+-- - - - - - --+
 * |     Length (counts itself)    |    message    |
 * +-------------------------------+-- - - - - - --+
 * ```
 */

import { EncapError } from "../errors.ts";
import { checkOctets, checkOption } from "./_check.ts";
import { LENGTH_FIELD_LENGTH, MAX_MESSAGE_LENGTH } from "./constants.ts";
import type { Emit, Transducer } from "./transducer.ts";

/** Options of a {@linkcode Deframer}. */
export interface DeframerOptions {
  /** The longest message that is accepted; a longer one is fatal. Default and most: 65533. */
  readonly maxMessageLength?: number;
}

/** What a {@linkcode Deframer} has seen. */
export interface DeframerCounters {
  /** Messages given out. */
  messages: number;
  /** Octets of messages given out, without their Length fields. */
  octets: number;
  /** Empty messages (Length 2) that were ignored. */
  empty: number;
  /** Messages cut short by the end of the stream, thrown away: 0 or 1. */
  partial: number;
  /** Octets copied because a message straddled chunks; at most about twice the octets of those messages. */
  octetsCopied: number;
}

/**
 * Cuts chunks into messages: at most one batch a chunk, views into the chunk, or a copy where a message straddles two.
 *
 * @example Any cut gives the same messages
 * ```ts
 * import { Deframer } from "iketcp/encap";
 * import { deepStrictEqual } from "node:assert";
 *
 * const deframer = new Deframer();
 * const lengths: number[] = [];
 * const emit = (batch: Uint8Array[]) => void lengths.push(...batch.map((message) => message.byteLength));
 * deframer.handle(new Uint8Array([0, 5, 1, 2, 3, 0]), emit);
 * deframer.handle(new Uint8Array([6, 1, 2]), emit);
 * deframer.handle(new Uint8Array([3, 4]), emit);
 * deepStrictEqual(lengths, [3, 4]);
 * ```
 */
export class Deframer implements Transducer<Uint8Array, Uint8Array[]> {
  /** What was seen so far. */
  readonly counters: DeframerCounters = { messages: 0, octets: 0, empty: 0, partial: 0, octetsCopied: 0 };
  readonly #maxMessageLength: number;
  /** A begun frame: its first `#filled` octets. */
  #partial: Uint8Array<ArrayBuffer> = NOTHING;
  #filled = 0;
  /** Octets of the begun frame; only the Length field while it is not known. */
  #wanted = LENGTH_FIELD_LENGTH;

  /** Makes a deframer at the border between two messages. */
  constructor(options: DeframerOptions = {}) {
    this.#maxMessageLength = checkOption(
      "maxMessageLength",
      options.maxMessageLength ?? MAX_MESSAGE_LENGTH,
      1,
      MAX_MESSAGE_LENGTH,
    );
  }

  /** Emits the messages that a chunk completes; throws `ERR_ENCAP_LENGTH` behind them when a Length of 0 or 1 follows. */
  handle(chunk: Uint8Array, emit: Emit<Uint8Array[]>): void {
    checkOctets(chunk, "chunk");
    const messages: Uint8Array[] = [];
    try {
      this.#split(chunk, messages);
    } finally {
      for (const message of messages) this.counters.octets += message.byteLength;
      this.counters.messages += messages.length;
      if (messages.length > 0) emit(messages);
    }
  }

  /** A message cut short by the end of the stream is thrown away and counted (section 6.1). */
  handleEnd(): void {
    if (this.#filled > 0) this.counters.partial++;
    this.#reset();
  }

  #split(chunk: Uint8Array, messages: Uint8Array[]): void {
    const { buffer, byteOffset, length: end } = chunk;
    for (let offset = 0; offset < end;) {
      if (this.#filled === 0 && end - offset >= LENGTH_FIELD_LENGTH) {
        const length = this.#lengthAt(chunk, offset);
        if (offset + length <= end) {
          this.#take(buffer, byteOffset + offset, length, messages);
          offset += length;
          continue;
        }
        this.#wanted = length;
      }
      const taken = Math.min(end - offset, this.#wanted - this.#filled);
      this.#keep(chunk.subarray(offset, offset += taken));
      if (this.#filled === LENGTH_FIELD_LENGTH) this.#wanted = this.#lengthAt(this.#partial, 0);
      if (this.#filled === this.#wanted) {
        this.#take(this.#partial.buffer, 0, this.#wanted, messages);
        this.#reset();
      }
    }
  }

  /** A Length field, if it is one to go on with. */
  #lengthAt(octets: Uint8Array, offset: number): number {
    const length = octets[offset]! << 8 | octets[offset + 1]!;
    const size = length - LENGTH_FIELD_LENGTH;
    if (size < 0) {
      throw new EncapError(
        "ERR_ENCAP_LENGTH",
        `Cannot read stream: expected a Length of 2 or more, got ${length}`,
      );
    }
    if (size > this.#maxMessageLength) {
      throw new EncapError(
        "ERR_ENCAP_MESSAGE_TOO_LONG",
        `Cannot read message: expected at most ${this.#maxMessageLength} octets, got ${size}`,
      );
    }
    return length;
  }

  /** Adds a view of the message in a whole frame; an empty one is ignored in silence (section 3). */
  #take(buffer: ArrayBufferLike, offset: number, length: number, messages: Uint8Array[]): void {
    const size = length - LENGTH_FIELD_LENGTH;
    if (size > 0) messages.push(new Uint8Array(buffer, offset + LENGTH_FIELD_LENGTH, size));
    else this.counters.empty++;
  }

  /**
   * Copies octets to the begun frame. Memory follows what has arrived, not what a peer announces, and doubles, so that
   * one-octet chunks cost linear work.
   */
  #keep(octets: Uint8Array): void {
    const filled = this.#filled + octets.length;
    if (filled > this.#partial.length) {
      const grown = new Uint8Array(Math.min(this.#wanted, Math.max(SMALLEST_PARTIAL, 2 * filled)));
      grown.set(this.#partial.subarray(0, this.#filled));
      this.counters.octetsCopied += this.#filled;
      this.#partial = grown;
    }
    this.#partial.set(octets, this.#filled);
    this.counters.octetsCopied += octets.length;
    this.#filled = filled;
  }

  #reset(): void {
    this.#partial = NOTHING;
    this.#filled = 0;
    this.#wanted = LENGTH_FIELD_LENGTH;
  }
}

const NOTHING = new Uint8Array(0);

/** A begun frame gets this much at once: an ordinary packet then needs no second allocation. */
const SMALLEST_PARTIAL = 1536;
