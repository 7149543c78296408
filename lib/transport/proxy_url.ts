/** Proxies as URLs: `http://proxy.example:3128`, `https://me:secret@proxy.example`. */

import { ConfigError } from "../errors.ts";
import { formatAddress, isIpAddress, type TransportAddress } from "./address.ts";
import type { TlsClientSettings } from "./tls_settings.ts";

/** An HTTP proxy that opens tunnels (RFC 9110, section 9.3.6). */
export interface ProxySettings extends TransportAddress {
  /** The connection to the proxy is TLS itself. Default false. */
  readonly secure?: boolean;
  /** Who we are for Basic authentication (RFC 7617). */
  readonly credentials?: ProxyCredentials;
  /** TLS towards a `secure` proxy. Default: the authorities that are trusted for what lies behind it. */
  readonly tls?: TlsClientSettings;
}

/** A name and a password. Never shown. */
export interface ProxyCredentials {
  /** The name; holds no colon. */
  readonly username: string;
  /** The password. */
  readonly password: string;
}

/** As `curl` has it for proxies of both kinds where the URL names no port, and what squid listens on is 3128. */
const DEFAULT_PORTS = { http: 1080, https: 443 } as const;

/**
 * Reads the URL of a proxy; throws a {@linkcode ConfigError} with code `ERR_CONFIG_URL` that never shows its password.
 * Without a scheme it is `http://`, and without a port it is 1080 (`https://`: 443), as in curl.
 *
 * @example
 * ```ts
 * import { parseProxyUrl, showProxyUrl } from "iketcp/transport";
 * import { strictEqual } from "node:assert";
 *
 * const proxy = parseProxyUrl("http://me:secret@proxy.example:3128");
 * strictEqual(proxy.credentials?.password, "secret");
 * strictEqual(showProxyUrl(proxy), "http://proxy.example:3128");
 * ```
 */
export function parseProxyUrl(text: string): ProxySettings {
  const refuse = (expected: string, actual: string): never => {
    throw new ConfigError(
      "ERR_CONFIG_URL",
      `Cannot read proxy URL ${JSON.stringify(withoutSecrets(text))}: expected ${expected}, got ${actual}`,
    );
  };
  const [, given = "http", rest = ""] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/is.exec(text)!;
  const scheme = given.toLowerCase();
  if (scheme !== "http" && scheme !== "https") {
    return refuse("http://HOST:PORT or https://HOST:PORT", JSON.stringify(`${scheme}://`));
  }
  const [, authority = "", path = ""] = /^([^/?#]*)(.*)$/s.exec(rest)!;
  if (path !== "" && path !== "/") return refuse("no path, query or fragment", "one");
  const at = authority.lastIndexOf("@");
  const host = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(authority.slice(at + 1));
  const hostname = host?.[1] ?? host?.[2] ?? "";
  const port = Number(host?.[3] ?? DEFAULT_PORTS[scheme]);
  const bracketed = host?.[1] !== undefined;
  const valid = bracketed ? hostname.includes(":") && isIpAddress(hostname) : /^[\w.-]+$/.test(hostname);
  if (!valid || port < 1 || port > 65535) {
    return refuse("[USER:PASSWORD@]HOST[:PORT], with an IPv6 address in brackets", "something else");
  }
  const credentials = at < 0 ? undefined : parseCredentials(authority.slice(0, at), refuse);
  return { hostname, port, secure: scheme === "https", ...(credentials && { credentials }) };
}

/** Writes a proxy's URL for people and logs: without its credentials. */
export function showProxyUrl(proxy: ProxySettings): string {
  return `${proxy.secure ? "https" : "http"}://${formatAddress(proxy)}`;
}

function parseCredentials(
  text: string,
  refuse: (expected: string, actual: string) => never,
): ProxyCredentials {
  const colon = text.indexOf(":");
  try {
    const username = decodeURIComponent(colon < 0 ? text : text.slice(0, colon));
    const password = decodeURIComponent(colon < 0 ? "" : text.slice(colon + 1));
    // RFC 7617, section 2: the first colon separates, so a name cannot hold one; control characters are not allowed.
    // deno-lint-ignore no-control-regex
    if (!username.includes(":") && !/[\x00-\x1f\x7f]/.test(username + password)) {
      return { username, password };
    }
  } catch {
    // A per cent sign that stands alone.
  }
  return refuse("USER:PASSWORD, percent-encoded, before the host", "something that cannot be sent");
}

function withoutSecrets(text: string): string {
  return text.replace(/^((?:[^:/]*:\/\/)?).*@/s, "$1").replace(/[?#].*$/s, "");
}
