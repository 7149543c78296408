/** Captures of real daemons opened with their keys: every sealed message is authentic, and holds what others found in it. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { fromHex } from "../../lib/bytes/mod.ts";
import { describePayload, walkChain } from "../../lib/ike/codec/mod.ts";
import { type DecodedRow, type KeyLog, MessageDecryptor, parseKeyTables } from "../../lib/inspect/mod.ts";
import { runtimeCrypto } from "../../lib/runtime/mod.ts";
import { decodeItems, readCapture } from "../_support/captures.ts";
import { projectRoot, sharedVectorBytes, sharedVectors } from "../_support/vectors.ts";

const crypto = runtimeCrypto();

function decodeWith(file: Uint8Array, tables: readonly Pick<KeyLog, "ike" | "esp">[]): DecodedRow[] {
  const keys = new MessageDecryptor(crypto, tables);
  try {
    return decodeItems(readCapture([file]), { keys });
  } finally {
    keys.dispose();
  }
}

function recorded(name: string): { file: Uint8Array; tables: KeyLog[] } {
  const read = (ending: string) =>
    readFileSync(new URL(`test/vectors/captures/${name}.${ending}`, projectRoot));
  return {
    file: new Uint8Array(read("pcap")),
    tables: ["ikev2_decryption_table", "esp_sa"].map((table) =>
      parseKeyTables(read(table).toString("utf8"), table)
    ),
  };
}

/** What is inside, in order. */
function insides(rows: readonly DecodedRow[]): string[] {
  return rows.flatMap(({ ike, esp }) =>
    esp !== undefined
      ? [esp.inner ?? "sealed"]
      : ike?.payloads.includes("SK")
      ? [ike.inner?.join(" ") ?? "sealed"]
      : []
  );
}

/** Rows that are sealed or not authentic. */
function sealed(rows: readonly DecodedRow[]): DecodedRow[] {
  return rows.filter(({ ike, esp }) =>
    esp !== undefined && esp.decrypted !== true ||
    ike !== undefined && ike.decrypted !== true &&
      ike.payloads.some((name) => name === "SK" || name === "SKF")
  );
}

describe("A capture with its keys", () => {
  it("of strongSwan through a TCP relay comes out with all that is inside: rekeys of child SA and IKE SA, and pings", () => {
    const { file, tables } = recorded("strongswan-tcp-relay");
    const rows = decodeWith(file, tables);
    assert.deepEqual(sealed(rows), []);
    const [out, back] = ["IPv4 10.99.2.1 > 10.99.1.1 ICMP", "IPv4 10.99.1.1 > 10.99.2.1 ICMP"];
    const pings = [0, 1, 2].flatMap(() => [out, back]);
    assert.deepEqual(insides(rows), [
      "IDi N(INITIAL_CONTACT) CERTREQ IDr AUTH CP SA TSi TSr N(MULTIPLE_AUTH_SUPPORTED) " +
      "N(EAP_ONLY_AUTHENTICATION) N(IKEV2_MESSAGE_ID_SYNC_SUPPORTED)",
      "IDr AUTH CP SA TSi TSr",
      ...pings,
      "N(REKEY_SA) SA Nonce TSi TSr",
      "SA Nonce TSi TSr",
      "D",
      "D",
      ...pings,
      "SA Nonce KE",
      "SA Nonce KE",
      "D",
      "",
      ...pings,
      "D",
      "",
    ]);
    // The rest of each row is as without keys.
    const bare = decodeItems(readCapture([file]));
    const strip = ({ ike, esp, ...row }: DecodedRow) => ({
      ...row,
      ...(ike && { ike: { ...ike, decrypted: undefined, inner: undefined } }),
      ...(esp && { esp: { spi: esp.spi, seq: esp.seq } }),
    });
    assert.deepEqual(rows.map(strip), bare.map(strip));
  });

  it("of libreswan comes out though nothing says that its sequence numbers have 64 bits", () => {
    const { file, tables } = recorded("libreswan-psk-basic");
    const rows = decodeWith(file, tables);
    assert.deepEqual(sealed(rows), []);
    const inner = insides(rows);
    assert.equal(inner.filter((text) => text.endsWith(" ICMP")).length > 3, true);
    assert.ok(inner.includes("D"));
  });

  it("with keys of another capture stays sealed, and with wrong ones is told to be not authentic", () => {
    const { file, tables } = recorded("strongswan-tcp-relay");
    const other = recorded("libreswan-psk-basic").tables;
    assert.deepEqual(decodeWith(file, other), decodeItems(readCapture([file])));
    const wrong = tables.map(({ ike, esp }) => ({
      ike: ike.map((sa) => ({ ...sa, skAi: new Uint8Array(32), skAr: new Uint8Array(32) })),
      esp: esp.map((sa) => ({ ...sa, encryptionKey: new Uint8Array(20) })),
    }));
    const verdicts = decodeWith(file, wrong).map(({ ike, esp }) => ike?.decrypted ?? esp?.decrypted);
    assert.equal(verdicts.filter((verdict) => verdict === false).length, sealed(decodeWith(file, [])).length);
  });
});

