/** ESP made by others, through the whole room: the shared vectors, and recorded libreswan and strongSwan. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { type CipherSpec, ENCRYPTION_TRANSFORMS, INTEGRITY_TRANSFORMS } from "../../lib/crypto/mod.ts";
import { EspDecryptor, InboundSa, NEXT_HEADER, SaTable } from "../../lib/esp/mod.ts";
import { crypto, fromHex, through } from "../_support/esp_scene.ts";
import { espVectors, unreadEspVectors } from "../_support/esp_vectors.ts";
import { sharedVectors, sharedVectorsFolder } from "../_support/vectors.ts";

const files = espVectors();

/** Whether padding is 1, 2, 3, ...: some published packets have other padding, which RFC 4303 tells receivers to refuse. */
function isPadded(body: Uint8Array): boolean {
  const padLength = body.at(-2)!;
  return body.subarray(body.length - 2 - padLength, -2).every((octet, i) => octet === i + 1);
}

/** What becomes of an authentic body in tunnel mode. */
function expectedOf(body: Uint8Array): { packet: Uint8Array | null; reason: string | null } {
  if (!isPadded(body)) return { packet: null, reason: "padding" };
  const nextHeader = body.at(-1)!;
  const payload = body.subarray(0, body.length - 2 - body.at(-2)!);
  if (nextHeader === NEXT_HEADER.none) return { packet: null, reason: "dummy" };
  const length = nextHeader === NEXT_HEADER.ipv4
    ? payload[2]! << 8 | payload[3]!
    : 40 + (payload[4]! << 8 | payload[5]!);
  return { packet: payload.subarray(0, length), reason: null };
}

describe("ESP packets of others", { skip: files.length === 0 }, () => {
  let accepted = 0;
  let rejected = 0;
  for (const { file, vectors } of files) {
    for (const vector of vectors) {
      it(`${file}: ${vector.name} is ${vector.accept ? "taken" : "dropped"}`, (t) => {
        if (!crypto.supports(vector.spec.encryption, vector.spec.integrity ?? null)) {
          return t.skip("nobody has its algorithms here");
        }
        const spi = new DataView(vector.packet.buffer, vector.packet.byteOffset).getUint32(0);
        const low = new DataView(vector.packet.buffer, vector.packet.byteOffset).getUint32(4);
        const nextHeader = vector.body?.at(-1);
        const isTunnel = nextHeader === undefined || [4, 41, 59].includes(nextHeader);
        const four = new Uint8Array([192, 0, 2, 1]);
        const sa = new InboundSa({
          // A mutated SPI is found by the SA all the same: the SA must refuse the packet itself.
          spi,
          cipher: vector.spec,
          crypto,
          window: low === 0 && vector.sequenceHigh === 0
            ? {}
            : { highest: before(vector.sequenceHigh, low, vector.spec.esn ?? false) },
          ...(isTunnel ? {} : { transport: { addresses: { source: four, destination: four } } }),
        });
        const table = new SaTable();
        table.addInbound(sa);
        const decryptor = new EspDecryptor({ table, copy: true });
        const out = through(decryptor, [vector.packet]);
        const { dropped } = decryptor.counters;
        table.dispose();
        if (!vector.accept) {
          rejected++;
          assert.deepEqual(out, []);
          assert.equal(dropped.icv + dropped.malformed + dropped.sequence, 1);
          return;
        }
        accepted++;
        const body = vector.body!;
        if (low === 0 && vector.sequenceHigh === 0) return assert.equal(dropped.sequence, 1);
        if (!isTunnel) {
          if (!isPadded(body)) return assert.equal(dropped.padding, 1);
          assert.deepEqual([...out[0]!.subarray(20)], [...body.subarray(0, body.length - 2 - body.at(-2)!)]);
          assert.equal(out[0]![9], nextHeader);
          return;
        }
        const { packet, reason } = expectedOf(body);
        if (packet === null) return assert.equal(dropped[reason as "padding" | "dummy"], 1);
        assert.deepEqual(out, [packet]);
      });
    }
  }

  it("are all read but those of DES and Triple DES, which RFC 8221 bans and the table lacks", () => {
    const lacking = unreadEspVectors();
    assert.deepEqual(lacking.filter((name) => !["DES-CBC", "3DES-CBC"].includes(name)), []);
    assert.ok(lacking.length < 15, `${lacking.length} of them`);
  });

  it("were both taken and dropped", () => {
    assert.ok(accepted >= 70, `${accepted} taken`);
    assert.ok(rejected >= 19, `${rejected} dropped`);
  });
});

