/**
 * The octet of DSCP and ECN in front and behind a tunnel: ECN by RFC 6040, section 4, DSCP by RFC 2983. Over TCP there is
 * no outer header for each packet, so the mode is that of compatibility (RFC 9329, section 9.5).
 */

import { adjustedChecksum } from "./checksum.ts";

/** The two bits of ECN (RFC 3168, section 5). */
export const ECN: Readonly<Record<"notEct" | "ect1" | "ect0" | "ce", number>> = {
  notEct: 0,
  ect1: 1,
  ect0: 2,
  ce: 3,
};

/** How a tunnel treats DSCP and ECN. */
export interface TrafficClassPolicy {
  /** DSCP of outer headers: the inner one's, or always this one from 0 to 63 (default: `copy`, the uniform model). */
  readonly outerDscp?: "copy" | number;
  /** DSCP of inner headers at the exit: left as it is, or the outer one's (default: `keep`, the pipe model). */
  readonly innerDscp?: "keep" | "copy";
  /** RFC 6040, section 4.1: `compatibility` sends outer headers as not ECN-capable (default: `compatibility`). */
  readonly ecn?: "normal" | "compatibility";
}

/** Reads the octet of DSCP and ECN of an IPv4 or IPv6 packet. */
export function trafficClassOf(packet: Uint8Array): number {
  return packet[0]! >>> 4 === 4 ? packet[1]! : (packet[0]! << 4 | packet[1]! >>> 4) & 0xff;
}

/** Writes the octet of DSCP and ECN, and with IPv4 the header's checksum. */
export function setTrafficClass(packet: Uint8Array, trafficClass: number): void {
  if (packet[0]! >>> 4 === 4) {
    const before = packet[0]! << 8 | packet[1]!;
    packet[1] = trafficClass;
    const checksum = adjustedChecksum(
      packet[10]! << 8 | packet[11]!,
      before,
      packet[0]! << 8 | packet[1]!,
    );
    packet[10] = checksum >>> 8;
    packet[11] = checksum;
  } else {
    packet[0] = 0x60 | trafficClass >>> 4;
    packet[1] = (trafficClass & 0x0f) << 4 | packet[1]! & 0x0f;
  }
}

/** The octet of an outer header that carries a packet with the octet `inner`. */
export function outerTrafficClass(inner: number, policy: TrafficClassPolicy = {}): number {
  const { outerDscp = "copy", ecn = "compatibility" } = policy;
  const dscp = outerDscp === "copy" ? inner & 0xfc : (outerDscp & 0x3f) << 2;
  return dscp | (ecn === "normal" ? inner & 3 : ECN.notEct);
}

/**
 * The octet of a packet that leaves a tunnel (RFC 6040, section 4.2, figure 4); `undefined` for a packet that must be
 * dropped: congestion was met on the way, and its transport could not be told.
 */
export function innerTrafficClass(
  inner: number,
  outer: number,
  policy: TrafficClassPolicy = {},
): number | undefined {
  const innerEcn = inner & 3;
  const outerEcn = outer & 3;
  const dscp = policy.innerDscp === "copy" ? outer & 0xfc : inner & 0xfc;
  if (innerEcn === ECN.notEct) return outerEcn === ECN.ce ? undefined : dscp;
  if (innerEcn === ECN.ce || outerEcn === ECN.ce) return dscp | ECN.ce;
  return dscp | (outerEcn === ECN.ect1 ? ECN.ect1 : innerEcn);
}
