/** What a sender is told whose packet does not fit: ICMP "fragmentation needed" (RFC 1191) and ICMPv6 "packet too big". */

import { addToSum, checksumOf, transportChecksum } from "./checksum.ts";
import { InnerPacket } from "./inner_packet.ts";
import { emitIpHeader, ipHeaderLength } from "./packet.ts";

const ICMP = 1;
const ICMPV6 = 58;

/** RFC 1812, section 4.3.2.3: an ICMP error has at most 576 octets. RFC 4443, section 2.4(c): an ICMPv6 error, 1280. */
const MOST_IPV4 = 576;
const MOST_IPV6 = 1280;
const ICMP_HEADER_SIZE = 8;

/** Types of ICMP that are errors: no error is sent about one of them (RFC 1122, section 3.2.2). */
const ICMP_ERRORS: readonly number[] = [3, 4, 5, 11, 12];

/** Whether a packet must not be fragmented on its way: all of IPv6, and IPv4 with its bit set. */
export function mustNotBeFragmented(octets: Uint8Array, start: number = 0): boolean {
  return octets[start]! >>> 4 === 6 || (octets[start + 6]! & 0x40) !== 0;
}

/**
 * The packet that tells the sender of `octets` that at most `mtu` octets fit; `undefined` where nobody is to be told:
 * about errors, later fragments, packets without one single sender, and those that may be fragmented. It comes from
 * `from`, by default the address that the packet was sent to.
 */
export function packetTooBig(
  octets: Uint8Array,
  mtu: number,
  from?: Uint8Array,
): Uint8Array<ArrayBuffer> | undefined {
  const packet = new InnerPacket();
  if (!packet.read(octets) || !mustNotBeFragmented(octets)) return undefined;
  const { version, protocol, hasPorts, fragment, sourcePort } = packet;
  if (fragment && !hasPorts) return undefined;
  const type = sourcePort >>> 8;
  if (protocol === ICMP && ICMP_ERRORS.includes(type)) return undefined;
  if (protocol === ICMPV6 && hasPorts && type < 128) return undefined;
  const source = version === 4 ? octets.subarray(12, 16) : octets.subarray(8, 24);
  const destination = version === 4 ? octets.subarray(16, 20) : octets.subarray(24, 40);
  if (!isSingleHost(source)) return undefined;
  const sender = from !== undefined && from.length === source.length ? from : destination;
  return version === 4
    ? emitError(sender, source, ICMP, octets.subarray(0, packet.length), mtu)
    : emitError(sender, source, ICMPV6, octets.subarray(0, packet.length), mtu);
}

function emitError(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  cause: Uint8Array,
  mtu: number,
): Uint8Array<ArrayBuffer> {
  const headerSize = ipHeaderLength(source);
  const quoted = Math.min(
    cause.length,
    (protocol === ICMP ? MOST_IPV4 : MOST_IPV6) - headerSize - ICMP_HEADER_SIZE,
  );
  const message = new Uint8Array(headerSize + ICMP_HEADER_SIZE + quoted);
  const icmp = message.subarray(headerSize);
  const view = new DataView(icmp.buffer, icmp.byteOffset);
  icmp.set(cause.subarray(0, quoted), ICMP_HEADER_SIZE);
  if (protocol === ICMP) {
    icmp[0] = 3; // destination unreachable
    icmp[1] = 4; // fragmentation needed and DF set
    view.setUint16(6, Math.min(mtu, 0xffff));
    view.setUint16(2, checksumOf(addToSum(0, icmp)));
  } else {
    icmp[0] = 2; // packet too big
    view.setUint32(4, mtu);
    view.setUint16(2, transportChecksum(source, destination, ICMPV6, icmp));
  }
  emitIpHeader(message, { source, destination, protocol, payloadLength: icmp.length });
  return message;
}

/** Whether an address is that of one host: not unspecified, loopback of IPv4, multicast or broadcast. */
function isSingleHost(address: Uint8Array): boolean {
  if (address.every((octet) => octet === 0)) return false;
  if (address.length === 16) return address[0] !== 0xff;
  return address[0] !== 127 && address[0]! < 224;
}
