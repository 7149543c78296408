/**
 * Writes pcapng (draft-ietf-opsawg-pcapng): one section with one interface of raw IP packets, times in microseconds, as
 * chunks to be written behind one another.
 */

import { LINKTYPE_RAW } from "./link_layer.ts";
import { BLOCK, BYTE_ORDER_MAGIC } from "./pcapng.ts";

/**
 * What a file begins with: its section and its interface.
 *
 * @example A capture of one packet
 * ```ts
 * import { CaptureReader, pcapngHeader, pcapngPacket } from "iketcp/inspect";
 * import { deepStrictEqual } from "node:assert";
 *
 * const packet = new Uint8Array([0x45, 0, 0, 20]);
 * const reader = new CaptureReader();
 * reader.handle(pcapngHeader(), () => {});
 * reader.handle(pcapngPacket(packet, 1.5), ([item]) => {
 *   deepStrictEqual(item, { time: 1.5, linkType: 101, data: packet, originalLength: 4 });
 * });
 * ```
 */
export function pcapngHeader(): Uint8Array<ArrayBuffer> {
  const application = new TextEncoder().encode(APPLICATION);
  const padded = align(application.length);
  const sectionLength = 28 + 4 + padded + 4;
  const header = new Uint8Array(sectionLength + INTERFACE_LENGTH);
  const view = new DataView(header.buffer);
  writeFrame(view, 0, BLOCK["sectionHeader"]!, sectionLength);
  view.setUint32(8, BYTE_ORDER_MAGIC);
  view.setUint16(12, 1); // version 1.0
  view.setBigInt64(16, -1n); // the length of the section is not known
  view.setUint16(24, OPTION_USER_APPLICATION);
  view.setUint16(26, application.length);
  header.set(application, 28);
  writeFrame(view, sectionLength, BLOCK["interface"]!, INTERFACE_LENGTH);
  view.setUint16(sectionLength + 8, LINKTYPE_RAW);
  return header;
}

/** One packet, taken at `time` in seconds since the epoch. */
export function pcapngPacket(packet: Uint8Array, time: number): Uint8Array<ArrayBuffer> {
  const length = 28 + align(packet.length) + 4;
  const block = new Uint8Array(length);
  const view = new DataView(block.buffer);
  const microseconds = Math.round(time * 1e6);
  writeFrame(view, 0, BLOCK["enhancedPacket"]!, length);
  view.setUint32(12, Math.floor(microseconds / 2 ** 32));
  view.setUint32(16, microseconds % 2 ** 32);
  view.setUint32(20, packet.length);
  view.setUint32(24, packet.length);
  block.set(packet, 28);
  return block;
}

const APPLICATION = "iketcp";
const INTERFACE_LENGTH = 20;
const OPTION_USER_APPLICATION = 4;

function writeFrame(view: DataView, offset: number, type: number, length: number): void {
  view.setUint32(offset, type);
  view.setUint32(offset + 4, length);
  view.setUint32(offset + length - 4, length);
}

function align(length: number): number {
  return Math.ceil(length / 4) * 4;
}
