/** Captures of real daemons, and captures made by others, against what is known to be in them. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fromHex } from "../../lib/bytes/mod.ts";
import type { CaptureItem, DecodedRow } from "../../lib/inspect/mod.ts";
import { describePayload, parseIkeHeader, walkPayloads } from "../../lib/ike/codec/mod.ts";
import { decodeItems, type End, inShort, readCapture } from "../_support/captures.ts";
import { cutsOf, randomNumbers, randomSeed } from "../_support/cuts.ts";
import { projectRoot, sharedVectorBytes, sharedVectors } from "../_support/vectors.ts";

function recorded(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(`test/vectors/captures/${name}.pcap`, projectRoot)));
}

function decodeFile(file: Uint8Array): DecodedRow[] {
  return decodeItems(readCapture([file]));
}

/** Runs of like rows, counted: `3 > esp b0db3fb5`. */
function runs(rows: readonly string[]): string[] {
  const found: { count: number; name: string }[] = [];
  for (const row of rows) {
    const name = row.replace(/(esp \w+)\/\d+/, "$1");
    if (found.at(-1)?.name === name) found.at(-1)!.count++;
    else found.push({ count: 1, name });
  }
  return found.map(({ count, name }) => count === 1 ? name : `${count} ${name}`);
}

describe("The recorded strongSwan session through a TCP relay", () => {
  const file = recorded("strongswan-tcp-relay");
  const client: End = ["192.0.2.10", 43870];

  it("comes out message for message", () => {
    const rows = decodeFile(file);
    const pair = (name: string) => [`> ${name}`, `< ${name}`];
    const pings = (out: string, back: string, first: number) =>
      [0, 1, 2].flatMap((i) => [`> esp ${out}/${first + i}`, `< esp ${back}/${first + i}`]);
    assert.deepEqual(inShort(rows, client), [
      "> prefix",
      ...pair("ike IKE_SA_INIT/0"),
      ...pair("ike IKE_AUTH/1"),
      ...pings("b0db3fb5", "b7a2a88f", 1),
      ...pair("ike CREATE_CHILD_SA/2"),
      ...pair("ike INFORMATIONAL/3"),
      ...pings("2c861f6f", "72466553", 1),
      ...pair("ike CREATE_CHILD_SA/4"),
      ...pair("ike INFORMATIONAL/5"),
      ...pings("2c861f6f", "72466553", 4),
      ...pair("ike INFORMATIONAL/0"),
    ]);
    assert.deepEqual(rows[1]!.ike, {
      spiI: "217da3a39614f5de",
      spiR: "0000000000000000",
      version: "2.0",
      exchange: "IKE_SA_INIT",
      flags: ["initiator"],
      messageId: 0,
      payloads: [
        "SA",
        "KE",
        "Nonce",
        "N(NAT_DETECTION_SOURCE_IP)",
        "N(NAT_DETECTION_DESTINATION_IP)",
        "N(IKEV2_FRAGMENTATION_SUPPORTED)",
        "N(SIGNATURE_HASH_ALGORITHMS)",
        "N(REDIRECT_SUPPORTED)",
        "V",
      ],
    });
    assert.deepEqual(rows[3]!.ike!.payloads, ["SK"]);
    assert.equal(rows[3]!.ike!.spiR, "b9b4ce92576379c9");
  });

  it("comes out the same whatever the cuts of the file", () => {
    const expected = decodeFile(file);
    for (const { name, chunks } of cutsOf(file)) {
      assert.deepEqual(decodeItems(readCapture(chunks)), expected, name);
    }
  });

  it("lacks only what a file cut short lacks", () => {
    const all = inShort(decodeFile(file), client);
    for (let length = 24; length < file.length; length += 13) {
      const rows = inShort(decodeFile(file.subarray(0, length)), client);
      const end = rows.at(-1) === "- error ERR_INSPECT_RECORD" ? -1 : undefined;
      assert.deepEqual(rows.slice(0, end), all.slice(0, rows.length + (end ?? 0)), `${length}`);
    }
  });
});

