/**
 * The stages of `lib/encap`: each alone, all in a row and fused, fed octet by octet, and the size of the whole.
 * It runs by itself, too: `node bench/encap_bench.ts --quick --only deframer`.
 */

import {
  compose,
  Deframer,
  DeframerStream,
  Demux,
  DemuxStream,
  EncapsulationStream,
  Framer,
  FramerStream,
  KeepaliveFilter,
  KeepaliveFilterStream,
  type MessageChunk,
  MuxStream,
  PrefixReader,
  PrefixReaderStream,
  STREAM_PREFIX,
  type Transducer,
} from "../lib/encap/mod.ts";
import { detectRuntime } from "../lib/runtime/detect.ts";
import { measureBundle } from "./_bundle.ts";
import { type Bar, Bench, calibrated, callTime, Rounds, startClock } from "./_harness.ts";
import {
  CHUNK_LENGTH,
  makeBatch,
  makeCutStream,
  makeFrame,
  makeMessage,
  MESSAGE_LENGTHS,
  PACKET_LENGTH,
  sinkOf,
  sourceOf,
} from "./_traffic.ts";

/** How messages come: all of 64 KiB at once, or one a chunk. */
type Form = "batch" | "single";

const bench = new Bench();
const forms: readonly Form[] = ["batch", "single"];
/** Seconds of one run. */
const runSeconds = bench.quick ? 0.01 : 0.06;

for (const length of MESSAGE_LENGTHS) for (const form of forms) await benchStages(length, form);
for (const form of forms) await benchCores(form);
for (const length of MESSAGE_LENGTHS) await benchReceiving(length);
for (const length of MESSAGE_LENGTHS) await benchSending(length);
await benchOneOctetChunks();
await benchBundle();

/** Each stage between a source and a sink, and these two without it. */
async function benchStages(length: number, form: Form): Promise<void> {
  const frames = form === "batch" ? makeCutStream(length) : { chunks: [makeFrame(length)], messages: 1 };
  const chunk: MessageChunk = form === "batch" ? makeBatch(length) : makeMessage(length);
  const framesPerChunk = frames.messages / frames.chunks.length;
  const perChunk = Array.isArray(chunk) ? chunk.length : 1;
  const bytes = (amount: number) => sourceOf(frames.chunks, amount);
  const messages = (amount: number) => sourceOf<MessageChunk>([chunk], amount);

  const stages: readonly [name: string, perChunk: number, pipe: (amount: number) => Promise<unknown>][] = [
    ["no stage", perChunk, (amount) => messages(amount).pipeTo(sinkOf())],
    [
      "prefix reader",
      framesPerChunk,
      (amount) =>
        sourceOf(frames.chunks, amount, STREAM_PREFIX).pipeThrough(new PrefixReaderStream()).pipeTo(sinkOf()),
    ],
    [
      "deframer",
      framesPerChunk,
      (amount) => bytes(amount).pipeThrough(new DeframerStream()).pipeTo(sinkOf()),
    ],
    [
      "keepalive filter",
      perChunk,
      (amount) => messages(amount).pipeThrough(new KeepaliveFilterStream<MessageChunk>()).pipeTo(sinkOf()),
    ],
    ["demux", perChunk, (amount) => {
      const demux = new DemuxStream<MessageChunk>();
      return Promise.all([messages(amount).pipeTo(demux.writable), drainKinds(demux)]);
    }],
    ["mux", perChunk, (amount) => {
      const mux = new MuxStream<MessageChunk>();
      const ended = mux.ike.close();
      return Promise.all([ended, messages(amount).pipeTo(mux.esp), mux.readable.pipeTo(sinkOf())]);
    }],
    ["framer", perChunk, (amount) => messages(amount).pipeThrough(new FramerStream()).pipeTo(sinkOf())],
  ];
  const nameOf = (name: string) => `encap/${name}, ${form}, ${length} B`;
  await bench.group(stages.map(([name]) => nameOf(name)), async () => {
    const runs: Record<string, () => Promise<number>> = {};
    for (const [name, , pipe] of stages) {
      if (bench.wants(nameOf(name))) runs[name] = await calibrated(pipe, runSeconds);
    }
    const rounds = await Rounds.run(runs, bench.rounds);
    for (const [name, count] of stages) {
      if (name in runs) bench.row(nameOf(name), 1e9 * rounds.cost(name) / count, "ns/message");
    }
  });
}

