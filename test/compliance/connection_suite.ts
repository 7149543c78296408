/**
 * What every `Connection` must do, whatever carries it. A carrier's test file calls {@linkcode testConnection} with a
 * factory; every case runs from the connecting and from the accepting end, since carriers implement them apart.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { TransportError } from "../../lib/errors.ts";
import type { Connection, Receiver } from "../../lib/transport/types.ts";
import {
  countAll,
  patternAt,
  readAll,
  readAtLeast,
  rejection,
  settlesWithin,
  sleep,
} from "../_support/streams.ts";

/** What the suite must know of a carrier. */
export interface ConnectionFixture {
  /** A new connection: the end that connected and the end that accepted. */
  pair(): Promise<readonly [Connection, Connection]>;
  /** Whether the peer of an aborted connection sees a reset, or an end as where a carrier cannot reset. */
  readonly aborts: "reset" | "end";
  /** Octets that the carrier itself (kernel buffers) may hold in one direction. */
  readonly capacity: number;
  /** The ends know each other's addresses, or only those of a hop between them. Default `of the ends`. */
  readonly addresses?: "of the ends" | "of a hop";
  /** Whether one direction can end while the other goes on. Default true. */
  readonly halfClose?: boolean;
  /** Whether a reader that takes nothing holds the peer back; else what comes is bounded by breaking. Default true. */
  readonly backPressure?: boolean;
  /** Whether an end of one direction is the other one's as well, as with a platform's WebSocket. Default false. */
  readonly endsWhole?: boolean;
  /** Whether it has no `receive` and `transmit`. Default false. */
  readonly streamsOnly?: boolean;
  /** How many programs of steps in any order are run. Default 40; fewer for a layer on a carrier that has run them. */
  readonly programs?: number;
}

/** Runs every case for a carrier. */
export function testConnection(name: string, fixture: ConnectionFixture): void {
  for (const end of ["connecting", "accepting"] as const) {
    describe(`${name}, from the ${end} end`, () => {
      /** Runs a case with both ends, and leaves nothing open. */
      async function withPair(run: (here: Connection, there: Connection) => Promise<void>): Promise<void> {
        const pair = await fixture.pair();
        const [here, there] = end === "connecting" ? pair : [pair[1], pair[0]];
        try {
          await run(here, there);
        } finally {
          await Promise.all([release(here), release(there)]);
        }
      }
      testOctets(withPair, fixture);
      if (fixture.endsWhole) testWholeEnds(withPair);
      else testEnds(withPair, fixture);
      if (fixture.backPressure ?? true) testBackpressure(withPair, fixture);
      testAborts(withPair, fixture);
      testClose(withPair);
      if (!fixture.streamsOnly && fixture.halfClose !== false && fixture.backPressure !== false) {
        testWithoutStreams(withPair, fixture);
      }
      testAnyOrder(withPair, fixture);
    });
  }
}

type WithPair = (run: (here: Connection, there: Connection) => Promise<void>) => Promise<void>;

