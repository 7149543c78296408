/**
 * What every stage must do (a pair of streams with a core between), whatever it does with its chunks. A stage's test file
 * calls {@linkcode testStage} with a fixture; stages with several ends do so for each pair of them.
 */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { assertWaits, soon, soonRejected, stuck, turns, Watched } from "../_support/turns.ts";

/** A stage as a pair of streams. */
export interface StagePair<I, O> {
  /** Gives what the stage makes. */
  readonly readable: ReadableStream<O>;
  /** Takes what the stage is given. */
  readonly writable: WritableStream<I>;
}

/** What the suite must know of a stage. */
export interface StageFixture<I, O> {
  /** A new stage. */
  make(): StagePair<I, O>;
  /** Input that ends between two units. */
  readonly input: readonly I[];
  /** What comes of it, as `show` shows it. */
  readonly output: string;
  /** Chunks of output as text, the same for the same output in other chunks. */
  show(chunks: readonly O[]): string;
  /** Other cuts of the input. */
  cuts?(input: readonly I[]): Iterable<{ readonly name: string; readonly chunks: readonly I[] }>;
  /** A chunk as text, to see whether it was changed. */
  showInput(chunk: I): string;
  /** Input that ends inside a unit: what comes out all the same, and the code where the end is an error. */
  readonly unfinished?: { readonly input: readonly I[]; readonly output: string; readonly code?: string };
  /** The code of the error where the stage must be given something before it ends. */
  readonly emptyCode?: string;
  /** Input whose last chunk is refused: what comes out before the error, and its code. */
  readonly faulty?: { readonly input: readonly I[]; readonly output: string; readonly code: string };
  /** A chunk to write again and again, and how many writes may settle while nobody reads; absent where nothing holds a writer back. */
  readonly flood?: { readonly chunk: I; readonly most: number };
  /**
   * Whether an abort waits for the next read while a writer is held back. So it does in every `TransformStream` (Streams
   * standard, "TransformStreamDefaultSinkWriteAlgorithm"), but not in a stage with a queue of its own. Default true.
   */
  readonly abortWaits?: boolean;
  /** Whether the writer ends when this reader cancels; not so where another reader is left. Default true. */
  readonly cancelEnds?: boolean;
}

/** Runs every case for a stage. */
export function testStage<I, O>(name: string, fixture: StageFixture<I, O>): void {
  describe(`${name} as a stage`, () => {
    testOutput(fixture);
    testErrors(fixture);
    testBackpressure(fixture);
    testCancel(fixture);
    testAnyOrder(fixture);
  });
}

function testOutput<I, O>(fixture: StageFixture<I, O>): void {
  const { make, input, output, show } = fixture;

  it("gives the same output however the input is cut", async () => {
    const cuts = [{ name: "as it is", chunks: input }, ...fixture.cuts?.(input) ?? []];
    for (const { name, chunks } of cuts) {
      const stage = make();
      const piped = sourceOf(chunks).pipeTo(stage.writable);
      assert.equal(show(await collect(stage.readable)), output, name);
      await piped;
    }
  });

  it("gives the same output in the middle of a chain, with a slow reader", async () => {
    const stage = make();
    const readable = sourceOf(input).pipeThrough(new TransformStream<I, I>()).pipeThrough(stage)
      .pipeThrough(new TransformStream<O, O>());
    assert.equal(show(await collect(readable, 3)), output);
  });

  it("never changes a chunk", async () => {
    const before = input.map(fixture.showInput);
    const stage = make();
    const piped = sourceOf(input).pipeTo(stage.writable);
    await collect(stage.readable);
    await piped;
    assert.deepEqual(input.map(fixture.showInput), before);
  });

  const { unfinished } = fixture;
  if (unfinished === undefined) return;
  it("ends inside a unit as documented", async () => {
    const stage = make();
    const piped = new Watched("the pipe", sourceOf(unfinished.input).pipeTo(stage.writable));
    const { chunks, error } = await collectUntilError(stage.readable);
    assert.equal(show(chunks), unfinished.output);
    assert.equal((error as { code?: string } | undefined)?.code, unfinished.code);
    assert.deepEqual(await stuck([piped]), []);
    assert.equal(piped.reason, error);
  });
}

