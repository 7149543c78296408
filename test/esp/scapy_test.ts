/** scapy's ESP as the other end of a real RFC 9329 stream on loopback: what either writes, the other one reads. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { toHex } from "../../lib/bytes/mod.ts";
import type { CipherSpec } from "../../lib/crypto/mod.ts";
import { EncapsulationStream } from "../../lib/encap/mod.ts";
import { InPlaceFramer } from "../../lib/encap/in_place_framer.ts";
import { EspDecryptor, EspEncryptor, InboundSa, OutboundSa, SaTable } from "../../lib/esp/mod.ts";
import { parseIpPacket, parseUdpDatagram, transportChecksum } from "../../lib/ip/mod.ts";
import { connectTcp } from "../../lib/runtime/mod.ts";
import { address, cipherSpec, crypto, through, udpPacket } from "../_support/esp_scene.ts";

/** Debian's own Python, which has Debian's scapy. */
const PYTHON = "/usr/bin/python3";
const hasScapy = spawnSync(PYTHON, ["-c", "import scapy.layers.ipsec, cryptography"]).status === 0;
const skip = hasScapy || process.env["CI"]
  ? false
  : "it needs Debian's packages python3-scapy and python3-cryptography";

/** Our keywords, scapy's names, and the size of an ICV where scapy must be told; what scapy has and the table has not is DES, Triple DES, CAST, Blowfish and MD5. */
const ALGORITHMS: readonly {
  readonly ours: readonly [encryption: string, integrity?: string];
  readonly encryption: string;
  readonly integrity?: string;
  readonly icvSize?: number;
}[] = [
  { ours: ["aes128gcm16"], encryption: "AES-GCM" },
  { ours: ["aes192gcm16"], encryption: "AES-GCM" },
  { ours: ["aes256gcm16"], encryption: "AES-GCM" },
  { ours: ["chacha20poly1305"], encryption: "CHACHA20-POLY1305" },
  { ours: ["aes128ccm8"], encryption: "AES-CCM", icvSize: 8 },
  { ours: ["aes192ccm12"], encryption: "AES-CCM", icvSize: 12 },
  { ours: ["aes256ccm16"], encryption: "AES-CCM", icvSize: 16 },
  { ours: ["aes128", "sha1"], encryption: "AES-CBC", integrity: "HMAC-SHA1-96" },
  { ours: ["aes192", "sha256"], encryption: "AES-CBC", integrity: "SHA2-256-128" },
  { ours: ["aes256", "sha384"], encryption: "AES-CBC", integrity: "SHA2-384-192" },
  { ours: ["aes256", "sha512"], encryption: "AES-CBC", integrity: "SHA2-512-256" },
  { ours: ["aes128", "aescmac"], encryption: "AES-CBC", integrity: "AES-CMAC-96" },
  { ours: ["aes128ctr", "sha256"], encryption: "AES-CTR", integrity: "SHA2-256-128" },
  { ours: ["aes192ctr", "sha1"], encryption: "AES-CTR", integrity: "HMAC-SHA1-96" },
  { ours: ["aes256ctr", "aescmac"], encryption: "AES-CTR", integrity: "AES-CMAC-96" },
  { ours: ["null", "sha256"], encryption: "NULL", integrity: "SHA2-256-128" },
  { ours: ["null", "aescmac"], encryption: "NULL", integrity: "AES-CMAC-96" },
];

/** The upper half of sequence numbers, of those SAs that have one. scapy authenticates it with AEADs only. */
const HIGH = 5;

interface Sa {
  readonly name: string;
  readonly spi: number;
  readonly backSpi: number;
  readonly there: CipherSpec;
  readonly back: CipherSpec;
  readonly scapy: object;
}

const sas: readonly Sa[] = ALGORITHMS.flatMap((row, i) => {
  const [encryption, integrity] = row.ours;
  return (integrity === undefined ? [false, true] : [false]).map((esn, j) => {
    const spi = 0x3000 + 16 * i + j;
    const [there, back] = [
      cipherSpec(encryption, integrity, esn, 1 + i),
      cipherSpec(encryption, integrity, esn, 77 + i),
    ];
    const keys = ({ encryptionKey, integrityKey }: CipherSpec) => ({
      key: toHex(encryptionKey),
      macKey: toHex(integrityKey!),
    });
    return {
      name: `${row.ours.join("-")}${esn ? " with ESN" : ""}`,
      spi,
      backSpi: spi + 8,
      there,
      back,
      scapy: {
        spi,
        backSpi: spi + 8,
        encryption: row.encryption,
        integrity: row.integrity,
        icvSize: row.icvSize,
        esn,
        high: esn ? HIGH : 0,
        there: keys(there),
        back: keys(back),
      },
    };
  });
});