function testOctets(
  withPair: WithPair,
  { addresses, halfClose = true, backPressure = true }: ConnectionFixture,
): void {
  it("is open when it is given out, and its ends know each other", () =>
    withPair(async (here, there) => {
      await here.opened;
      await there.opened;
      if (addresses === "of a hop") return;
      assert.deepEqual(here.localAddress, there.remoteAddress);
      assert.deepEqual(here.remoteAddress, there.localAddress);
    }));

  it("carries any octets in order, both ways at once, however they are cut", async () => {
    const sizes = fc.array(fc.oneof(fc.nat(20), fc.nat(3000), fc.nat(200_000)), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(sizes, sizes, (hereSizes, thereSizes) =>
        withPair(async (here, there) => {
          const [atHere, atThere] = halfClose
            ? await Promise.all([
              readAll(here.readable),
              readAll(there.readable),
              writeSizes(here, hereSizes),
              writeSizes(there, thereSizes),
            ])
            : await exchange(here, there, hereSizes, thereSizes);
          assertPattern(atThere, sum(hereSizes));
          assertPattern(atHere, sum(thereSizes));
          if (halfClose) await Promise.all([here.closed, there.closed]);
        })),
      { numRuns: 15 },
    );
  });

  it("carries thousands of single octets", () =>
    withPair(async (here, there) => {
      const octets = 5000;
      const [received] = await Promise.all([
        readAll(there.readable),
        writeSizes(here, Array.from({ length: octets }, () => 1)),
      ]);
      assertPattern(received, octets);
    }));

  it("lets a chunk be used again once its write has settled, also when the carrier was full", () =>
    withPair(async (here, there) => {
      const rounds = 60;
      const chunk = new Uint8Array(300_000);
      const writer = here.writable.getWriter();
      const written = (async () => {
        for (let round = 0; round < rounds; round++) {
          chunk.fill(round);
          await writer.write(chunk);
        }
        chunk.fill(0xff);
        await writer.close();
      })();
      if (backPressure) await sleep(50);
      const received = await readAll(there.readable);
      await written;
      assert.equal(received.length, rounds * chunk.length);
      for (let i = 0; i < received.length; i += 1000) {
        assert.equal(received[i], Math.floor(i / chunk.length), `octet ${i}`);
      }
    }));

  it("gives chunks that belong to the reader: nothing changes them, and they change nothing", () =>
    withPair(async (here, there) => {
      const writer = here.writable.getWriter();
      const reader = there.readable.getReader();
      const kept: Uint8Array[] = [];
      for (let round = 1; round <= 20; round++) {
        await writer.write(new Uint8Array(2000).fill(round));
        for (let left = 2000; left > 0;) {
          const { value } = await reader.read();
          assert.ok(value !== undefined && value.every((octet) => octet === round), `round ${round}`);
          value.fill(100 + round);
          kept.push(value);
          left -= value.byteLength;
        }
      }
      await writer.close();
      assert.ok((await reader.read()).done);
      assert.ok(kept.every((chunk) => chunk.every((octet) => octet === chunk[0] && octet > 100)));
      for (const chunk of kept) assert.equal(chunk.constructor, Uint8Array);
    }));

  it("composes with pipes", () =>
    withPair(async (here, there) => {
      const echo = there.readable.pipeThrough(new TransformStream()).pipeTo(there.writable);
      if (halfClose) {
        const [received] = await Promise.all([
          readAll(here.readable),
          writeSizes(here, [100_000, 1, 200_000]),
        ]);
        await echo;
        return assertPattern(received, 300_001);
      }
      const [writer, reader] = [here.writable.getWriter(), here.readable.getReader()];
      const [received] = await Promise.all([
        readAtLeast(reader, 300_001),
        writer.write(patternAt(0, 100_000)),
        writer.write(patternAt(100_000, 200_001)),
      ]);
      assertPattern(received, 300_001);
      await Promise.all([writer.close(), reader.cancel(), echo]);
    }));

  it("refuses anything that is not a Uint8Array, and breaks", () =>
    withPair(async (here) => {
      const writer = here.writable.getWriter();
      const error = await rejection(writer.write("text" as unknown as Uint8Array));
      assert.ok(error instanceof TypeError);
      assert.equal(error.code, "ERR_TRANSPORT_CHUNK");
      assert.equal((await rejection(here.closed)).code, "ERR_TRANSPORT_CLOSED");
    }));
}

