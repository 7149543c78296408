/** What the local daemon's datagrams hold, as far as a relay must know. */

import { hasNonEspMarker, NAT_KEEPALIVE, NON_ESP_MARKER_LENGTH } from "../encap/mod.ts";
import type { RelayCounters } from "./counters.ts";

/** Whether a datagram is to be carried; keepalives and runts are not, and are counted. */
export function isCarried(data: Uint8Array, counters: RelayCounters): boolean {
  if (data.byteLength >= 4) return true;
  if (data.byteLength === 1 && data[0] === NAT_KEEPALIVE) counters.keepalives++;
  else counters.runts++;
  return false;
}

/**
 * What names the SA of a message: the SPI of an ESP packet as a number, the SPI pair of an IKE message as text, or nothing
 * where an IKE SA has no pair yet.
 */
export type SpiKey = number | string | undefined;

/** The SPI of an ESP packet (RFC 4303, section 2.1), or the SPI pair of an IKE message behind its marker (RFC 7296, 3.1). */
export function spiKeyOf(message: Uint8Array): SpiKey {
  if (!hasNonEspMarker(message)) {
    return (message[0]! << 24 | message[1]! << 16 | message[2]! << 8 | message[3]!) >>> 0;
  }
  const pair = message.subarray(NON_ESP_MARKER_LENGTH, NON_ESP_MARKER_LENGTH + 2 * IKE_SPI_LENGTH);
  if (pair.byteLength < 2 * IKE_SPI_LENGTH || pair.subarray(IKE_SPI_LENGTH).every((octet) => octet === 0)) {
    return undefined;
  }
  return String.fromCharCode(...pair);
}

/**
 * Whether a datagram is an IKEv2 message without the non-ESP marker. A daemon sends that when it believes to talk to port
 * 500; as ESP it would be lost in silence.
 */
export function lacksMarker(data: Uint8Array): boolean {
  if (data.byteLength < IKE_HEADER_LENGTH || data[17] !== 0x20 || data[18]! < 34 || data[18]! > 37) {
    return false;
  }
  const length = (data[24]! << 24 | data[25]! << 16 | data[26]! << 8 | data[27]!) >>> 0;
  return length === data.byteLength;
}

const IKE_SPI_LENGTH = 8;
const IKE_HEADER_LENGTH = 28;