describe("Recorded captures", () => {
  it("of strongSwan on UDP 500 and 4500 come out", () => {
    const rows = decodeFile(recorded("strongswan-udp"));
    assert.deepEqual(
      new Set(rows.map(({ from, to }) => [from, to].sort().join(" "))),
      new Set([
        "192.0.2.10:500 198.51.100.10:500",
        "192.0.2.10:4500 198.51.100.10:4500",
      ]),
    );
    assert.deepEqual([rows[0]!.stream, rows.at(-1)!.stream], [0, 1]);
    assert.equal(rows.filter(({ kind }) => kind === "ike").length, 14);
    assert.equal(rows.filter(({ kind }) => kind === "esp").length, 18);
  });

  it("of a relay between other UDP ports come out", () => {
    const rows = decodeFile(recorded("strongswan-udp-relay"));
    assert.equal(rows[0]!.ike!.exchange, "IKE_SA_INIT");
    assert.deepEqual(runs(rows.map(({ kind }) => kind)), ["4 ike", "6 esp", "2 ike"]);
  });

  it("of libreswan's ESP in TCP come out", () => {
    const rows = decodeFile(recorded("libreswan-psk-basic"));
    assert.deepEqual(inShort(rows.slice(0, 5), ["198.18.77.20", 35644]), [
      "> prefix",
      "> ike IKE_SA_INIT/0",
      "< ike IKE_SA_INIT/0",
      "> ike IKE_AUTH/1",
      "< ike IKE_AUTH/1",
    ]);
    assert.equal(rows.filter(({ kind }) => kind === "esp").length, 16);
    assert.equal(rows.filter(({ kind }) => kind === "error").length, 0);
  });

  const tcpCaptures: readonly (readonly [name: string, client: End])[] = [
    ["strongswan-tcp-relay", ["192.0.2.10", 43870]],
    ["libreswan-psk-basic", ["198.18.77.20", 35644]],
  ];
  for (const [name, client] of tcpCaptures) {
    it(`${name}: a packet that is missing costs the messages in it, and tells so`, () => {
      const items = readCapture([recorded(name)]);
      const all = inShort(decodeItems(items), client);
      for (let i = 0; i < items.length; i++) {
        const rows = inShort(decodeItems(items.filter((_, j) => j !== i)), client);
        const gaps = rows.filter((row) => row.includes("error"));
        const found = rows.filter((row) => !row.includes("error"));
        assert.ok(gaps.length <= 1 && gaps.every((row) => row.endsWith("ERR_INSPECT_GAP")), `${i}: ${gaps}`);
        // A segment holds at most a few small messages.
        assert.ok(found.length >= all.length - 3, `${i}: ${found.length} of ${all.length}`);
        assert.ok(isSubsequence(found, all), `${i}`);
      }
    });

    it(`${name}: from any packet on, nothing comes out that is not there`, () => {
      const items = readCapture([recorded(name)]);
      const all = inShort(decodeItems(items), client);
      for (let i = 0; i < items.length; i++) {
        const behind = inShort(decodeItems(items.slice(i)), client);
        // What has to be searched is told when it is found, maybe behind messages of the other end.
        for (const arrow of ["<", ">"]) {
          const ofOneEnd = (rows: string[]) => rows.filter((row) => row.startsWith(arrow));
          assert.ok(isSubsequence(ofOneEnd(behind), ofOneEnd(all)), `${i}`);
        }
      }
    });

    it(`${name}: packets that are doubled or change places with a neighbour change nothing`, () => {
      const items = readCapture([recorded(name)]);
      const all = inShort(decodeItems(items), client).sort();
      const seed = randomSeed();
      const random = randomNumbers(seed);
      for (let run = 0; run < 50; run++) {
        const moved: CaptureItem[] = [];
        for (const item of items) {
          const place = random() < 0.3 ? moved.length - 1 : moved.length;
          moved.splice(Math.max(0, place), 0, item);
          if (random() < 0.2) moved.push(item);
        }
        assert.deepEqual(inShort(decodeItems(moved), client).sort(), all, `seed ${seed}, run ${run}`);
      }
    });
  }
});

function isSubsequence(some: readonly string[], all: readonly string[]): boolean {
  let at = 0;
  return some.every((one) => {
    at = all.indexOf(one, at) + 1;
    return at > 0;
  });
}

/** A message as the vectors have it: IKE without its marker. */
interface KnownMessage {
  readonly kind: string;
  readonly hex: string;
}

/** What must be told of a message. */
function outline({ kind, hex }: KnownMessage): unknown {
  const octets = fromHex(hex);
  if (kind === "ike") {
    const header = parseIkeHeader(octets);
    const payloads = Array.from(walkPayloads(octets, header), (payload) => describePayload(payload));
    return {
      length: octets.length,
      spiI: hex.slice(0, 16),
      spiR: hex.slice(16, 32),
      id: header.messageId,
      payloads,
    };
  }
  if (octets.length === 1) return { length: 1 };
  return { length: octets.length, spi: hex.slice(0, 8), seq: new DataView(octets.buffer).getUint32(4) };
}

