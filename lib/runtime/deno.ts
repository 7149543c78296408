/**
 * Sockets for Deno: the functions of `iketcp/runtime` without choosing.
 *
 * @module
 */

export { connectTcp, listenTcp } from "./deno_tcp.ts";
export { openUdp } from "./deno_udp.ts";
export { type DenoServeInfo, WebSocketUpgrades } from "./deno_upgrades.ts";
export { Upgrades, type WebSocketUpgradesOptions } from "./_upgrades.ts";
export { listenWebTransport, type ListenWebTransportOptions } from "./deno_web_transport.ts";
