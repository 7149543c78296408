/**
 * Carrier URLs: `udp://gw.example`, `tcp://192.0.2.1:4500`, `tls://[2001:db8::1]:443?sni=gw.example`. This file knows how
 * every scheme is written; which of them a runtime can open is the registry's matter (`lib/runtime/carriers.ts`).
 */

import { ConfigError } from "../errors.ts";
import { formatAddress, isIpAddress, type TransportAddress } from "./address.ts";

/** The schemes of carrier URLs. */
export type CarrierScheme = "udp" | "tcp" | "tls" | "ws" | "wss" | "https" | "tls+tcp";

/** The query parameters of carrier URLs. */
export type CarrierParameter = "proxy" | "sni" | "pin" | "alpn";

/** How the URLs of a scheme are written. */
export interface SchemeRules {
  /** Whether it carries a byte stream or datagrams. */
  readonly kind: "stream" | "datagram";
  /** The port when the URL names none. */
  readonly defaultPort: number;
  /** Whether the URL has a path. */
  readonly path: boolean;
  /** The query parameters it knows. */
  readonly parameters: readonly CarrierParameter[];
  /** One can only listen at it. Default false. */
  readonly listenOnly?: boolean;
}

/** The rules of every scheme. */
export const CARRIER_SCHEMES: Readonly<Record<CarrierScheme, SchemeRules>> = {
  // RFC 3948, section 2, for UDP; RFC 9329, sections 2 and 11, for TCP.
  udp: { kind: "datagram", defaultPort: 4500, path: false, parameters: [] },
  tcp: { kind: "stream", defaultPort: 4500, path: false, parameters: ["proxy"] },
  tls: { kind: "stream", defaultPort: 443, path: false, parameters: ["proxy", "sni", "pin", "alpn"] },
  ws: { kind: "stream", defaultPort: 80, path: true, parameters: ["proxy"] },
  wss: { kind: "stream", defaultPort: 443, path: true, parameters: ["proxy", "sni", "pin"] },
  https: { kind: "stream", defaultPort: 443, path: true, parameters: ["pin"] },
  // TLS and plain TCP at one port, told apart by their first octets.
  "tls+tcp": { kind: "stream", defaultPort: 443, path: false, parameters: ["alpn"], listenOnly: true },
};

/** Parameters that mean nothing to one who listens. */
export const CONNECT_PARAMETERS: readonly CarrierParameter[] = ["proxy", "sni", "pin"];

/** A carrier URL, taken apart. It is a {@linkcode TransportAddress} too. */
export interface CarrierUrl extends TransportAddress {
  /** How to carry. */
  readonly scheme: CarrierScheme;
  /** The path with its leading slash; empty where the scheme has none. */
  readonly path: string;
  /** The query parameters, decoded. */
  readonly parameters: Readonly<Partial<Record<CarrierParameter, string>>>;
}

/** Options of {@linkcode parseCarrierUrl}. */
export interface CarrierUrlOptions {
  /** The URL is one to listen at: port 0 lets the system choose. Default false. */
  readonly listen?: boolean;
}

/** Scheme, authority, path, query, fragment. */
const URL_PARTS = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?$/i;

/** An address in brackets or a host, and a port; user information is caught before. */
const AUTHORITY = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/;

/** Labels of letters, digits, hyphens and underscores; not decided here is whether the name exists. */
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;

/**
 * Takes a carrier URL apart; throws a {@linkcode ConfigError} with code `ERR_CONFIG_URL` that says what is wrong.
 *
 * @example
 * ```ts
 * import { parseCarrierUrl } from "iketcp/transport";
 * import { deepStrictEqual } from "node:assert";
 *
 * deepStrictEqual(parseCarrierUrl("tcp://[2001:db8::1]"), {
 *   scheme: "tcp",
 *   hostname: "2001:db8::1",
 *   port: 4500,
 *   path: "",
 *   parameters: {},
 * });
 * ```
 */