function outlineOfRow({ length, ike, esp }: DecodedRow): unknown {
  if (ike !== undefined) {
    return { length, spiI: ike.spiI, spiR: ike.spiR, id: ike.messageId, payloads: ike.payloads };
  }
  return esp === undefined ? { length } : { length, spi: esp.spi, seq: esp.seq };
}

describe("Captures made by others", () => {
  for (const name of ["psk-basic", "rekey", "cert-ec", "small-mss"]) {
    const vectors = sharedVectors(`tcp/libreswan-${name}.json`) as {
      connections: {
        client: string;
        server: string;
        initiator_messages: KnownMessage[];
        responder_messages: KnownMessage[];
      }[];
    } | null;
    it(`libreswan-${name}: every message of both directions comes out`, { skip: vectors === null }, () => {
      const rows = decodeFile(sharedVectorBytes(`pcap/libreswan-tcp-${name}.pcap`)!);
      assert.ok(vectors!.connections.length > 0);
      for (const { client, server, initiator_messages, responder_messages } of vectors!.connections) {
        const said = rows.filter(({ from, to }) => from === client && to === server);
        const answered = rows.filter(({ from, to }) => from === server && to === client);
        assert.equal(said[0]!.kind, "prefix");
        // The vectors of long sessions have their first messages.
        const outlines = said.slice(1, 1 + initiator_messages.length).map(outlineOfRow);
        assert.deepEqual(outlines, initiator_messages.map(outline));
        assert.deepEqual(
          answered.slice(0, responder_messages.length).map(outlineOfRow),
          responder_messages.map(outline),
        );
      }
      assert.equal(rows.filter(({ kind }) => kind === "error").length, 0);
    });
  }

  const streams = sharedVectors("tcp/streams.json") as {
    streams: {
      name: string;
      initiator_expected: { kind: string; message: string }[];
      responder_expected: { kind: string; message: string }[];
    }[];
  } | null;
  it("streams: every message of both directions comes out", { skip: streams === null }, () => {
    for (const { name, initiator_expected, responder_expected } of streams!.streams) {
      const file = sharedVectorBytes(`pcap/iketcp-${name}.pcap`)!;
      const rows = decodeFile(file);
      const said = rows.filter(({ from }) => from === rows[0]!.from);
      const answered = rows.filter(({ from }) => from !== rows[0]!.from);
      const known = (messages: typeof initiator_expected) =>
        messages.map(({ kind, message }) => outline({ kind, hex: message }));
      assert.equal(said[0]!.kind, "prefix", name);
      assert.deepEqual(said.slice(1).map(outlineOfRow), known(initiator_expected), name);
      assert.deepEqual(answered.map(outlineOfRow), known(responder_expected), name);
      for (const cut of cutsOf(file)) {
        if (file.length < 10_000 || cut.name === "whole") {
          assert.deepEqual(decodeItems(readCapture(cut.chunks)), rows, `${name}, ${cut.name}`);
        }
      }
    }
  });

  const decrypted = ["3des-sha1_160", "aes128ccm12", "aes192ctr", "aes256cbc", "aes256gcm16"];
  const known = decrypted.map((name) =>
    sharedVectors(`ike-decrypt/wireshark-${name}.json`) as {
      packets: { hex: string; expected: { payloads: { type: number; name: string }[] } }[];
    } | null
  );
  it("UDP captures: every message comes out", { skip: known.includes(null) }, () => {
    decrypted.forEach((name, i) => {
      const ending = name === "aes256cbc" ? "pcapng" : "pcap";
      const rows = decodeFile(sharedVectorBytes(`pcap/ikev2-decrypt-${name}.${ending}`)!);
      assert.ok(rows.length > 0 && rows.every(({ kind }) => kind === "ike"), name);
      const messages = new Set(rows.map(({ ike, length }) => `${ike!.spiI} ${ike!.messageId} ${length}`));
      for (const { hex } of known[i]!.packets) {
        const { messageId } = parseIkeHeader(fromHex(hex));
        assert.ok(
          messages.has(`${hex.slice(0, 16)} ${messageId} ${hex.length / 2}`),
          `${name} ${hex.slice(0, 16)}`,
        );
      }
    });
  });
});
