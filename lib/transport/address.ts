/** Addresses as text: `192.0.2.1:4500`, `[2001:db8::1]:4500`, `gw.example:4500`. */

import type { TransportAddress } from "./types.ts";

/**
 * Writes an address with its port; IPv6 gets brackets.
 *
 * @example
 * ```ts
 * import { formatAddress } from "iketcp/transport";
 * import { strictEqual } from "node:assert";
 *
 * strictEqual(formatAddress({ hostname: "2001:db8::1", port: 4500 }), "[2001:db8::1]:4500");
 * ```
 */
export function formatAddress(address: TransportAddress): string {
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** An IPv4-mapped IPv6 address as plain IPv4, any other unchanged: `::ffff:192.0.2.1` is `192.0.2.1`. */
export function unmapAddress(hostname: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(hostname) ? hostname.slice(7) : hostname;
}
