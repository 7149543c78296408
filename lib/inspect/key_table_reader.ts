/** Reads Wireshark's tables of keys. Errors name file, line and field, and never the keys. */

import { fromHex } from "../bytes/hex.ts";
import { InspectError } from "../errors.ts";
import {
  espEncryptionNamed,
  ikeEncryptionNamed,
  integrityNamed,
  type NamedEncryption,
  type NamedIntegrity,
} from "./_algorithm_names.ts";
import { splitTableLine } from "./_table_line.ts";
import { type EspSaKeys, type IkeSaKeys, type KeyLog, OWN_LINE, type UnusedKeyLine } from "./key_log.ts";
import type { EncryptionTransform, IntegrityTransform } from "../crypto/mod.ts";

/** Characters of a table; a hundred thousand SAs have fewer. */
export const MAX_KEY_TABLE_SIZE: number = 32 * 1024 * 1024;

/**
 * Reads a table, or both in one text: the first field of a line tells which it is of. `name` is what errors call it.
 *
 * Throws an `InspectError` `ERR_INSPECT_KEYS` for the first line that is wrong. Lines with algorithms that Wireshark has
 * and this toolkit has not are told in `unused`.
 *
 * @example
 * ```ts
 * import { parseKeyTables } from "iketcp/inspect";
 * import { deepStrictEqual, throws } from "node:assert";
 *
 * const key = "00".repeat(20);
 * const { esp } = parseKeyTables(`"IPv4","*","*","0x20264040","AES-GCM with 16 octet ICV [RFC4106]","0x${key}","NULL",""`);
 * deepStrictEqual(esp.map(({ spi, encryption }) => [spi, encryption[0]!.keyword]), [[0x20264040, "aes128gcm16"]]);
 * throws(() => parseKeyTables("GET / HTTP/1.1"), /line 1/);
 * ```
 */
export function parseKeyTables(text: string, name: string = "keys"): KeyLog {
  if (text.length > MAX_KEY_TABLE_SIZE) {
    throw new InspectError(
      "ERR_INSPECT_KEYS",
      `Cannot read ${name}: expected at most ${MAX_KEY_TABLE_SIZE} characters, got ${text.length}`,
    );
  }
  const ike: IkeSaKeys[] = [];
  const esp: EspSaKeys[] = [];
  const unused: UnusedKeyLine[] = [];
  // A byte order mark is what some editors put in front.
  text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/).forEach((line, i) => {
    const refuse: Refuse = (reason) => {
      throw new InspectError("ERR_INSPECT_KEYS", `Cannot read ${name}, line ${i + 1}: ${reason}`);
    };
    const fields = splitTableLine(line.startsWith(OWN_LINE) ? line.slice(OWN_LINE.length) : line);
    if (typeof fields === "string") return refuse(`it has ${fields}`);
    if (fields.length === 0) return;
    try {
      if (/^ipv[46]$/i.test(fields[0]!)) esp.push(readEspSa(fields, refuse));
      else ike.push(readIkeSa(fields, refuse));
    } catch (error) {
      if (!(error instanceof ForeignAlgorithm)) throw error;
      unused.push({ line: i + 1, reason: error.message });
    }
  });
  return { ike, esp, unused };
}

type Refuse = (reason: string) => never;

/** An algorithm that Wireshark has and this toolkit has not. */
class ForeignAlgorithm extends Error {
  constructor(algorithm: string) {
    super(`${algorithm} is none of the algorithms here`);
  }
}

const SPI_SIZE = 8;
const IKE_FIELDS = 8;
const MIN_ESP_FIELDS = 8;
const MAX_ESP_FIELDS = 10;

function readIkeSa(fields: readonly string[], refuse: Refuse): IkeSaKeys {
  if (fields.length !== IKE_FIELDS) {
    refuse(
      `expected the ${IKE_FIELDS} fields of ikev2_decryption_table, or of esp_sa ` +
        `${MIN_ESP_FIELDS} to ${MAX_ESP_FIELDS} of which the first is "IPv4" or "IPv6", got ${fields.length}`,
    );
  }
  const [spiI, spiR, skEi, skEr, encryptionName, skAi, skAr, integrityName] = fields as string[] & {
    length: 8;
  };
  const spis = [spiI!, spiR!].map((field, i) => {
    const spi = readHex(field, `SPI of the ${i === 0 ? "initiator" : "responder"}`, refuse);
    return spi.length === SPI_SIZE ? spi : refuse(`expected an SPI of ${SPI_SIZE} octets, got ${spi.length}`);
  });
  const rows = namedOr(ikeEncryptionNamed(encryptionName!), encryptionName!, refuse);
  const named = integrityOr(integrityNamed(integrityName!), integrityName!, refuse);
  const [row] = rows;
  const aead = row!.icvSize > 0;
  if (named.kind === "any" || row!.mode === "null") {
    throw new ForeignAlgorithm(aead ? integrityName! : encryptionName!);
  }
  if (!aead && named.kind === "none") {
    refuse(`expected an integrity algorithm beside ${shown(encryptionName!)}, got none`);
  }
  const integrity = aead || named.kind !== "mac" ? null : named.transform;
  const encryptionSize = row!.keySize + row!.saltSize;
  const [ei, er, ai, ar] = ([
    ["SK_ei", skEi!, encryptionSize],
    ["SK_er", skEr!, encryptionSize],
    ["SK_ai", skAi!, integrity?.keySize ?? 0],
    ["SK_ar", skAr!, integrity?.keySize ?? 0],
  ] as const).map(([what, field, size]) => {
    const key = readHex(field, what, refuse);
    // Wireshark keeps what it does not use; a direction may be unknown.
    if (size === 0) return new Uint8Array(0);
    return key.length === 0 || key.length === size ? key : refuse(
      `expected ${what} to have ${size} octets for ${shown(encryptionName!)} and ${
        shown(integrityName!)
      }, got ${key.length}`,
    );
  }) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  return {
    spiI: spis[0]!,
    spiR: spis[1]!,
    encryption: row!,
    integrity,
    skEi: ei,
    skEr: er,
    skAi: ai,
    skAr: ar,
  };
}

