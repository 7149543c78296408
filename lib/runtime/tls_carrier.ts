/**
 * `tls://`: the stream inside TLS (RFC 9329, appendix A), over TCP or through a proxy; and `tls+tcp://`, which listens for it
 * and for plain streams at one port. The order is TCP, TLS, prefix, IKE (section 4; appendix B.1).
 */

import type { CarrierConnectOptions, CarrierListenOptions, Connection } from "../transport/types.ts";
import { attempt } from "../transport/attempt.ts";
import { CARRIER_SCHEMES, type CarrierUrl, showCarrierUrl } from "../transport/url.ts";
import { runtime } from "./_select.ts";
import { checkTlsClient, checkTlsServer, tlsServerSettings } from "./_tls_options.ts";
import type { StreamCarrier } from "./carrier.ts";
import { openStream } from "./open_stream.ts";
import { connectTls } from "./tls_connection.ts";
import { listenTls, type TlsListener } from "./tls_listener.ts";
import { TlsSessions } from "./tls_sessions.ts";

/** Sessions of the servers that a URL object was used for, so that a reconnect can resume one. */
const SESSIONS: WeakMap<CarrierUrl, TlsSessions> = new WeakMap();

/** The row of `tls`. */
export const TLS_CARRIER: StreamCarrier = {
  ...CARRIER_SCHEMES.tls,
  kind: "stream",
  checkConnect: (url, { tls = {} }) => checkTlsClient(tls, `connect to ${showCarrierUrl(url)}`),
  checkListen,
  connect,
  listen: (url, options) => listen(url, options, false),
};

/** The row of `tls+tcp`. */
export const TLS_TCP_CARRIER: StreamCarrier = {
  ...CARRIER_SCHEMES["tls+tcp"],
  kind: "stream",
  checkListen,
  connect, // never called: the scheme is one to listen at
  listen: (url, options) => listen(url, options, true),
};

async function connect(url: CarrierUrl, options: CarrierConnectOptions): Promise<Connection> {
  const sessions = SESSIONS.get(url) ?? new TlsSessions();
  SESSIONS.set(url, sessions);
  return await attempt(options, `connect to ${showCarrierUrl(url)}`, async (signal) => {
    const below = await openStream(url, { ...options, signal, timeout: 0 });
    return await connectTls(below, { ...options.tls, host: url.hostname, sessions, signal, timeout: 0 });
  });
}

function checkListen(url: CarrierUrl, { tls }: CarrierListenOptions): void {
  checkTlsServer(tls, `listen at ${showCarrierUrl(url)}`);
}

async function listen(
  url: CarrierUrl,
  options: CarrierListenOptions,
  plainToo: boolean,
): Promise<TlsListener> {
  const { onRefused } = options;
  return listenTls(await runtime.listenTcp(url, options), tlsServerSettings(options), {
    plainToo,
    onRefused,
  });
}
