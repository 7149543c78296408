/**
 * Distinguished names (RFC 5280, section 4.1.2.4) as text in strongSwan's notation, `C=CH, O=Example, CN=gw.example`, as DER,
 * and held against each other. ASN.1 is the library's.
 *
 * @module
 */

import { AsnSerializer } from "@peculiar/asn1-schema";
import {
  AttributeTypeAndValue,
  AttributeValue,
  Name,
  RelativeDistinguishedName as AsnRelativeDistinguishedName,
} from "@peculiar/asn1-x509";
import { fromHex, toHex } from "../../bytes/mod.ts";
import { ConfigError, IkeError } from "../../errors.ts";
import { parseAsn } from "./_asn.ts";

/** One attribute of a name. */
export interface NameAttribute {
  /** Its object identifier, dotted. */
  readonly type: string;
  /** Its value: text of any string type, or `#` and DER in hexadecimal when it is no text. */
  readonly value: string;
}

/** Attributes that stand at one level of a name; nearly always one. */
export type RelativeDistinguishedName = readonly NameAttribute[];

/** Keywords that strongSwan reads; the first of each object identifier is the one written. */
const KEYWORDS: readonly (readonly [keyword: string, type: string])[] = [
  ["CN", "2.5.4.3"],
  ["SN", "2.5.4.5"],
  ["serialNumber", "2.5.4.5"],
  ["S", "2.5.4.4"],
  ["surname", "2.5.4.4"],
  ["C", "2.5.4.6"],
  ["L", "2.5.4.7"],
  ["ST", "2.5.4.8"],
  ["O", "2.5.4.10"],
  ["OU", "2.5.4.11"],
  ["T", "2.5.4.12"],
  ["D", "2.5.4.13"],
  ["N", "2.5.4.41"],
  ["name", "2.5.4.41"],
  ["G", "2.5.4.42"],
  ["givenName", "2.5.4.42"],
  ["I", "2.5.4.43"],
  ["initials", "2.5.4.43"],
  ["dnQualifier", "2.5.4.46"],
  ["pseudonym", "2.5.4.65"],
  ["ID", "2.5.4.45"],
  ["STREET", "2.5.4.9"],
  ["postalCode", "2.5.4.17"],
  ["E", "1.2.840.113549.1.9.1"],
  ["Email", "1.2.840.113549.1.9.1"],
  ["emailAddress", "1.2.840.113549.1.9.1"],
  ["UID", "0.9.2342.19200300.100.1.1"],
  ["DC", "0.9.2342.19200300.100.1.25"],
];

const TYPE_BY_KEYWORD: ReadonlyMap<string, string> = new Map(
  KEYWORDS.map(([keyword, type]) => [keyword.toLowerCase(), type]),
);
const KEYWORD_BY_TYPE: ReadonlyMap<string, string> = new Map(
  [...KEYWORDS].reverse().map(([keyword, type]) => [type, keyword]),
);

/** More levels than any real name has. */
const MAX_ATTRIBUTES = 64;

/** Reads `C=CH, O=Example, CN=gw.example`, also with `/` between; throws a `ConfigError` where it is no name. */
export function parseDistinguishedName(text: string): Uint8Array<ArrayBuffer> {
  const name = splitName(text).map((part) => {
    const { type, value } = parseAttribute(part, text);
    return new AsnRelativeDistinguishedName([
      new AttributeTypeAndValue({ type, value: attributeValue(type, value) }),
    ]);
  });
  return new Uint8Array(AsnSerializer.serialize(new Name(name)));
}

/** Writes a name as strongSwan does, in the order of its DER. */
export function formatDistinguishedName(der: Uint8Array): string {
  return nameAttributes(der).map((level) =>
    level.map(({ type, value }) => `${KEYWORD_BY_TYPE.get(type) ?? type}=${escapeValue(value)}`).join(" + ")
  ).join(", ");
}

/** Names that were read before, by their octets as an object: those of a certificate never change. */
const read: WeakMap<Uint8Array, readonly RelativeDistinguishedName[]> = new WeakMap();

/** The levels of a name in DER, whose octets must not change afterwards; throws an `IkeError` where it is none. */
export function nameAttributes(der: Uint8Array): readonly RelativeDistinguishedName[] {
  let levels = read.get(der);
  if (levels === undefined) {
    const name = parseAsn(der, Name, "distinguished name");
    if (name.length > MAX_ATTRIBUTES) {
      throw new IkeError(
        "ERR_IKE_CERTIFICATE",
        `Cannot read distinguished name: expected at most ${MAX_ATTRIBUTES} levels, got ${name.length}`,
      );
    }
    levels = name.map((level) => level.map(({ type, value }) => ({ type, value: textOf(value) })));
    read.set(der, levels);
  }
  return levels;
}

/** Whether two names are one: case and runs of spaces do not matter (RFC 5280, section 7.1), nor the string type. */
export function sameDistinguishedName(a: Uint8Array, b: Uint8Array): boolean {
  return sameOctets(a, b) || matchLevels(nameAttributes(a), nameAttributes(b), false) !== null;
}

