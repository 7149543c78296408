/**
 * Cuts one direction of a captured conversation into messages (RFC 9329, section 3). It agrees with the `Deframer` of a
 * live end on every whole stream, and differs in what a capture needs: empty messages are shown, a hole inside a message
 * leaves the border behind it known, a prefix between two messages is named, and a length of 0 or 1 leaves it to the
 * caller how to go on.
 */

import { LENGTH_FIELD_LENGTH, STREAM_PREFIX } from "../encap/constants.ts";
import { EncapError } from "../errors.ts";
import type { Arrival } from "./_arrival.ts";

/** Takes what a {@linkcode FrameReader} finds. */
export interface FrameSink {
  /** A message without its Length field; may be empty. A view, or a copy where it straddles segments. */
  handleMessage(message: Uint8Array, arrival: Arrival): void;
  /** What the stream does against RFC 9329. */
  handleFault(error: EncapError, arrival: Arrival): void;
}

/** Reads messages from the border between two on. */
export class FrameReader {
  readonly #sink: FrameSink;
  /** The begun message with its Length field; at most 65535 octets, and no more than twice what has arrived. */
  #partial: Uint8Array<ArrayBuffer> = NOTHING;
  #filled = 0;
  /** Octets that are left of a message that has a hole. */
  #damaged = 0;

  /** Gives messages to `sink`. */
  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Octets that are held. */
  get heldOctets(): number {
    return this.#filled;
  }

  /** Takes the next octets. After a length of 0 or 1 nobody knows where messages begin: gives the offset behind it. */
  handle(octets: Uint8Array, arrival: Arrival): number | undefined {
    let offset = Math.min(this.#damaged, octets.length);
    this.#damaged -= offset;
    while (offset < octets.length) {
      const left = octets.length - offset;
      const length = left < LENGTH_FIELD_LENGTH ? Infinity : octets[offset]! << 8 | octets[offset + 1]!;
      // The prefix begins like a message of 18763 octets, so that one goes the long way.
      if (
        this.#filled === 0 && length >= LENGTH_FIELD_LENGTH && length <= left && length !== PREFIX_AS_LENGTH
      ) {
        this.#sink.handleMessage(octets.subarray(offset + LENGTH_FIELD_LENGTH, offset + length), arrival);
        offset += length;
        continue;
      }
      const wanted = this.#wanted();
      const count = Math.min(wanted - this.#filled, left);
      this.#keep(octets.subarray(offset, offset + count), wanted);
      offset += count;
      if (this.#filled === wanted && !this.#complete(arrival)) return offset;
    }
    return undefined;
  }

  /** Passes over octets that the capture lacks; false when the next border is lost with them. */
  handleGap(length: number): boolean {
    const left = this.#damaged ||
      (this.#filled < LENGTH_FIELD_LENGTH ? 0 : this.#messageEnd() - this.#filled);
    this.#forget();
    this.#damaged = Math.max(0, left - length);
    return length > 0 && length <= left;
  }

  /** The fault of a stream that ends here; nothing at the border between two messages. */
  handleEnd(): EncapError | undefined {
    const filled = this.#filled;
    if (filled === 0) return undefined;
    const expected = filled < LENGTH_FIELD_LENGTH
      ? "a Length of 2 octets"
      : `a message of ${this.#messageEnd()} octets`;
    this.#forget();
    return new EncapError(
      "ERR_ENCAP_MESSAGE_INCOMPLETE",
      `Cannot read stream: expected ${expected}, got ${filled} before the end`,
    );
  }

  /** How many octets the begun message must have before it can be told what it is. */
  #wanted(): number {
    if (this.#filled < LENGTH_FIELD_LENGTH) return LENGTH_FIELD_LENGTH;
    return this.#filled < STREAM_PREFIX.length && this.#messageEnd() === PREFIX_AS_LENGTH
      ? STREAM_PREFIX.length
      : this.#messageEnd();
  }

  /** Looks at the begun message, of which one more stretch is there; false when its length is 0 or 1. */
  #complete(arrival: Arrival): boolean {
    const length = this.#messageEnd();
    if (length < LENGTH_FIELD_LENGTH) {
      this.#forget();
      const message = `Cannot read stream: expected a Length of 2 or more, got ${length}`;
      this.#sink.handleFault(new EncapError("ERR_ENCAP_LENGTH", message), arrival);
      return false;
    }
    if (
      this.#filled === STREAM_PREFIX.length && STREAM_PREFIX.every((octet, i) => this.#partial[i] === octet)
    ) {
      this.#forget();
      const message = "Cannot read stream: expected the next message, got the prefix IKETCP a second time";
      this.#sink.handleFault(new EncapError("ERR_ENCAP_PREFIX", message), arrival);
    } else if (this.#filled === length) {
      const message = this.#partial.subarray(LENGTH_FIELD_LENGTH, length);
      this.#forget();
      this.#sink.handleMessage(message, arrival);
    }
    return true;
  }

  /** What the Length field says, which counts itself. */
  #messageEnd(): number {
    return this.#partial[0]! << 8 | this.#partial[1]!;
  }

  #keep(octets: Uint8Array, wanted: number): void {
    const filled = this.#filled + octets.length;
    if (filled > this.#partial.length) {
      const grown = new Uint8Array(Math.max(filled, Math.min(wanted, 2 * filled)));
      grown.set(this.#partial.subarray(0, this.#filled));
      this.#partial = grown;
    }
    this.#partial.set(octets, this.#filled);
    this.#filled = filled;
  }

  #forget(): void {
    this.#partial = NOTHING;
    this.#filled = 0;
    this.#damaged = 0;
  }
}

const NOTHING = new Uint8Array(0);

/** What the first two octets of the prefix say when they are read as a Length. */
const PREFIX_AS_LENGTH: number = STREAM_PREFIX[0]! << 8 | STREAM_PREFIX[1]!;
