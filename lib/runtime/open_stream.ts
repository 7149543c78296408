/**
 * The byte stream below a carrier's layers: TCP, or a tunnel through a proxy. Carriers that run on a stream open it here and
 * nowhere else, so that each of them goes through a proxy without knowing of one.
 */

import { connectThroughProxy } from "../transport/http_tunnel.ts";
import type { ProxySettings } from "../transport/proxy_url.ts";
import type { TransportAddress } from "../transport/address.ts";
import type { CarrierConnectOptions, Connection } from "../transport/types.ts";
import { runtime } from "./_select.ts";
import { authorities } from "./_tls_options.ts";
import { connectTls } from "./tls_connection.ts";

/** Proxies that have asked for their credentials, so that the next connection spares a refusal (RFC 7617, section 2.2). */
const ASKING: WeakSet<ProxySettings> = new WeakSet();

/** RFC 7301, section 6: CONNECT is asked for in HTTP/1.1. */
const PROXY_ALPN: readonly string[] = ["http/1.1"];

/**
 * Opens a byte stream to an address, through the proxy of the options if they name one.
 *
 * @example
 * ```ts
 * import { listenTcp, openStream } from "iketcp/runtime";
 *
 * const listener = await listenTcp({ hostname: "127.0.0.1", port: 0 });
 * const connection = await openStream(listener.address);
 * await Promise.all([connection.close(), listener.close()]);
 * ```
 */
export async function openStream(
  address: TransportAddress,
  options: CarrierConnectOptions = {},
): Promise<Connection> {
  const { proxy, signal, timeout } = options;
  if (proxy === undefined) return await runtime.connectTcp(address, options);
  const connection = await connectThroughProxy(address, {
    proxy,
    authenticateAtOnce: ASKING.has(proxy),
    signal,
    timeout,
    open: (signal) => openProxy(proxy, options, signal),
  });
  if (connection.authenticated) ASKING.add(proxy);
  return connection;
}

/** A connection to a proxy, over TLS if that is how it is spoken to. */
async function openProxy(
  proxy: ProxySettings,
  { localAddress, tls, proxyTls }: CarrierConnectOptions,
  signal: AbortSignal,
): Promise<Connection> {
  const connection = await runtime.connectTcp(proxy, { signal, timeout: 0, localAddress });
  if (!proxy.secure) return connection;
  const settings = proxy.tls ?? proxyTls ?? authorities(tls);
  return await connectTls(connection, {
    alpn: PROXY_ALPN,
    ...settings,
    host: proxy.hostname,
    signal,
    timeout: 0,
  });
}