function readEspSa(fields: readonly string[], refuse: Refuse): EspSaKeys {
  if (fields.length < MIN_ESP_FIELDS || fields.length > MAX_ESP_FIELDS) {
    refuse(`expected the ${MIN_ESP_FIELDS} to ${MAX_ESP_FIELDS} fields of esp_sa, got ${fields.length}`);
  }
  const [, , , spiField, encryptionName, keyField, integrityName, integrityKeyField, bitsField, highField] =
    fields;
  const candidates = namedOr(espEncryptionNamed(encryptionName!), encryptionName!, refuse);
  const named = integrityOr(integrityNamed(integrityName!), integrityName!, refuse);
  const encryptionKey = readKey(keyField!, "encryption key", refuse);
  let encryption = candidates.filter(({ keySize, saltSize }) => keySize + saltSize === encryptionKey.length);
  if (encryption.length === 0) {
    const sizes = [...new Set(candidates.map(({ keySize, saltSize }) => keySize + saltSize))].sort((a, b) =>
      a - b
    );
    refuse(
      `expected an encryption key of ${sizes.join(", ")} octets for ${
        shown(encryptionName!)
      }, got ${encryptionKey.length}`,
    );
  }
  const aead = encryption[0]!.icvSize > 0;
  if (aead && named.kind === "any" && encryption.length > 1) {
    encryption = encryption.filter(({ icvSize }) => icvSize === named.icvSize);
    if (encryption.length === 0) {
      refuse(`expected an ICV of 8, 12 or 16 octets for ${shown(encryptionName!)}, got ${named.icvSize}`);
    }
  }
  let integrity: IntegrityTransform | null = null;
  let integrityKey = new Uint8Array(0);
  if (!aead && named.kind === "mac") {
    integrity = named.transform;
    integrityKey = readKey(integrityKeyField!, "authentication key", refuse);
    if (integrityKey.length !== integrity.keySize) {
      refuse(
        `expected an authentication key of ${integrity.keySize} octets for ${
          shown(integrityName!)
        }, got ${integrityKey.length}`,
      );
    }
  }
  const esn = bitsField === undefined || bitsField === "" ? null : readBits(bitsField, refuse);
  return {
    spi: readSpi(spiField!, refuse),
    encryption,
    encryptionKey,
    integrity,
    integrityKey,
    uncheckedIcvSize: !aead && named.kind === "any" ? named.icvSize : 0,
    esn,
    sequenceHigh: highField === undefined || highField === ""
      ? 0
      : readWord(highField, "upper sequence number", refuse),
  };
}

/** `32-bit` or `64-bit`. */
function readBits(field: string, refuse: Refuse): boolean {
  const match = /^(32|64)(?:[ -]?bits?)?$/i.exec(field.trim());
  return match === null
    ? refuse(`expected "32-bit" or "64-bit" sequence numbers, got ${shown(field)}`)
    : match[1] === "64";
}

function readSpi(field: string, refuse: Refuse): number | null {
  return /^(0x)?\*+$/i.test(field) ? null : readWord(field, "SPI", refuse);
}

function readWord(field: string, what: string, refuse: Refuse): number {
  const digits = /^(?:0x)?([0-9a-f]{1,8})$/i.exec(field.trim());
  return digits === null
    ? refuse(`expected ${what} as up to 8 hexadecimal digits, got ${shown(field)}`)
    : parseInt(digits[1]!, 16);
}

function readHex(field: string, what: string, refuse: Refuse): Uint8Array<ArrayBuffer> {
  const digits = field.trim().replace(/^0x/i, "");
  return digits.length % 2 === 0 && /^[0-9a-f]*$/i.test(digits) ? fromHex(digits) : refuse(
    `expected ${what} as pairs of hexadecimal digits, got ${digits.length} characters that are none`,
  );
}

/** Hexadecimal behind `0x`; anything else is the key itself, in ASCII. */
function readKey(field: string, what: string, refuse: Refuse): Uint8Array<ArrayBuffer> {
  if (!/^0x/i.test(field)) return Uint8Array.from(field, (character) => character.charCodeAt(0));
  const digits = field.slice(2);
  return readHex(digits.length % 2 === 0 ? digits : `0${digits}`, what, refuse);
}

function namedOr(
  named: NamedEncryption | undefined,
  name: string,
  refuse: Refuse,
): readonly EncryptionTransform[] {
  if (named === null) throw new ForeignAlgorithm(name);
  return named ?? refuse(`expected an encryption algorithm by a name of Wireshark's, got ${shown(name)}`);
}

function integrityOr(
  named: NamedIntegrity | undefined,
  name: string,
  refuse: Refuse,
): Exclude<NamedIntegrity, { kind: "foreign" }> {
  if (named?.kind === "foreign") throw new ForeignAlgorithm(name);
  return named ?? refuse(`expected an integrity algorithm by a name of Wireshark's, got ${shown(name)}`);
}

/** A field of a message. Where fields have lost their order it may be a key: what looks like one is not shown. */
function shown(field: string): string {
  if (/^(0x)?[0-9a-f]{9,}$/i.test(field)) return `${field.length} characters of hexadecimal`;
  return JSON.stringify(field.length > 60 ? `${field.slice(0, 12)}...` : field);
}
