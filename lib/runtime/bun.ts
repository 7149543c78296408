/**
 * Sockets for Bun: the functions of `iketcp/runtime` without choosing.
 *
 * @module
 */

export { connectTcp, listenTcp } from "./node_tcp.ts";
export { openUdp } from "./node_udp.ts";
export {
  type BunServer,
  BunUpgrade,
  type BunWebSocket,
  type BunWebSocketHandler,
  WebSocketUpgrades,
} from "./bun_upgrades.ts";
export { Upgrades, type WebSocketUpgradesOptions } from "./_upgrades.ts";
