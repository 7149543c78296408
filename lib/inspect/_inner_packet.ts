/** What an ESP packet carries, in a few words. */

import { formatIpAddress } from "../ip/address.ts";
import { parseIpPacket } from "../ip/packet.ts";

/** Next headers of tunnel mode (RFC 4303, section 2.6), and of the dummy packet. */
const IPV4 = 4;
const IPV6 = 41;
const DUMMY = 59;

/** Numbers of IANA's protocols that people meet inside ESP. */
const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  1: "ICMP",
  2: "IGMP",
  4: "IPv4",
  6: "TCP",
  17: "UDP",
  33: "DCCP",
  41: "IPv6",
  47: "GRE",
  50: "ESP",
  51: "AH",
  58: "ICMPv6",
  59: "no next header",
  89: "OSPF",
  97: "EtherIP",
  103: "PIM",
  108: "IPComp",
  112: "VRRP",
  115: "L2TP",
  132: "SCTP",
  136: "UDP-Lite",
  144: "AGGFRAG",
};

/** `IPv4 10.99.1.10 > 192.0.2.1 ICMP` in tunnel mode, `TCP` in transport mode, `dummy packet` for what is only there to be there. */
export function describeInnerPacket(payload: Uint8Array, nextHeader: number): string {
  if (nextHeader === DUMMY) return "dummy packet";
  if (nextHeader !== IPV4 && nextHeader !== IPV6) return protocolName(nextHeader);
  const name = protocolName(nextHeader);
  const packet = parseIpPacket(payload);
  if (packet === undefined || (packet.source.length === 4) !== (nextHeader === IPV4)) {
    return `${name} that cannot be read`;
  }
  const { source, destination, protocol } = packet;
  return `${name} ${formatIpAddress(source)} > ${formatIpAddress(destination)} ${protocolName(protocol)}`;
}

function protocolName(protocol: number): string {
  return PROTOCOL_NAMES[protocol] ?? `protocol ${protocol}`;
}
