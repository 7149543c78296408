/**
 * WebSocket over TCP: the layer of `lib/transport/web_socket` on the runtime's own sockets, or on a tunnel through a proxy.
 *
 * The runtimes' own WebSocket objects are not used for it: they take no proxy, no pin and no local address in some
 * runtimes, put whole messages together before they hand them on, and none but `ws` lets a slow reader hold the peer back.
 * Those objects have adapters of their own, for browsers and for servers that somebody else runs.
 */

import { formatAddress, type TransportAddress } from "../transport/address.ts";
import type {
  CarrierConnectOptions,
  CarrierListenOptions,
  Connection,
  Listener,
} from "../transport/types.ts";
import { CARRIER_SCHEMES } from "../transport/url.ts";
import { openWebSocket } from "../transport/web_socket/client.ts";
import type { WebSocketOptions } from "../transport/web_socket/connection.ts";
import { type AcceptWebSocketOptions, acceptWebSockets } from "../transport/web_socket/server.ts";
import { attempt } from "./_attempt.ts";
import { runtime } from "./_select.ts";
import { openStream } from "./open_stream.ts";
import { checkTlsServer, tlsServerSettings } from "./_tls_options.ts";
import { connectTls } from "./tls_connection.ts";
import { listenTls } from "./tls_listener.ts";
import type { TlsSessions } from "./tls_sessions.ts";

/** Options of {@linkcode connectWebSocket}. */
export interface ConnectWebSocketOptions extends CarrierConnectOptions, WebSocketOptions {
  /** The path. Default `/`. */
  readonly path?: string;
  /** In TLS, with the settings of `tls`: `wss://`. Default false. */
  readonly secure?: boolean;
  /** Where TLS sessions are kept for resumption. Default: nowhere. */
  readonly sessions?: TlsSessions;
}

/** Options of {@linkcode listenWebSocket}. */
export interface ListenWebSocketOptions extends CarrierListenOptions, Omit<AcceptWebSocketOptions, "signal"> {
  /** In TLS, with the certificate and the other settings of `tls`: `wss://`. Default false. */
  readonly secure?: boolean;
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
  const { path = "/", secure = false, sessions } = options;
  const scheme = secure ? "wss" : "ws";
  // The name by which the server is known is the one that its web sites are told apart by.
  const hostname = secure && options.tls?.sni || address.hostname;
  const host = hostField({ hostname, port: address.port }, CARRIER_SCHEMES[scheme].defaultPort);
  return await attempt(options, `connect to ${scheme}://${host}${path}`, async (signal) => {
    // The time is for everything together.
    const stream = await openStream(address, { ...options, signal, timeout: 0 });
    const below = secure
      ? await connectTls(stream, { ...options.tls, host: address.hostname, sessions, signal, timeout: 0 })
      : stream;
    return await openWebSocket(below, { ...options, host, path, signal });
  });
}

/** Listens for WebSockets at a port of its own. See `WebSocketUpgrades` for a server that is there already. */
export async function listenWebSocket(
  address: TransportAddress,
  options: ListenWebSocketOptions = {},
): Promise<Listener> {
  const { secure, tls, onRefused } = options;
  if (!secure) return acceptWebSockets(await runtime.listenTcp(address, options), options);
  checkTlsServer(tls, `listen on wss ${formatAddress(address)}`);
  const below = listenTls(await runtime.listenTcp(address, options), tlsServerSettings(options), {
    onRefused,
  });
  return Object.assign(acceptWebSockets(below, options), { reload: below.reload.bind(below) });
}

/** RFC 6455, section 4.1: the port only where it is not the scheme's own. */
function hostField({ hostname, port }: TransportAddress, defaultPort: number): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return port === defaultPort ? host : `${host}:${port}`;
}
