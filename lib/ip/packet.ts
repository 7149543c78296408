/**
 * The outer header of an IP packet: IPv4 with options, IPv6 with extension headers. Reads what a capture or a tunnel
 * holds, so anything may be cut short or wrong: what cannot be read gives `undefined`, nothing throws. Checksums are not
 * looked at: network cards fill them in behind the capture.
 */

import { addToSum, checksumOf } from "./checksum.ts";

/** Protocol number of TCP. */
export const PROTOCOL_TCP = 6;
/** Protocol number of UDP. */
export const PROTOCOL_UDP = 17;
/** Protocol number of ESP. */
export const PROTOCOL_ESP = 50;

/** Where a fragment belongs (RFC 791, section 3.2; RFC 8200, section 4.5). */
export interface IpFragment {
  /** Identification: the same in all fragments of a packet. */
  readonly id: number;
  /** Octets of the payload that come before this fragment. */
  readonly offset: number;
  /** Whether more fragments follow. */
  readonly more: boolean;
}

/** An IP packet. All octets are views into what was parsed. */
export interface IpPacket {
  /** 4 or 6. */
  readonly version: 4 | 6;
  /** Source address, 4 or 16 octets. */
  readonly source: Uint8Array;
  /** Destination address, 4 or 16 octets. */
  readonly destination: Uint8Array;
  /** Protocol of the payload, behind all extension headers. */
  readonly protocol: number;
  /** The payload without padding of the link layer; shorter than `payloadLength` when the packet was cut. */
  readonly payload: Uint8Array;
  /** Octets of payload that the header announces. */
  readonly payloadLength: number;
  /** Present when the packet is a fragment; `payload` is then the piece, its extension headers unread. */
  readonly fragment?: IpFragment;
}

/** Reads a packet that begins with its IP header; `undefined` when it is not one. */
export function parseIpPacket(octets: Uint8Array): IpPacket | undefined {
  const version = (octets[0] ?? 0) >>> 4;
  if (version === 4) return parseIpv4(octets);
  return version === 6 ? parseIpv6(octets) : undefined;
}

function parseIpv4(octets: Uint8Array): IpPacket | undefined {
  const headerLength = (octets[0]! & 0x0f) * 4;
  if (headerLength < 20 || octets.length < headerLength) return undefined;
  // A total length of 0 is a packet that a network card has yet to cut: it reaches to the end.
  const totalLength = uint16(octets, 2) || octets.length;
  if (totalLength < headerLength) return undefined;
  const flags = uint16(octets, 6);
  const offset = (flags & 0x1fff) * 8;
  const more = (flags & 0x2000) !== 0;
  return {
    version: 4,
    source: octets.subarray(12, 16),
    destination: octets.subarray(16, 20),
    protocol: octets[9]!,
    payload: octets.subarray(headerLength, totalLength),
    payloadLength: totalLength - headerLength,
    ...(offset > 0 || more ? { fragment: { id: uint16(octets, 4), offset, more } } : {}),
  };
}

function parseIpv6(octets: Uint8Array): IpPacket | undefined {
  if (octets.length < 40) return undefined;
  // A payload length of 0 is a jumbogram, or a packet that a network card has yet to cut: it reaches to the end.
  const announced = uint16(octets, 4) || octets.length - 40;
  const payload = octets.subarray(40, 40 + announced);
  const skipped = skipExtensionHeaders(octets[6]!, payload);
  if (skipped === undefined) return undefined;
  return {
    version: 6,
    source: octets.subarray(8, 24),
    destination: octets.subarray(24, 40),
    protocol: skipped.protocol,
    payload: payload.subarray(skipped.length),
    payloadLength: announced - skipped.length,
    ...(skipped.fragment === undefined ? {} : { fragment: skipped.fragment }),
  };
}

/** What {@linkcode skipExtensionHeaders} found. */
export interface SkippedExtensionHeaders {
  /** Protocol behind the headers. */
  readonly protocol: number;
  /** Octets that the headers take. */
  readonly length: number;
  /** Present when a fragment header was met: what follows it is a piece and was not looked at. */
  readonly fragment?: IpFragment;
}

/** Passes over the extension headers of IPv6 (RFC 8200, section 4) as far as a fragment header; `undefined` when cut short. */
export function skipExtensionHeaders(
  protocol: number,
  octets: Uint8Array,
): SkippedExtensionHeaders | undefined {
  let length = 0;
  while (EXTENSION_HEADERS.has(protocol)) {
    if (octets.length < length + 8) return undefined;
    const next = octets[length]!;
    if (protocol === FRAGMENT_HEADER) {
      const field = uint16(octets, length + 2);
      const id = uint16(octets, length + 4) * 0x10000 + uint16(octets, length + 6);
      const fragment = { id, offset: field & 0xfff8, more: (field & 1) !== 0 };
      length += 8;
      // A fragment that is the whole packet (RFC 6946) needs no putting together.
      if (fragment.offset > 0 || fragment.more) return { protocol: next, length, fragment };
    } else {
      const units = octets[length + 1]!;
      length += protocol === AUTHENTICATION_HEADER ? (units + 2) * 4 : (units + 1) * 8;
    }
    if (length > octets.length) return undefined;
    protocol = next;
  }
  return { protocol, length };
}

/**
 * Writes an IPv4 or IPv6 header in front of a payload of `payloadLength` octets: 20 or 40 octets at the start of `packet`,
 * by the length of the addresses. Not to be fragmented, hop limit 64.
 */
export function emitIpHeader(
  packet: Uint8Array,
  header: {
    readonly source: Uint8Array;
    readonly destination: Uint8Array;
    readonly protocol: number;
    readonly payloadLength: number;
  },
): void {
  const { source, destination, protocol, payloadLength } = header;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  if (source.length === 4) {
    view.setUint8(0, 0x45);
    view.setUint16(2, IPV4_HEADER_LENGTH + payloadLength);
    view.setUint16(6, 0x4000); // don't fragment
    view.setUint8(8, 64);
    view.setUint8(9, protocol);
    packet.set(source, 12);
    packet.set(destination, 16);
    view.setUint16(10, checksumOf(addToSum(0, packet.subarray(0, IPV4_HEADER_LENGTH))));
  } else {
    view.setUint8(0, 0x60);
    view.setUint16(4, payloadLength);
    view.setUint8(6, protocol);
    view.setUint8(7, 64);
    packet.set(source, 8);
    packet.set(destination, 24);
  }
}

/** Octets of the header that {@linkcode emitIpHeader} writes for such an address. */
export function ipHeaderLength(source: Uint8Array): number {
  return source.length === 4 ? IPV4_HEADER_LENGTH : IPV6_HEADER_LENGTH;
}

const IPV4_HEADER_LENGTH = 20;
const IPV6_HEADER_LENGTH = 40;
const FRAGMENT_HEADER = 44;
const AUTHENTICATION_HEADER = 51;

/** Hop-by-hop, routing, fragment, authentication, destination options, mobility, HIP, Shim6. */
const EXTENSION_HEADERS: ReadonlySet<number> = new Set([
  0,
  43,
  FRAGMENT_HEADER,
  AUTHENTICATION_HEADER,
  60,
  135,
  139,
  140,
]);

function uint16(octets: Uint8Array, offset: number): number {
  return octets[offset]! << 8 | octets[offset + 1]!;
}
