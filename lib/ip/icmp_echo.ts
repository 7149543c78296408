/** Ping: echo requests and replies of ICMP (RFC 792) and ICMPv6 (RFC 4443, section 4) as whole IP packets. */

import { addToSum, checksumOf, transportChecksum } from "./checksum.ts";
import { emitIpHeader, ipHeaderLength, parseIpPacket } from "./packet.ts";

/** An echo request or reply. */
export interface IcmpEcho {
  /** Which of the two. */
  readonly kind: "request" | "reply";
  /** Source address, 4 or 16 octets. */
  readonly source: Uint8Array;
  /** Destination address. */
  readonly destination: Uint8Array;
  /** Tells the pings of one program from those of others. */
  readonly identifier: number;
  /** Tells its pings apart. */
  readonly sequence: number;
  /** What comes back as it was; a view into what was parsed. */
  readonly data: Uint8Array;
}

const HEADER_SIZE = 8;
const ICMP = { protocol: 1, request: 8, reply: 0 } as const;
const ICMPV6 = { protocol: 58, request: 128, reply: 129 } as const;

/** Reads a whole packet; `undefined` when it is no echo, or a piece of one. */
export function parseIcmpEcho(octets: Uint8Array): IcmpEcho | undefined {
  const packet = parseIpPacket(octets);
  if (packet === undefined || packet.fragment !== undefined) return undefined;
  const { version, source, destination, protocol, payload, payloadLength } = packet;
  const icmp = version === 4 ? ICMP : ICMPV6;
  if (protocol !== icmp.protocol || payload.length < HEADER_SIZE || payload.length < payloadLength) {
    return undefined;
  }
  const kind = payload[0] === icmp.request ? "request" : payload[0] === icmp.reply ? "reply" : undefined;
  if (kind === undefined || payload[1] !== 0) return undefined;
  return {
    kind,
    source,
    destination,
    identifier: payload[4]! << 8 | payload[5]!,
    sequence: payload[6]! << 8 | payload[7]!,
    data: payload.subarray(HEADER_SIZE),
  };
}

/** A whole IP packet that holds an echo, checksums filled in. Addresses are 4 octets both or 16 both. */
export function emitIcmpEcho(echo: IcmpEcho): Uint8Array<ArrayBuffer> {
  const { kind, source, destination, identifier, sequence, data } = echo;
  const icmp = source.length === 4 ? ICMP : ICMPV6;
  const start = ipHeaderLength(source);
  const packet = new Uint8Array(start + HEADER_SIZE + data.length);
  const message = packet.subarray(start);
  const view = new DataView(packet.buffer, start);
  view.setUint8(0, icmp[kind]);
  view.setUint16(4, identifier);
  view.setUint16(6, sequence);
  message.set(data, HEADER_SIZE);
  // ICMPv6 covers a pseudo-header too (RFC 4443, section 2.3).
  const checksum = icmp === ICMP
    ? checksumOf(addToSum(0, message))
    : transportChecksum(source, destination, icmp.protocol, message);
  view.setUint16(2, checksum);
  emitIpHeader(packet, { source, destination, protocol: icmp.protocol, payloadLength: message.length });
  return packet;
}

/**
 * The answer to a ping, as a whole packet; `undefined` when `octets` are no echo request.
 *
 * @example A host that is nothing but its address
 * ```ts ignore
 * for await (const batch of session.readable) {
 *   const replies = batch.flatMap((packet) => echoReply(packet) ?? []);
 *   if (replies.length > 0) await writer.write(replies);
 * }
 * ```
 */
export function echoReply(octets: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const echo = parseIcmpEcho(octets);
  if (echo?.kind !== "request") return undefined;
  return emitIcmpEcho({ ...echo, kind: "reply", source: echo.destination, destination: echo.source });
}
