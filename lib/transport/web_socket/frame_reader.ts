/**
 * Frames of a WebSocket to octets (RFC 6455, section 5): a machine that takes any cut of the input. The messages are
 * taken for what they are here, pieces of one byte stream: nothing is put together, so a message may be of any length and
 * of any number of fragments, and none of it is held.
 *
 * What is not spoken: text, which has no place in a byte stream, and extensions, compression among them.
 */

import { CLOSE_CODES, isCloseCode } from "./close_codes.ts";
import { WebSocketFault } from "./fault.ts";
import { applyMask } from "./mask.ts";

/**
 * Longest frame that is read. Nothing is kept of a frame, but neither a Ping nor a Close can come inside one: whoever sends
 * longer ones could not be heard otherwise for as long.
 */
export const MAX_FRAME_LENGTH: number = 16 * 1024 * 1024;

/** The kinds of frames (section 5.2). */
export const OPCODES = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** What is read. */
export type FrameEvent =
  /** Octets of the stream: a view into the chunk that was given. */
  | { readonly kind: "data"; readonly octets: Uint8Array }
  | { readonly kind: "ping"; readonly payload: Uint8Array }
  | { readonly kind: "pong"; readonly payload: Uint8Array }
  /** The last event. Without a code it is 1005. */
  | { readonly kind: "close"; readonly code: number; readonly reason: string };

/** Which end reads: a server wants masked frames, a client wants the others (section 5.1). */
export type WebSocketRole = "client" | "server";

/** Options of a {@linkcode FrameReader}. */
export interface FrameReaderOptions {
  /** Which end reads. */
  readonly role: WebSocketRole;
  /** Longest frame. Default {@linkcode MAX_FRAME_LENGTH}. */
  readonly maxFrameLength?: number;
}

/** Two octets, eight of extended length, four of mask. */
const LONGEST_HEADER = 14;

/** Section 5.5: no control frame is longer, or in fragments. */
const LONGEST_CONTROL = 125;

const UTF8: TextDecoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Chunks in, events out. A chunk is the reader's from then on: it unmasks in place, and moves payloads together where
 * several frames came in one chunk, so that they are given as one.
 *
 * @example
 * ```ts
 * import { FrameReader } from "iketcp/transport";
 * import { deepStrictEqual } from "node:assert";
 *
 * const events: unknown[] = [];
 * const reader = new FrameReader({ role: "client" });
 * reader.handle(Uint8Array.of(0x82, 2, 7, 8, 0x82, 1, 9), (event) => events.push(event));
 * deepStrictEqual(events, [{ kind: "data", octets: Uint8Array.of(7, 8, 9) }]);
 * ```
 */
export class FrameReader {
  readonly #masked: boolean;
  readonly #maxFrameLength: number;

  /** The header as far as it is there; `#need` is how much of it is known to be needed. */
  readonly #header: Uint8Array = new Uint8Array(LONGEST_HEADER);
  #have = 0;
  #need = 2;

  #opcode = 0;
  readonly #mask: Uint8Array = new Uint8Array(4);
  /** Payload octets of the current frame that are still to come, and those that came. */
  #left = 0;
  #came = 0;
  /** A fragmented message is under way: the next data frame continues it (section 5.4). */
  #fragmented = false;
  readonly #control: Uint8Array = new Uint8Array(LONGEST_CONTROL);
  #closed = false;

  /** Makes a reader at the beginning of a stream of frames. */
  constructor(options: FrameReaderOptions) {
    this.#masked = options.role === "server";
    this.#maxFrameLength = options.maxFrameLength ?? MAX_FRAME_LENGTH;
  }

  /** The stream stands inside a frame, where it must not end. */
  get insideFrame(): boolean {
    return this.#have > 0;
  }

