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
import { checkOctets, checkRange } from "./_check.ts";
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
  /** The begun message with its Length field: the first `#filled` octets are there. */
  #partial: Uint8Array<ArrayBuffer> = NOTHING;
  #filled = 0;
  #failure: EncapError | undefined;

  /** Makes a deframer at the border between two messages. */
  constructor(options: DeframerOptions = {}) {
    this.#maxMessageLength = checkRange(
      "maxMessageLength",
      options.maxMessageLength ?? MAX_MESSAGE_LENGTH,
      1,
      MAX_MESSAGE_LENGTH,
    );
  }

  /** Octets of a begun message that wait for the rest. */
  get pending(): number {
    return this.#filled;
  }

  /** Emits the messages that a chunk completes; throws `ERR_ENCAP_LENGTH` behind them when a Length of 0 or 1 follows. */
  handle(chunk: Uint8Array, emit: Emit<Uint8Array[]>): void {
    checkOctets(chunk, "Deframer");
    if (this.#failure !== undefined) throw this.#failure;
    const messages: Uint8Array[] = [];
    let offset = this.#filled > 0 ? this.#resume(chunk, messages) : 0;
    let octets = messages.length > 0 ? messages[0]!.byteLength : 0;

    const { buffer, byteOffset, byteLength: end } = chunk;
    while (end - offset >= LENGTH_FIELD_LENGTH && this.#failure === undefined) {
      const length = chunk[offset]! << 8 | chunk[offset + 1]!;
      if (!this.#accepts(length) || offset + length > end) break;
      const size = length - LENGTH_FIELD_LENGTH;
      if (size > 0) {
        messages.push(new Uint8Array(buffer, byteOffset + offset + LENGTH_FIELD_LENGTH, size));
        octets += size;
      } else {
        this.counters.empty++; // silently ignored (section 3)
      }
      offset += length;
    }
    if (offset < end && this.#failure === undefined) this.#keep(chunk, offset, end);

    if (messages.length > 0) {
      this.counters.messages += messages.length;
      this.counters.octets += octets;
      emit(messages);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** A message cut short by the end of the stream is thrown away and counted (section 6.1). */
  handleEnd(): void {
    if (this.#filled > 0) this.counters.partial++;
    this.#reset();
  }

  /** Goes on with the begun message; gives the offset in `chunk` behind it, or behind what was taken of it. */
  #resume(chunk: Uint8Array, messages: Uint8Array[]): number {
    let offset = 0;
    if (this.#filled < LENGTH_FIELD_LENGTH) {
      if (chunk.length === 0) return 0;
      offset = this.#keep(chunk, 0, LENGTH_FIELD_LENGTH - this.#filled);
    }

    const length = this.#partial[0]! << 8 | this.#partial[1]!;
    if (!this.#accepts(length)) return offset;
    offset = this.#keep(chunk, offset, Math.min(chunk.length, offset + length - this.#filled));
    if (this.#filled < length) return offset;
    if (length > LENGTH_FIELD_LENGTH) messages.push(this.#partial.subarray(LENGTH_FIELD_LENGTH, length));
    else this.counters.empty++;
    this.#reset();
    return offset;
  }

  /** Whether a Length is one to go on with; if not, notes the failure. */
  #accepts(length: number): boolean {
    if (length < LENGTH_FIELD_LENGTH) {
      this.#failure = new EncapError(
        "ERR_ENCAP_LENGTH",
        `Cannot read stream: expected a Length of 2 or more, got ${length}`,
      );
    } else if (length - LENGTH_FIELD_LENGTH > this.#maxMessageLength) {
      this.#failure = new EncapError(
        "ERR_ENCAP_MESSAGE_TOO_LONG",
        `Cannot read stream: expected messages of at most ${this.#maxMessageLength} octets, got ${
          length - LENGTH_FIELD_LENGTH
        }`,
      );
    }
    return this.#failure === undefined;
  }

  /**
   * Copies octets `start` to `end` of `chunk` to the begun message; gives `end`. Memory follows what has arrived, not what a
   * peer announces, and doubles, so that one-octet chunks cost linear work.
   */
  #keep(chunk: Uint8Array, start: number, end: number): number {
    const filled = this.#filled + end - start;
    if (filled > this.#partial.length) {
      const grown = new Uint8Array(Math.min(LONGEST_FRAME, Math.max(SMALLEST_PARTIAL, 2 * filled)));
      grown.set(this.#partial.subarray(0, this.#filled));
      this.counters.octetsCopied += this.#filled;
      this.#partial = grown;
    }
    this.#partial.set(chunk.subarray(start, end), this.#filled);
    this.counters.octetsCopied += end - start;
    this.#filled = filled;
    return end;
  }

  #reset(): void {
    this.#partial = NOTHING;
    this.#filled = 0;
  }
}

const NOTHING = new Uint8Array(0);

const LONGEST_FRAME = LENGTH_FIELD_LENGTH + MAX_MESSAGE_LENGTH;

/** A begun message gets this much at once: an ordinary packet then needs no second allocation. */
const SMALLEST_PARTIAL = 1536;
