/**
 * WebSocket over TCP: the layer of `lib/transport/web_socket` on the runtime's own sockets, or on a tunnel through a proxy.
 *
 * The runtimes' own WebSocket objects are not used for it: they take no proxy, no pin and no local address in some
 * runtimes, put whole messages together before they hand them on, and none but `ws` lets a slow reader hold the peer back.
 * Those objects have adapters of their own, for browsers and for servers that somebody else runs.
 */

import type {
  CarrierConnectOptions,
  CarrierListenOptions,
  Connection,
  Listener,
  TransportAddress,
} from "../transport/types.ts";
import { CARRIER_SCHEMES } from "../transport/url.ts";
import { openWebSocket } from "../transport/web_socket/client.ts";
import type { WebSocketOptions } from "../transport/web_socket/connection.ts";
import { type AcceptWebSocketOptions, acceptWebSockets } from "../transport/web_socket/server.ts";
import { attempt } from "./_attempt.ts";
import { runtime } from "./_select.ts";
import type { StreamCarrier } from "./carriers.ts";
import { openStream } from "./open_stream.ts";

/** Options of {@linkcode connectWebSocket}. */
export interface ConnectWebSocketOptions extends CarrierConnectOptions, WebSocketOptions {
  /** The path. Default `/`. */
  readonly path?: string;
}

/** Options of {@linkcode listenWebSocket}. */
export interface ListenWebSocketOptions extends CarrierListenOptions, Omit<AcceptWebSocketOptions, "signal"> {
  /** Handshakes that may be under way; a connection past them is reset. Default 1000. */
  readonly maxHandshakes?: number;
}

/**
 * Opens a WebSocket to a server.
 *
 * @example
 * ```ts
 * import { connectWebSocket, listenWebSocket } from "iketcp/runtime";
 * import { strictEqual } from "node:assert";
 *
 * const listener = await listenWebSocket({ hostname: "127.0.0.1", port: 0 }, { path: "/vpn" });
 * const client = await connectWebSocket(listener.address, { path: "/vpn" });
 * for await (const server of listener.connections) {
 *   const sent = new Response("hello").body!.pipeTo(client.writable);
 *   strictEqual(await new Response(server.readable).text(), "hello");
 *   await sent;
 *   await Promise.all([client.close(), server.close()]);
 *   break;
 * }
 * await listener.close();
 * ```
 */
export async function connectWebSocket(
  address: TransportAddress,
  options: ConnectWebSocketOptions = {},
): Promise<Connection> {
  const { path = "/" } = options;
  const host = hostField(address, CARRIER_SCHEMES.ws.defaultPort);
  return await attempt(options, `connect to ws://${host}${path}`, async (signal) => {
    // The time is for everything together.
    const stream = await openStream(address, { ...options, signal, timeout: 0 });
    return await openWebSocket(stream, { ...options, host, path, signal });
  });
}

/** Listens for WebSockets at a port of its own. See `WebSocketUpgrades` for a server that is there already. */
export async function listenWebSocket(
  address: TransportAddress,
  options: ListenWebSocketOptions = {},
): Promise<Listener> {
  return acceptWebSockets(await runtime.listenTcp(address, options), options);
}

/** The carrier of `ws://` URLs. */
export const WS_CARRIER: StreamCarrier = {
  ...CARRIER_SCHEMES.ws,
  kind: "stream",
  connect: (url, options) => connectWebSocket(url, { ...options, path: url.path }),
  listen: (url, options) => listenWebSocket(url, { ...options, path: url.path }),
};

/** RFC 6455, section 4.1: the port only where it is not the scheme's own. */
function hostField({ hostname, port }: TransportAddress, defaultPort: number): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return port === defaultPort ? host : `${host}:${port}`;
}
