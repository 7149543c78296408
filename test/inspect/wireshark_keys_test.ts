/**
 * Wireshark's tool opens what we sealed with the tables that we wrote, and finds in it what `CaptureDecoder` finds with the
 * same tables: every algorithm that it has a name for, and recorded sessions of others.
 */

import { after, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { concat } from "../../lib/bytes/mod.ts";
import { ENCRYPTION_TRANSFORMS, ESP_HEADER_SIZE, INTEGRITY_TRANSFORMS } from "../../lib/crypto/mod.ts";
import { notifyPayload } from "../../lib/ike/codec/mod.ts";
import { datagramPath, IkeProtection, type KeyLogEntry } from "../../lib/ike/mod.ts";
import {
  type DecodedRow,
  KEY_TABLE_HEADER,
  keyTableLines,
  type KeyTableName,
  MessageDecryptor,
  OWN_LINE,
  parseKeyTables,
} from "../../lib/inspect/mod.ts";
import { runtimeCrypto } from "../../lib/runtime/mod.ts";
import { CLIENT, decodeItems, pcapFile, readCapture, SERVER, timed, udp } from "../_support/captures.ts";
import { projectRoot } from "../_support/vectors.ts";

const crypto = runtimeCrypto();
const missing = spawnSync("tshark", ["--version"]).status !== 0;
const skip = missing && !process.env["CI"] ? "it needs Wireshark's tshark" : false;

const TABLES: readonly KeyTableName[] = ["ikev2_decryption_table", "esp_sa"];

describe("Wireshark's tshark, with our tables of keys", { skip }, () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "iketcp-keys-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs tshark with the tables that lie in the folder, and nobody's settings. */
  function tshark(file: string, ...args: readonly string[]): string[] {
    return execFileSync("tshark", [
      ...["-n", "-r", file],
      ...["-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE"],
      ...args,
    ], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, WIRESHARK_CONFIG_DIR: folder },
    }).trimEnd().split("\n");
  }

  function decode(file: string): DecodedRow[] {
    const tables = TABLES.map((table) => parseKeyTables(readFileSync(join(folder, table), "utf8"), table));
    const keys = new MessageDecryptor(crypto, tables);
    const rows = decodeItems(readCapture([new Uint8Array(readFileSync(file))]), { keys });
    keys.dispose();
    return rows;
  }

  it("opens IKE messages and ESP packets of every algorithm that it has a name for", () => {
    const { entries, packets } = everySuite();
    const texts: Record<KeyTableName, string> = {
      ikev2_decryption_table: KEY_TABLE_HEADER,
      esp_sa: KEY_TABLE_HEADER,
    };
    const known: boolean[] = [];
    for (const entry of entries) {
      const { table, text } = keyTableLines(entry);
      texts[table] += text;
      known.push(!text.startsWith(OWN_LINE));
    }
    for (const table of TABLES) writeFileSync(join(folder, table), texts[table]);
    const file = join(folder, "suites.pcap");
    writeFileSync(file, pcapFile(timed(packets)));

    const rows = decode(file);
    assert.equal(rows.length, entries.length);
    assert.deepEqual(rows.filter(({ ike, esp }) => (ike ?? esp)!.decrypted !== true), []);

    const fields = ["isakmp.notify.msgtype", "isakmp.enc.icd", "esp.icv_good", "esp.icv_bad", "ip.proto"];
    const lines = tshark(
      file,
      "-T",
      "fields",
      ...fields.flatMap((field) => ["-e", field]),
      "-E",
      "occurrence=l",
    );
    assert.equal(lines.length, entries.length);
    lines.forEach((line, i) => {
      const [notify, , good, bad, protocol] = line.split("\t");
      const entry = entries[i]!;
      const name = `${entry.encryption.keyword} ${entry.integrity?.keyword ?? ""} ${entry.type}`;
      if (entry.type === "ike_keys") assert.equal(notify, known[i] ? "16384" : "", name);
      // The innermost packet: ICMP where it was opened, UDP of the outer one where it was not.
      else assert.deepEqual([protocol, good, bad], known[i] ? ["1", "1", "0"] : ["17", "", ""], name);
    });
    // Ciphers without a name are some, and not most.
    assert.ok(known.filter(Boolean).length > 40);
    assert.ok(known.filter((name) => !name).length > 10);
    assert.deepEqual(tshark(file, "-Y", "_ws.malformed"), [""]);
  });

  const captures = new URL("test/vectors/captures/", projectRoot);
  const dissector = new URL("test/interop/lab/rfc9329.lua", projectRoot);
  it(
    "finds in the recorded session of strongSwan over TCP what we find",
    { skip: !existsSync(dissector) },
    () => {
      for (const table of TABLES) {
        copyFileSync(new URL(`strongswan-tcp-relay.${table}`, captures), join(folder, table));
      }
      const file = fileURLToPath(new URL("strongswan-tcp-relay.pcap", captures));
      const lua = ["-X", `lua_script:${fileURLToPath(dissector)}`];
      const rows = decode(file);
      const fields = (filter: string, field: string) =>
        tshark(file, ...lua, "-Y", filter, "-T", "fields", "-e", field);
      // Every payload of every IKE message, the sealed ones too; the last "next payload" of a chain is zero.
      const types = fields("isakmp", "isakmp.typepayload");
      const ike = rows.filter(({ kind }) => kind === "ike");
      assert.equal(types.length, ike.length);
      types.forEach((line, i) => {
        const { payloads, inner = [] } = ike[i]!.ike!;
        const count = line.split(",").filter((type) => Number(type) >= 33).length;
        // Proposals and transforms (2 and 3) are payloads to Wireshark.
        assert.equal(count, payloads.length + inner.length, line);
      });
      const esp = rows.filter(({ kind }) => kind === "esp").map(({ esp }) => esp!.inner);
      const sources = fields("esp", "ip.src");
      const destinations = fields("esp", "ip.dst");
      assert.deepEqual(
        sources.map((line, i) => `IPv4 ${line.split(",")[1]} > ${destinations[i]!.split(",")[1]} ICMP`),
        esp,
      );
      assert.deepEqual(fields("esp.icv_bad == 1", "frame.number"), [""]);
    },
  );
});

