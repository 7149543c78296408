/** Messages for tests, and arbitrary ones. */

import fc from "fast-check";
import { concat, toHex } from "../../lib/bytes/mod.ts";

/** An IKE message behind its marker: four zeros, then `length` octets that are not zero. */
export function ikeMessage(seed: number, length = 28): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(4 + length);
  for (let i = 0; i < length; i++) message[4 + i] = 1 + (seed + 7 * i) % 255;
  return message;
}

/** An ESP packet: an SPI that is not zero, the seed as sequence number, and octets that follow from it. */
export function espMessage(seed: number, length = 40): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(length);
  for (let i = 0; i < length; i++) message[i] = (seed + 13 * i) % 256;
  message.set(
    [0xc0, 0xde, 0, 1, seed >>> 24, seed >>> 16 & 255, seed >>> 8 & 255, seed & 255].slice(0, length),
  );
  return message;
}

/** Messages as bytes of a stream, each behind its Length: by hand, not by the framer. */
export function framed(...messages: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return concat(messages.flatMap((message) => {
    const length = message.byteLength + 2;
    return [Uint8Array.of(length >>> 8, length & 255), message];
  }));
}

/** Octets from characters. */
export function ascii(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Messages as text that shows their borders. */
export function showMessages(chunks: readonly (Uint8Array | readonly Uint8Array[])[]): string {
  return chunks.flatMap((chunk) => chunk instanceof Uint8Array ? [chunk] : [...chunk]).map((message) =>
    toHex(message)
  )
    .join(" ");
}

/** Bytes as text that does not show how they were cut. */
export function showBytes(chunks: readonly Uint8Array[]): string {
  return toHex(concat(chunks));
}

/** Sizes of messages, the small ones and the borders more often. */
export const messageSizes: fc.Arbitrary<number> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 12 }) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 2000 }) },
  { weight: 1, arbitrary: fc.constantFrom(255, 256, 1535, 1536, 1537, 65533) },
);

/** A message of any octets. */
export const messages: fc.Arbitrary<Uint8Array> = messageSizes.chain((size) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.uint8Array({ minLength: Math.min(size, 64), maxLength: Math.min(size, 64) }) },
    { weight: 1, arbitrary: fc.nat(255).map((octet) => new Uint8Array(size).fill(octet)) },
  )
);

/** Bytes in which Lengths of 0 to 3, whole messages, big Lengths and plain garbage all occur. */
export const roughStreams: fc.Arbitrary<Uint8Array> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 9 }).map((message) => framed(message)) },
    { weight: 3, arbitrary: fc.constant(Uint8Array.of(0, 2)) },
    { weight: 2, arbitrary: fc.nat(255).map((octet) => Uint8Array.of(0, 3, octet)) },
    { weight: 1, arbitrary: fc.constantFrom(Uint8Array.of(0, 0), Uint8Array.of(0, 1)) },
    { weight: 1, arbitrary: fc.constantFrom(Uint8Array.of(0xff, 0xff), Uint8Array.of(1), Uint8Array.of(0)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 12 }) },
    { weight: 1, arbitrary: fc.nat(255).map((octet) => framed(new Uint8Array(1700).fill(octet))) },
  ),
  { maxLength: 14 },
).map((parts) => concat(parts));