  /** Reads a chunk. Throws a {@linkcode WebSocketFault}; what came before it has been emitted. */
  handle(chunk: Uint8Array, emit: (event: FrameEvent) => void): void {
    // Octets of the stream that lie together in the chunk and are not emitted yet.
    let from = 0;
    let to = 0;
    const flush = () => {
      if (to > from) emit({ kind: "data", octets: chunk.subarray(from, to) });
      from = to;
    };
    let offset = 0;
    try {
      while (offset < chunk.byteLength && !this.#closed) {
        if (this.#have < this.#need) {
          offset += this.#takeHeader(chunk, offset);
          if (this.#have < this.#need) break;
        }
        const end = Math.min(chunk.byteLength, offset + this.#left);
        const payload = chunk.subarray(offset, end);
        if (this.#masked) applyMask(payload, this.#mask, this.#came);
        if (this.#opcode >= OPCODES.close) {
          this.#control.set(payload, this.#came);
        } else if (payload.byteLength > 0) {
          if (to === from) from = to = offset;
          if (to < offset) chunk.copyWithin(to, offset, end);
          to += payload.byteLength;
        }
        offset = end;
        this.#came += payload.byteLength;
        this.#left -= payload.byteLength;
        if (this.#left > 0) break;
        if (this.#opcode >= OPCODES.close) {
          flush();
          emit(this.#controlEvent());
        }
        this.#have = 0;
        this.#need = 2;
      }
    } finally {
      flush();
    }
  }

  /** Gives how many octets of the chunk belong to the header. */
  #takeHeader(chunk: Uint8Array, start: number): number {
    let offset = start;
    while (this.#have < this.#need && offset < chunk.byteLength) {
      this.#header[this.#have++] = chunk[offset++]!;
      if (this.#have === 2) this.#checkStart();
    }
    if (this.#have === this.#need) this.#startFrame();
    return offset - start;
  }

  /** The first two octets: everything about the frame but a long length. */
  #checkStart(): void {
    const [first, second] = this.#header as unknown as [number, number];
    const opcode = first & 0x0f;
    const length = second & 0x7f;
    const final = (first & 0x80) !== 0;
    const refuse = (expected: string, actual: string, code: number = CLOSE_CODES.protocolError): never => {
      throw new WebSocketFault(code, expected, actual);
    };
    if ((first & 0x70) !== 0) {
      refuse("no extension, compression included", `reserved bits 0x${(first & 0x70).toString(16)}`);
    }
    if (((second & 0x80) !== 0) !== this.#masked) {
      refuse(
        `a${this.#masked ? " masked" : "n unmasked"} frame`,
        `a${this.#masked ? "n unmasked" : " masked"} one`,
      );
    }
    switch (opcode) {
      case OPCODES.continuation:
        if (!this.#fragmented) refuse("a message to begin", "a continuation");
        break;
      case OPCODES.binary:
        if (this.#fragmented) refuse("a continuation", "the beginning of another message");
        break;
      case OPCODES.text:
        return refuse("binary messages", "text", CLOSE_CODES.unsupportedData);
      case OPCODES.close:
      case OPCODES.ping:
      case OPCODES.pong:
        if (!final || length > LONGEST_CONTROL) refuse("a short control frame in one piece", "another");
        break;
      default:
        refuse("a known opcode", `0x${opcode.toString(16)}`);
    }
    if (opcode < OPCODES.close) this.#fragmented = !final;
    this.#need = 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (this.#masked ? 4 : 0);
  }

  #startFrame(): void {
    const header = this.#header;
    const view = new DataView(header.buffer);
    const short = header[1]! & 0x7f;
    this.#left = short === 126
      ? view.getUint16(2)
      : short === 127
      ? view.getUint32(2) * 0x100000000 + view.getUint32(6)
      : short;
    if (this.#left > this.#maxFrameLength) {
      throw new WebSocketFault(
        CLOSE_CODES.tooBig,
        `a frame of at most ${this.#maxFrameLength} octets`,
        `${this.#left}`,
      );
    }
    if (this.#masked) this.#mask.set(header.subarray(this.#need - 4, this.#need));
    this.#opcode = header[0]! & 0x0f;
    this.#came = 0;
  }

  #controlEvent(): FrameEvent {
    const payload = this.#control.slice(0, this.#came);
    if (this.#opcode === OPCODES.ping) return { kind: "ping", payload };
    if (this.#opcode === OPCODES.pong) return { kind: "pong", payload };
    this.#closed = true;
    if (payload.byteLength === 0) return { kind: "close", code: CLOSE_CODES.noStatus, reason: "" };
    // Section 5.5.1: a code of two octets, and text.
    const code = payload.byteLength === 1 ? 0 : payload[0]! * 256 + payload[1]!;
    if (!isCloseCode(code)) {
      throw new WebSocketFault(CLOSE_CODES.protocolError, "a Close frame with a known code", `${code}`);
    }
    try {
      return { kind: "close", code, reason: UTF8.decode(payload.subarray(2)) };
    } catch {
      throw new WebSocketFault(CLOSE_CODES.invalidText, "a reason in UTF-8", "other octets");
    }
  }
}