/** The inner packets that go there: both versions, every remainder of a block, a large one. */
const payloadSizes = [0, 1, 2, 3, 15, 16, 17, 333, 1200];

describe("scapy's ESP at the other end of a stream", { skip }, () => {
  it("reads what we encrypt and we read what it encrypts, with every algorithm that both have", {
    timeout: 60_000,
  }, async () => {
    const child = spawn(PYTHON, [fileURLToPath(new URL("_scapy_peer.py", import.meta.url))], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    let complaints = "";
    child.stderr.setEncoding("utf8").on("data", (text) => complaints += text);
    const ended = once(child, "close");
    child.stdin.end(`${JSON.stringify(sas.map(({ scapy }) => scapy))}\n`);
    const lines = createInterface({ input: child.stdout });
    const first = await Promise.race([once(lines, "line"), ended.then(() => assert.fail(complaints))]);
    const socket = await connectTcp({ hostname: "127.0.0.1", port: Number(first[0]) });
    const vpn = new EncapsulationStream({ role: "originator", framer: new InPlaceFramer() });
    const piped = socket.readable.pipeThrough(vpn).pipeTo(socket.writable);
    try {
      const writer = vpn.esp.writable.getWriter();
      const reader = vpn.esp.readable.getReader();
      for (const sa of sas) {
        writer.write(sealed(sa)).catch(() => {});
        const answers: Uint8Array[] = [];
        while (answers.length < packetsOf().length) {
          const { value, done } = await reader.read();
          assert.ok(!done, `the stream ended: ${complaints}`);
          answers.push(...value);
        }
        checkAnswers(sa, answers);
      }
      await Promise.all([writer.close(), vpn.ike.writable.close()]);
      await Promise.all([piped, ended]);
      assert.equal(complaints, "");
    } finally {
      child.kill();
      await piped.catch(() => {});
      await socket.close();
      await ended;
    }
  });
});

function packetsOf(): Uint8Array[] {
  return payloadSizes.map((size, i) =>
    i % 2 === 0 ? udpPacket(size) : udpPacket(size, "2001:db8::1", "2001:db8::2")
  );
}

function sealed({ spi, there }: Sa): Uint8Array[] {
  const any = [{ start: address("0.0.0.0"), end: address("255.255.255.255") }, {
    start: address("::"),
    end: address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
  }];
  const table = new SaTable();
  const lastSequence = { high: there.esn ? HIGH : 0, low: 0 };
  table.addOutbound(new OutboundSa({ spi, cipher: there, crypto, lastSequence }), {
    local: any,
    remote: any,
  });
  const messages = through(new EspEncryptor({ table, room: 2 }), packetsOf());
  table.dispose();
  return messages;
}

function checkAnswers({ name, backSpi, back }: Sa, answers: Uint8Array[]): void {
  for (const octets of answers) {
    if (octets[0] === 0xff) {
      assert.fail(`${name}: scapy says ${new TextDecoder().decode(octets.subarray(4))}`);
    }
  }
  const table = new SaTable();
  // scapy counts from 1; what it has sent before in the upper half is over.
  const window = back.esn ? { highest: { high: HIGH, low: 0 } } : {};
  table.addInbound(new InboundSa({ spi: backSpi, cipher: back, crypto, window }));
  const decryptor = new EspDecryptor({ table });
  const packets = through(decryptor, answers);
  table.dispose();
  assert.deepEqual(Object.entries(decryptor.counters.dropped).filter(([, count]) => count > 0), [], name);
  packetsOf().forEach((sent, i) => {
    const [before, after] = [parseIpPacket(sent)!, parseIpPacket(packets[i]!)!];
    assert.deepEqual([after.source, after.destination], [before.destination, before.source], name);
    assert.equal(transportChecksum(after.source, after.destination, 17, after.payload), 0, name);
    const [there, answer] = [parseUdpDatagram(before.payload)!, parseUdpDatagram(after.payload)!];
    assert.deepEqual([...answer.data], [...there.data].reverse(), name);
    assert.deepEqual([answer.sourcePort, answer.destinationPort], [6000, 5000], name);
  });
}
