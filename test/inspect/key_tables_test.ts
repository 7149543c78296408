/** Wireshark's tables of keys: what is read, what is refused and how, and that what is written is read again. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { fromHex, toHex } from "../../lib/bytes/mod.ts";
import {
  ENCRYPTION_TRANSFORMS,
  type EncryptionTransform,
  encryptionTransform,
  INTEGRITY_TRANSFORMS,
  type IntegrityTransform,
  integrityTransform,
} from "../../lib/crypto/mod.ts";
import type { KeyLogEntry } from "../../lib/ike/mod.ts";
import { datagramPath } from "../../lib/ike/mod.ts";
import {
  KEY_TABLE_HEADER,
  keyTableLines,
  MAX_KEY_TABLE_SIZE,
  OWN_LINE,
  parseKeyTables,
} from "../../lib/inspect/mod.ts";

const PATH = datagramPath(
  { address: Uint8Array.of(192, 0, 2, 1), port: 4500 },
  { address: Uint8Array.of(192, 0, 2, 2), port: 4500 },
);

/** Octets that count up. */
function key(from: number, size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, i) => from + i);
}

/** Every cipher, with each MAC where it needs one. */
function suites(): { encryption: EncryptionTransform; integrity: IntegrityTransform | null }[] {
  return ENCRYPTION_TRANSFORMS.flatMap((encryption) => {
    const macs: readonly (IntegrityTransform | null)[] = encryption.icvSize > 0
      ? [null]
      : INTEGRITY_TRANSFORMS;
    return macs.map((integrity) => ({ encryption, integrity }));
  });
}

function childEntry(
  encryption: EncryptionTransform,
  integrity: IntegrityTransform | null,
  esn = false,
): KeyLogEntry & { type: "child_keys" } {
  const keys = (from: number) => ({
    encryptionKey: key(from, encryption.keySize + encryption.saltSize),
    integrityKey: key(from + 1, integrity?.keySize ?? 0),
  });
  return {
    type: "child_keys",
    encryption,
    integrity,
    esn,
    path: PATH,
    inbound: { spi: 0xc0000001, ...keys(1) },
    outbound: { spi: 0x00000100, ...keys(101) },
  };
}

function ikeEntry(
  encryption: EncryptionTransform,
  integrity: IntegrityTransform | null,
): KeyLogEntry & { type: "ike_keys" } {
  const size = encryption.keySize + encryption.saltSize;
  return {
    type: "ike_keys",
    spiI: key(1, 8),
    spiR: key(0xf1, 8),
    encryption,
    integrity,
    skEi: key(10, size),
    skEr: key(20, size),
    skAi: key(30, integrity?.keySize ?? 0),
    skAr: key(40, integrity?.keySize ?? 0),
  };
}

