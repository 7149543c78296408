/** Streams recorded from libreswan, and streams composed from messages of other daemons, come out message for message. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import {
  Chain,
  Deframer,
  Demux,
  EncapsulationStream,
  Framer,
  KeepaliveFilter,
  PrefixReader,
} from "../../lib/encap/mod.ts";
import { concat, fromHex, toHex } from "../../lib/bytes/mod.ts";
import { collect, sourceOf } from "../compliance/stage_suite.ts";
import { type Cut, cutsOf } from "../_support/cuts.ts";
import { showBytes, showMessages } from "../_support/messages.ts";
import { sharedVectors } from "../_support/vectors.ts";

type Kind = "ike" | "esp" | "keepalive" | "too-short" | "empty-ignored";

interface Recording {
  readonly connections: readonly {
    readonly initiator_segments: readonly number[];
    readonly initiator_messages: readonly { readonly kind: Kind; readonly hex: string }[];
    readonly responder_segments: readonly number[];
    readonly responder_messages: readonly { readonly kind: Kind; readonly hex: string }[];
  }[];
}

interface Composed {
  readonly streams: readonly {
    readonly name: string;
    readonly initiator_stream: string;
    readonly initiator_segments: readonly number[];
    readonly initiator_expected: readonly { readonly kind: Kind; readonly message: string }[];
    readonly responder_stream: string;
    readonly responder_segments: readonly number[];
    readonly responder_expected: readonly { readonly kind: Kind; readonly message: string }[];
  }[];
}

interface Framing {
  readonly encode: readonly {
    readonly message_length: number;
    readonly pattern_start: number;
    readonly frame_head: string;
    readonly frame?: string;
  }[];
  readonly decode: readonly {
    readonly name: string;
    readonly expect_prefix: boolean;
    readonly stream: string;
    readonly chunk_sizes: readonly number[];
    readonly messages: readonly { readonly kind: Kind; readonly hex: string }[];
  }[];
  readonly errors: readonly {
    readonly name: string;
    readonly expect_prefix: boolean;
    readonly stream: string;
    readonly expect: "fatal-close" | "need-more" | "one-message-then-fatal-close";
  }[];
}

interface Expected {
  readonly kind: Kind;
  /** Without the marker of an IKE message. */
  readonly message: string;
}

/** Chunks of the sizes that one side of the conversation had on the wire, or of one size. */
function segments(stream: Uint8Array, sizes: readonly number[]): Cut {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (let offset = 0, i = 0; offset < stream.length; offset += sizes[i++ % sizes.length]!) {
    chunks.push(stream.slice(offset, offset + sizes[i % sizes.length]!));
  }
  return { name: `segments ${sizes.slice(0, 8)}`, chunks };
}

/** Runs one side of a conversation through the stage that stands at the other end. */
async function receive(
  role: "originator" | "responder",
  { name, chunks }: Cut,
  expected: readonly Expected[],
): Promise<void> {
  const vpn = new EncapsulationStream({ role });
  const piped = sourceOf(chunks).pipeTo(vpn.writable);
  const [ike, esp] = await Promise.all([collect(vpn.ike.readable), collect(vpn.esp.readable)]);
  await piped;
  const of = (kind: Kind) => expected.filter((each) => each.kind === kind).map(({ message }) => message);
  assert.equal(showMessages(ike), of("ike").join(" "), name);
  assert.equal(showMessages(esp), of("esp").join(" "), name);
  const { keepalives, runts, partial } = vpn.counters.received;
  assert.deepEqual([keepalives, runts, partial], [of("keepalive").length, of("too-short").length, 0], name);
}

/** The stream that an end writes for messages. */
async function send(role: "originator" | "responder", messages: readonly Expected[]): Promise<Uint8Array> {
  const vpn = new EncapsulationStream({ role });
  const bytes = collect(vpn.readable);
  const writers = { ike: vpn.ike.writable.getWriter(), esp: vpn.esp.writable.getWriter() };
  for (const { kind, message } of messages) {
    if (kind === "ike" || kind === "esp") await writers[kind].write(fromHex(message));
  }
  await Promise.all([writers.ike.close(), writers.esp.close()]);
  return concat(await bytes);
}

/** A test that is skipped where the vectors are not, so that their absence shows. */
function itIsThere(vectors: object | null): void {
  it("is there to be read", { skip: vectors === null }, () => {
    assert.ok(Object.keys(vectors!).length > 0);
  });
}

