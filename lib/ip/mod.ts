/**
 * The little that must be known of IP packets: addresses, headers of IPv4, IPv6, UDP and TCP, checksums. Parsing takes
 * anything and never throws: what is not such a packet gives `undefined`.
 *
 * @module
 */
export * from "./address.ts";
export * from "./checksum.ts";
export * from "./packet.ts";
export * from "./tcp_segment.ts";
export * from "./udp_datagram.ts";