export function parseCarrierUrl(text: string, options: CarrierUrlOptions = {}): CarrierUrl {
  const refuse = (expected: string, actual: string): never => {
    // The query is left out: a proxy's URL may hold a password.
    throw new ConfigError(
      "ERR_CONFIG_URL",
      `Cannot read carrier URL ${JSON.stringify(withoutSecrets(text))}: expected ${expected}, got ${actual}`,
    );
  };
  const parts = URL_PARTS.exec(text);
  if (parts === null) return refuse(`SCHEME://HOST[:PORT] with scheme ${SCHEME_LIST}`, "something else");
  const [, schemeText = "", authority = "", path = "", query, fragment] = parts;
  const scheme = schemeText.toLowerCase();
  if (!isCarrierScheme(scheme)) return refuse(`one of the schemes ${SCHEME_LIST}`, JSON.stringify(scheme));
  const rules = CARRIER_SCHEMES[scheme];
  if (rules.listenOnly && !options.listen) {
    return refuse("a scheme to connect with", `${scheme}, to listen at`);
  }
  if (authority.includes("@")) return refuse("no user name or password", "one before the host");
  if (fragment !== undefined) return refuse("no fragment", "one after #");
  if (!rules.path && path !== "" && path !== "/") return refuse("no path", JSON.stringify(path));
  const host = AUTHORITY.exec(authority);
  if (host === null) {
    return refuse("HOST[:PORT], with an IPv6 address in brackets", JSON.stringify(authority));
  }
  const [, bracketed, name = "", portText] = host;
  return {
    scheme,
    hostname: bracketed === undefined ? parseHost(name, refuse) : parseIpv6(bracketed, refuse),
    port: portText === undefined ? rules.defaultPort : parsePort(portText, options.listen ?? false, refuse),
    path: rules.path ? path || "/" : "",
    parameters: parseParameters(query ?? "", scheme, refuse),
  };
}

/**
 * Writes a carrier URL, always with its port.
 *
 * @example
 * ```ts
 * import { formatCarrierUrl, parseCarrierUrl } from "iketcp/transport";
 * import { strictEqual } from "node:assert";
 *
 * strictEqual(formatCarrierUrl(parseCarrierUrl("tcp://gw.example")), "tcp://gw.example:4500");
 * ```
 */
export function formatCarrierUrl(
  url: TransportAddress & Pick<CarrierUrl, "scheme"> & Partial<Pick<CarrierUrl, "path" | "parameters">>,
): string {
  const query = Object.entries(url.parameters ?? {}).map(([name, value]) =>
    `${name}=${encodeURIComponent(value)}`
  );
  return `${url.scheme}://${formatAddress(url)}${url.path ?? ""}${
    query.length > 0 ? `?${query.join("&")}` : ""
  }`;
}

/** Writes a carrier URL for people and logs: without its parameters, since a proxy's URL may hold a password. */
export function showCarrierUrl(url: CarrierUrl): string {
  return formatCarrierUrl({ ...url, parameters: {} });
}

type Refuse = (expected: string, actual: string) => never;

const SCHEME_LIST = Object.keys(CARRIER_SCHEMES).join(", ");

function isCarrierScheme(scheme: string): scheme is CarrierScheme {
  return Object.hasOwn(CARRIER_SCHEMES, scheme);
}

function parseHost(name: string, refuse: Refuse): string {
  if (name === "") return refuse("a host (0.0.0.0 or [::] for every address of this machine)", "none");
  // All digits and dots is meant to be an address: no resolver is asked for 300.1.2.3.
  const valid = /^[\d.]+$/.test(name) ? isIpAddress(name) : HOST_NAME.test(name);
  return valid
    ? name
    : refuse("a host name, an IPv4 address or an IPv6 address in brackets", JSON.stringify(name));
}

function parseIpv6(text: string, refuse: Refuse): string {
  return text.includes(":") && isIpAddress(text)
    ? text
    : refuse("an IPv6 address in brackets", JSON.stringify(text));
}

function parsePort(text: string, listen: boolean, refuse: Refuse): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  const lowest = listen ? 0 : 1;
  return port >= lowest && port <= 65535
    ? port
    : refuse(`a port from ${lowest} to 65535`, text === "" ? "none after the colon" : JSON.stringify(text));
}

function parseParameters(query: string, scheme: CarrierScheme, refuse: Refuse): CarrierUrl["parameters"] {
  const known = CARRIER_SCHEMES[scheme].parameters;
  const parameters: Partial<Record<CarrierParameter, string>> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const parameter = known.find((each) => each === name);
    if (parameter === undefined) {
      const expected = known.length > 0 ? `one of the parameters ${known.join(", ")}` : "no parameters";
      return refuse(`${expected} for ${scheme}`, JSON.stringify(name));
    }
    if (parameters[parameter] !== undefined) return refuse(`parameter ${name} once`, "it again");
    if (value === "") return refuse(`a value for parameter ${name}`, "none");
    parameters[parameter] = value;
  }
  return parameters;
}

/** A URL as it may be shown: without query and user information. */
function withoutSecrets(text: string): string {
  return text.replace(/[?#].*$/s, "").replace(/\/\/[^/]*@/, "//");
}