function testEnds(withPair: WithPair, { halfClose = true }: ConnectionFixture): void {
  const skip = halfClose ? false : "the carrier has no half-close here";

  it(
    "half-closes: the peer reads to the end and can still answer",
    { skip },
    () =>
      withPair(async (here, there) => {
        await writeSizes(here, [1000]);
        assertPattern(await readAll(there.readable), 1000);
        await sleep(20);
        const [answer] = await Promise.all([readAll(here.readable), writeSizes(there, [70_000])]);
        assertPattern(answer, 70_000);
        await Promise.all([here.closed, there.closed]);
      }),
  );

  it("can still write for long after the peer has ended", { skip }, () =>
    withPair(async (here, there) => {
      await there.writable.close();
      assertPattern(await readAll(here.readable), 0);
      const writer = here.writable.getWriter();
      for (let round = 0; round < 3; round++) {
        await sleep(10);
        await writer.write(patternAt(round * 1000, 1000));
      }
      await writer.close();
      assertPattern(await readAll(there.readable), 3000);
      await Promise.all([here.closed, there.closed]);
    }));

  it("ends a read that waits when the peer ends", () =>
    withPair(async (here, there) => {
      const read = here.readable.getReader().read();
      await sleep(10);
      await there.writable.close();
      assert.equal((await read).done, true);
    }));

  it("discards what comes after its reader has cancelled, and still writes", () =>
    withPair(async (here, there) => {
      const reader = here.readable.getReader();
      const read = reader.read();
      await reader.cancel("enough");
      assert.equal((await read).done, true);
      // More than any kernel holds: it is taken only if somebody reads.
      await writeSizes(there, Array.from({ length: 400 }, () => 50_000));
      await writeSizes(here, [3000]);
      assertPattern(await readAll(there.readable), 3000);
      await Promise.all([here.closed, there.closed]);
    }));
}

/** In place of `testEnds` where one direction cannot end alone. */
function testWholeEnds(withPair: WithPair): void {
  it("ends both directions when it ends, after what was written", () =>
    withPair(async (here, there) => {
      const read = here.readable.getReader().read();
      const [received] = await Promise.all([readAll(there.readable), writeSizes(here, [1, 70_000, 200_000])]);
      assertPattern(received, 270_001);
      assert.equal((await read).done, true);
    }));

  it("ends a read that waits when the peer ends", () =>
    withPair(async (here, there) => {
      const read = here.readable.getReader().read();
      await sleep(10);
      await there.writable.close();
      assert.equal((await read).done, true);
    }));

  it("discards what comes after its reader has cancelled, and still writes", () =>
    withPair(async (here, there) => {
      await here.readable.cancel("enough");
      const writer = there.writable.getWriter();
      for (let i = 0; i < 400; i++) await writer.write(new Uint8Array(50_000));
      const [received] = await Promise.all([readAll(there.readable), writeSizes(here, [3000])]);
      assertPattern(received, 3000);
    }));
}

function testBackpressure(withPair: WithPair, { capacity, halfClose = true }: ConnectionFixture): void {
  it("holds the writer back while the peer does not read, and goes on when it does", () =>
    withPair(async (here, there) => {
      const written = await fill(here);
      const bound = capacity + 4 * CHUNK;
      assert.ok(written.octets <= bound, `expected at most ${bound} octets, ${written.octets} were taken`);
      const counted = countAll(there.readable);
      await written.pending;
      await written.writer.close();
      assert.equal(await counted, written.octets);
    }));

  it("does not let a slow direction hold the other one up", () =>
    withPair(async (here, there) => {
      const written = await fill(here);
      const answering = there.writable.getWriter();
      const answered = answering.write(patternAt(0, 100_000));
      if (halfClose) answered.then(() => answering.close()).catch(() => {});
      assertPattern(await readAtLeast(here.readable.getReader(), 100_000), 100_000);
      await answered;
      const counted = countAll(there.readable);
      await written.pending;
      await written.writer.close();
      assert.equal(await counted, written.octets);
    }));

  it("keeps what a peer sent before it ended for a reader that comes late", () =>
    withPair(async (here, there) => {
      await writeSizes(here, [1, 1, 1, 30_000]);
      await sleep(50);
      assertPattern(await readAll(there.readable), 30_003);
    }));
}