/** One message of every suite, and the entry of the key log for its SA. */
function everySuite(): { entries: KeyLogEntry[]; packets: Uint8Array[] } {
  const entries: KeyLogEntry[] = [];
  const packets: Uint8Array[] = [];
  for (const encryption of ENCRYPTION_TRANSFORMS) {
    const macs = encryption.icvSize > 0 ? [null] : INTEGRITY_TRANSFORMS;
    for (const integrity of macs) {
      const number = entries.length + 1;
      const key = (from: number, size: number) =>
        Uint8Array.from({ length: size }, (_, i) => from + i + number);
      const encryptionKey = key(1, encryption.keySize + encryption.saltSize);
      const integrityKey = key(99, integrity?.keySize ?? 0);
      const spec = { encryption, encryptionKey, integrity, integrityKey };
      const spi = 0xc0000000 + number;
      entries.push({
        type: "child_keys",
        encryption,
        integrity,
        esn: false,
        path: PATH,
        inbound: { spi: spi + 0x10000, encryptionKey, integrityKey },
        outbound: { spi, encryptionKey, integrityKey },
      });
      packets.push(udp(CLIENT, SERVER, espPacket(spi, crypto.createSealer(spec))));
      if (encryption.mode === "null" || encryption.mode === "gmac" || encryption.implicitIv) continue;
      const [spiI, spiR] = [number, number + 100].map((octet) => new Uint8Array(8).fill(octet)) as [
        Uint8Array,
        Uint8Array,
      ];
      entries.push({
        type: "ike_keys",
        spiI,
        spiR,
        encryption,
        integrity,
        skEi: encryptionKey,
        skEr: encryptionKey,
        skAi: integrityKey,
        skAr: integrityKey,
      });
      const protection = new IkeProtection({
        sealer: crypto.createSealer(spec),
        opener: crypto.createOpener(spec),
        random: (octets) => void octets.fill(7),
      });
      const message = protection.seal({
        spiI,
        spiR,
        exchangeType: 37,
        initiator: true,
        response: false,
        messageId: 2,
        payloads: [notifyPayload(16384)],
      });
      protection.dispose();
      packets.push(udp(CLIENT, SERVER, concat([new Uint8Array(4), message])));
    }
  }
  return { entries, packets };
}

const PATH = datagramPath(
  { address: Uint8Array.of(192, 0, 2, 10), port: 40000 },
  { address: Uint8Array.of(198, 51, 100, 10), port: 4500 },
);

/** An IPv4 packet with an echo request in ESP. */
function espPacket(spi: number, sealer: ReturnType<typeof crypto.createSealer>): Uint8Array {
  const inner = Uint8Array.of(
    ...[0x45, 0, 0, 28, 0, 1, 0, 0, 64, 1, 0x66, 0xdd, 10, 0, 0, 1, 10, 0, 0, 2],
    ...[8, 0, 0xf7, 0xfd, 0, 1, 0, 1],
  );
  const alignment = Math.max(4, sealer.blockSize);
  const bodySize = Math.ceil((inner.length + 2) / alignment) * alignment;
  const bodyStart = ESP_HEADER_SIZE + sealer.ivSize;
  const packet = new Uint8Array(bodyStart + bodySize + sealer.icvSize);
  const view = new DataView(packet.buffer);
  view.setUint32(0, spi);
  view.setUint32(4, 1);
  packet.fill(9, ESP_HEADER_SIZE, bodyStart);
  packet.set(inner, bodyStart);
  const padLength = bodySize - 2 - inner.length;
  for (let i = 0; i < padLength; i++) packet[bodyStart + inner.length + i] = i + 1;
  packet.set([padLength, 4], bodyStart + bodySize - 2);
  sealer.seal(packet);
  sealer.dispose();
  return packet;
}
