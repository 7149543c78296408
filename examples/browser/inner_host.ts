/** The hosts behind the gateway: each answers pings, and sends UDP datagrams back to where they came from. */

import { echoReply, parseIpPacket } from "iketcp/tunnel";

const UDP = 17;

/** The answer to a packet, which becomes the answer where it lies; undefined for what nobody answers. */
export function answerOf(packet: Uint8Array): Uint8Array | undefined {
  return echoReply(packet) ?? echoDatagram(packet);
}

/**
 * A UDP datagram with its two ends exchanged. Checksums are sums of 16-bit words (RFC 1071), which do not mind in which order
 * the words stand: they stay right.
 */
function echoDatagram(packet: Uint8Array): Uint8Array | undefined {
  const parsed = parseIpPacket(packet);
  if (parsed === undefined || parsed.protocol !== UDP || parsed.fragment !== undefined) return undefined;
  const { source, destination, payload } = parsed;
  if (payload.length < 8) return undefined;
  exchange(source, destination);
  exchange(payload.subarray(0, 2), payload.subarray(2, 4));
  return packet;
}

function exchange(a: Uint8Array, b: Uint8Array): void {
  const kept = a.slice();
  a.set(b);
  b.set(kept);
}
