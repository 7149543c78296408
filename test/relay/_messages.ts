/** Messages as daemons send them, as far as a relay can tell. */

import { concat } from "../../lib/bytes/mod.ts";

/** The stream prefix, written out so that no test takes it from the code it tests. */
export const PREFIX: Uint8Array<ArrayBuffer> = Uint8Array.from("IKETCP", (letter) => letter.charCodeAt(0));

/** The single octet of a NAT keepalive. */
export const KEEPALIVE: Uint8Array<ArrayBuffer> = Uint8Array.of(0xff);

/** What an IKE message is made of. */
export interface IkeFields {
  readonly spiI?: number;
  readonly spiR?: number;
  readonly exchange?: number;
  readonly version?: number;
  /** Octets behind the header. */
  readonly body?: number;
}

/** An IKE message behind its non-ESP marker, as a daemon sends it from its NAT-T port. */
export function ike(fields: IkeFields = {}): Uint8Array<ArrayBuffer> {
  return concat([new Uint8Array(4), ikeWithoutMarker(fields)]);
}

/** IKE_SA_INIT request: the responder has no SPI yet. */
export function ikeSaInit(spiI: number, body = 200): Uint8Array<ArrayBuffer> {
  return ike({ spiI, spiR: 0, exchange: 34, body });
}

/** An IKE message as a daemon sends it to port 500. */
export function ikeWithoutMarker(fields: IkeFields = {}): Uint8Array<ArrayBuffer> {
  const { spiI = 1, spiR = 2, exchange = 37, version = 0x20, body = 60 } = fields;
  const message = new Uint8Array(28 + body);
  const view = new DataView(message.buffer);
  view.setUint32(4, spiI);
  view.setUint32(12, spiR);
  message.set([46, version, exchange, 0x08], 16);
  view.setUint32(24, message.byteLength);
  for (let i = 28; i < message.byteLength; i++) message[i] = 31 * i + spiI;
  return message;
}

/** An ESP packet, told from others by its sequence number. */
export function esp(spi: number, sequence = 1, length = 100): Uint8Array<ArrayBuffer> {
  const packet = new Uint8Array(length);
  const view = new DataView(packet.buffer);
  view.setUint32(0, spi);
  if (length >= 8) view.setUint32(4, sequence);
  for (let i = 8; i < length; i++) packet[i] = 17 * i + sequence;
  return packet;
}

/** The sequence number of an ESP packet. */
export function sequenceOf(packet: Uint8Array): number {
  return new DataView(packet.buffer, packet.byteOffset).getUint32(4);
}

/** A message behind its Length, which counts itself. */
export function frame(message: Uint8Array): Uint8Array<ArrayBuffer> {
  return concat([length(message.byteLength + 2), message]);
}

/** A Length field, whatever it says. */
export function length(value: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(value >> 8, value);
}

/** The messages of a stream, obviously; a message that is not complete is left out. */
export function unframe(stream: Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let offset = 0; offset + 2 <= stream.byteLength;) {
    const end = offset + (stream[offset]! << 8 | stream[offset + 1]!);
    if (end > stream.byteLength) break;
    messages.push(stream.slice(offset + 2, end));
    offset = end;
  }
  return messages;
}

/** Text as octets. */
export function text(value: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(value, (letter) => letter.charCodeAt(0));
}