function testErrors<I, O>(fixture: StageFixture<I, O>): void {
  const { make, input, output, show, faulty } = fixture;

  for (const pause of [0, 1, 4]) {
    it(`hands on an error from upstream as it is, behind what came before it, pause ${pause}`, async () => {
      const reason = new Error("from upstream");
      const stage = make();
      const piped = new Watched("the pipe", sourceOf(input, reason).pipeTo(stage.writable));
      const { chunks, error } = await collectUntilError(stage.readable, pause);
      assert.equal(show(chunks), output);
      assert.equal(error, reason);
      assert.deepEqual(await stuck([piped]), []);
      assert.equal(piped.reason, reason);
    });

    if (faulty === undefined) continue;
    it(`gives what came before a fault of its input, then the error and nothing more, pause ${pause}`, async () => {
      const stage = make();
      const source = recordingSource(faulty.input);
      const piped = new Watched("the pipe", source.readable.pipeTo(stage.writable));
      const reader = stage.readable.getReader();
      const { chunks, error } = await readUntilError(reader, pause);
      assert.equal(show(chunks), faulty.output);
      assert.equal((error as { code?: string }).code, faulty.code);
      assert.equal(await soonRejected("a later read", reader.read()), error);
      assert.deepEqual(await stuck([piped]), []);
      assert.equal(piped.reason, error);
      assert.deepEqual(source.cancelled, [error], "the source is cancelled, once, with the error");
    });
  }

  it("gives an abort's reason to a reader that waits", async () => {
    const reason = new Error("abort");
    const stage = make();
    const writer = stage.writable.getWriter();
    const { chunks, error } = await soon(
      "reading",
      Promise.all([collectUntilError(stage.readable), writer.abort(reason)]).then(([read]) => read),
    );
    assert.ok(output.startsWith(show(chunks)), `expected nothing or a beginning, got ${show(chunks)}`);
    assert.equal(error, reason);
    assert.equal(await soonRejected("writer.closed", writer.closed), reason);
  });
}

function testBackpressure<I, O>(fixture: StageFixture<I, O>): void {
  const { make, flood, abortWaits = true } = fixture;
  if (flood === undefined) return;

  it("holds a writer back while nobody reads, and lets it go on", async () => {
    const stage = make();
    const writer = stage.writable.getWriter();
    let settled = 0;
    const attempts = flood.most + 3;
    const writes = Array.from(
      { length: attempts },
      (_, i) => new Watched(`write ${i}`, writer.write(flood.chunk).then(() => settled++)),
    );
    await stuck(writes);
    assert.ok(settled <= flood.most, `expected at most ${flood.most} writes to settle, ${settled} did`);
    assert.ok((writer.desiredSize ?? 0) <= 0, "expected that the writer is told to wait");

    const closed = writer.close();
    assert.equal((await collectUntilError(stage.readable)).error, undefined);
    assert.deepEqual(await stuck(writes), []);
    assert.equal(settled, attempts);
    await closed;
  });

  it("lets an abort through to a writer that is held back", async () => {
    const reason = new Error("abort");
    const stage = make();
    const writer = stage.writable.getWriter();
    const writes = Array.from(
      { length: flood.most + 3 },
      (_, i) => new Watched(`write ${i}`, writer.write(flood.chunk)),
    );
    await stuck(writes);
    const aborted = new Watched("abort", writer.abort(reason));
    const closed = new Watched("closed", writer.closed);
    if (!abortWaits) assert.deepEqual(await stuck([...writes, aborted, closed]), []);
    assert.equal((await collectUntilError(stage.readable)).error, reason);
    assert.deepEqual(await stuck([...writes, aborted, closed]), []);
    assert.equal(aborted.state, "fulfilled");
    assert.equal(closed.reason, reason);
  });
}

function testCancel<I, O>(fixture: StageFixture<I, O>): void {
  const { make, input, flood, cancelEnds = true } = fixture;

  it("releases the writer when the reader cancels", async () => {
    const reason = new Error("cancel");
    const stage = make();
    const source = recordingSource(input, { endless: true });
    const piped = new Watched("the pipe", source.readable.pipeTo(stage.writable));
    const reader = stage.readable.getReader();
    await soon("a read", reader.read());
    await soon("the cancel", reader.cancel(reason));
    if (cancelEnds) {
      assert.deepEqual(await stuck([piped]), []);
      assert.equal(piped.reason, reason);
      assert.deepEqual(source.cancelled, [reason]);
    } else {
      source.close();
      assert.deepEqual(await stuck([piped]), []);
      assert.equal(piped.state, "fulfilled");
    }
  });

  it("waits for input, and ends with it, when it was given none", async () => {
    const stage = make();
    const chunks: O[] = [];
    const ended = new Watched("the reader", collect(stage.readable, 0, chunks));
    await assertWaits(ended);
    const closed = new Watched("the close", stage.writable.close());
    assert.deepEqual(await stuck([ended, closed]), []);
    assert.equal(ended.reason, closed.reason);
    assert.equal((closed.reason as { code?: string } | undefined)?.code, fixture.emptyCode);
  });

  if (flood === undefined) return;
  it(
    "releases a writer that is held back when the reader cancels",
    async () => {
      const reason = new Error("cancel");
      const stage = make();
      const writer = stage.writable.getWriter();
      const writes = Array.from(
        { length: flood.most + 3 },
        (_, i) => new Watched(`write ${i}`, writer.write(flood.chunk)),
      );
      await stuck(writes);
      const cancelled = new Watched("cancel", stage.readable.cancel(reason));
      assert.deepEqual(await stuck([...writes, cancelled]), []);
      const closed = new Watched("closed", cancelEnds ? writer.closed : writer.close());
      assert.deepEqual(await stuck([closed]), []);
      assert.equal(closed.reason, cancelEnds ? reason : undefined);
    },
  );
}

