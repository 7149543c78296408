/**
 * Sockets of the runtime that this program runs in, chosen when the module loads: TCP connections and listeners, UDP
 * endpoints, and the registry of carriers that opens any of them by URL.
 *
 * @example A connection to a listener of our own
 * ```ts
 * import { connectTcp, listenTcp } from "iketcp/runtime";
 * import { strictEqual } from "node:assert";
 *
 * const listener = await listenTcp({ hostname: "127.0.0.1", port: 0 });
 * const client = await connectTcp(listener.address, { timeout: 5000 });
 * for await (const server of listener.connections) {
 *   const sent = new Response("hello").body!.pipeTo(client.writable);
 *   strictEqual(await new Response(server.readable).text(), "hello");
 *   await sent;
 *   await Promise.all([client.close(), server.close()]);
 *   break;
 * }
 * await listener.close();
 * ```
 *
 * @module
 */

import type { TransportAddress } from "../transport/address.ts";
import type {
  Connection,
  ConnectOptions,
  DatagramEndpoint,
  Listener,
  ListenOptions,
  UdpOptions,
} from "../transport/types.ts";
import { runtime } from "./_select.ts";

export * from "./carrier.ts";
export * from "./carriers.ts";
export * from "./crypto.ts";
export * from "./detect.ts";
export * from "./eap_tls.ts";
export * from "./open_stream.ts";
export {
  connectWebSocket,
  type ConnectWebSocketOptions,
  listenWebSocket,
  type ListenWebSocketOptions,
} from "./web_socket.ts";
export { acceptTls, connectTls } from "./tls_connection.ts";
export type { TlsAcceptOptions, TlsConnection, TlsConnectOptions } from "./tls_connection.ts";
export * from "./tls_listener.ts";
export * from "./tls_sessions.ts";

/**
 * Connects to a TCP port.
 *
 * @example
 * ```ts
 * import { connectTcp } from "iketcp/runtime";
 * import { rejects } from "node:assert";
 *
 * await rejects(connectTcp({ hostname: "does-not-exist.invalid", port: 4500 }), { code: "ERR_TRANSPORT_RESOLVE" });
 * ```
 */
export const connectTcp: (address: TransportAddress, options?: ConnectOptions) => Promise<Connection> =
  runtime.connectTcp;

/**
 * Listens on a TCP port.
 *
 * @example
 * ```ts
 * import { listenTcp } from "iketcp/runtime";
 * import { strictEqual } from "node:assert";
 *
 * const listener = await listenTcp({ hostname: "127.0.0.1", port: 0 });
 * strictEqual(listener.address.hostname, "127.0.0.1");
 * await listener.close();
 * ```
 */
export const listenTcp: (address: TransportAddress, options?: ListenOptions) => Promise<Listener> =
  runtime.listenTcp;

/**
 * Opens a UDP endpoint.
 *
 * @example
 * ```ts
 * import { openUdp } from "iketcp/runtime";
 * import { deepStrictEqual } from "node:assert";
 *
 * const server = await openUdp({ local: { hostname: "127.0.0.1", port: 0 } });
 * const client = await openUdp({ remote: server.localAddress });
 * client.send(Uint8Array.of(1, 2, 3));
 * for await (const [datagram] of server.readable) {
 *   deepStrictEqual([...datagram!.data], [1, 2, 3]);
 *   break;
 * }
 * await Promise.all([client.close(), server.close()]);
 * ```
 */
export const openUdp: (options?: UdpOptions) => Promise<DatagramEndpoint> = runtime.openUdp;
