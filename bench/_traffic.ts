/** What the benches send: ESP-like messages, batches of them, and the same as a byte stream cut as a socket cuts it. */

import { Framer } from "../lib/encap/mod.ts";

/** Octets of a read or write that moves bulk. */
export const CHUNK_LENGTH = 65536;

/** Octets of a message that stands for a full packet. */
export const PACKET_LENGTH = 1400;

/** The sizes of messages that are measured. */
export const MESSAGE_LENGTHS: readonly number[] = [64, 512, PACKET_LENGTH, 9000];

/** A message that looks like ESP, or like IKE behind its marker. */
export function makeMessage(length: number, kind: "esp" | "ike" = "esp"): Uint8Array {
  const message = new Uint8Array(length);
  for (let i = 0; i < length; i++) message[i] = i * 31 + 7;
  message.fill(kind === "ike" ? 0 : 0x5a, 0, 4);
  return message;
}

/** As many messages as one chunk holds, views of one buffer, with so much room in front of each. */
export function makeBatch(length: number, room = 0): Uint8Array[] {
  const count = Math.max(1, Math.floor(CHUNK_LENGTH / (2 + length)));
  const message = makeMessage(length);
  const slab = new Uint8Array(count * (room + length));
  return Array.from({ length: count }, (_, i) => {
    const offset = i * (room + length) + room;
    slab.set(message, offset);
    return slab.subarray(offset, offset + length);
  });
}

/** A byte stream of whole frames, cut without regard to them. */
export interface CutStream {
  /** The cuts, to be sent in this order, over and over. */
  readonly chunks: readonly Uint8Array[];
  /** Messages in all of them. */
  readonly messages: number;
  /** Octets in all of them. */
  readonly octets: number;
}

/** Sixteen chunks of about 64 KiB; a message straddles each border but the last. */
export function makeCutStream(length: number): CutStream {
  const frame = makeFrame(length);
  const messages = Math.ceil(16 * CHUNK_LENGTH / frame.length);
  const bytes = new Uint8Array(messages * frame.length);
  for (let i = 0; i < messages; i++) bytes.set(frame, i * frame.length);
  const size = Math.ceil(bytes.length / 16);
  const chunks = Array.from({ length: 16 }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
  return { chunks, messages, octets: bytes.length };
}

/** One message behind its Length. */
export function makeFrame(length: number): Uint8Array {
  let frame!: Uint8Array;
  new Framer().handle(makeMessage(length), (bytes) => frame = bytes);
  return frame;
}

/** Gives out so many chunks, in turn, behind a first one. */
export function sourceOf<C>(chunks: readonly C[], count: number, first?: C): ReadableStream<C> {
  let i = 0;
  return new ReadableStream<C>({
    start(controller) {
      if (first !== undefined) controller.enqueue(first);
    },
    pull(controller) {
      if (i < count) controller.enqueue(chunks[i++ % chunks.length]!);
      else controller.close();
    },
  });
}

/** Takes everything and does nothing with it but to call back. */
export function sinkOf<C>(onChunk: (chunk: C) => void = () => {}): WritableStream<C> {
  return new WritableStream<C>({ write: (chunk) => onChunk(chunk) });
}