/** An operation on one end, by a number that chooses among the chunks. */
const operations = fc.array(
  fc.tuple(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom("write", "read") },
      { weight: 1, arbitrary: fc.constantFrom("close", "abort", "cancel", "release") },
      { weight: 2, arbitrary: fc.constant("turn") },
    ),
    fc.nat(1000),
  ),
  { maxLength: 25 },
);

function testAnyOrder<I, O>(fixture: StageFixture<I, O>): void {
  it("settles everything, whatever is done in whatever order", async () => {
    await fc.assert(
      fc.asyncProperty(operations, async (steps) => {
        const stage = fixture.make();
        const writer = stage.writable.getWriter();
        let reader = stage.readable.getReader();
        const inputs = [
          ...fixture.input,
          ...fixture.faulty?.input ?? [],
          ...fixture.flood ? [fixture.flood.chunk] : [],
        ];
        const watched: Watched[] = [new Watched("writer.closed", writer.closed)];
        for (const [operation, n] of steps) {
          const name = `${operation} ${watched.length}`;
          if (operation === "write") {
            {
              // Node 24 throws where others reject, after a close that is under way.
              watched.push(new Watched(name, (async () => await writer.write(inputs[n % inputs.length]!))()));
            }
          }
          if (operation === "read") watched.push(new Watched(name, reader.read()));
          if (operation === "close") watched.push(new Watched(name, writer.close()));
          if (operation === "abort") watched.push(new Watched(name, writer.abort(new Error("abort"))));
          if (operation === "cancel") watched.push(new Watched(name, reader.cancel(new Error("cancel"))));
          if (operation === "release") {
            reader.releaseLock(); // reads that wait reject; what comes then waits for the next reader
            reader = stage.readable.getReader();
          }
          if (operation === "turn") await turns();
        }
        if (fixture.abortWaits === false && steps.some(([operation]) => operation === "abort")) {
          const writes = watched.filter(({ name }) => /^(write|close|abort)/.test(name));
          assert.deepEqual(await stuck(writes), [], "after an abort");
        }
        watched.push(new Watched("last close", writer.close()));
        watched.push(new Watched("last reads", readUntilError(reader)));
        watched.push(new Watched("reader.closed", reader.closed));
        assert.deepEqual(await stuck(watched), [], "in the end");
      }),
      { numRuns: 200 },
    );
  });
}

/** A stream that gives chunks, one a pull, and then ends or fails. */
export function sourceOf<T>(chunks: readonly T[], error?: unknown): ReadableStream<T> {
  let next = 0;
  return new ReadableStream<T>({
    pull(controller) {
      if (next < chunks.length) return controller.enqueue(chunks[next++]!);
      if (error === undefined) controller.close();
      else controller.error(error);
    },
  }, { highWaterMark: 0 });
}

/** A source that notes its cancels; an endless one waits behind its chunks until it is closed. */
export function recordingSource<T>(
  chunks: readonly T[],
  options: { endless?: boolean } = {},
): { readable: ReadableStream<T>; cancelled: unknown[]; close(): void; error(reason: unknown): void } {
  const cancelled: unknown[] = [];
  let next = 0;
  let controller!: ReadableStreamDefaultController<T>;
  const readable = new ReadableStream<T>({
    start(given) {
      controller = given;
    },
    pull() {
      if (next < chunks.length) controller.enqueue(chunks[next++]!);
      else if (!options.endless) controller.close();
    },
    cancel: (reason) => void cancelled.push(reason),
  }, { highWaterMark: 0 });
  return {
    readable,
    cancelled,
    close: () => controller.close(),
    error: (reason) => controller.error(reason),
  };
}

/** All chunks of a stream, with some turns between reads; rejects as the stream does. */
export async function collect<T>(readable: ReadableStream<T>, pause = 0, chunks: T[] = []): Promise<T[]> {
  const { error } = await collectUntilError(readable, pause, chunks);
  if (error !== undefined) throw error;
  return chunks;
}

/** All chunks of a stream, and the error it ended with. */
export function collectUntilError<T>(
  readable: ReadableStream<T>,
  pause = 0,
  chunks: T[] = [],
): Promise<{ chunks: T[]; error: unknown }> {
  return readUntilError(readable.getReader(), pause, chunks);
}

/** All chunks that a reader still gets, and the error it ended with. */
export async function readUntilError<T>(
  reader: ReadableStreamDefaultReader<T>,
  pause = 0,
  chunks: T[] = [],
): Promise<{ chunks: T[]; error: unknown }> {
  try {
    for (;;) {
      await turns(pause);
      const { done, value } = await reader.read();
      if (done) return { chunks, error: undefined };
      chunks.push(value);
    }
  } catch (error) {
    return { chunks, error };
  }
}
