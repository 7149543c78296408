/**
 * Sockets for Bun: the functions of `iketcp/runtime` without choosing.
 *
 * @module
 */

export { connectTcp, listenTcp } from "./node_tcp.ts";
export { openUdp } from "./node_udp.ts";