interface VectorKeys {
  readonly spi_i: string;
  readonly spi_r: string;
  readonly encr: { readonly id: number; readonly name: string; readonly key_bits: number | null };
  readonly integ: { readonly id: number; readonly name: string };
  readonly sk_ei: string | null;
  readonly sk_er: string | null;
  readonly sk_ai: string | null;
  readonly sk_ar: string | null;
}

/** Wireshark's names, written down here anew. */
function ikeTable(rows: readonly VectorKeys[]): string {
  return rows.map(({ spi_i, spi_r, encr, integ, sk_ei, sk_er, sk_ai, sk_ar }) => {
    const aead = /AES_(GCM|CCM)_(\d+)$/.exec(encr.name);
    const mode = /AES_(CBC|CTR)$/.exec(encr.name);
    const cipher = aead !== null
      ? `AES-${aead[1]}-${encr.key_bits} with ${aead[2]} octet ICV [RFC5282]`
      : mode !== null
      ? `AES-${mode[1]}-${encr.key_bits} [RFC${mode[1] === "CBC" ? 3602 : 5930}]`
      : encr.name === "ENCR_3DES"
      ? "3DES [RFC2451]"
      : "ChaCha20-Poly1305 [RFC7634]";
    const mac = integ.id === 0 ? "NONE [RFC4306]" : integ.name.replace("AUTH_", "");
    return [spi_i, spi_r, sk_ei ?? "", sk_er ?? "", `"${cipher}"`, sk_ai ?? "", sk_ar ?? "", `"${mac}"`].join(
      ",",
    );
  }).join("\n");
}

interface VectorEspSa {
  readonly spi: string;
  readonly encr: string;
  readonly key: string;
  readonly salt?: string;
  readonly icv_len?: number;
  readonly integ?: string;
  readonly integ_key?: string;
}

function espTable(sas: readonly VectorEspSa[]): string {
  return sas.map(({ spi, encr, key, salt = "", icv_len, integ, integ_key }) => {
    const cipher = encr === "AES-GCM"
      ? `AES-GCM with ${icv_len} octet ICV [RFC4106]`
      : encr === "AES-CBC"
      ? "AES-CBC [RFC3602]"
      : encr === "CHACHA20-POLY1305"
      ? "ChaCha20 with Poly1305 [RFC7634]"
      : encr;
    const mac = integ === undefined ? "NULL" : integ.replace("HMAC-SHA1-96", "HMAC-SHA-1-96 [RFC2404]");
    return `"IPv4","*","*","0x${spi}","${cipher}","0x${key}${salt}","${mac}","${
      integ_key ? `0x${integ_key}` : ""
    }"`;
  }).join("\n");
}

interface VectorPayload {
  readonly type: number;
  readonly raw: string;
  readonly inner?: readonly VectorPayload[];
}

interface VectorPacket {
  readonly hex: string;
  readonly kind?: "ike" | "esp";
  readonly sk?: { readonly icv_ok: boolean; readonly plaintext?: string; readonly next_payload: number };
  readonly expected: { readonly payloads?: readonly VectorPayload[]; readonly next_header?: number };
}

/** The payloads inside, in what others have decrypted; undefined where nothing was sealed, or in fragments. */
function innerOf({ sk, expected }: VectorPacket): string[] | undefined {
  if (sk?.plaintext === undefined || !expected.payloads?.some(({ type }) => type === 46)) return undefined;
  const chain = walkChain(fromHex(sk.plaintext), { firstType: sk.next_payload });
  return Array.from(chain, (payload) => describePayload(payload));
}

