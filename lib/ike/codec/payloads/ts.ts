/**
 * Traffic Selector payloads (RFC 7296, section 3.13), and below them one selector.
 *
 * ```text
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * | Number of TSs |                 RESERVED                      |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                       <Traffic Selectors>                     ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |   TS Type     |IP Protocol ID*|       Selector Length         |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |           Start Port*         |           End Port*           |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                         Starting Address*                     ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                         Ending Address*                       ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */

import type { ByteWriter } from "../../../bytes/mod.ts";
import type { PayloadBase, PayloadCodec } from "../payload_codec.ts";
import type { PayloadReader } from "../payload_reader.ts";

/** A range of addresses and ports. */
export interface TrafficSelector {
  /** TS type: 7 for IPv4, 8 for IPv6. */
  readonly type: 7 | 8;
  /** IP protocol; 0 for any. */
  readonly protocol: number;
  /** First port, or ICMP type and code; 0 to 65535 is any, 65535 to 0 is OPAQUE. */
  readonly startPort: number;
  /** Last port. */
  readonly endPort: number;
  /** First address: 4 or 16 octets. */
  readonly startAddress: Uint8Array;
  /** Last address. */
  readonly endAddress: Uint8Array;
}

/** A selector of another type, which is passed on and matches nothing. */
export interface OtherTrafficSelector {
  /** Its place among all selectors of the payload. */
  readonly position: number;
  /** TS type: 10 for a security label (RFC 9478). */
  readonly type: number;
  /** What stands where others have the IP protocol. */
  readonly protocol: number;
  /** What is behind the length. */
  readonly data: Uint8Array;
}

/** A TSi or TSr payload. */
export interface TsPayload<Kind extends "TSi" | "TSr" = "TSi" | "TSr"> extends PayloadBase {
  /** Notation: TSi or TSr. */
  readonly kind: Kind;
  /** Selectors. */
  readonly selectors: readonly TrafficSelector[];
  /** Selectors of types that are not known, in the order of their places. */
  readonly others?: readonly OtherTrafficSelector[];
}

/** Octets of an address by TS type. */
const ADDRESS_SIZES: Readonly<Record<number, number>> = { 7: 4, 8: 16 };
const SELECTOR_HEADER_SIZE = 4;

/** Reads and writes TSi payloads. */
export const TSI_CODEC: PayloadCodec<TsPayload<"TSi">> = tsCodec("TSi", 44);

/** Reads and writes TSr payloads. */
export const TSR_CODEC: PayloadCodec<TsPayload<"TSr">> = tsCodec("TSr", 45);

function tsCodec<Kind extends "TSi" | "TSr">(kind: Kind, type: number): PayloadCodec<TsPayload<Kind>> {
  return {
    type,
    parse: (reader) => parseTs(kind, reader),
    size({ selectors, others = [] }) {
      let size = 4;
      for (const selector of selectors) size += selectorSize(selector);
      for (const other of others) size += SELECTOR_HEADER_SIZE + other.data.length;
      return size;
    },
    emit: emitTs,
  };
}

function parseTs<Kind extends "TSi" | "TSr">(kind: Kind, reader: PayloadReader): TsPayload<Kind> {
  const count = reader.uint8("Number of TSs");
  reader.skip(3, "RESERVED");
  reader.checkCount("traffic_selectors", count);
  const selectors: TrafficSelector[] = [];
  const others: OtherTrafficSelector[] = [];
  for (let position = 0; position < count; position++) {
    const start = reader.offset;
    const left = reader.left;
    const type = reader.uint8("TS Type");
    const protocol = reader.uint8("IP Protocol ID");
    const length = reader.uint16("Selector Length");
    const addressSize = ADDRESS_SIZES[type];
    if (addressSize === undefined) {
      if (length < SELECTOR_HEADER_SIZE || length > left) {
        reader.fail(`a selector of 4 to ${left} octets`, length, start);
      }
      others.push({
        position,
        type,
        protocol,
        data: reader.bytes(length - SELECTOR_HEADER_SIZE, "selector"),
      });
      continue;
    }
    // The length follows from the type: two ports and two addresses, nothing less and nothing more.
    const expected = SELECTOR_HEADER_SIZE + 4 + 2 * addressSize;
    if (length !== expected) {
      reader.fail(`a selector of type ${type} to have ${expected} octets`, length, start);
    }
    selectors.push({
      type: type as 7 | 8,
      protocol,
      startPort: reader.uint16("Start Port"),
      endPort: reader.uint16("End Port"),
      startAddress: reader.bytes(addressSize, "Starting Address"),
      endAddress: reader.bytes(addressSize, "Ending Address"),
    });
  }
  reader.end(`${count} selectors`);
  return { kind, selectors, ...(others.length === 0 ? {} : { others }) };
}

function selectorSize({ startAddress, endAddress }: TrafficSelector): number {
  return SELECTOR_HEADER_SIZE + 4 + startAddress.length + endAddress.length;
}

function emitTs({ selectors, others = [] }: TsPayload, writer: ByteWriter): void {
  const count = selectors.length + others.length;
  writer.uint8(count);
  writer.zeros(3);
  let selector = 0;
  let other = 0;
  for (let position = 0; position < count; position++) {
    const isOther = selector === selectors.length || others[other]?.position === position;
    if (isOther) emitOther(others[other++]!, writer);
    else emitSelector(selectors[selector++]!, writer);
  }
}

function emitSelector(selector: TrafficSelector, writer: ByteWriter): void {
  writer.uint8(selector.type);
  writer.uint8(selector.protocol);
  writer.uint16(selectorSize(selector));
  writer.uint16(selector.startPort);
  writer.uint16(selector.endPort);
  writer.bytes(selector.startAddress);
  writer.bytes(selector.endAddress);
}

function emitOther({ type, protocol, data }: OtherTrafficSelector, writer: ByteWriter): void {
  writer.uint8(type);
  writer.uint8(protocol);
  writer.uint16(SELECTOR_HEADER_SIZE + data.length);
  writer.bytes(data);
}
