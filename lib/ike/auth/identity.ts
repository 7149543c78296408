/**
 * Identities of IKE (RFC 7296, section 3.5) in strongSwan's notation: `gw.example`, `user@example`, `192.0.2.1`,
 * `C=CH, O=Example, CN=gw`, `@#0badcafe`, `%any`; and patterns with wildcards, `*@example`, `*.example`, `192.0.2.0/24`.
 *
 * @module
 */

import { fromHex, toHex } from "../../bytes/mod.ts";
import { ConfigError } from "../../errors.ts";
import { formatIpAddress, parseIpAddress } from "../../ip/mod.ts";
import {
  formatDistinguishedName,
  matchDistinguishedName,
  parseDistinguishedName,
  sameDistinguishedName,
} from "./distinguished_name.ts";

/** ID Type numbers; those from 200 up are patterns of ours and never sent. */
export const ID_TYPE = {
  /** Four octets. */
  ipv4: 1,
  /** A domain name. */
  fqdn: 2,
  /** A mail address. */
  rfc822: 3,
  /** Sixteen octets. */
  ipv6: 5,
  /** A distinguished name in DER. */
  dn: 9,
  /** A GeneralName in DER. */
  gn: 10,
  /** Any octets that both sides know. */
  keyId: 11,
  /** Nobody (RFC 7619). */
  null: 13,
  /** Whoever: a pattern, `%any`. */
  any: 200,
  /** A range of addresses: a pattern, first and last. */
  range: 201,
} as const;

/** An identity or a pattern: the type and data of an ID payload. */
export interface Identity {
  /** A number of {@linkcode ID_TYPE}. */
  readonly type: number;
  /** Identification Data. */
  readonly data: Uint8Array;
}

/** How closely an identity fits a pattern: closer is larger, none is null. strongSwan picks the closest configuration. */
export type IdentityMatch = number | null;

/** Nothing is closer than the same identity. */
export const IDENTITY_MATCH_PERFECT = 20;

/** `%any` fits everything, and less closely than anything else. */
export const IDENTITY_MATCH_ANY = 1;

/** Every identity there is. */
export const ANY_IDENTITY: Identity = { type: ID_TYPE.any, data: new Uint8Array(0) };

/**
 * Reads an identity or a pattern the way strongSwan's `identification_create_from_string` does: a prefix such as `fqdn:` or
 * `keyid:` decides, then `=` makes a distinguished name, `@` a mail address (in front: a domain name), digits an address.
 *
 * @example Identities are told apart by how they look
 * ```ts
 * import { formatIdentity, matchIdentity, parseIdentity } from "iketcp/ike/auth";
 * import { strictEqual } from "node:assert";
 *
 * strictEqual(formatIdentity(parseIdentity("cn=gw, o=Example")), "CN=gw, O=Example");
 * strictEqual(matchIdentity(parseIdentity("*@example.org"), parseIdentity("carol@example.org")) !== null, true);
 * strictEqual(matchIdentity(parseIdentity("*@example.org"), parseIdentity("carol@example.com")), null);
 * ```
 */
export function parseIdentity(text: string): Identity {
  const prefixed = parsePrefixed(text);
  if (prefixed !== null) return prefixed;
  if (ANY_TEXTS.has(text)) return ANY_IDENTITY;
  if (text.includes("=")) return parseNameOrKeyId(text);
  if (text.startsWith("@#")) return { type: ID_TYPE.keyId, data: hexOf(text.slice(2), text) };
  if (text.startsWith("@@")) return textIdentity(ID_TYPE.rfc822, text.slice(2));
  if (text.startsWith("@")) return textIdentity(ID_TYPE.fqdn, text.slice(1));
  if (text.includes("@")) return textIdentity(ID_TYPE.rfc822, text);
  const address = parseAddress(text);
  if (address !== null) return address;
  // Colons stand in IPv6 addresses; a text with colons that is none is a key ID.
  return textIdentity(text.includes(":") ? ID_TYPE.keyId : ID_TYPE.fqdn, text);
}

/** Writes an identity so that {@linkcode parseIdentity} reads it back; octets that are no text as `#` and hexadecimal. */
export function formatIdentity(identity: Identity): string {
  const { type, data } = identity;
  if (type === ID_TYPE.any) return "%any";
  if (type === ID_TYPE.null) return "%null";
  const text = plainText(identity);
  if (text !== null && type === ID_TYPE.fqdn && PLAIN_NAME.test(text)) return text;
  if (text !== null && sameIdentity(tryParse(text), identity)) return text;
  const prefix = PREFIXES.find(([, candidate]) => candidate === type)?.[0] ?? `{${type}}`;
  return `${prefix}:#${toHex(data)}`;
}

