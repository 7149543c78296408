/**
 * The registry of carriers: one row for each scheme of carrier URLs. Adding a carrier is a file with its functions and a
 * row here in place of `missing`.
 */

import { ConfigError, TransportError } from "../errors.ts";
import type {
  Connection,
  ConnectOptions,
  DatagramEndpoint,
  Listener,
  ListenOptions,
  UdpOptions,
} from "../transport/types.ts";
import {
  CARRIER_SCHEMES,
  type CarrierScheme,
  type CarrierUrl,
  formatCarrierUrl,
  type SchemeRules,
} from "../transport/url.ts";
import { runtime } from "./_select.ts";
import { runtimeName } from "./detect.ts";

/** A carrier of byte streams. */
export interface StreamCarrier extends SchemeRules {
  /** Tells the rows of the registry apart. */
  readonly kind: "stream";
  /** Opens a connection to the URL. */
  connect(url: CarrierUrl, options?: ConnectOptions): Promise<Connection>;
  /** Accepts connections at the URL. */
  listen(url: CarrierUrl, options?: ListenOptions): Promise<Listener>;
}

/** A carrier of datagrams. */
export interface DatagramCarrier extends SchemeRules {
  /** Tells the rows of the registry apart. */
  readonly kind: "datagram";
  /** Opens an endpoint; the URL is its `local` or `remote` address, as the options say. */
  open(url: CarrierUrl, options: UdpOptions): Promise<DatagramEndpoint>;
}

/** A carrier that is known and cannot be used here. */
export interface MissingCarrier extends Omit<SchemeRules, "kind"> {
  /** Tells the rows of the registry apart. */
  readonly kind: "missing";
  /** Ends the sentence that refuses it: what can be used in its place, or where it works. */
  readonly advice: string;
}

/** A row of the registry. */
export type Carrier = StreamCarrier | DatagramCarrier | MissingCarrier;

/** Every carrier, as far as this runtime has it. */
export const CARRIERS: Readonly<Record<CarrierScheme, Carrier>> = {
  udp: {
    ...CARRIER_SCHEMES.udp,
    kind: "datagram",
    open: (_url, options) => runtime.openUdp(options),
  },
  tcp: {
    ...CARRIER_SCHEMES.tcp,
    kind: "stream",
    connect: (url, options) => {
      if (url.parameters.proxy !== undefined) {
        return Promise.reject(
          unsupported(url, "connections through a proxy are not there yet; tcp without proxy is"),
        );
      }
      return runtime.connectTcp(url, options);
    },
    listen: (url, options) => {
      if (url.parameters.proxy !== undefined) {
        return Promise.reject(
          new ConfigError(
            "ERR_CONFIG_URL",
            "Cannot listen: expected no parameter proxy, which only connecting uses, got one",
          ),
        );
      }
      return runtime.listenTcp(url, options);
    },
  },
  tls: missing("tls"),
  ws: missing("ws"),
  wss: missing("wss"),
  https: missing("https"),
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
export function connectCarrier(url: CarrierUrl, options?: ConnectOptions): Promise<Connection> {
  return streamCarrier(url).then((carrier) => carrier.connect(url, options));
}

/** Accepts connections at a carrier URL of a byte stream. */
export function listenCarrier(url: CarrierUrl, options?: ListenOptions): Promise<Listener> {
  return streamCarrier(url).then((carrier) => carrier.listen(url, options));
}

/** Opens a datagram endpoint for a carrier URL, which is the `local` or the `remote` address of the options. */
export async function openCarrier(
  url: CarrierUrl,
  options: UdpOptions = { local: url },
): Promise<DatagramEndpoint> {
  const carrier = CARRIERS[url.scheme];
  if (carrier.kind === "missing") throw unsupported(url, carrier.advice);
  if (carrier.kind !== "datagram") {
    throw new ConfigError(
      "ERR_CONFIG_URL",
      `Cannot use ${show(url)}: expected a carrier of datagrams, such as udp`,
    );
  }
  return await carrier.open(url, options);
}

// Async, so that a URL that cannot be used rejects as everything else does.
// deno-lint-ignore require-await
async function streamCarrier(url: CarrierUrl): Promise<StreamCarrier> {
  const carrier = CARRIERS[url.scheme];
  if (carrier.kind === "missing") throw unsupported(url, carrier.advice);
  if (carrier.kind !== "stream") {
    throw new ConfigError(
      "ERR_CONFIG_URL",
      `Cannot use ${show(url)}: expected a carrier of byte streams, such as tcp`,
    );
  }
  return carrier;
}

function missing(scheme: CarrierScheme): MissingCarrier {
  return {
    ...CARRIER_SCHEMES[scheme],
    kind: "missing",
    advice: "this version of iketcp carries udp and tcp, in Node, Deno and Bun alike",
  };
}

function unsupported(url: CarrierUrl, advice: string): TransportError {
  return new TransportError(
    "ERR_TRANSPORT_UNSUPPORTED",
    `Cannot use ${show(url)} in ${runtimeName()}: ${advice}`,
  );
}

/** A URL without its parameters: a proxy's URL may hold a password. */
function show(url: CarrierUrl): string {
  return formatCarrierUrl({ ...url, parameters: {} });
}