/** The number before a sequence number, so that a window infers its upper half. */
function before(high: number, low: number, esn: boolean): { high: number; low: number } {
  if (low > 0) return { high: esn ? high : 0, low: low - 1 };
  return { high: high - 1, low: 0xffffffff };
}

interface RecordedSa {
  readonly encr: string;
  readonly key: string;
  readonly salt?: string;
  readonly icv_len?: number;
  readonly integ?: string;
  readonly integ_key?: string;
}

function specOf(sa: RecordedSa, esn: boolean): CipherSpec {
  const key = Uint8Array.from([...fromHex(sa.key), ...fromHex(sa.salt ?? "")]);
  const start = sa.encr === "AES-GCM" ? `ENCR_AES_GCM_${sa.icv_len}` : `ENCR_${sa.encr.replaceAll("-", "_")}`;
  const encryption = ENCRYPTION_TRANSFORMS.find((row) =>
    row.name === start && row.keySize + row.saltSize === key.length
  );
  assert.ok(encryption !== undefined, `${sa.encr} is in the table`);
  const name = `AUTH_${(sa.integ ?? "").replaceAll("-", "_")}`;
  const integrity = INTEGRITY_TRANSFORMS.find((row) => row.name === name) ?? null;
  return {
    encryption,
    encryptionKey: key,
    integrity,
    ...(integrity === null ? {} : { integrityKey: fromHex(sa.integ_key!) }),
    esn,
  };
}

describe("Recorded strongSwan ESP", () => {
  const folder = new URL("ike-live/", sharedVectorsFolder);
  for (const file of listed(folder)) {
    it(`decrypts to what was inside, once: ${file}`, () => {
      const recorded = sharedVectors(`ike-live/${file}`) as {
        esp_sas: Record<string, RecordedSa>;
        esp: { packet: string; expected: { payload: string }; esn: boolean }[];
      };
      const table = new SaTable();
      for (const [spi, sa] of Object.entries(recorded.esp_sas)) {
        const esn = recorded.esp.some(({ packet, esn }) => packet.startsWith(spi) && esn);
        table.addInbound(new InboundSa({ spi: parseInt(spi, 16), cipher: specOf(sa, esn), crypto }));
      }
      const decryptor = new EspDecryptor({ table, copy: true });
      const packets = recorded.esp.map(({ packet }) => fromHex(packet));
      const payloads = recorded.esp.map(({ expected }) => fromHex(expected.payload));
      assert.deepEqual(through(decryptor, packets), payloads);
      assert.deepEqual(through(decryptor, packets), []);
      assert.equal(decryptor.counters.dropped.replayed, packets.length);
      table.dispose();
    });
  }
});

describe("Recorded libreswan ESP over TCP, with ESN", () => {
  const folder = new URL("tcp/", sharedVectorsFolder);
  for (const file of listed(folder).filter((name) => name.startsWith("libreswan-"))) {
    it(`is authentic to the last packet: ${file}`, () => {
      const recorded = sharedVectors(`tcp/${file}`) as {
        esp_sas: (RecordedSa & { spi: string; esn: boolean })[];
        connections: Record<string, { kind: string; hex: string }[]>[];
      };
      const table = new SaTable();
      for (const sa of recorded.esp_sas) {
        table.addInbound(new InboundSa({ spi: parseInt(sa.spi, 16), cipher: specOf(sa, sa.esn), crypto }));
      }
      const decryptor = new EspDecryptor({ table, copy: true });
      const messages = recorded.connections.flatMap((connection) =>
        [...connection["initiator_messages"] ?? [], ...connection["responder_messages"] ?? []]
          .filter(({ kind }) => kind === "esp").map(({ hex }) => fromHex(hex))
      );
      assert.ok(messages.length > 0);
      const packets = through(decryptor, messages);
      assert.equal(packets.length, messages.length);
      assert.deepEqual(Object.entries(decryptor.counters.dropped).filter(([, count]) => count > 0), []);
      table.dispose();
    });
  }
});

function listed(folder: URL): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".json"));
  } catch {
    return []; // absent: the folder of vectors is no part of the project
  }
}