/** Whether two identities are the same; case does not matter in names and mail addresses. */
export function sameIdentity(a: Identity | null, b: Identity | null): boolean {
  if (a === null || b === null || a.type !== b.type) return false;
  if (CASELESS_TYPES.has(a.type)) return sameText(a.data, b.data);
  if (a.type === ID_TYPE.dn) {
    try {
      return sameDistinguishedName(a.data, b.data);
    } catch {
      return false; // octets of a peer that are no name are nobody's name
    }
  }
  return toHex(a.data) === toHex(b.data);
}

/** A text that is the same for identities that are; what looks alike may have the same one. */
export function identityKey({ type, data }: Identity): string {
  if (CASELESS_TYPES.has(type)) return `${type} ${lowerText(data)}`;
  if (type !== ID_TYPE.dn) return `${type} ${toHex(data)}`;
  try {
    // Case and spaces do not matter, nor how they are quoted: the words of the name are enough.
    const words = formatDistinguishedName(data).toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
    return `${type} ${words.join(" ")}`;
  } catch {
    return `${type}`;
  }
}

/**
 * How closely an identity fits a pattern, as strongSwan judges: a `*` in front of a name or mail address stands for any
 * beginning, `*` as a value of a distinguished name for that value, a subnet or range for its addresses, `%any` for all.
 */
export function matchIdentity(pattern: Identity, identity: Identity): IdentityMatch {
  if (pattern.type === ID_TYPE.any) return IDENTITY_MATCH_ANY;
  if (sameIdentity(pattern, identity)) return IDENTITY_MATCH_PERFECT;
  if (pattern.type === ID_TYPE.range) return matchRange(pattern.data, identity);
  if (pattern.type !== identity.type) return null;
  if (CASELESS_TYPES.has(pattern.type)) {
    const ending = lowerText(pattern.data);
    return ending.startsWith("*") && lowerText(identity.data).endsWith(ending.slice(1))
      ? IDENTITY_MATCH_PERFECT - 1
      : null;
  }
  if (pattern.type !== ID_TYPE.dn) return null;
  try {
    const wildcards = matchDistinguishedName(pattern.data, identity.data);
    return wildcards === null ? null : Math.max(IDENTITY_MATCH_ANY + 1, IDENTITY_MATCH_PERFECT - wildcards);
  } catch {
    return null;
  }
}

/** Whether it is a pattern rather than somebody. */
export function hasWildcards(identity: Identity): boolean {
  if (identity.type === ID_TYPE.any || identity.type === ID_TYPE.range) return true;
  if (CASELESS_TYPES.has(identity.type)) return identity.data[0] === 0x2a;
  return identity.type === ID_TYPE.dn && /=\*(,|$| \+)/.test(formatDistinguishedName(identity.data));
}

/** The body of an ID payload, which AUTH covers: type, three reserved octets, data (RFC 7296, section 3.5). */
export function identityBody(identity: Identity): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(4 + identity.data.length);
  body[0] = identity.type;
  body.set(identity.data, 4);
  return body;
}

const CASELESS_TYPES: ReadonlySet<number> = new Set([ID_TYPE.fqdn, ID_TYPE.rfc822]);

/** Domain names that cannot be taken for anything else. */
const PLAIN_NAME = /^[a-z][a-z0-9-]*(\.[a-z0-9-]+)*$/i;

const ANY_TEXTS: ReadonlySet<string> = new Set(["", "%any", "%any6", "*", "0.0.0.0", "::", "0::0"]);

/** The first of each type is the one written. */
const PREFIXES: readonly (readonly [prefix: string, type: number])[] = [
  ["ipv4", ID_TYPE.ipv4],
  ["ipv6", ID_TYPE.ipv6],
  ["ipv4net", ID_TYPE.range],
  ["ipv6net", ID_TYPE.range],
  ["ipv4range", ID_TYPE.range],
  ["ipv6range", ID_TYPE.range],
  ["rfc822", ID_TYPE.rfc822],
  ["email", ID_TYPE.rfc822],
  ["userfqdn", ID_TYPE.rfc822],
  ["fqdn", ID_TYPE.fqdn],
  ["dns", ID_TYPE.fqdn],
  ["asn1dn", ID_TYPE.dn],
  ["asn1gn", ID_TYPE.gn],
  ["keyid", ID_TYPE.keyId],
];

/** `fqdn:gw.example`, `keyid:#0badcafe`, `{7}:#00`. */
function parsePrefixed(text: string): Identity | null {
  const match = /^(?:([a-z0-9]+)|\{(\d{1,3})\}):(.*)$/is.exec(text);
  if (match === null) return null;
  const [, prefix, number, value] = match as unknown as [
    string,
    string | undefined,
    string | undefined,
    string,
  ];
  const type = number === undefined
    ? PREFIXES.find(([name]) => name === prefix!.toLowerCase())?.[1]
    : Number(number);
  if (type === undefined) return null;
  if (type === 0 || (number !== undefined && type > 199)) throw wrong(text, "an identity type from 1 to 199");
  if (value.startsWith("#")) return { type, data: hexOf(value.slice(1), text) };
  if (type === ID_TYPE.dn) return { type, data: parseDistinguishedName(value) };
  if (type === ID_TYPE.ipv4 || type === ID_TYPE.ipv6 || type === ID_TYPE.range) {
    const address = parseAddress(value);
    if (address?.type !== type) throw wrong(text, "an IP address");
    return address;
  }
  return textIdentity(type, value);
}