function testAborts(withPair: WithPair, { aborts, backPressure = true }: ConnectionFixture): void {
  it(
    aborts === "reset" ? "resets the peer when it is aborted" : "ends the peer's stream when it is aborted",
    () =>
      withPair(async (here, there) => {
        const hereRead = rejection(here.readable.getReader().read());
        const thereRead = there.readable.getReader().read();
        thereRead.catch(() => {});
        const reason = new Error("why");
        await here.writable.abort(reason);
        const error = await hereRead;
        assert.ok(error instanceof TransportError);
        assert.equal(error.code, "ERR_TRANSPORT_CLOSED");
        assert.equal(error.cause, reason);
        assert.equal(await rejection(here.closed), error);
        if (aborts === "end") {
          assert.equal((await thereRead).done, true);
          return;
        }
        assert.equal((await rejection(thereRead)).code, "ERR_TRANSPORT_RESET");
        assert.equal((await rejection(there.closed)).code, "ERR_TRANSPORT_RESET");
        const writer = there.writable.getWriter();
        assert.equal((await rejection(writer.write(Uint8Array.of(1)))).code, "ERR_TRANSPORT_RESET");
        assert.equal((await rejection(writer.closed)).code, "ERR_TRANSPORT_RESET");
      }),
  );

  it("breaks both directions when the peer is gone, at the latest when it writes", () =>
    withPair(async (here, there) => {
      await there.writable.abort();
      const writer = here.writable.getWriter();
      const error = await rejection((async () => {
        for (let round = 0; round < 200; round++) {
          await writer.write(Uint8Array.of(1));
          await sleep(5);
        }
      })());
      assert.equal(error.code, "ERR_TRANSPORT_RESET");
      assert.equal((await rejection(here.closed)).code, "ERR_TRANSPORT_RESET");
    }));

  const skip = backPressure ? false : "nothing makes a write wait here";
  it(
    "aborts at once although a write waits for a peer that does not read",
    { skip },
    () =>
      withPair(async (here) => {
        const written = await fill(here);
        const aborted = written.writer.abort();
        assert.ok(await settlesWithin(here.closed, 2000), "expected the connection to be over");
        await aborted;
        assert.equal((await rejection(written.pending)).code, "ERR_TRANSPORT_CLOSED");
      }),
  );

  it("delivers what came before a reset", async () => {
    if (aborts === "end") return;
    await withPair(async (here, there) => {
      const writer = there.writable.getWriter();
      await writer.write(Uint8Array.of(1, 2, 3));
      await sleep(100);
      await writer.abort();
      await rejection(here.closed);
      const reader = here.readable.getReader();
      assert.deepEqual([...(await reader.read()).value!], [1, 2, 3]);
      assert.equal((await rejection(reader.read())).code, "ERR_TRANSPORT_RESET");
    });
  });

  it("stays quiet when nobody looks at an aborted connection", () =>
    withPair(async (here, there) => {
      here.writable.abort(new Error("why")).catch(() => {});
      await there.close();
    }));
}

