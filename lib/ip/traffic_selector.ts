/** Traffic selectors as people write them (RFC 4301, section 4.4.1.1; RFC 7296, section 3.13). */

import { CodedTypeError } from "../errors.ts";
import { parseIpAddress } from "./address.ts";

/** A range of addresses, a protocol, a range of ports: the fields of IKEv2's traffic selector. */
export interface TrafficSelector {
  /** First address, 4 or 16 octets. */
  readonly start: Uint8Array;
  /** Last address, as many octets. */
  readonly end: Uint8Array;
  /** Upper protocol; 0 for any (default: 0). */
  readonly protocol?: number;
  /** First port (default: 0). For ICMP type and code in one. */
  readonly startPort?: number;
  /** Last port (default: 65535). */
  readonly endPort?: number;
}

/** Names of `/etc/protocols`, as `swanctl.conf` takes them. */
const PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  "ipv6-icmp": 58,
  ospf: 89,
  sctp: 132,
};

/** ICMP and ICMPv6: their ports are types and codes. */
const MESSAGE_PROTOCOLS: readonly number[] = [1, 58];

/**
 * Reads a selector as `swanctl.conf` writes it: an address, a subnet or a range, and in brackets protocol and port. Of ICMP and
 * ICMPv6 the port is the type of messages, from 256 on type and code, with the type in the upper octet.
 *
 * @example
 * ```ts
 * import { parseTrafficSelector } from "iketcp/esp";
 * import { deepStrictEqual, strictEqual } from "node:assert";
 *
 * const selector = parseTrafficSelector("10.1.0.0/16[tcp/443]");
 * deepStrictEqual([...selector.end], [10, 1, 255, 255]);
 * strictEqual(selector.endPort, 443);
 * strictEqual(parseTrafficSelector("10.1.0.0/16[icmp/8]").startPort, 8 << 8); // echo requests
 * ```
 */
export function parseTrafficSelector(text: string): TrafficSelector {
  const match = /^([^[\]]+?)(?:\[([a-z0-9-]*)(?:\/(\d+|any)(?:-(\d+))?)?\])?$/.exec(text.trim());
  if (match === null) return refuse(text, "an address, subnet or range, with [protocol/port] behind it");
  const [, where, protocol = "", port = "any", lastPort = port] = match as unknown as string[];
  const { start, end } = parseRange(where!, text);
  const number = protocol === "" || protocol === "any" ? 0 : PROTOCOLS[protocol] ?? Number(protocol);
  if (!(Number.isInteger(number) && number >= 0 && number <= 255)) {
    return refuse(text, "a protocol by name or number");
  }
  const isMessage = MESSAGE_PROTOCOLS.includes(number);
  const portOf = (word: string) => isMessage && Number(word) < 256 ? Number(word) << 8 : Number(word);
  const startPort = port === "any" ? 0 : portOf(port);
  const endPort = lastPort === "any" ? 0xffff : portOf(lastPort);
  if (startPort > endPort || endPort > 0xffff) {
    return refuse(text, "ports from 0 to 65535, the lower one first");
  }
  return { start, end, protocol: number, startPort, endPort };
}

function parseRange(where: string, text: string): { start: Uint8Array; end: Uint8Array } {
  const subnet = /^(.+)\/(\d+)$/.exec(where);
  const [first, last] = subnet === null ? where.split("-", 2) : [subnet[1], undefined];
  const address = parseIpAddress(first!.trim());
  if (address === undefined) return refuse(text, "an IP address");
  if (subnet !== null) {
    const length = Number(subnet[2]);
    if (length > address.length * 8) return refuse(text, `a prefix of at most ${address.length * 8} bits`);
    const start = address.slice();
    const end = address.slice();
    for (let i = 0; i < address.length; i++) {
      const mask = 0xff << 8 - Math.min(8, Math.max(0, length - 8 * i)) & 0xff;
      start[i]! &= mask;
      end[i] = start[i]! | ~mask;
    }
    return { start, end };
  }
  const end = last === undefined ? address : parseIpAddress(last.trim());
  if (end === undefined || end.length !== address.length) {
    return refuse(text, "a last address of the same kind");
  }
  if (compareAddresses(address, end) > 0) return refuse(text, "the lower address first");
  return { start: address, end };
}

function refuse(text: string, expected: string): never {
  throw new CodedTypeError(
    "ERR_ESP_SELECTOR",
    `Cannot use traffic selector: expected ${expected}, got "${text}"`,
  );
}

/** Which of two addresses of one kind is the lower: less than, equal to or greater than 0. */
export function compareAddresses(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return 0;
}
