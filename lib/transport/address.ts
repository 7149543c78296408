/** Addresses as text: `192.0.2.1:4500`, `[2001:db8::1]:4500`, `gw.example:4500`. */

/** An IP address (without brackets) or host name, and a port. */
export interface TransportAddress {
  /** `192.0.2.1`, `2001:db8::1` or `gw.example`. */
  readonly hostname: string;
  /** 0 to 65535; 0 lets the system choose where a port is bound. */
  readonly port: number;
}

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

/** One number of a dotted quad: 0 to 255, without leading zeros. */
const QUAD = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4: RegExp = new RegExp(`^${QUAD}(?:\\.${QUAD}){3}$`);

/**
 * Whether a text is an IP address, IPv4 in dotted quads or IPv6 without brackets (with or without a zone), rather than
 * a name.
 *
 * @example
 * ```ts
 * import { isIpAddress } from "iketcp/transport";
 * import { strictEqual } from "node:assert";
 *
 * strictEqual(isIpAddress("2001:db8::1"), true);
 * strictEqual(isIpAddress("gw.example"), false);
 * ```
 */
export function isIpAddress(text: string): boolean {
  return text.includes(":") ? isIpv6(text) : IPV4.test(text);
}

/** RFC 4291, section 2.2: eight groups of up to four digits, one run of zero groups as `::`, the last two as a dotted quad. */
function isIpv6(text: string): boolean {
  const [address = "", zone, ...rest] = text.split("%");
  if (rest.length > 0 || zone === "") return false;
  const halves = address.split("::");
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [index, half] of halves.entries()) {
    if (half === "") continue;
    const parts = half.split(":");
    for (const [place, part] of parts.entries()) {
      const last = index === halves.length - 1 && place === parts.length - 1;
      if (/^[0-9a-f]{1,4}$/i.test(part)) groups += 1;
      else if (last && IPV4.test(part)) groups += 2;
      else return false;
    }
  }
  return halves.length === 2 ? groups <= 7 : groups === 8;
}
