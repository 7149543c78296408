/** What a capture leaves out is whole messages, wherever the chunks of the connection end. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { concat } from "../../lib/bytes/mod.ts";
import { SievedCapture, withoutBulk } from "../../lib/cli/_capture_sieve.ts";
import { Deframer, Framer, STREAM_PREFIX } from "../../lib/encap/mod.ts";

const IKE = new Uint8Array(600);
const KEEPALIVE = new Uint8Array([0xff]);

function esp(spi: number, sequence: number, length: number): Uint8Array {
  const packet = new Uint8Array(length);
  const view = new DataView(packet.buffer);
  view.setUint32(0, spi);
  view.setUint32(4, sequence);
  return packet;
}

/** Of the second SPI, and with a number of 32 bits, to be left out. */
const LAST = esp(0x8000_0001, 0xffff_ffff, 1400);

const MESSAGES = [
  IKE,
  ...[1, 2, 3, 4].map((number) => esp(0x1001, number, 1400)),
  esp(0x1001, 5, 100),
  esp(0x8000_0001, 1, 1400),
  LAST,
  KEEPALIVE,
];
const KEPT = [
  IKE,
  esp(0x1001, 1, 1400),
  esp(0x1001, 2, 1400),
  esp(0x1001, 5, 100),
  esp(0x8000_0001, 1, 1400),
  KEEPALIVE,
];

function framed(messages: Uint8Array[]): Uint8Array {
  let bytes = new Uint8Array(0) as Uint8Array;
  new Framer().handle(messages, (frames) => bytes = frames.slice());
  return bytes;
}

function messagesIn(bytes: Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  new Deframer().handle(bytes, (batch) => void messages.push(...batch));
  return messages;
}

function* cut(bytes: Uint8Array, size: number): Iterable<Uint8Array> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

describe("A capture without bulk", () => {
  for (const size of [1, 7, 1000, 100_000]) {
    it(`keeps IKE, short messages and the first packets of each SA, in chunks of ${size}`, () => {
      const [sent, received]: [Uint8Array[], Uint8Array[]] = [[], []];
      const capture = {
        opened: () => {},
        closed: () => {},
        sent: (octets: Uint8Array) => void sent.push(octets.slice()),
        received: (octets: Uint8Array) => void received.push(octets.slice()),
      };
      const sieve = new SievedCapture(capture, withoutBulk(2));
      for (const chunk of cut(concat([STREAM_PREFIX, framed(MESSAGES)]), size)) sieve.sent(chunk);
      for (const chunk of cut(framed(MESSAGES), size)) sieve.received(chunk);
      const [there, back] = [concat(sent), concat(received)];
      assert.deepEqual(there.subarray(0, 6), STREAM_PREFIX);
      assert.deepEqual(messagesIn(there.subarray(6)), KEPT);
      assert.deepEqual(messagesIn(back), KEPT);
    });
  }
});
