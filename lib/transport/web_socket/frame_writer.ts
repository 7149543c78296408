/** Octets to frames of a WebSocket (RFC 6455, section 5.2): each frame is a message of its own, since message borders mean nothing here. */

import { OPCODES, type WebSocketRole } from "./frame_reader.ts";
import { applyMask } from "./mask.ts";

/** Fills octets with randomness, as `crypto.getRandomValues` does. */
export type RandomSource = (octets: Uint8Array<ArrayBuffer>) => void;

/** Options of a {@linkcode FrameWriter}. */
export interface FrameWriterOptions {
  /** Which end writes: a client masks. */
  readonly role: WebSocketRole;
  /** Where masks come from. Default `crypto.getRandomValues`. */
  readonly random?: RandomSource;
}

/** Randomness for so many masks is drawn at once. */
const MASKS = 256;

/**
 * Writes frames.
 *
 * @example
 * ```ts
 * import { FrameWriter } from "iketcp/transport";
 * import { deepStrictEqual } from "node:assert";
 *
 * const writer = new FrameWriter({ role: "server" });
 * deepStrictEqual(writer.data(Uint8Array.of(7, 8)), Uint8Array.of(0x82, 2, 7, 8));
 * ```
 */
export class FrameWriter {
  readonly #masked: boolean;
  readonly #random: RandomSource;
  #masks: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #nextMask = 0;

  /** Makes a writer. */
  constructor(options: FrameWriterOptions) {
    this.#masked = options.role === "client";
    this.#random = options.random ?? ((octets) => crypto.getRandomValues(octets));
  }

  /** A binary message; the octets are copied. */
  data(octets: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#frame(OPCODES.binary, octets);
  }

  /** A Ping, which the peer answers. */
  ping(payload: Uint8Array = new Uint8Array(0)): Uint8Array<ArrayBuffer> {
    return this.#frame(OPCODES.ping, payload);
  }

  /** The answer to a Ping, with its payload. */
  pong(payload: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#frame(OPCODES.pong, payload);
  }

  /** A Close; a reason that is too long is cut. */
  close(code: number, reason: string = ""): Uint8Array<ArrayBuffer> {
    const payload = new Uint8Array(125);
    payload[0] = code >> 8;
    payload[1] = code;
    const { written } = new TextEncoder().encodeInto(reason, payload.subarray(2));
    return this.#frame(OPCODES.close, payload.subarray(0, 2 + written));
  }

  #frame(opcode: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
    const length = payload.byteLength;
    // Section 5.2: the shortest form of the length.
    const extended = length < 126 ? 0 : length < 65536 ? 2 : 8;
    const start = 2 + extended + (this.#masked ? 4 : 0);
    const frame = new Uint8Array(start + length);
    const view = new DataView(frame.buffer);
    frame[0] = 0x80 | opcode;
    frame[1] = (this.#masked ? 0x80 : 0) | (extended === 0 ? length : extended === 2 ? 126 : 127);
    if (extended === 2) view.setUint16(2, length);
    if (extended === 8) {
      view.setUint32(2, Math.floor(length / 0x100000000));
      view.setUint32(6, length);
    }
    frame.set(payload, start);
    if (this.#masked) {
      const mask = this.#takeMask();
      frame.set(mask, start - 4);
      applyMask(frame.subarray(start), mask);
    }
    return frame;
  }

  /** A mask that nobody can foresee (section 10.3), different for each frame. */
  #takeMask(): Uint8Array {
    if (this.#nextMask === this.#masks.byteLength) {
      this.#masks = new Uint8Array(4 * MASKS);
      this.#random(this.#masks);
      this.#nextMask = 0;
    }
    return this.#masks.subarray(this.#nextMask, this.#nextMask += 4);
  }
}
