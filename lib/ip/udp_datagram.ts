/** UDP datagrams (RFC 768): read out of an IP payload, written with the IP header in front. */

import { transportChecksum } from "./checksum.ts";
import { emitIpHeader, ipHeaderLength, PROTOCOL_UDP } from "./packet.ts";

/** A UDP datagram; `data` is a view into what was parsed. */
export interface UdpDatagram {
  /** Source port. */
  readonly sourcePort: number;
  /** Destination port. */
  readonly destinationPort: number;
  /** What it carries; shorter than `dataLength` when the packet was cut. */
  readonly data: Uint8Array;
  /** Octets of data that the header announces. */
  readonly dataLength: number;
}

/** Reads the payload of an IP packet; `undefined` when it is no UDP datagram. */
export function parseUdpDatagram(payload: Uint8Array): UdpDatagram | undefined {
  if (payload.length < HEADER_LENGTH) return undefined;
  // A length of 0 is a datagram of more than 65535 octets (RFC 2675): it reaches to the end.
  const length = (payload[4]! << 8 | payload[5]!) || payload.length;
  if (length < HEADER_LENGTH) return undefined;
  return {
    sourcePort: payload[0]! << 8 | payload[1]!,
    destinationPort: payload[2]! << 8 | payload[3]!,
    data: payload.subarray(HEADER_LENGTH, length),
    dataLength: length - HEADER_LENGTH,
  };
}

/** A whole IP packet that holds one UDP datagram, checksums filled in. Addresses are 4 octets both or 16 both. */
export function emitUdpPacket(
  source: Uint8Array,
  destination: Uint8Array,
  datagram: { readonly sourcePort: number; readonly destinationPort: number; readonly data: Uint8Array },
): Uint8Array<ArrayBuffer> {
  const start = ipHeaderLength(source);
  const packet = new Uint8Array(start + HEADER_LENGTH + datagram.data.length);
  const view = new DataView(packet.buffer);
  view.setUint16(start, datagram.sourcePort);
  view.setUint16(start + 2, datagram.destinationPort);
  view.setUint16(start + 4, packet.length - start);
  packet.set(datagram.data, start + HEADER_LENGTH);
  // A sum of 0 is sent as all ones, because 0 says that there is none (RFC 768).
  view.setUint16(
    start + 6,
    transportChecksum(source, destination, PROTOCOL_UDP, packet.subarray(start)) || 0xffff,
  );
  emitIpHeader(packet, { source, destination, protocol: PROTOCOL_UDP, payloadLength: packet.length - start });
  return packet;
}

const HEADER_LENGTH = 8;
