/**
 * The layout of an ESP packet (RFC 4303, section 2), without knowing a cipher.
 *
 * ```text
 *  | SPI | sequence number | IV | payload | TFC padding | padding | pad length | next header | ICV |
 *  | 4   | 4               |    |         |             | 0 to 255| 1          | 1           |     |
 *                               |<---------------- body ------------------------------------>|
 * ```
 */

import { ESP_HEADER_SIZE } from "../crypto/mod.ts";
import type { CipherSizes } from "../crypto/mod.ts";

/** One packet, or a batch of packets; ESP stages answer in kind. */
export type PacketChunk = Uint8Array | Uint8Array[];

/** Values of the Next Header field that ESP gives a meaning. */
export const NEXT_HEADER: Readonly<Record<"ipv4" | "ipv6" | "none", number>> = {
  ipv4: 4,
  ipv6: 41,
  /** A dummy packet (section 2.6): dropped without a word. */
  none: 59,
};

/** Pad length and next header. */
export const ESP_TRAILER_SIZE: number = 2;

/** RFC 4303, section 2.4: the trailer ends on a boundary of 4 octets, or of the cipher's block. */
export function alignmentOf(sizes: Pick<CipherSizes, "blockSize">): number {
  return Math.max(4, sizes.blockSize);
}

/** Octets of the ESP packet that carries a payload of so many, TFC padding included. */
export function espPacketSize(payloadSize: number, sizes: CipherSizes): number {
  const alignment = alignmentOf(sizes);
  const body = Math.ceil((payloadSize + ESP_TRAILER_SIZE) / alignment) * alignment;
  return ESP_HEADER_SIZE + sizes.ivSize + body + sizes.icvSize;
}

/** The largest payload whose ESP packet has at most so many octets; below 0 where none has. */
export function espPayloadLimit(packetSize: number, sizes: CipherSizes): number {
  const alignment = alignmentOf(sizes);
  const room = packetSize - ESP_HEADER_SIZE - sizes.ivSize - sizes.icvSize;
  return Math.floor(room / alignment) * alignment - ESP_TRAILER_SIZE;
}

/**
 * The MTU of a tunnel whose ESP packets may have `messageLimit` octets: on a TCP stream 65533, behind UDP what the path
 * leaves. Never more than what an IP packet can have.
 */
export function tunnelMtu(messageLimit: number, sizes: CipherSizes): number {
  return Math.max(0, Math.min(0xffff, espPayloadLimit(messageLimit, sizes)));
}

/** Writes padding 1, 2, 3, ... from `start` on, then pad length and next header, so that they end at `end`. */
export function emitTrailer(octets: Uint8Array, start: number, end: number, nextHeader: number): void {
  const padLength = end - start - ESP_TRAILER_SIZE;
  for (let i = 0; i < padLength; i++) octets[start + i] = i + 1;
  octets[end - 2] = padLength;
  octets[end - 1] = nextHeader;
}

/** Where the payload (and TFC padding) of an opened body ends; -1 unless its padding is right (section 2.4: it is to be looked at). */
export function payloadEnd(octets: Uint8Array, bodyStart: number, bodyEnd: number): number {
  const end = bodyEnd - ESP_TRAILER_SIZE - octets[bodyEnd - 2]!;
  if (bodyEnd - ESP_TRAILER_SIZE < bodyStart || end < bodyStart) return -1;
  const padEnd = bodyEnd - ESP_TRAILER_SIZE;
  for (let i = end; i < padEnd; i++) {
    if (octets[i] !== i - end + 1) return -1;
  }
  return end;
}
