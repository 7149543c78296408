/**
 * Proxies that environment variables name, read as curl reads them: `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`,
 * of which lower case goes before upper case, and `HTTP_PROXY` is not read, since a web server sets it for its scripts.
 */

import { ConfigError } from "../errors.ts";
import { isIpAddress } from "./address.ts";
import { parseProxyUrl, type ProxySettings } from "./proxy_url.ts";
import { CARRIER_SCHEMES, type CarrierScheme, type CarrierUrl } from "./url.ts";

/** Looks a variable up; undefined where it is not set. */
export type Environment = (name: string) => string | undefined;

/** The variables that name the proxy of a scheme, the first that is set decides; the others run on no stream of their own. */
const VARIABLES: Readonly<Partial<Record<CarrierScheme, readonly string[]>>> = {
  tls: ["https_proxy", "HTTPS_PROXY"],
  wss: ["https_proxy", "HTTPS_PROXY"],
  ws: ["http_proxy"],
};

/**
 * The proxy for a carrier URL. TLS and WebSocket over TLS are what `https_proxy` is for, WebSocket what `http_proxy` is for;
 * `all_proxy` is for every carrier that can go through a proxy. Throws a {@linkcode ConfigError} that names the variable.
 *
 * @example
 * ```ts
 * import { parseCarrierUrl, proxyFromEnvironment } from "iketcp/transport";
 * import { strictEqual } from "node:assert";
 *
 * const variables: Record<string, string> = { HTTPS_PROXY: "http://proxy:3128", NO_PROXY: ".internal" };
 * const proxyOf = (url: string) => proxyFromEnvironment(parseCarrierUrl(url), (name) => variables[name]);
 * strictEqual(proxyOf("tls://gw.example")?.hostname, "proxy");
 * strictEqual(proxyOf("tls://gw.internal"), undefined);
 * strictEqual(proxyOf("tcp://gw.example"), undefined);
 * ```
 */
export function proxyFromEnvironment(
  url: Pick<CarrierUrl, "scheme" | "hostname" | "port">,
  environment: Environment,
): ProxySettings | undefined {
  if (!CARRIER_SCHEMES[url.scheme].parameters.includes("proxy")) return undefined;
  const variables = [...VARIABLES[url.scheme] ?? [], "all_proxy", "ALL_PROXY"];
  const variable = variables.find((name) => environment(name) !== undefined);
  const text = variable === undefined ? "" : environment(variable)!.trim();
  if (text === "") return undefined; // set and empty: no proxy
  if (isExempt(url, environment("no_proxy") ?? environment("NO_PROXY") ?? "")) return undefined;
  try {
    return parseProxyUrl(text);
  } catch (error) {
    throw new ConfigError("ERR_CONFIG_URL", `Cannot use ${variable}: ${(error as Error).message}`);
  }
}

/**
 * Whether a host is in a `no_proxy` list: names with all that is below them, IP addresses, blocks of addresses
 * (`192.0.2.0/24`), each with or without a port, or `*`.
 */
function isExempt(url: Pick<CarrierUrl, "hostname" | "port">, list: string): boolean {
  const host = url.hostname.toLowerCase().replace(/\.$/, "");
  return list.toLowerCase().split(/[\s,]+/).some((entry) => {
    if (entry === "*") return true;
    const [, bracketed, name = entry, port] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
    if (port !== undefined && Number(port) !== url.port) return false;
    const pattern = (bracketed ?? name).replace(/^\*?\./, "").replace(/\.$/, "");
    if (pattern === "") return false;
    if (isIpAddress(host)) return isInBlock(host, pattern);
    return host === pattern || host.endsWith(`.${pattern}`);
  });
}

function isInBlock(address: string, block: string): boolean {
  const [base = "", length] = block.split("/");
  if (!isIpAddress(base) || base.includes(":") !== address.includes(":")) return false;
  const [bits, ours] = [bitsOf(base), bitsOf(address)];
  const prefix = length === undefined ? bits.length : /^\d{1,3}$/.test(length) ? Number(length) : NaN;
  return prefix <= bits.length && bits.slice(0, prefix) === ours.slice(0, prefix);
}

/** An IP address as a text of zeros and ones. */
function bitsOf(address: string): string {
  if (!address.includes(":")) return address.split(".").map((part) => binary(Number(part), 8)).join("");
  const dotted = /^(.*:)([\d.]+)$/.exec(address.replace(/%.*/, ""));
  const text = dotted?.[2]?.includes(".")
    ? dotted[1] + bitsOf(dotted[2]).match(/.{16}/g)!.map((each) => parseInt(each, 2).toString(16)).join(":")
    : address.replace(/%.*/, "");
  const [head = "", tail] = text.split("::");
  const groups = (part = "") => part === "" ? [] : part.split(":");
  const gap = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array.from({ length: gap }, () => "0"), ...groups(tail)];
  return all.map((group) => binary(parseInt(group, 16), 16)).join("");
}

function binary(value: number, width: number): string {
  return value.toString(2).padStart(width, "0");
}