function testClose(withPair: WithPair): void {
  it("delivers on close what was written, of a writer that let go", () =>
    withPair(async (here, there) => {
      const writer = here.writable.getWriter();
      for (let i = 0; i < 10; i++) writer.write(patternAt(i * 100_000, 100_000)).catch(() => {});
      writer.releaseLock();
      const closed = here.close();
      assertPattern(await readAll(there.readable), 1_000_000);
      await there.close();
      await closed;
      await here.closed;
    }));

  it("delivers on close what was written, of a writer that still holds the stream, and takes no more", () =>
    withPair(async (here, there) => {
      const writer = here.writable.getWriter();
      const writes: Promise<unknown>[] = [];
      for (let i = 0; i < 10; i++) writes.push(writer.write(patternAt(i * 100_000, 100_000)));
      const reason = new Error("why");
      const closed = here.close(reason);
      assertPattern(await readAll(there.readable), 1_000_000);
      await Promise.all(writes);
      const error = await rejection(writer.write(Uint8Array.of(1)));
      assert.equal(error.code, "ERR_TRANSPORT_CLOSED");
      assert.equal(error.cause, reason);
      await rejection(writer.closed);
      await there.close();
      await closed;
      await here.closed;
    }));

  it("waits on close for a writer that has ended the stream itself", () =>
    withPair(async (here, there) => {
      const writer = here.writable.getWriter();
      const writes = [writer.write(patternAt(0, 500_000)), writer.close()];
      const closed = here.close();
      assertPattern(await readAll(there.readable), 500_000);
      await Promise.all([...writes, writer.closed, there.close(), closed, here.closed]);
    }));

  it("ends on close a read that waits", () =>
    withPair(async (here) => {
      const read = here.readable.getReader().read();
      const closed = here.close();
      assert.equal((await read).done, true);
      await closed;
    }));

  it("closes although the peer leaves its direction open and sends on", () =>
    withPair(async (here, there) => {
      await there.writable.getWriter().write(new Uint8Array(1000));
      await here.close();
      await here.closed;
      assert.equal(await countAll(there.readable), 0);
    }));

  it("closes any number of times, also after it broke", () =>
    withPair(async (here, there) => {
      await here.writable.abort();
      await Promise.all([here.close(), here.close()]);
      await here.close();
      await Promise.all([there.close(), there.close()]);
      await there.close();
    }));
}

/** Everything a program can do to one end, in any order; none of it may hang, throw or leave a rejection unhandled. */
const STEPS = ["write", "write much", "end", "abort", "cancel", "close", "read", "wait"] as const;

/** Remembers what it was handed; octets as copies, as it borrows or must not depend on it. */
class Recorder implements Receiver {
  readonly borrows: boolean;
  octets = 0;
  /** The first octet that was not the next of the pattern. */
  wrong: number | undefined;
  ending: "end" | Error | undefined;
  /** What `handleOctets` gives. */
  ready: Promise<void> | undefined;

  constructor(borrows: boolean) {
    this.borrows = borrows;
  }

  handleOctets(octets: Uint8Array): void | Promise<void> {
    assert.equal(this.ending, undefined, "nothing comes behind the end");
    const expected = patternAt(this.octets, octets.byteLength);
    if (expected.some((octet, i) => octet !== octets[i])) this.wrong ??= this.octets;
    this.octets += octets.byteLength;
    if (this.borrows) octets.fill(0); // what was lent is ours until we return
    return this.ready;
  }

  handleEnd(): void {
    assert.equal(this.ending, undefined, "it is told once");
    this.ending = "end";
  }

  handleError(error: Error): void {
    assert.equal(this.ending, undefined, "it is told once");
    this.ending = error;
  }
}

