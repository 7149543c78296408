/**
 * The little that must be known of IP packets: addresses, headers of IPv4, IPv6, UDP and TCP, checksums, and what
 * a tunnel does to packets: ECN, MSS, "too big", checksums behind a NAT. Parsing takes
 * anything and never throws: what is not such a packet gives `undefined`.
 *
 * @module
 */
export * from "./address.ts";
export * from "./checksum.ts";
export * from "./icmp_echo.ts";
export * from "./inner_packet.ts";
export * from "./mss.ts";
export * from "./nat_checksum.ts";
export * from "./packet.ts";
export * from "./packet_too_big.ts";
export * from "./tcp_segment.ts";
export * from "./traffic_class.ts";
export * from "./traffic_selector.ts";
export * from "./udp_datagram.ts";