/** The synchronous machines inside the stages, without a stream. */
async function benchCores(form: Form): Promise<void> {
  const length = PACKET_LENGTH;
  const { chunks } = makeCutStream(length);
  const frame = makeFrame(length);
  const bytes = form === "batch" ? chunks[0]!.subarray(0, CHUNK_LENGTH - CHUNK_LENGTH % frame.length) : frame;
  const chunk: MessageChunk = form === "batch" ? makeBatch(length) : makeMessage(length);
  const count = Array.isArray(chunk) ? chunk.length : 1;
  const prefixReader = new PrefixReader();
  prefixReader.handle(STREAM_PREFIX, ignore);
  const [deframer, filter, demux, framer] = [
    new Deframer(),
    new KeepaliveFilter<MessageChunk>(),
    new Demux(),
    new Framer(),
  ];
  const calls: Readonly<Record<string, () => void>> = {
    "prefix reader": () => prefixReader.handle(bytes, ignore),
    deframer: () => deframer.handle(bytes, ignore),
    "keepalive filter": () => filter.handle(chunk, ignore),
    demux: () => demux.handle(chunk, { ike: [], esp: [] }),
    framer: () => framer.handle(chunk, ignore),
  };
  for (const [core, call] of Object.entries(calls)) {
    const name = `encap/${core} without a stream, ${form}, ${length} B`;
    await bench.group([name], async () => {
      bench.row(name, await callTime(bench, call) / count, "ns/message");
    });
  }
}

/** Bytes to ESP: deframe, drop keepalives, demux; as three stages, as one, and as the duplex that most people use. */
async function benchReceiving(length: number): Promise<void> {
  const { chunks, octets } = makeCutStream(length);
  const bytes = (amount: number) => sourceOf(chunks, amount);
  const octetsPerChunk = octets / chunks.length;
  const nameOf = (form: string) => `encap/receive ${form}, ${length} B`;
  const names = ["separate", "separate, time", "composed", "EncapsulationStream"].map(nameOf);
  await bench.group(names, async () => {
    const rounds = await Rounds.run({
      separate: await calibrated(async (amount) => {
        const demux = new DemuxStream();
        const messages = bytes(amount).pipeThrough(new DeframerStream()).pipeThrough(
          new KeepaliveFilterStream(),
        );
        await Promise.all([messages.pipeTo(demux.writable), drainKinds(demux)]);
      }, 2 * runSeconds),
      composed: await calibrated(async (amount) => {
        const stage = compose(new Deframer(), new KeepaliveFilter(), espOnly());
        await bytes(amount).pipeThrough(stage).pipeTo(sinkOf());
      }, 2 * runSeconds),
      whole: await calibrated(async (amount) => {
        const whole = new EncapsulationStream({ role: "originator" });
        await Promise.all([
          bytes(amount).pipeTo(whole.writable),
          drainKinds({ ike: whole.ike.readable, esp: whole.esp.readable }),
        ]);
      }, 2 * runSeconds),
    }, bench.rounds);
    const rate = (name: "separate" | "composed" | "whole") => octetsPerChunk / rounds.cost(name) / 1e9;
    const judged = length === PACKET_LENGTH;
    const composed = nameOf("composed");
    bench.row(nameOf("separate"), rate("separate"), "GB/s", {
      bar: judged && isFastRuntime() ? { of: "value", atLeast: 5 } : undefined,
    });
    bench.row(nameOf("separate, time"), 1e6 * rounds.cost("separate"), "us/64 KiB", {
      to: { name: composed, ratio: rounds.ratio("separate", "composed") },
      bar: judged ? { of: "ratio", atMost: 2 } : undefined,
    });
    bench.row(composed, rate("composed"), "GB/s");
    bench.row(nameOf("EncapsulationStream"), rate("whole"), "GB/s");
  });
}

/** ESP to bytes: mux and frame; as two stages and as the duplex. */
async function benchSending(length: number): Promise<void> {
  const batch = makeBatch(length);
  const octetsPerBatch = batch.length * (2 + length);
  const batches = (amount: number) => sourceOf([batch], amount);
  const nameOf = (form: string) => `encap/send ${form}, ${length} B`;
  const names = ["separate", "EncapsulationStream"].map(nameOf);
  await bench.group(names, async () => {
    const rounds = await Rounds.run({
      separate: await calibrated(async (amount) => {
        const mux = new MuxStream();
        const bytes = mux.readable.pipeThrough(new FramerStream());
        await Promise.all([mux.ike.close(), batches(amount).pipeTo(mux.esp), bytes.pipeTo(sinkOf())]);
      }, 2 * runSeconds),
      whole: await calibrated(async (amount) => {
        const whole = new EncapsulationStream({ role: "responder" });
        const { ike, esp } = whole;
        await Promise.all([
          ike.writable.close(),
          batches(amount).pipeTo(esp.writable),
          whole.readable.pipeTo(sinkOf()),
        ]);
      }, 2 * runSeconds),
    }, bench.rounds);
    bench.row(names[0]!, octetsPerBatch / rounds.cost("separate") / 1e9, "GB/s");
    bench.row(names[1]!, octetsPerBatch / rounds.cost("whole") / 1e9, "GB/s");
  });
}