/** The shape without streams, `receive` and `transmit`, where a carrier has it. */
function testWithoutStreams(withPair: WithPair, { capacity, aborts }: ConnectionFixture): void {
  const transmitAll = async (connection: Connection, sizes: readonly number[]) => {
    let offset = 0;
    const chunk = new Uint8Array(Math.max(...sizes));
    for (const size of sizes) {
      chunk.set(patternAt(offset, size)); // the last write has settled, so the chunk may be used again
      await connection.transmit!(chunk.subarray(0, size));
      offset += size;
    }
    return offset;
  };

  for (const borrows of [false, true]) {
    it(`hands octets in order to a receiver that ${borrows ? "borrows" : "keeps"} them`, () =>
      withPair(async (here, there) => {
        const sizes = [1, 100, 5000, 70_000, 3, 400_000, 4096, 2048, 16384, 65536, 65536, 1_000_000, 7];
        const recorders = [here, there].map((connection) => {
          const recorder = new Recorder(borrows);
          connection.receive!(recorder);
          return recorder;
        });
        const [octets] = await Promise.all([
          transmitAll(here, sizes),
          transmitAll(there, [...sizes].reverse()),
        ]);
        await Promise.all([here.writable.close(), there.writable.close()]);
        await Promise.all([here.closed, there.closed]);
        for (const recorder of recorders) {
          assert.deepEqual([recorder.wrong, recorder.octets, recorder.ending], [undefined, octets, "end"]);
        }
      }));
  }

  it("waits for a receiver that is not ready, and loses nothing", () =>
    withPair(async (here, there) => {
      const recorder = new Recorder(true);
      let go = () => {};
      recorder.ready = new Promise((resolve) => go = resolve);
      there.receive!(recorder);
      const chunk = 65536;
      let sent = 0;
      let ended = false;
      const writing = (async () => {
        while (sent < 4 * capacity) {
          await here.transmit!(patternAt(sent, chunk));
          sent += chunk;
        }
        await here.writable.close();
        ended = true;
      })();
      while (recorder.octets === 0) await sleep(5);
      await sleep(100);
      assert.ok(!ended, "the writer waits");
      assert.ok(recorder.octets < 4 * capacity, `${recorder.octets}`);
      recorder.ready = undefined;
      go();
      await writing;
      while (recorder.ending === undefined) await sleep(5);
      assert.deepEqual([recorder.wrong, recorder.octets, recorder.ending], [undefined, sent, "end"]);
    }));

  it("hands what came before it had a receiver, and refuses a second reader", () =>
    withPair(async (here, there) => {
      await here.transmit!(patternAt(0, 1000));
      await here.writable.close();
      await sleep(20);
      const recorder = new Recorder(false);
      there.receive!(recorder);
      while (recorder.ending === undefined) await sleep(5);
      assert.deepEqual([recorder.wrong, recorder.octets, recorder.ending], [undefined, 1000, "end"]);
      assert.throws(() => there.receive!(new Recorder(false)), TypeError);
      assert.throws(() => there.readable.getReader(), TypeError);
      here.readable.getReader();
      assert.throws(() => here.receive!(new Recorder(false)), TypeError);
    }));

  it("tells a receiver of the peer's abort behind what came, and of its own close", () =>
    withPair(async (here, there) => {
      const recorder = new Recorder(false);
      there.receive!(recorder);
      await here.transmit!(patternAt(0, 1000));
      while (recorder.octets < 1000) await sleep(5);
      here.writable.abort().catch(() => {});
      while (recorder.ending === undefined) await sleep(5);
      if (aborts === "reset") assert.ok(recorder.ending instanceof TransportError);
      await assert.rejects(async () => {
        for (;;) await here.transmit!(new Uint8Array(1)); // who aborted writes no more
      }, TransportError);
    }));

  it("delivers on close what was transmitted, tells its receiver, and takes no more", () =>
    withPair(async (here, there) => {
      const mine = new Recorder(false);
      here.receive!(mine);
      const received = readAll(there.readable);
      const written = Promise.resolve(here.transmit!(patternAt(0, 300_000)));
      const closed = here.close();
      assert.throws(() => here.transmit!(new Uint8Array(1)), TransportError);
      await written;
      assertPattern(await received, 300_000);
      await there.writable.close();
      await closed;
      assert.equal(mine.ending, "end");
      await assert.rejects(here.writable.getWriter().write(new Uint8Array(1)), TransportError);
    }));
}

function testAnyOrder(withPair: WithPair, { programs = 40 }: ConnectionFixture): void {
  it("settles everything, whatever both ends do and in whatever order", async () => {
    const step = fc.record({ here: fc.boolean(), step: fc.constantFrom(...STEPS) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 10 }), (steps) =>
        withPair(async (here, there) => {
          const ends = [new Program(here), new Program(there)];
          for (const { here, step } of steps) await ends[here ? 0 : 1]!.run(step);
          const promises = ends.flatMap((
            each,
          ) => [...each.promises, each.connection.close(), each.connection.closed]);
          assert.ok(
            await settlesWithin(Promise.allSettled(promises), 10_000),
            "expected all promises to settle",
          );
        })),
      { numRuns: programs },
    );
  });
}