describe("Tables of keys", () => {
  it("are read as they were written: IKE SAs of every cipher that IKE may have", () => {
    for (const { encryption, integrity } of suites()) {
      if (encryption.mode === "null" || encryption.implicitIv || encryption.mode === "gmac") continue;
      const { type: _, ...keys } = ikeEntry(encryption, integrity);
      const { table, text } = keyTableLines({ type: "ike_keys", ...keys });
      assert.equal(table, "ikev2_decryption_table");
      assert.deepEqual(parseKeyTables(KEY_TABLE_HEADER + text), { ike: [keys], esp: [], unused: [] });
    }
  });

  it("are read as they were written: ESP SAs of every cipher", () => {
    for (const { encryption, integrity } of suites()) {
      for (const esn of [false, true]) {
        const entry = childEntry(encryption, integrity, esn);
        for (const sequenceFields of [false, true]) {
          const { table, text } = keyTableLines(entry, { sequenceFields });
          assert.equal(table, "esp_sa");
          const { ike, esp, unused } = parseKeyTables(KEY_TABLE_HEADER + text);
          assert.deepEqual([ike, unused], [[], []]);
          assert.deepEqual(
            esp,
            [entry.outbound, entry.inbound].map(({ spi, encryptionKey, integrityKey }) => ({
              spi,
              encryption: [encryption],
              encryptionKey,
              integrity,
              integrityKey,
              uncheckedIcvSize: 0,
              esn: sequenceFields ? esn : null,
              sequenceHigh: 0,
            })),
            encryption.keyword,
          );
        }
      }
    }
  });

  it("are written as Wireshark writes them", () => {
    const { encryption, integrity } = {
      encryption: encryptionTransform("aes128")!,
      integrity: integrityTransform("sha1")!,
    };
    const counted = (from: number, size: number) => toHex(key(from, size));
    assert.equal(
      keyTableLines(ikeEntry(encryption, integrity)).text,
      `0102030405060708,f1f2f3f4f5f6f7f8,${counted(10, 16)},${counted(20, 16)},"AES-CBC-128 [RFC3602]",` +
        `${counted(30, 20)},${counted(40, 20)},"HMAC_SHA1_96 [RFC2404]"\n`,
    );
    assert.equal(
      keyTableLines(ikeEntry(encryptionTransform("aes256gcm16")!, null)).text,
      `0102030405060708,f1f2f3f4f5f6f7f8,${counted(10, 36)},${counted(20, 36)},` +
        `"AES-GCM-256 with 16 octet ICV [RFC5282]",,,"NONE [RFC4306]"\n`,
    );
    assert.equal(
      keyTableLines(childEntry(encryption, integrity)).text,
      `"IPv4","*","*","0x00000100","AES-CBC [RFC3602]","0x${counted(101, 16)}","HMAC-SHA-1-96 [RFC2404]","0x${
        counted(102, 20)
      }"\n` +
        `"IPv4","*","*","0xc0000001","AES-CBC [RFC3602]","0x${counted(1, 16)}","HMAC-SHA-1-96 [RFC2404]","0x${
          counted(2, 20)
        }"\n`,
    );
    const v6 = { address: new Uint8Array(16), port: 4500 };
    const overIpv6 = {
      ...childEntry(encryptionTransform("aes128gcm8")!, null, true),
      path: datagramPath(v6, v6),
    };
    const [line] = keyTableLines(overIpv6, { sequenceFields: true }).text.split("\n");
    assert.equal(
      line,
      `"IPv6","*","*","0x00000100","AES-GCM with 8 octet ICV [RFC4106]","0x${
        counted(101, 20)
      }","NULL","","64-bit","0"`,
    );
  });

  it("hide from Wireshark the lines that would make it refuse the file", () => {
    for (const keyword of ["chacha20poly1305", "aes128ccm16", "aes256gmac", "aes128gcm16iiv"]) {
      const { text } = keyTableLines(childEntry(encryptionTransform(keyword)!, null));
      assert.ok(text.trimEnd().split("\n").every((line) => line.startsWith(OWN_LINE)), keyword);
    }
    const { text } = keyTableLines(ikeEntry(encryptionTransform("aes128")!, integrityTransform("aescmac")!));
    assert.ok(text.startsWith(OWN_LINE));
    assert.ok(OWN_LINE.startsWith("#"), "a comment to Wireshark");
  });

  it("are taken with comments, blanks, line ends of all kinds, escapes, and both tables in one file", () => {
    const gcm = "AES-GCM with 16 octet ICV [RFC4106]";
    const text = `\uFEFF# a comment\r\n\r\n   # another\r` +
      ` "IPv4" , "10.0.0.1","10.0.0.2" ,"0x00000101", "${gcm}","0x${"11".repeat(20)}","NULL","" # behind\n` +
      `"ipv6","*","*","0X102","\\x41ES-GCM with 16 octet ICV","0x${"11".repeat(36)}","null",\n` +
      `01020304050607FF,${"ab".repeat(8)},${"22".repeat(16)},${"33".repeat(16)},"aes-cbc-128",${
        "44".repeat(20)
      },${"55".repeat(20)},"HMAC_SHA1_96"`;
    const { ike, esp, unused } = parseKeyTables(text);
    assert.deepEqual(unused, []);
    assert.deepEqual(esp.map(({ spi, encryption }) => [spi, encryption[0]!.keyword]), [
      [0x101, "aes128gcm16"],
      [0x102, "aes256gcm16"],
    ]);
    assert.deepEqual(ike.map(({ spiI, encryption }) => [toHex(spiI), encryption.keyword]), [
      ["01020304050607ff", "aes128"],
    ]);
    assert.deepEqual(parseKeyTables(""), { ike: [], esp: [], unused: [] });
  });

  it("may have keys in ASCII, and of an odd number of digits, as Wireshark takes them", () => {
    const rest = `"HMAC-SHA-1-96 [RFC2404]","01234567890123456789"`;
    const { esp } = parseKeyTables(`"IPv4","*","*","*","AES-CBC [RFC3602]","sixteen octets !",${rest}`);
    assert.equal(esp[0]!.spi, null);
    assert.deepEqual(esp[0]!.encryptionKey, new TextEncoder().encode("sixteen octets !"));
    assert.deepEqual(esp[0]!.integrityKey, new TextEncoder().encode("01234567890123456789"));
    const odd = parseKeyTables(`"IPv4","*","*","0x*","AES-CBC","0x1${"00".repeat(15)}",${rest}`).esp[0]!;
    assert.deepEqual(odd.encryptionKey, fromHex("01" + "00".repeat(15)));
  });

  it("leave the size of AES-GCM's ICV open where older versions do", () => {
    const line = (auth: string) =>
      `"IPv4","*","*","0x101","AES-GCM [RFC4106]","0x${"11".repeat(20)}","${auth}",""`;
    const icvs = (auth: string) =>
      parseKeyTables(line(auth)).esp[0]!.encryption.map(({ keyword }) => keyword);
    assert.deepEqual(icvs("NULL"), ["aes128gcm16", "aes128gcm12", "aes128gcm8"]);
    assert.deepEqual(icvs("ANY 64 bit authentication [no checking]"), ["aes128gcm8"]);
    assert.deepEqual(icvs("ANY 128 bit authentication [no checking]"), ["aes128gcm16"]);
  });

  it("say how sequence numbers are, in versions that say it", () => {
    const line = (...more: string[]) =>
      parseKeyTables(
        [`"IPv4","*","*","0x101","AES-GCM with 16 octet ICV","0x${"11".repeat(20)}","NULL",""`, ...more].join(
          ",",
        ),
      ).esp[0]!;
    const seen = (...more: string[]) => {
      const { esn, sequenceHigh } = line(...more);
      return [esn, sequenceHigh];
    };
    assert.deepEqual(seen(), [null, 0]);
    assert.deepEqual(seen('"32-bit"'), [false, 0]);
    assert.deepEqual(seen('"64-bit"', '"0"'), [true, 0]);
    assert.deepEqual(seen('"64-bit"', '"1f"'), [true, 0x1f]);
    assert.deepEqual(seen("64", "00000002"), [true, 2]);
    assert.deepEqual(seen('""', '""'), [null, 0]);
  });

  it("may hold algorithms that are not had here: their lines are told and passed over", () => {
    const text = `"IPv4","*","*","0x101","TripleDES-CBC [RFC2451]","0x${
      "11".repeat(24)
    }","HMAC-SHA-1-96 [RFC2404]","0x00"
"IPv4","*","*","0x101","AES-CBC [RFC3602]","0x${"11".repeat(16)}","HMAC-MD5-96 [RFC2403]","0x00"
${"01".repeat(8)},${"02".repeat(8)},${"00".repeat(24)},${
      "00".repeat(24)
    },"3DES [RFC2451]",,,"HMAC_SHA1_160 [RFC4595]"
"IPv4","*","*","0x101","AES-CBC [RFC3602]","0x${"11".repeat(16)}","NULL",""`;
    const { ike, esp, unused } = parseKeyTables(text);
    assert.deepEqual([ike.length, esp.length], [0, 1]);
    assert.deepEqual(unused, [
      { line: 1, reason: "TripleDES-CBC [RFC2451] is none of the algorithms here" },
      { line: 2, reason: "HMAC-MD5-96 [RFC2403] is none of the algorithms here" },
      { line: 3, reason: "3DES [RFC2451] is none of the algorithms here" },
    ]);
  });

  it("are refused with file, line and reason, and without a key", () => {
    const SECRET = "5e".repeat(16);
    const esp = (
      fields: Partial<Record<"spi" | "cipher" | "key" | "mac" | "macKey" | "more", string>>,
    ): string => {
      const { spi = "0x101", cipher = "AES-CBC [RFC3602]", mac = "HMAC-SHA-1-96 [RFC2404]", more = "" } =
        fields;
      const { key = `0x${SECRET}`, macKey = `0x${SECRET}5e5e5e5e` } = fields;
      return [["IPv4", "*", "*", spi, cipher, key, mac, macKey].map((field) => `"${field}"`).join(","), more]
        .join("");
    };
    const ike = (fields: readonly string[]) => fields.join(",");
    const spi = "0102030405060708";
    const wrong: readonly (readonly [line: string, reason: RegExp])[] = [
      ["GET / HTTP/1.1", /expected the 8 fields of ikev2_decryption_table, .* got 1$/],
      [`{"ike":"${SECRET}"}`, /got 1$/],
      [`"IPv4","*`, /it has a quotation mark without its other half$/],
      [`"IPv4""*"`, /it has something behind a quotation mark that is no comma$/],
      [new Array(100).fill("x").join(","), /more than 64 fields/],
      [`"${"x".repeat(70_000)}"`, /it has more than 65536 characters$/],
      [esp({}).replace(`,"0x${SECRET}5e5e5e5e"`, ""), /expected the 8 to 10 fields of esp_sa, got 7$/],
      [esp({ more: ',"32-bit","0","x"' }), /expected the 8 to 10 fields of esp_sa, got 11$/],
      [esp({ spi: "0x123456789" }), /expected SPI as up to 8 hexadecimal digits/],
      [esp({ spi: "gw" }), /expected SPI as up to 8 hexadecimal digits, got "gw"$/],
      [
        esp({ cipher: "AES-CBC-257" }),
        /expected an encryption algorithm by a name of Wireshark's, got "AES-CBC-257"$/,
      ],
      [
        esp({ mac: "HMAC-SHA-3" }),
        /expected an integrity algorithm by a name of Wireshark's, got "HMAC-SHA-3"$/,
      ],
      [esp({ key: `0x${SECRET}5e` }), /expected an encryption key of 16, 24, 32 octets for .*, got 17$/],
      [
        esp({ key: `0x${SECRET}zz` }),
        /expected encryption key as pairs of hexadecimal digits, got 34 characters/,
      ],
      [esp({ macKey: `0x${SECRET}` }), /expected an authentication key of 20 octets for .*, got 16$/],
      [esp({ more: ',"48-bit"' }), /expected "32-bit" or "64-bit" sequence numbers, got "48-bit"$/],
      [
        esp({ more: ',"64-bit","x"' }),
        /expected upper sequence number as up to 8 hexadecimal digits, got "x"$/,
      ],
      [esp({ spi: SECRET }), /got 32 characters of hexadecimal$/],
      [
        ike([spi, spi.slice(2), SECRET, SECRET, '"AES-CBC-128"', "", "", '"HMAC_SHA1_96"']),
        /expected an SPI of 8 octets, got 7$/,
      ],
      [
        ike([spi, "xyz", SECRET, SECRET, '"AES-CBC-128"', "", "", '"HMAC_SHA1_96"']),
        /expected SPI of the responder as pairs of hexadecimal digits, got 3 characters/,
      ],
      [
        ike([spi, spi, SECRET, `${SECRET}5e`, '"AES-CBC-128"', "", "", '"HMAC_SHA1_96"']),
        /expected SK_er to have 16 octets for "AES-CBC-128" and "HMAC_SHA1_96", got 17$/,
      ],
      [
        ike([spi, spi, SECRET, SECRET, '"AES-CBC-128"', SECRET, "", '"HMAC_SHA1_96"']),
        /expected SK_ai to have 20 octets/,
      ],
      [
        ike([spi, spi, SECRET, SECRET, '"AES-CBC-128"', "", "", '"NONE [RFC4306]"']),
        /expected an integrity algorithm beside "AES-CBC-128", got none$/,
      ],
    ];
    for (const [line, reason] of wrong) {
      assert.throws(() => parseKeyTables(`# first\n${line}\n`, "keys.txt"), (error) => {
        const { name, code, message } = error as Error & { code: string };
        assert.deepEqual([name, code], ["InspectError", "ERR_INSPECT_KEYS"], line);
        assert.ok(message.startsWith("Cannot read keys.txt, line 2: "), message);
        assert.match(message, reason);
        assert.ok(!message.includes("5e5e"), message);
        return true;
      }, line);
    }
    assert.throws(() => parseKeyTables(" ".repeat(MAX_KEY_TABLE_SIZE + 1)), { code: "ERR_INSPECT_KEYS" });
  });

  it("give keys or one kind of error, whatever is in them", () => {
    const good = [
      keyTableLines(childEntry(encryptionTransform("aes128")!, integrityTransform("sha256")!)).text,
      keyTableLines(childEntry(encryptionTransform("aes256gcm16")!, null), { sequenceFields: true }).text,
      keyTableLines(ikeEntry(encryptionTransform("aes192ctr")!, integrityTransform("sha512")!)).text,
    ].join("");
    const damaged = fc.tuple(fc.nat(good.length), fc.nat(40), fc.string({ maxLength: 12 }))
      .map(([at, cut, put]) => good.slice(0, at) + put + good.slice(at + cut));
    fc.assert(
      fc.property(fc.oneof(damaged, fc.string({ unit: "binary", maxLength: 300 })), (text) => {
        try {
          const { ike, esp } = parseKeyTables(text);
          for (const { encryption, skEi } of ike) {
            assert.ok([0, encryption.keySize + encryption.saltSize].includes(skEi.length));
          }
          for (const { encryption, encryptionKey } of esp) {
            for (const row of encryption) assert.equal(encryptionKey.length, row.keySize + row.saltSize);
          }
        } catch (error) {
          assert.equal((error as { code?: string }).code, "ERR_INSPECT_KEYS", String(error));
        }
      }),
      { numRuns: 300 },
    );
  });
});