/** A message of 64 KiB costs about four times one of 16 KiB when each comes octet by octet, and no octet is copied often. */
async function benchOneOctetChunks(): Promise<void> {
  const bar: Bar = { of: "ratio", atMost: 1.5 };
  const lengths = { short: 16384 - 2, long: 65536 - 2 - 1 } as const;
  const feeds: Readonly<Record<string, (chunks: readonly Uint8Array[]) => Promise<void> | void>> = {
    "deframer without a stream": (chunks) => {
      const deframer = new Deframer();
      for (const chunk of chunks) deframer.handle(chunk, ignore);
    },
    DeframerStream: (chunks) =>
      sourceOf(chunks, chunks.length).pipeThrough(new DeframerStream()).pipeTo(sinkOf()),
    EncapsulationStream: async (chunks) => {
      const { writable, ike, esp } = new EncapsulationStream({ role: "originator" });
      await Promise.all([
        sourceOf(chunks, chunks.length).pipeTo(writable),
        drainKinds({ ike: ike.readable, esp: esp.readable }),
      ]);
    },
  };
  const chunksOf = (length: number) => {
    const frame = makeFrame(length);
    return Array.from(frame, (_, i) => frame.subarray(i, i + 1));
  };
  const short = chunksOf(lengths.short);
  const long = chunksOf(lengths.long);
  for (const [name, feed] of Object.entries(feeds)) {
    const nameOf = (size: string) => `encap/one-octet chunks, ${name}, ${size}`;
    await bench.group([nameOf("16 KiB"), nameOf("64 KiB")], async () => {
      const time = (chunks: readonly Uint8Array[], times: number) => async () => {
        const clock = startClock();
        for (let i = 0; i < times; i++) await feed(chunks);
        return clock().busy / chunks.length / times;
      };
      const rounds = await Rounds.run({ short: time(short, 4), long: time(long, 1) }, bench.rounds, 2);
      bench.row(nameOf("16 KiB"), 1e9 * rounds.cost("short"), "ns/octet");
      bench.row(nameOf("64 KiB"), 1e9 * rounds.cost("long"), "ns/octet", {
        to: { name: nameOf("16 KiB"), ratio: rounds.ratio("long", "short") },
        bar,
      });
    });
  }
  const nameOf = (size: string) => `encap/one-octet chunks, copies, ${size}`;
  await bench.group([nameOf("16 KiB"), nameOf("64 KiB")], () => {
    const copies = [short, long].map((chunks) => {
      const deframer = new Deframer();
      for (const chunk of chunks) deframer.handle(chunk, ignore);
      return deframer.counters.octetsCopied / chunks.length;
    });
    bench.row(nameOf("16 KiB"), copies[0]!, "copies/octet");
    bench.row(nameOf("64 KiB"), copies[1]!, "copies/octet", {
      to: { name: nameOf("16 KiB"), ratio: copies[1]! / copies[0]! },
      bar,
    });
  });
}

async function benchBundle(): Promise<void> {
  const names = ["encap/bundle, minified", "encap/bundle, minified and gzip -9"] as const;
  await bench.group(names, async () => {
    const { minified, zipped } = await measureBundle("lib/encap/mod.ts");
    bench.row(names[0], minified / 1024, "KiB");
    bench.row(names[1], zipped / 1024, "KiB", { bar: { of: "value", atMost: 4 } });
  });
}

/** Sorts by kind without a queue, the cheapest that there could be. */
function espOnly(): Transducer<Uint8Array[], Uint8Array[]> {
  const demux = new Demux();
  return {
    handle(batch, emit) {
      const esp: Uint8Array[] = [];
      demux.handle(batch, { ike: [], esp });
      if (esp.length > 0) emit(esp);
    },
    handleEnd() {},
  };
}

function drainKinds<C>({ ike, esp }: { ike: ReadableStream<C>; esp: ReadableStream<C> }): Promise<unknown> {
  return Promise.all([ike.pipeTo(sinkOf()), esp.pipeTo(sinkOf())]);
}

/** The runtimes that the bar in GB/s is for: Web streams cost several times as much in earlier Node. */
function isFastRuntime(): boolean {
  const { name, version } = detectRuntime();
  return name !== "node" || Number.parseInt(version) >= 24;
}

function ignore(): void {}
