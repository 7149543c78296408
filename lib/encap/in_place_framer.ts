/**
 * A framer for messages that were made with room for their Lengths, as those of `EspEncryptor` can be: nothing is copied then
 * (RFC 9329, section 3).
 *
 * Not part of the entry point `iketcp/encap`, which browsers load for the stages alone: whoever joins ESP to a stream takes it
 * from `iketcp`, and gives it to an `EncapsulationStream` or to `compose`.
 */

import { LENGTH_FIELD_LENGTH, MAX_MESSAGE_LENGTH } from "./constants.ts";
import { Framer, type FramerOptions } from "./framer.ts";
import type { Emit, MessageChunk } from "./transducer.ts";

/**
 * Writes Lengths into the messages' own buffer, where the messages of a batch lie in one buffer, each with exactly the two
 * octets of its Length free in front of it; frames others as `Framer` does. For messages that the caller has made so, and
 * gives away: packets of `EspEncryptor` with `room: 2`, never views of somebody's buffer that happen to lie so.
 *
 * @example Encrypt and frame in one pass over one slab
 * ```ts
 * import { EncapsulationStream, InPlaceFramer } from "iketcp";
 * import { strictEqual } from "node:assert";
 *
 * const vpn = new EncapsulationStream({ role: "responder", framer: new InPlaceFramer() });
 * const slab = new Uint8Array(2 + 100); // a Length and a packet
 * slab.fill(7, 2);
 * vpn.esp.writable.getWriter().write([slab.subarray(2)]);
 * const { value } = await vpn.readable.getReader().read();
 * strictEqual(value!.buffer, slab.buffer);
 * strictEqual(value![1], 102);
 * ```
 */
export class InPlaceFramer extends Framer {
  readonly #maxMessageLength: number;

  /** Makes a framer. */
  constructor(options: FramerOptions = {}) {
    super(options);
    this.#maxMessageLength = options.maxMessageLength ?? MAX_MESSAGE_LENGTH;
  }

  /** Emits the frames of all messages as one chunk, a view of their buffer where that is possible. */
  override handle(chunk: MessageChunk, emit: Emit<Uint8Array>): void {
    const messages = Array.isArray(chunk) ? chunk : [chunk];
    if (!this.#fit(messages)) return super.handle(chunk, emit); // copies, or refuses
    const { buffer, byteOffset } = messages[0]!;
    const last = messages[messages.length - 1]!;
    const start = byteOffset - LENGTH_FIELD_LENGTH;
    const frames = new Uint8Array(buffer, start, last.byteOffset + last.byteLength - start);
    let offset = 0;
    for (const { byteLength } of messages) {
      const length = LENGTH_FIELD_LENGTH + byteLength;
      frames[offset] = length >> 8;
      frames[offset + 1] = length; // the array keeps the low octet
      offset += length;
    }
    this.counters.messages += messages.length;
    this.counters.octets += offset - LENGTH_FIELD_LENGTH * messages.length;
    emit(frames);
  }

  /** Whether messages lie one behind the other in one buffer, with room for a Length in front of each and nothing else. */
  #fit(messages: readonly Uint8Array[]): boolean {
    let next = messages[0]?.byteOffset ?? 0;
    if (next < LENGTH_FIELD_LENGTH) return false;
    for (const { buffer, byteOffset, byteLength } of messages) {
      if (buffer !== messages[0]!.buffer || byteOffset !== next) return false;
      if (byteLength < 1 || byteLength > this.#maxMessageLength) return false;
      next += byteLength + LENGTH_FIELD_LENGTH;
    }
    return true;
  }
}
