/** Wireshark's tool decrypts and authenticates what an outbound SA wrote, for each algorithm that it knows. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { concat, toHex } from "../../lib/bytes/mod.ts";
import { EspEncryptor, OutboundSa, SaTable } from "../../lib/esp/mod.ts";
import { emitIpHeader } from "../../lib/ip/mod.ts";
import { address, ANY_TRAFFIC, cipherSpec, crypto, through, udpPacket } from "../_support/esp_scene.ts";

/** Our keywords and Wireshark's names. */
const ALGORITHMS: readonly (readonly [string, string | undefined, string, string])[] = [
  ["aes256gcm16", undefined, "AES-GCM with 16 octet ICV [RFC4106]", "NULL"],
  ["aes128gcm16", undefined, "AES-GCM with 16 octet ICV [RFC4106]", "NULL"],
  ["aes128", "sha1", "AES-CBC [RFC3602]", "HMAC-SHA-1-96 [RFC2404]"],
  ["aes256", "sha256", "AES-CBC [RFC3602]", "HMAC-SHA-256-128 [RFC4868]"],
  ["aes128ctr", "sha384", "AES-CTR [RFC3686]", "HMAC-SHA-384-192 [RFC4868]"],
  ["null", "sha512", "NULL", "HMAC-SHA-512-256 [RFC4868]"],
];

const missing = spawnSync("tshark", ["--version"]).status !== 0;
const skip = missing && !process.env["CI"] ? "it needs Wireshark's tshark" : false;

describe("Wireshark's tshark", { skip }, () => {
  it("finds in our ESP packets what was put into them", () => {
    const folder = mkdtempSync(join(tmpdir(), "iketcp-esp-"));
    try {
      const frames: Uint8Array[] = [];
      const options: string[] = [];
      const expected: string[] = [];
      ALGORITHMS.forEach(([encryption, integrity, name, mac], i) => {
        const spi = 0x2001 + i;
        const cipher = cipherSpec(encryption, integrity);
        const table = new SaTable();
        table.addOutbound(new OutboundSa({ spi, cipher, crypto }), ANY_TRAFFIC);
        // Ports that no dissector takes for its own.
        const packets = [1 + i, 64, 777].map((size) =>
          udpPacket(size, "10.0.0.1", "10.0.0.2", [40_001, 40_002])
        );
        for (const message of through(new EspEncryptor({ table }), packets)) frames.push(ipPacket(message));
        for (const packet of packets) {
          expected.push(`0x${toHex(Uint8Array.of(0, 0, spi >> 8, spi))}\t${toHex(packet.subarray(28))}`);
        }
        table.dispose();
        const key = cipher.encryptionKey.length === 0 ? "" : `0x${toHex(cipher.encryptionKey)}`;
        const macKey = integrity === undefined ? "" : `0x${toHex(cipher.integrityKey!)}`;
        options.push(
          "-o",
          `uat:esp_sa:"IPv4","*","*","0x${spi.toString(16)}","${name}","${key}","${mac}","${macKey}"`,
        );
      });
      const file = join(folder, "esp.pcap");
      writeFileSync(file, pcap(frames));
      const run = (...more: string[]) =>
        execFileSync("tshark", [
          ...[
            "-n",
            "-r",
            file,
            "-o",
            "esp.enable_encryption_decode:TRUE",
            "-o",
            "esp.enable_authentication_check:TRUE",
          ],
          ...options,
          ...more,
        ], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim().split("\n");
      assert.deepEqual(run("-T", "fields", "-e", "esp.spi", "-e", "udp.payload"), expected);
      const bad = run("-Y", "esp.icv_bad == 1 || _ws.malformed", "-T", "fields", "-e", "esp.spi");
      assert.deepEqual(bad, [""]);
      const good = run("-Y", "esp.icv_good == 1", "-T", "fields", "-e", "esp.spi");
      assert.deepEqual(good, expected.map((line) => line.split("\t")[0]!));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** An IPv4 packet of protocol 50. */
function ipPacket(message: Uint8Array): Uint8Array {
  const packet = new Uint8Array(20 + message.length);
  packet.set(message, 20);
  emitIpHeader(packet, {
    source: address("192.0.2.1"),
    destination: address("192.0.2.2"),
    protocol: 50,
    payloadLength: message.length,
  });
  return packet;
}

/** A capture file of raw IP packets. */
function pcap(packets: readonly Uint8Array[]): Uint8Array {
  const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
  const header = words(0xa1b2c3d4, 0x00040002, 0, 0, 65_535, 101);
  return concat([
    header,
    ...packets.flatMap((packet, i) => [words(i, 0, packet.length, packet.length), packet]),
  ]);
}
