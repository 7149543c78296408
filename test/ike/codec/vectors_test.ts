/** The codec against messages that others made: recorded, hand-made to be wrong, and broken at random. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { fromHex, toHex } from "../../../lib/bytes/mod.ts";
import { IkeError } from "../../../lib/errors.ts";
import { emitIkeMessage, emitPayloads, parseIkeMessage, parsePayloads } from "../../../lib/ike/codec/mod.ts";
import { type RecordedMessage, recordedMessages, type RecordedPayload } from "../../_support/ike_vectors.ts";
import { sharedVectors, sharedVectorsFolder } from "../../_support/vectors.ts";

const skip = !existsSync(sharedVectorsFolder);

/** Seeds for a fuzzer, deliberately odd: two payloads behind the last one, and EAP Lengths that are not the packets'. */
const ODD_SEEDS: readonly RegExp[] = [
  /^deadbeefcafe0001000000000000000029202208000000000000005400/,
  /^deadbeefcafe0001000000000000000030202208000000000000004130/,
];

const isOdd = ({ hex }: RecordedMessage) => ODD_SEEDS.some((seed) => seed.test(hex));
const recorded = recordedMessages().filter((packet) => !isOdd(packet));

/** Fields of our payloads in the words of the vectors; undefined where the vectors have only raw octets. */
function inTheirWords(
  payload: ReturnType<typeof parsePayloads>[number],
): Record<string, unknown> | undefined {
  switch (payload.kind) {
    case "SA":
      return {
        proposals: payload.proposals.map(({ number, protocol, spi, transforms }) => ({
          number,
          protocol,
          spi: toHex(spi),
          transforms: transforms.map(({ type, id, keyLength }) =>
            keyLength === undefined ? { type, id } : { type, id, key_length: keyLength }
          ),
        })),
      };
    case "KE":
      return { group: payload.group, data: toHex(payload.data) };
    case "IDi":
    case "IDr":
      return { id_type: payload.type, data: toHex(payload.data) };
    case "AUTH":
      return { method: payload.method, data: toHex(payload.data) };
    case "Nonce":
      return { data: toHex(payload.data) };
    case "N":
      return {
        protocol: payload.protocol,
        spi: toHex(payload.spi),
        notify_type: payload.type,
        data: toHex(payload.data),
      };
    case "D":
      return { protocol: payload.protocol, spis: payload.spis.map((spi) => toHex(spi)) };
    case "CERT":
    case "CERTREQ":
      return { encoding: payload.encoding, data: toHex(payload.data) };
    case "CP":
      return { cfg_type: payload.type };
    case "TSi":
    case "TSr":
      return { count: payload.selectors.length + (payload.others?.length ?? 0) };
    default:
      return undefined;
  }
}

/** Holds payloads against the vectors': octets, and the fields that the vectors name. */
function checkPayloads(
  name: string,
  payloads: readonly ReturnType<typeof parsePayloads>[number][],
  expected: readonly RecordedPayload[],
): void {
  assert.equal(payloads.length, expected.length, name);
  payloads.forEach((payload, i) => {
    const theirs = expected[i]!;
    // Each payload alone has its own octets; only the Next Payload field depends on what follows.
    if (payload.kind !== "SK" && payload.kind !== "SKF") {
      assert.equal(toHex(emitPayloads([payload])).slice(2), theirs.raw.slice(2), `${name}: payload ${i}`);
    }
    const ours = inTheirWords(payload);
    if (ours === undefined) return;
    const named = Object.fromEntries(Object.keys(ours).map((key) => [key, theirs[key]]));
    assert.deepEqual(ours, named, `${name}: payload ${i}`);
  });
}

describe("The codec", () => {
  it("reads every recorded message as others do, and writes it back octet by octet", { skip }, () => {
    assert.ok(recorded.length >= 165);
    for (const packet of recorded) {
      const { name } = packet;
      const octets = fromHex(packet.hex);
      const message = parseIkeMessage(octets);
      const { header } = packet.expected;
      assert.equal(toHex(message.spiI), header.spi_i, name);
      assert.equal(toHex(message.spiR), header.spi_r, name);
      assert.equal(message.exchangeType, header.exchange_type, name);
      assert.equal(message.messageId, header.message_id, name);
      assert.equal((message.initiator ? 8 : 0) | (message.response ? 32 : 0), header.flags, name);
      checkPayloads(name, message.payloads, packet.expected.payloads);
      assert.equal(toHex(emitIkeMessage(message)), packet.hex, name);
    }
  });

  it("reads what is inside every recorded SK payload, and writes it back octet by octet", { skip }, () => {
    let inside = 0;
    for (const packet of recorded) {
      const { name } = packet;
      if (packet.sk?.icv_ok !== true || packet.expected.payloads.at(-1)?.type !== 46) continue;
      const plaintext = fromHex(packet.sk.plaintext);
      const payloads = parsePayloads(packet.sk.next_payload, plaintext);
      const theirs = packet.expected.payloads.at(-1)!.inner;
      if (Array.isArray(theirs) && theirs.length > 0) {
        checkPayloads(name, payloads, theirs as RecordedPayload[]);
      }
      assert.equal(toHex(emitPayloads(payloads)), packet.sk.plaintext, name);
      inside++;
    }
    assert.ok(inside >= 90, `${inside} messages`);
  });

  it("refuses the messages that are wrong on purpose, and reads those that only look so", { skip }, () => {
    const { cases } = sharedVectors("ike-malformed/cases.json") as {
      cases: { name: string; expect: string; hex: string }[];
    };
    assert.ok(cases.length >= 13);
    for (const { name, expect, hex } of cases) {
      const outcome = outcomeOf(fromHex(hex));
      if (expect === "reject") assert.match(outcome, /^ERR_IKE_PAYLOAD/, name);
      else if (expect === "reject-version") assert.match(outcome, /^ERR_IKE_VERSION/, name);
      else if (expect !== "no-crash") assert.equal(outcome, "read", name);
    }
  });

  it("reads a broken message, or refuses it with a typed error that has a place", { skip }, () => {
    const { cases } = sharedVectors("ike-fuzz/zzuf.json") as { cases: { hex: string }[] };
    assert.ok(cases.length >= 360);
    const outcomes = cases.map(({ hex }) => outcomeOf(fromHex(hex)));
    assert.ok(outcomes.includes("read") && outcomes.some((outcome) => outcome.startsWith("ERR_IKE_PAYLOAD")));
  });

  it("refuses the seeds of a fuzzer that are odd", { skip }, () => {
    const odd = recordedMessages().filter(isOdd);
    assert.deepEqual(odd.map(({ hex }) => outcomeOf(fromHex(hex))), [
      "ERR_IKE_PAYLOAD at 56, N(7)",
      "ERR_IKE_PAYLOAD at 41, N(7)",
    ]);
  });
});

/** `read`, or the code of the error with its place and the notify to answer with; anything else is thrown on. */
function outcomeOf(octets: Uint8Array): string {
  try {
    const message = parseIkeMessage(octets);
    // What was read can be written, and says the same again.
    assert.deepEqual(parseIkeMessage(emitIkeMessage(message)), message);
    return "read";
  } catch (error) {
    if (!(error instanceof IkeError)) throw error;
    assert.ok(error.offset !== undefined && error.offset <= octets.length);
    return `${error.code} at ${error.offset}, N(${error.notify})`;
  }
}