/** A text with `=` that is no distinguished name is a key ID, as strongSwan has it. */
function parseNameOrKeyId(text: string): Identity {
  try {
    return { type: ID_TYPE.dn, data: parseDistinguishedName(text) };
  } catch {
    return textIdentity(ID_TYPE.keyId, text);
  }
}

/** An address, `192.0.2.0/24`, or `192.0.2.1-192.0.2.9`; null when it is none of them. */
function parseAddress(text: string): Identity | null {
  const address = parseIpAddress(text);
  if (address !== undefined) {
    return { type: address.length === 4 ? ID_TYPE.ipv4 : ID_TYPE.ipv6, data: address };
  }
  const net = /^(.+)\/(\d{1,3})$/.exec(text);
  const range = /^(.+)-(.+)$/.exec(text);
  const first = parseIpAddress(net?.[1] ?? range?.[1] ?? "");
  if (first === undefined) return null;
  if (net !== null) {
    const bits = Number(net[2]);
    if (bits > 8 * first.length) return null;
    return rangeIdentity(masked(first, bits, false), masked(first, bits, true));
  }
  const last = parseIpAddress(range![2]!);
  return last?.length === first.length && toHex(first) <= toHex(last) ? rangeIdentity(first, last) : null;
}

/** The first or last address of a subnet. */
function masked(address: Uint8Array, bits: number, last: boolean): Uint8Array {
  return address.map((octet, i) => {
    const host = 0xff >>> Math.min(8, Math.max(0, bits - 8 * i));
    return last ? octet | host : octet & ~host;
  });
}

function rangeIdentity(first: Uint8Array, last: Uint8Array): Identity {
  const data = new Uint8Array(2 * first.length);
  data.set(first);
  data.set(last, first.length);
  return { type: ID_TYPE.range, data };
}

function matchRange(range: Uint8Array, { type, data }: Identity): IdentityMatch {
  const size = range.length / 2;
  if ((type !== ID_TYPE.ipv4 && type !== ID_TYPE.ipv6) || data.length !== size) return null;
  const [first, last, address] = [range.subarray(0, size), range.subarray(size), data].map((octets) =>
    toHex(octets)
  );
  return first! <= address! && address! <= last! ? IDENTITY_MATCH_PERFECT - 1 : null;
}

const ENCODER = new TextEncoder();

function textIdentity(type: number, text: string): Identity {
  return { type, data: ENCODER.encode(text) };
}

/** The text of an identity without a prefix; null when there is none. */
function plainText({ type, data }: Identity): string | null {
  if ((type === ID_TYPE.ipv4 && data.length === 4) || (type === ID_TYPE.ipv6 && data.length === 16)) {
    return formatIpAddress(data);
  }
  if (type === ID_TYPE.range && (data.length === 8 || data.length === 32)) {
    const size = data.length / 2;
    return `${formatIpAddress(data.subarray(0, size))}-${formatIpAddress(data.subarray(size))}`;
  }
  if (type === ID_TYPE.dn) {
    try {
      return formatDistinguishedName(data);
    } catch {
      return null;
    }
  }
  if (data.length === 0) return null;
  let text = "";
  for (const octet of data) {
    if (octet <= 0x20 || octet >= 0x7f) return null;
    text += String.fromCharCode(octet);
  }
  return type === ID_TYPE.keyId ? `keyid:${text}` : text;
}

function tryParse(text: string): Identity | null {
  try {
    return parseIdentity(text);
  } catch {
    return null;
  }
}

function sameText(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => lowerOctet(octet) === lowerOctet(b[i]!));
}

function lowerText(data: Uint8Array): string {
  // Octet by octet: two different strings of octets must never become one text.
  let text = "";
  for (const octet of data) text += String.fromCharCode(lowerOctet(octet));
  return text;
}

function lowerOctet(octet: number): number {
  return octet >= 0x41 && octet <= 0x5a ? octet + 32 : octet;
}

function hexOf(hex: string, text: string): Uint8Array {
  try {
    return fromHex(hex.replaceAll(":", ""));
  } catch {
    throw wrong(text, "hexadecimal digits behind #");
  }
}

function wrong(text: string, expected: string): ConfigError {
  return new ConfigError(
    "ERR_CONFIG_IDENTITY",
    `Cannot read the identity ${JSON.stringify(text)}: expected ${expected}`,
  );
}
