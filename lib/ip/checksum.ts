/** The Internet checksum (RFC 1071) of headers and of TCP and UDP with their pseudo-header. */

/** Adds octets to a running one's complement sum; an odd octet at the end counts as the high half of a word. */
export function addToSum(sum: number, octets: Uint8Array): number {
  const even = octets.length & ~1;
  // 2^24 words of 16 bits fit below 2^40: exact in a number, so that carries are folded once at the end.
  for (let i = 0; i < even; i += 2) sum += octets[i]! << 8 | octets[i + 1]!;
  return even < octets.length ? sum + (octets[even]! << 8) : sum;
}

/** Folds a running sum to the 16 bits of a checksum field. */
export function checksumOf(sum: number): number {
  while (sum > 0xffff) sum = sum % 0x10000 + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** The checksum of a TCP segment or UDP datagram with the pseudo-header of RFC 9293, 3.1 or RFC 8200, 8.1. */
export function transportChecksum(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  segment: Uint8Array,
): number {
  const pseudoHeader = addToSum(addToSum(protocol + segment.length, source), destination);
  return checksumOf(addToSum(pseudoHeader, segment));
}

/**
 * A checksum after some words under it have changed: RFC 1624, section 3, equation 3. `removed` and `added` are sums of
 * {@linkcode addToSum}, the former over the words that were there and the latter over those that came in their place.
 */
export function adjustedChecksum(checksum: number, removed: number, added: number): number {
  return checksumOf((~checksum & 0xffff) + checksumOf(removed) + added);
}
