/**
 * Tunnels: an IKE SA, its child SAs and a connection that carries both, as a pair of streams of IP packets.
 *
 * {@linkcode connect} is the end that asks, {@linkcode listen} the end that answers; both take connections of any carrier.
 *
 * @module
 */
export * from "./child_sas.ts";
export { connect, type ConnectOptions, type DatagramPeer } from "./connect.ts";
export * from "./datagram_link.ts";
export * from "./endpoint.ts";
export type { Link, LinkOwner, LinkPath } from "./link.ts";
export * from "./listen.ts";
export * from "./packet_queue.ts";
export * from "./session.ts";
export {
  echoReply,
  emitIcmpEcho,
  emitUdpPacket,
  formatIpAddress,
  type IcmpEcho,
  type IpFragment,
  type IpPacket,
  parseIcmpEcho,
  parseIpAddress,
  parseIpPacket,
  parseUdpDatagram,
  type UdpDatagram,
} from "../ip/mod.ts";
