/**
 * The registry of carriers: one row for each scheme of carrier URLs.
 *
 * To add a carrier, write `<name>_carrier.ts` beside this file, which exports a {@linkcode StreamCarrier}, and put it into
 * `CARRIERS`. What the parameters of a URL mean is settled here before a carrier is asked, so a carrier
 * looks at the address and the path of its URL and at its options, never at `url.parameters`; the byte stream below it comes
 * from `openStream`, which knows of proxies; what it negotiated goes into `Connection.layers`. Its test is a fixture for the
 * suites in `test/compliance`.
 */

import { ConfigError } from "../errors.ts";
import { parseProxyUrl, type ProxySettings } from "../transport/proxy_url.ts";
import type {
  CarrierConnectOptions,
  CarrierListenOptions,
  Connection,
  DatagramEndpoint,
  Listener,
  UdpOptions,
} from "../transport/types.ts";
import {
  CARRIER_SCHEMES,
  type CarrierScheme,
  type CarrierUrl,
  CONNECT_PARAMETERS,
  showCarrierUrl,
} from "../transport/url.ts";
import { runtime } from "./_select.ts";
import type { Carrier, StreamCarrier } from "./carrier.ts";
import { authorities } from "./_tls_options.ts";
import { openStream } from "./open_stream.ts";
import { TLS_CARRIER, TLS_TCP_CARRIER } from "./tls_carrier.ts";
import { WS_CARRIER, WSS_CARRIER } from "./web_socket_carrier.ts";
import { HTTPS_CARRIER } from "./web_transport_carrier.ts";

/** Every carrier. One that a runtime lacks refuses in its checks, and names what has it. */
export const CARRIERS: Readonly<Record<CarrierScheme, Carrier>> = {
  udp: {
    ...CARRIER_SCHEMES.udp,
    kind: "datagram",
    open: (_url, options) => runtime.openUdp(options),
  },
  tcp: {
    ...CARRIER_SCHEMES.tcp,
    kind: "stream",
    connect: (url, options) => openStream(url, options),
    listen: (url, options) => runtime.listenTcp(url, options),
  },
  tls: TLS_CARRIER,
  ws: WS_CARRIER,
  wss: WSS_CARRIER,
  https: HTTPS_CARRIER,
  "tls+tcp": TLS_TCP_CARRIER,
};

/**
 * Connects to a carrier URL of a byte stream.
 *
 * @example
 * ```ts
 * import { connectCarrier, listenCarrier } from "iketcp/runtime";
 * import { parseCarrierUrl } from "iketcp/transport";
 *
 * const listener = await listenCarrier(parseCarrierUrl("tcp://127.0.0.1:0", { listen: true }));
 * const connection = await connectCarrier({ ...parseCarrierUrl("tcp://127.0.0.1"), ...listener.address });
 * await Promise.all([connection.close(), listener.close()]);
 * ```
 */
export async function connectCarrier(
  url: CarrierUrl,
  options: CarrierConnectOptions = {},
): Promise<Connection> {
  checkConnect(url, options);
  return await streamCarrier(url).connect(url, withParameters(url, options));
}

/** Accepts connections at a carrier URL of a byte stream. */
export async function listenCarrier(url: CarrierUrl, options: CarrierListenOptions = {}): Promise<Listener> {
  checkListen(url, options);
  return await streamCarrier(url).listen(url, withListenParameters(url, options));
}

/** Opens a datagram endpoint for a carrier URL, which is the `local` or the `remote` address of the options. */
export async function openCarrier(
  url: CarrierUrl,
  options: UdpOptions = { local: url },
): Promise<DatagramEndpoint> {
  const carrier = CARRIERS[url.scheme];
  if (carrier.kind !== "datagram") {
    throw new ConfigError(
      "ERR_CONFIG_URL",
      `Cannot use ${showCarrierUrl(url)}: expected a carrier of datagrams, such as udp`,
    );
  }
  return await carrier.open(url, options);
}

/** Throws what connecting to the URL would reject with before anything is sent: for a look at the start of a program. */
export function checkConnect(url: CarrierUrl, options: CarrierConnectOptions = {}): void {
  const carrier = streamCarrier(url);
  if (options.proxy !== undefined && !carrier.parameters.includes("proxy")) {
    throw new ConfigError(
      "ERR_CONFIG_OPTION",
      `Cannot connect to ${showCarrierUrl(url)} through a proxy: ${url.scheme} does not run on TCP`,
    );
  }
  carrier.checkConnect?.(url, withParameters(url, options));
}

/** Throws what listening at the URL would reject with before a port is bound. */
export function checkListen(url: CarrierUrl, options: CarrierListenOptions = {}): void {
  streamCarrier(url).checkListen?.(url, withListenParameters(url, options));
}

function streamCarrier(url: CarrierUrl): StreamCarrier {
  const carrier = CARRIERS[url.scheme];
  if (carrier.kind === "stream") return carrier;
  throw new ConfigError(
    "ERR_CONFIG_URL",
    `Cannot use ${showCarrierUrl(url)}: expected a carrier of byte streams, such as tcp`,
  );
}

/** The options, with what the URL's parameters say of the same things in their place: a pin in that of authorities. */
function withParameters(url: CarrierUrl, options: CarrierConnectOptions): CarrierConnectOptions {
  const { proxy, sni, pin, alpn } = url.parameters;
  // A pin says more than any authority, and those of the options may be meant for another server.
  const { ca, ...others } = options.tls ?? {};
  const tls = {
    ...others,
    ...(ca !== undefined && pin === undefined && { ca }),
    ...(sni !== undefined && { sni }),
    ...(pin !== undefined && { pin: splitList(pin) }),
    ...(alpn !== undefined && { alpn: splitList(alpn) }),
  };
  const proxyTls = options.proxyTls ?? authorities(options.tls);
  return { ...options, tls, proxyTls, ...(proxy !== undefined && { proxy: proxyOf(url, proxy) }) };
}

/** One object for each URL object, since what is known of a proxy is known of its object. */
const PROXIES: WeakMap<CarrierUrl, ProxySettings> = new WeakMap();

function proxyOf(url: CarrierUrl, text: string): ProxySettings {
  const proxy = PROXIES.get(url) ?? parseProxyUrl(text);
  PROXIES.set(url, proxy);
  return proxy;
}

function withListenParameters(url: CarrierUrl, options: CarrierListenOptions): CarrierListenOptions {
  const unused = CONNECT_PARAMETERS.find((name) => url.parameters[name] !== undefined);
  if (unused !== undefined) {
    throw new ConfigError(
      "ERR_CONFIG_URL",
      `Cannot listen at ${
        showCarrierUrl(url)
      }: expected no parameter ${unused}, which only connecting uses, got one`,
    );
  }
  const { alpn } = url.parameters;
  return alpn === undefined ? options : { ...options, tls: { ...options.tls, alpn: splitList(alpn) } };
}

function splitList(text: string): string[] {
  return text.split(",").map((each) => each.trim()).filter((each) => each !== "");
}
