/** The carrier of `https://` URLs: WebTransport, where the runtime has it. */

import { ConfigError, TransportError } from "../errors.ts";
import type {
  CarrierConnectOptions,
  CarrierListenOptions,
  Connection,
  Listener,
} from "../transport/types.ts";
import { CARRIER_SCHEMES, type CarrierUrl, showCarrierUrl } from "../transport/url.ts";
import { connectWebTransport, platformWebTransport } from "../transport/web_transport/client.ts";
import type { StreamCarrier } from "./carrier.ts";
import { hasWebTransportServer, listenWebTransport } from "./deno_web_transport.ts";
import { runtimeName } from "./detect.ts";

/** Ends the sentence that refuses it. */
export const WEB_TRANSPORT_ADVICE =
  "Deno with --unstable-net connects and listens with WebTransport, browsers connect; wss:// is everywhere";

/** The row of `https`. */
export const HTTPS_CARRIER: StreamCarrier = {
  ...CARRIER_SCHEMES.https,
  kind: "stream",
  checkConnect,
  checkListen,
  connect,
  listen,
};

function checkConnect(url: CarrierUrl, options: CarrierConnectOptions): void {
  if (platformWebTransport() === undefined) throw unsupported(url, WEB_TRANSPORT_ADVICE);
  if (options.localAddress !== undefined) {
    throw unsupported(url, "WebTransport chooses its local address itself; wss:// connects from a given one");
  }
  const { ca, pin = [], insecure } = options.tls ?? {};
  if (insecure) {
    throw unsupported(url, "WebTransport always checks its server; name its certificate with pin=");
  }
  if (ca !== undefined && pin.length === 0) {
    throw unsupported(
      url,
      "WebTransport takes no authorities from a program; name the certificate with pin=, or give Deno its authorities with DENO_CERT",
    );
  }
  if (Object.keys(options.headers ?? {}).length > 0) {
    throw unsupported(url, "WebTransport sends no further header fields; wss:// does");
  }
}

function checkListen(url: CarrierUrl, { tls }: CarrierListenOptions): void {
  if (!hasWebTransportServer()) throw unsupported(url, WEB_TRANSPORT_ADVICE);
  if (tls?.cert === undefined || tls.key === undefined) {
    throw new ConfigError(
      "ERR_CONFIG_OPTION",
      `Cannot listen at ${showCarrierUrl(url)}: expected a certificate and its key, got none`,
    );
  }
}

function connect(url: CarrierUrl, options: CarrierConnectOptions): Promise<Connection> {
  return connectWebTransport(showCarrierUrl(url), {
    signal: options.signal,
    timeout: options.timeout,
    pin: options.tls?.pin,
  });
}

function listen(url: CarrierUrl, options: CarrierListenOptions): Promise<Listener> {
  return listenWebTransport(url, { ...options, path: url.path });
}

function unsupported(url: CarrierUrl, advice: string): TransportError {
  return new TransportError(
    "ERR_TRANSPORT_UNSUPPORTED",
    `Cannot use ${showCarrierUrl(url)} in ${runtimeName()}: ${advice}`,
  );
}
