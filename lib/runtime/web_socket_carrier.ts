/** `ws://` and `wss://`: the stream inside WebSocket messages, over TCP or through a proxy, in TLS or not. */

import { CARRIER_SCHEMES, type CarrierUrl, showCarrierUrl } from "../transport/url.ts";
import { checkTlsClient, checkTlsServer } from "./_tls_options.ts";
import type { StreamCarrier } from "./carrier.ts";
import { TlsSessions } from "./tls_sessions.ts";
import { connectWebSocket, listenWebSocket } from "./web_socket.ts";

/** Sessions of the servers that a URL object was used for, so that a reconnect can resume one. */
const SESSIONS: WeakMap<CarrierUrl, TlsSessions> = new WeakMap();

/** The row of `ws`. */
export const WS_CARRIER: StreamCarrier = {
  ...CARRIER_SCHEMES.ws,
  kind: "stream",
  connect: (url, options) => connectWebSocket(url, { ...options, path: url.path }),
  listen: (url, options) => listenWebSocket(url, { ...options, path: url.path }),
};

/** The row of `wss`. */
export const WSS_CARRIER: StreamCarrier = {
  ...CARRIER_SCHEMES.wss,
  kind: "stream",
  checkConnect: (url, { tls = {} }) => checkTlsClient(tls, `connect to ${showCarrierUrl(url)}`),
  checkListen: (url, { tls }) => checkTlsServer(tls, `listen at ${showCarrierUrl(url)}`),
  connect: (url, options) => {
    const sessions = SESSIONS.get(url) ?? new TlsSessions();
    SESSIONS.set(url, sessions);
    return connectWebSocket(url, { ...options, path: url.path, secure: true, sessions });
  },
  listen: (url, options) => listenWebSocket(url, { ...options, path: url.path, secure: true }),
};
