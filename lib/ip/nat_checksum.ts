/** Checksums of transport-mode packets that went through a NAT: RFC 3948, section 3.1.2. */

import { addToSum, adjustedChecksum } from "./checksum.ts";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "./packet.ts";

/** A pair of addresses, each 4 or 16 octets. */
export interface AddressPair {
  /** Source address. */
  readonly source: Uint8Array;
  /** Destination address. */
  readonly destination: Uint8Array;
}

const PROTOCOL_ICMPV6 = 58;

/** Where the checksum lies of the protocols whose checksum covers addresses. */
const CHECKSUM_OFFSETS: Readonly<Record<number, number>> = {
  [PROTOCOL_TCP]: 16,
  [PROTOCOL_UDP]: 6,
  [PROTOCOL_ICMPV6]: 2,
};

/**
 * Makes the checksum of a segment, computed by its sender over the addresses `before`, right for the addresses `after`;
 * tells whether it has one. A UDP datagram without a checksum stays without.
 */
export function translateChecksum(
  segment: Uint8Array,
  protocol: number,
  before: AddressPair,
  after: AddressPair,
): boolean {
  const at = CHECKSUM_OFFSETS[protocol];
  if (at === undefined || segment.length < at + 2) return false;
  const checksum = segment[at]! << 8 | segment[at + 1]!;
  if (protocol === PROTOCOL_UDP && checksum === 0) return false;
  const removed = addToSum(addToSum(0, before.source), before.destination);
  const added = addToSum(addToSum(0, after.source), after.destination);
  let adjusted = adjustedChecksum(checksum, removed, added);
  if (protocol === PROTOCOL_UDP && adjusted === 0) adjusted = 0xffff; // 0 would say that there is none (RFC 768)
  segment[at] = adjusted >>> 8;
  segment[at + 1] = adjusted;
  return true;
}
