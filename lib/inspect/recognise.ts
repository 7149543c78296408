/** Tells what octets are: by the ports that are theirs, or by what they look like. */

import { hasNonEspMarker, NON_ESP_MARKER_LENGTH } from "../encap/constants.ts";
import { IKEV1_EXCHANGE_TYPES } from "../ike/codec/exchange_types.ts";
import { IKE_FLAGS, IKE_HEADER_LENGTH, type IkeHeader, parseIkeHeader } from "../ike/codec/header.ts";
import { IKEV1_PAYLOAD_TYPES } from "../ike/codec/payload_types.ts";

/** The port of IKE without a marker (RFC 7296, section 2). */
export const IKE_PORT = 500;

/** The port of IKE and ESP in UDP (RFC 3948) and in TCP (RFC 9329, section 2). */
export const IPSEC_NAT_PORT = 4500;

/**
 * Whether the octets begin with a marker and an IKE header that fits a message of `length` octets, marker included.
 * 80 bits of them are fixed, so that other octets look like it as good as never.
 */
export function looksLikeMarkedIke(octets: Uint8Array, length: number): boolean {
  if (octets.length < MARKED_HEADER_LENGTH || !hasNonEspMarker(octets)) return false;
  const header = parseIkeHeader(octets.subarray(NON_ESP_MARKER_LENGTH));
  if (header.length !== length - NON_ESP_MARKER_LENGTH || header.spiI.every((octet) => octet === 0)) {
    return false;
  }
  return header.majorVersion === 1 ? looksLikeIkev1(header) : looksLikeIkev2(header);
}

/** Octets of the marker with the IKE header behind it. */
export const MARKED_HEADER_LENGTH: number = NON_ESP_MARKER_LENGTH + IKE_HEADER_LENGTH;

/** Whether a message of so many octets whose first four are `spi` may be ESP: not one of the reserved SPIs (RFC 4303, 2.1). */
export function mayBeEsp(spi: number, length: number): boolean {
  return spi > 255 && length >= SHORTEST_ESP;
}

function looksLikeIkev2(
  { majorVersion, minorVersion, exchangeType, flags, nextPayload }: IkeHeader,
): boolean {
  return majorVersion === 2 && minorVersion === 0 &&
    exchangeType >= 34 && exchangeType <= 63 && // as many again as IANA has given out
    (flags & ~(IKE_FLAGS["initiator"]! | IKE_FLAGS["version"]! | IKE_FLAGS["response"]!)) === 0 &&
    (nextPayload === 0 || nextPayload >= 33 && nextPayload <= 63);
}

function looksLikeIkev1({ minorVersion, exchangeType, flags, nextPayload }: IkeHeader): boolean {
  return minorVersion === 0 && IKEV1_EXCHANGE_TYPES[exchangeType] !== undefined && flags <= 7 &&
    IKEV1_PAYLOAD_TYPES[nextPayload] !== undefined;
}

/** SPI, sequence number, one block of 4 octets, the shortest ICV (RFC 4303, section 2; RFC 2403, section 2). */
const SHORTEST_ESP = 4 + 4 + 4 + 8;