for (const name of ["cert-ec", "psk-basic", "rekey", "small-mss"]) {
  const recording = sharedVectors(`tcp/libreswan-${name}.json`) as Recording | null;
  describe(`The stream recorded from libreswan: ${name}`, () => {
    itIsThere(recording);
    for (const [i, connection] of (recording?.connections ?? []).entries()) {
      for (const [from, to] of [["initiator", "responder"], ["responder", "originator"]] as const) {
        const expected = connection[`${from}_messages`].map(({ kind, hex }) => ({ kind, message: hex }));
        const prefix = from === "initiator" ? "494b45544350" : "";
        const stream = fromHex(
          prefix + expected.map(({ kind, message }) => {
            const marked = (kind === "ike" ? "00000000" : "") + message;
            return (marked.length / 2 + 2).toString(16).padStart(4, "0") + marked;
          }).join(""),
        );

        it(`comes out message for message, connection ${i}, from the ${from}, in any cut`, async () => {
          assert.ok(expected.length > 0);
          await receive(to, segments(stream, connection[`${from}_segments`]), expected);
          for (const cut of cutsOf(stream)) await receive(to, cut, expected);
        });

        it(`is what an end of ours writes for the same messages, connection ${i}, from the ${from}`, async () => {
          const written = await send(from === "initiator" ? "originator" : "responder", expected);
          assert.equal(toHex(written), toHex(stream));
        });
      }
    }
  });
}

const composed = sharedVectors("tcp/streams.json") as Composed | null;
describe("Streams composed from messages of other daemons", () => {
  itIsThere(composed);
  for (const stream of composed?.streams ?? []) {
    it(`come out message for message, in any cut: ${stream.name}`, async () => {
      for (const [from, to] of [["initiator", "responder"], ["responder", "originator"]] as const) {
        const bytes = fromHex(stream[`${from}_stream`]);
        const expected = stream[`${from}_expected`];
        await receive(to, segments(bytes, stream[`${from}_segments`]), expected);
        for (const cut of cutsOf(bytes)) await receive(to, cut, expected);
      }
    });
  }
});

const framing = sharedVectors("tcp/framing.json") as Framing | null;
describe("Framing cases", () => {
  itIsThere(framing);

  for (const { message_length, pattern_start, frame_head, frame } of framing?.encode ?? []) {
    it(`are encoded as expected: ${message_length} octets`, () => {
      const message = new Uint8Array(message_length).map((_, i) => pattern_start + i);
      new Framer().handle(message, (bytes) => {
        assert.equal(toHex(bytes.subarray(0, 2)), frame_head);
        if (frame !== undefined) assert.equal(toHex(bytes), frame);
        assert.equal(toHex(bytes.subarray(2)), toHex(message));
      });
    });
  }

  for (const { name, expect_prefix, stream, chunk_sizes, messages } of framing?.decode ?? []) {
    it(`are decoded as expected: ${name}`, async () => {
      const bytes = fromHex(stream);
      const expected = messages.map(({ kind, hex }) => ({
        kind,
        message: kind === "ike" ? hex.slice(8) : hex,
      }));
      const cuts = [...chunk_sizes.map((size) => segments(bytes, [size])), ...cutsOf(bytes)];
      for (const cut of cuts) await receive(expect_prefix ? "responder" : "originator", cut, expected);
    });
  }

  for (const { name, expect_prefix, stream, expect } of framing?.errors ?? []) {
    it(`fail, or wait for more, as expected: ${name}`, () => {
      for (const { name: cut, chunks } of cutsOf(fromHex(stream))) {
        const opening = expect_prefix ? [new PrefixReader()] : [];
        const core = new Chain<Uint8Array, Uint8Array[]>([...opening, new Deframer(), new KeepaliveFilter()]);
        const demux = new Demux();
        const received: Uint8Array[] = [];
        let code: string | undefined;
        try {
          for (const chunk of chunks) {
            core.handle(chunk, (batch) => demux.handle(batch, { ike: received, esp: received }));
          }
        } catch (error) {
          code = (error as { code: string }).code;
        }
        assert.equal(code !== undefined, expect !== "need-more", `${cut}: ${code}`);
        assert.equal(received.length, expect === "one-message-then-fatal-close" ? 1 : 0, cut);
        assert.ok(showBytes(received).length <= stream.length);
      }
    });
  }
});