class Program {
  readonly connection: Connection;
  readonly promises: Promise<unknown>[] = [];
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  async run(step: typeof STEPS[number]): Promise<void> {
    if (step === "wait") await sleep(2);
    // Node 20 throws where a promise should reject when a closed stream is written to.
    else this.#keep(new Promise((resolve) => resolve(this.#act(step))));
  }

  #act(step: Exclude<typeof STEPS[number], "wait">): Promise<unknown> {
    const writer = () => this.#writer ??= this.#takeWriter();
    const reader = () => this.#reader ??= this.connection.readable.getReader();
    switch (step) {
      case "write":
        return writer().write(new Uint8Array(1000));
      case "write much":
        return writer().write(new Uint8Array(8_000_000));
      case "end":
        return writer().close();
      case "abort":
        return writer().abort(new Error("any order"));
      case "cancel":
        return reader().cancel();
      case "read":
        return reader().read();
      case "close":
        return this.connection.close();
    }
  }

  #takeWriter(): WritableStreamDefaultWriter<Uint8Array> {
    const writer = this.connection.writable.getWriter();
    this.#keep(writer.ready);
    this.#keep(writer.closed);
    return writer;
  }

  /** Its outcome is the program's business; that it settles is the test's. */
  #keep(promise: Promise<unknown>): void {
    promise.catch(() => {});
    this.promises.push(promise);
  }
}

const CHUNK = 65536;

/** Writes until a write does not settle: what was taken or waits, and the write that waits. */
async function fill(connection: Connection): Promise<
  { octets: number; writer: WritableStreamDefaultWriter<Uint8Array>; pending: Promise<void> }
> {
  const writer = connection.writable.getWriter();
  for (let octets = CHUNK; octets < 256 * 1024 * 1024; octets += CHUNK) {
    const pending = writer.write(new Uint8Array(CHUNK));
    pending.catch(() => {});
    if (!await settlesWithin(pending, 300)) return { octets, writer, pending };
  }
  return assert.fail("expected the writer to be held back");
}

/** Octets both ways, without an end. */
async function exchange(
  here: Connection,
  there: Connection,
  hereSizes: readonly number[],
  thereSizes: readonly number[],
): Promise<[Uint8Array, Uint8Array]> {
  const write = async ({ writable }: Connection, sizes: readonly number[]) => {
    const writer = writable.getWriter();
    let offset = 0;
    for (const size of sizes) {
      await writer.write(patternAt(offset, size));
      offset += size;
    }
  };
  const [atHere, atThere] = await Promise.all([
    readAtLeast(here.readable.getReader(), sum(thereSizes)),
    readAtLeast(there.readable.getReader(), sum(hereSizes)),
    write(here, hereSizes),
    write(there, thereSizes),
  ]);
  return [atHere, atThere];
}

async function writeSizes(connection: Connection, sizes: readonly number[]): Promise<void> {
  const writer = connection.writable.getWriter();
  let offset = 0;
  for (const size of sizes) {
    await writer.write(patternAt(offset, size));
    offset += size;
  }
  await writer.close();
}

function assertPattern(received: Uint8Array, length: number): void {
  assert.equal(received.length, length);
  // deepEqual on megabytes takes seconds in some runtimes.
  const expected = patternAt(0, length);
  for (let i = 0; i < length; i++) {
    if (received[i] !== expected[i]) assert.fail(`octet ${i} is ${received[i]}, expected ${expected[i]}`);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Ends a connection in whatever state a case left it. */
async function release(connection: Connection): Promise<void> {
  if (!connection.writable.locked) await connection.writable.abort().catch(() => {});
  await connection.close();
}
