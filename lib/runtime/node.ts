/**
 * Sockets for Node: the functions of `iketcp/runtime` without choosing.
 *
 * @module
 */

export { connectTcp, listenTcp } from "./node_tcp.ts";
export { openUdp } from "./node_udp.ts";
export { WebSocketUpgrades } from "./node_upgrades.ts";
export { Upgrades, type WebSocketUpgradesOptions } from "./_upgrades.ts";