/**
 * How many wildcards a name took to fit a pattern, `C=CH, O=*, CN=*`: null when it does not fit. As strongSwan has it by
 * default, both have the same number of levels in the same order, and `*` stands for one whole value.
 */
export function matchDistinguishedName(pattern: Uint8Array, der: Uint8Array): number | null {
  return matchLevels(nameAttributes(pattern), nameAttributes(der), true);
}

/** Whether a name lies below another: its first levels are those of `base` (RFC 5280, section 4.2.1.10). */
export function isBelowDistinguishedName(der: Uint8Array, base: Uint8Array): boolean {
  const levels = nameAttributes(base);
  return matchLevels(levels, nameAttributes(der).slice(0, levels.length), false) !== null;
}

function matchLevels(
  pattern: readonly RelativeDistinguishedName[],
  name: readonly RelativeDistinguishedName[],
  wildcards: boolean,
): number | null {
  if (pattern.length !== name.length) return null;
  let used = 0;
  for (const [i, level] of pattern.entries()) {
    const other = name[i]!;
    if (level.length !== other.length) return null;
    // DER orders the attributes of one level by their octets.
    for (const [k, attribute] of level.entries()) {
      if (attribute.type !== other[k]!.type) return null;
      if (wildcards && attribute.value === "*") used++;
      else if (folded(attribute.value) !== folded(other[k]!.value)) return null;
    }
  }
  return used;
}

function folded(value: string): string {
  return value.trim().replace(/\s+/g, " ").toLowerCase();
}

function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}

/** Splits at commas, or at slashes when the text begins with one, except inside quotes and behind a backslash. */
function splitName(text: string): string[] {
  const separator = text.startsWith("/") ? "/" : ",";
  const parts: string[] = [];
  let part = "";
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === "\\" && i + 1 < text.length) part += char + text[++i]!;
    else if (char === '"') quoted = !quoted;
    else if (!quoted && char === separator) {
      parts.push(part);
      part = "";
    } else part += char;
  }
  parts.push(part);
  const filled = parts.map((one) => one.trim()).filter((one) => one !== "");
  if (quoted || filled.length === 0 || filled.length > MAX_ATTRIBUTES) throw wrongName(text);
  return filled;
}

function parseAttribute(part: string, text: string): NameAttribute {
  const equals = part.indexOf("=");
  if (equals < 1) throw wrongName(text);
  const keyword = part.slice(0, equals).trim().replace(/^OID\./i, "");
  const type = /^\d+(\.\d+)+$/.test(keyword) ? keyword : TYPE_BY_KEYWORD.get(keyword.toLowerCase());
  if (type === undefined) {
    throw new ConfigError(
      "ERR_CONFIG_IDENTITY",
      `Cannot read the distinguished name ${JSON.stringify(text)}: ${
        JSON.stringify(keyword)
      } is no attribute; ` +
        `expected one of ${[...new Set(KEYWORD_BY_TYPE.values())].join(", ")} or an object identifier`,
    );
  }
  return { type, value: part.slice(equals + 1).trim() };
}

function wrongName(text: string): ConfigError {
  return new ConfigError(
    "ERR_CONFIG_IDENTITY",
    `Cannot read the distinguished name ${JSON.stringify(text)}: expected "C=CH, O=Example, CN=gw.example"`,
  );
}

/** The string types that certificates use: IA5String for mail and domain components, PrintableString where it can, else UTF8String. */
function attributeValue(type: string, value: string): AttributeValue {
  if (/^#([0-9a-fA-F]{2})+$/.test(value)) {
    return new AttributeValue({ anyValue: fromHex(value.slice(1)).buffer });
  }
  const text = value.replace(/\\(.)/g, "$1");
  if (type === TYPE_BY_KEYWORD.get("e") || type === TYPE_BY_KEYWORD.get("dc")) {
    return new AttributeValue({ ia5String: text });
  }
  return /^[A-Za-z0-9 '()+,./:=?-]*$/.test(text)
    ? new AttributeValue({ printableString: text })
    : new AttributeValue({ utf8String: text });
}

function textOf(value: AttributeValue): string {
  const text = value.utf8String ?? value.printableString ?? value.ia5String ?? value.bmpString ??
    value.teletexString ?? value.universalString;
  if (text !== undefined) return text;
  return `#${toHex(new Uint8Array(value.anyValue ?? new ArrayBuffer(0)))}`;
}

/** A peer chooses what is in its name: nothing of it may move the cursor of a terminal, or turn the direction of a log's line. */
const UNPRINTABLE = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** A comma, a plus, a quote or a backslash in a value is escaped, so that the text reads back; what is not printed never gets out. */
function escapeValue(value: string): string {
  return value.replace(/[\\",+]/g, "\\$&").replace(UNPRINTABLE, "?");
}
