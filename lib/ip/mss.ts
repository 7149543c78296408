/** Clamping of the Maximum Segment Size option of TCP (RFC 9293, section 3.7.1), so that segments fit a tunnel. */

import { adjustedChecksum } from "./checksum.ts";
import type { InnerPacket } from "./inner_packet.ts";
import { PROTOCOL_TCP } from "./packet.ts";

const SYN = 0x02;
const TCP_HEADER_SIZE = 20;
const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_MSS = 2;

/** Octets of an IPv4 or IPv6 header and a TCP header without options: what the MSS leaves out (RFC 6691). */
export function mssOf(mtu: number, version: 4 | 6): number {
  return Math.max(0, mtu - (version === 4 ? 20 : 40) - TCP_HEADER_SIZE);
}

/**
 * Lowers the MSS of a TCP SYN to `most`, in place and with its checksum; tells whether it did. `packet` has read the
 * octets from `start` on.
 */
export function clampMss(octets: Uint8Array, start: number, packet: InnerPacket, most: number): boolean {
  if (packet.protocol !== PROTOCOL_TCP || packet.fragment) return false;
  const tcp = start + packet.headerSize;
  const end = start + packet.length;
  if (tcp + TCP_HEADER_SIZE > end || (octets[tcp + 13]! & SYN) === 0) return false;
  const optionsEnd = tcp + (octets[tcp + 12]! >>> 4) * 4;
  if (optionsEnd > end) return false;
  let at = tcp + TCP_HEADER_SIZE;
  while (at < optionsEnd) {
    const kind = octets[at]!;
    if (kind === OPTION_END) return false;
    if (kind === OPTION_NOP) {
      at++;
      continue;
    }
    const size = at + 1 < optionsEnd ? octets[at + 1]! : 0;
    if (size < 2 || at + size > optionsEnd) return false;
    if (kind === OPTION_MSS && size === 4) return lower(octets, tcp, at + 2, most);
    at += size;
  }
  return false;
}

function lower(octets: Uint8Array, tcp: number, at: number, most: number): boolean {
  const mss = octets[at]! << 8 | octets[at + 1]!;
  if (mss <= most) return false;
  octets[at] = most >>> 8;
  octets[at + 1] = most;
  // An option may begin at an odd octet: its two octets then lie in two words, each in the other half.
  const swapped = (at - tcp) % 2 === 1;
  const checksum = adjustedChecksum(
    octets[tcp + 16]! << 8 | octets[tcp + 17]!,
    swapped ? swap(mss) : mss,
    swapped ? swap(most) : most,
  );
  octets[tcp + 16] = checksum >>> 8;
  octets[tcp + 17] = checksum;
  return true;
}

function swap(word: number): number {
  return (word & 0xff) << 8 | word >>> 8;
}
