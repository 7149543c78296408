/** TCP segments (RFC 9293, section 3.1): read out of an IP payload, written with the IP header in front. */

import { transportChecksum } from "./checksum.ts";
import { emitIpHeader, ipHeaderLength, PROTOCOL_TCP } from "./packet.ts";

/** The control bits that are used here. */
export const TCP_FLAGS: Readonly<Record<"fin" | "syn" | "rst" | "psh" | "ack", number>> = {
  fin: 0x01,
  syn: 0x02,
  rst: 0x04,
  psh: 0x08,
  ack: 0x10,
};

/** A TCP segment; `data` is a view into what was parsed. */
export interface TcpSegment {
  /** Source port. */
  readonly sourcePort: number;
  /** Destination port. */
  readonly destinationPort: number;
  /** Sequence number of the first octet, or of SYN. */
  readonly seq: number;
  /** Acknowledgment number; means something only with the ACK bit. */
  readonly ack: number;
  /** Control bits, see {@linkcode TCP_FLAGS}. */
  readonly flags: number;
  /** What it carries; shorter than `dataLength` when the packet was cut. */
  readonly data: Uint8Array;
  /** Octets of data that the IP header announces. */
  readonly dataLength: number;
}

/** Reads the payload of an IP packet that announces `payloadLength` octets; `undefined` when it is no TCP segment. */
export function parseTcpSegment(
  payload: Uint8Array,
  payloadLength: number = payload.length,
): TcpSegment | undefined {
  if (payload.length < HEADER_LENGTH) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const dataOffset = (view.getUint8(12) >>> 4) * 4;
  if (dataOffset < HEADER_LENGTH || dataOffset > payloadLength) return undefined;
  return {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    seq: view.getUint32(4),
    ack: view.getUint32(8),
    flags: view.getUint8(13),
    data: payload.subarray(dataOffset),
    dataLength: payloadLength - dataOffset,
  };
}

/** A segment to be written. */
export interface TcpSegmentFields {
  /** Source port. */
  readonly sourcePort: number;
  /** Destination port. */
  readonly destinationPort: number;
  /** Sequence number. */
  readonly seq: number;
  /** Acknowledgment number. */
  readonly ack: number;
  /** Control bits, see {@linkcode TCP_FLAGS}. */
  readonly flags: number;
  /** The window field. */
  readonly window: number;
  /** Options, a multiple of 4 octets, at most 40. */
  readonly options?: Uint8Array;
  /** What it carries. */
  readonly data: Uint8Array;
}

/** A whole IP packet that holds one TCP segment, checksums filled in. Addresses are 4 octets both or 16 both. */
export function emitTcpPacket(
  source: Uint8Array,
  destination: Uint8Array,
  segment: TcpSegmentFields,
): Uint8Array<ArrayBuffer> {
  const start = ipHeaderLength(source);
  const options = segment.options ?? NO_OPTIONS;
  const headerLength = HEADER_LENGTH + options.length;
  const packet = new Uint8Array(start + headerLength + segment.data.length);
  const view = new DataView(packet.buffer);
  view.setUint16(start, segment.sourcePort);
  view.setUint16(start + 2, segment.destinationPort);
  view.setUint32(start + 4, segment.seq);
  view.setUint32(start + 8, segment.ack);
  view.setUint8(start + 12, headerLength / 4 << 4);
  view.setUint8(start + 13, segment.flags);
  view.setUint16(start + 14, segment.window);
  packet.set(options, start + HEADER_LENGTH);
  packet.set(segment.data, start + headerLength);
  view.setUint16(start + 16, transportChecksum(source, destination, PROTOCOL_TCP, packet.subarray(start)));
  emitIpHeader(packet, { source, destination, protocol: PROTOCOL_TCP, payloadLength: packet.length - start });
  return packet;
}

const HEADER_LENGTH = 20;
const NO_OPTIONS = new Uint8Array(0);