describe("Messages made by others", () => {
  const names = [
    "android-auth-aesgcm256",
    "android-ikeauth-aescbc128-sha1",
    "free5gc-eap5g-aescbc256-sha1",
    "free5gc-empty-informational-aescbc256",
    "rfc7634-appendix-b",
    "wireshark-aes128ccm12",
    "wireshark-aes192ctr",
    "wireshark-aes256cbc",
    "wireshark-aes256gcm16",
  ];
  for (const name of names) {
    const vector = sharedVectors(`ike-decrypt/${name}.json`) as {
      keys: VectorKeys;
      packets: VectorPacket[];
      expect: string;
    } | null;
    it(`are opened as Wireshark opens them: ${name}`, { skip: vector === null }, () => {
      const { ike, unused } = parseKeyTables(ikeTable([vector!.keys]));
      assert.deepEqual(unused, []);
      const decryptor = new MessageDecryptor(crypto, [{ ike, esp: [] }]);
      const packets = vector!.packets.filter(({ sk }) => sk !== undefined);
      assert.ok(packets.length > 0);
      for (const packet of packets) {
        const opened = decryptor.openIke(fromHex(packet.hex))!;
        assert.equal(opened.decrypted, packet.sk!.icv_ok);
        const inner = innerOf(packet);
        if (opened.decrypted && inner !== undefined) assert.deepEqual(opened.inner, inner);
      }
      decryptor.dispose();
    });
  }

  for (const name of ["psk-cbc-gcm", "ecdsa384-pfs", "mschapv2", "ed25519-chacha"]) {
    const recording = sharedVectors(`ike-live/strongswan-${name}.json`) as {
      ike_keys: VectorKeys[];
      esp_sas: Record<string, Omit<VectorEspSa, "spi">>;
      packets: VectorPacket[];
      esp: { packet: string; expected: { next_header: number } }[];
    } | null;
    it(`are opened as strongSwan sealed them: ${name}`, { skip: recording === null }, () => {
      const tables = [
        parseKeyTables(ikeTable(recording!.ike_keys)),
        parseKeyTables(espTable(Object.entries(recording!.esp_sas).map(([spi, sa]) => ({ ...sa, spi })))),
      ];
      const decryptor = new MessageDecryptor(crypto, tables);
      let opened = 0;
      for (const packet of recording!.packets) {
        const inner = innerOf(packet);
        if (inner === undefined) continue;
        opened++;
        assert.deepEqual(decryptor.openIke(fromHex(packet.hex)), { decrypted: true, inner });
      }
      assert.ok(opened >= 4);
      for (const { packet, expected } of recording!.esp) {
        const found = decryptor.openEsp(fromHex(packet));
        assert.equal(found?.decrypted && found.nextHeader, expected.next_header);
      }
      decryptor.dispose();
    });
  }

  for (const name of ["psk-basic", "cert-ec", "rekey", "small-mss"]) {
    const recording = sharedVectors(`tcp/libreswan-${name}.json`) as {
      ike_keys: VectorKeys[];
      esp_sas: VectorEspSa[];
      connections: { initiator_messages: VectorPacket[]; responder_messages: VectorPacket[] }[];
    } | null;
    const capture = sharedVectorBytes(`pcap/libreswan-tcp-${name}.pcap`);
    it(
      `are opened out of libreswan's TCP streams: ${name}`,
      { skip: recording === null || capture === null },
      () => {
        const tables = [
          parseKeyTables(ikeTable(recording!.ike_keys)),
          parseKeyTables(espTable(recording!.esp_sas)),
        ];
        const rows = decodeWith(capture!, tables);
        assert.deepEqual(sealed(rows), []);
        assert.deepEqual(rows.filter(({ kind }) => kind === "error"), []);
        assert.ok(rows.every(({ esp }) => esp === undefined || / (ICMP|TCP|UDP)$/.test(esp.inner!)));
        // The list of one recording ends before its capture does.
        const whole = name !== "small-mss";
        const [connection] = recording!.connections;
        const directions = [connection!.initiator_messages, connection!.responder_messages];
        directions.forEach((messages, direction) => {
          const sent = rows.filter(({ to, kind }) =>
            to!.endsWith(":4500") === (direction === 0) && kind !== "prefix"
          );
          if (whole) assert.equal(sent.length, messages.length);
          messages.forEach((message, at) => {
            const { kind, ike, esp } = sent[at]!;
            assert.equal(kind, message.kind);
            assert.deepEqual(ike?.inner, innerOf(message));
            if (esp !== undefined) assert.equal(esp.nextHeader, message.expected.next_header);
          });
        });
      },
    );
  }

  const bug = sharedVectorBytes("pcap/esp-bug-12671.pcapng.gz");
  const bugSas = sharedVectors("esp/wireshark.json") as {
    vectors: { sa: Omit<VectorEspSa, "spi">; expected: { spi: string } }[];
  } | null;
  it("are opened without any encapsulation: Wireshark's capture of its bug 12671", {
    skip: bug === null || bugSas === null,
  }, () => {
    const sas = bugSas!.vectors.map(({ sa, expected }) => ({ ...sa, spi: expected.spi }));
    const rows = decodeWith(new Uint8Array(gunzipSync(bug!)), [parseKeyTables(espTable(sas))]);
    assert.ok(rows.length > 0);
    assert.deepEqual(sealed(rows), []);
    assert.ok(rows.every(({ transport, esp }) => transport === "ip" && esp!.inner!.endsWith(" ICMP")));
  });

  const lab = new URL("../shared/lab/strongswan/captures/", projectRoot);
  const folders = existsSync(lab)
    ? readdirSync(lab, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name)
    : [];
  for (const folder of folders) {
    it(`are opened with the tables of the lab: ${folder}`, () => {
      const read = (name: string) => readFileSync(new URL(`${folder}/${name}`, lab));
      const tables = ["ikev2_decryption_table", "esp_sa"].map((name) =>
        parseKeyTables(read(name).toString("utf8"))
      );
      // A tool of the lab wrote them for Wireshark's tool, which has no name for ChaCha20-Poly1305.
      if (tables.every(({ ike, esp }) => ike.length === 0 && esp.length === 0)) return;
      for (const file of readdirSync(new URL(`${folder}/`, lab)).filter((name) => name.endsWith(".pcap"))) {
        const rows = decodeWith(new Uint8Array(read(file)), tables);
        assert.ok(rows.some(({ esp }) => esp?.decrypted) && rows.some(({ ike }) => ike?.decrypted));
        assert.deepEqual(sealed(rows), []);
      }
    });
  }
});
