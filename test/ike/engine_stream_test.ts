import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { IkeError } from "../../lib/errors.ts";
import { type HostClock, IkeEngineHost, IkeEngineStream, MAX_QUEUED_IKE_OCTETS } from "../../lib/ike/mod.ts";
import { Pair } from "./_pair.ts";

/** A clock that is turned by hand. */
class Clock implements HostClock {
  time = 0;
  timers: { at: number; callback: () => void }[] = [];

  now(): number {
    return this.time;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.time + milliseconds, callback };
    this.timers.push(timer);
    return () => this.timers = this.timers.filter((other) => other !== timer);
  }

  turn(milliseconds: number): void {
    this.time += milliseconds;
    for (const timer of this.timers.filter(({ at }) => at <= this.time)) {
      this.timers = this.timers.filter((other) => other !== timer);
      timer.callback();
    }
  }
}

function hosts(reliable: boolean) {
  const pair = new Pair({ reliable });
  const clock = new Clock();
  const [a, b] = [pair.a, pair.b].map(({ engine }) => new IkeEngineHost(engine, { clock }));
  return { pair, clock, a: a!, b: b! };
}

describe("IkeEngineStream", () => {
  it("carries a handshake between two hosts, and tells events", async () => {
    const { pair, clock, a, b } = hosts(true);
    const [there, here] = [new IkeEngineStream(a, pair.pathA), new IkeEngineStream(b, pair.pathB)];
    const pipes = [there.readable.pipeTo(here.writable), here.readable.pipeTo(there.writable)];
    const { ikeSa, remoteId } = await a.initiate("ab", pair.pathA);
    assert.equal(remoteId, "b.example");
    const types: string[] = [];
    a.handle({ kind: "delete_ike", ikeSa });
    for await (const { type } of a.events) {
      if (type !== "message") types.push(type);
      if (type === "ike_sa_deleted") break;
    }
    assert.deepEqual(types, [
      "ike_sa_established",
      "child_sa_installed",
      "child_sa_deleted",
      "ike_sa_deleted",
    ]);
    a.close();
    b.close();
    assert.deepEqual(clock.timers, []);
    // The pipes wait for more: nobody closed the streams.
    await Promise.race([Promise.all(pipes), Promise.resolve()]);
  });

  it("keeps SAs when its connection ends, and the next connection takes over", async () => {
    const { pair, a, b } = hosts(true);
    const [there, here] = [new IkeEngineStream(a, pair.pathA), new IkeEngineStream(b, pair.pathB)];
    const abort = new AbortController();
    const { signal } = abort;
    const pipes = [
      there.readable.pipeTo(here.writable, { signal }),
      here.readable.pipeTo(there.writable, { signal }),
    ];
    const { ikeSa } = await a.initiate("ab", pair.pathA);
    abort.abort();
    await Promise.allSettled(pipes);
    assert.equal(a.engine.counters.ikeSas, 1);
    const next = pair.newPath(true, "connection 2");
    const [again, back] = [new IkeEngineStream(a, next.a), new IkeEngineStream(b, next.b)];
    again.readable.pipeTo(back.writable);
    back.readable.pipeTo(again.writable);
    a.handle({ kind: "move", ikeSa, path: next.a });
    a.handle({ kind: "check_liveness", ikeSa });
    for await (const { type } of a.events) if (type === "peer_alive") break;
    a.close();
    b.close();
  });

  it("fails when nobody takes its messages", async () => {
    const { pair, a } = hosts(true);
    const stream = new IkeEngineStream(a, pair.pathA);
    let sink: ((messages: Uint8Array<ArrayBuffer>[]) => void) | undefined;
    const attach = a.attach.bind(a);
    a.attach = (path, take) => attach(path, sink = take);
    const stuck = new IkeEngineStream(a, { ...pair.pathA, id: "stuck" });
    for (let i = 0; i < 18; i++) sink!([new Uint8Array(MAX_QUEUED_IKE_OCTETS / 16)]);
    await assert.rejects(stuck.readable.getReader().read(), /takes none any more/);
    assert.equal(stream.path, pair.pathA);
    a.close();
  });
});

describe("IkeEngineHost", () => {
  it("owns one timer, set to the engine's deadline", () => {
    const { pair, clock, a } = hosts(false);
    const sent: number[] = [];
    a.attach(pair.pathA, (messages) => sent.push(messages.length));
    a.handle({ kind: "initiate", connection: "ab", path: pair.pathA });
    assert.deepEqual(clock.timers.map(({ at }) => at), [4000]);
    clock.turn(4000);
    assert.deepEqual(sent, [1, 1]); // once more
    assert.deepEqual(clock.timers.map(({ at }) => at), [11_200]);
    a.close();
    assert.deepEqual(clock.timers, []);
  });

  it("gives messages of paths without a stream to `transmit`", () => {
    const { pair } = hosts(false);
    const sent: string[] = [];
    const host = new IkeEngineHost(pair.a.engine, {
      clock: new Clock(),
      transmit: (path) => sent.push(path.id),
    });
    host.handle({ kind: "initiate", connection: "ab", path: pair.pathA });
    assert.deepEqual(sent, [pair.pathA.id]);
    host.close();
  });

  it("rejects an attempt that fails, that is aborted, and that is not configured", async () => {
    const { pair, clock, a } = hosts(false);
    const timeout = assert.rejects(a.initiate("ab", pair.pathA), (error) => {
      assert.ok(error instanceof IkeError && error.code === "ERR_IKE_FAILED");
      return true;
    });
    for (let i = 0; i < 6; i++) clock.turn(100_000);
    await timeout;
    const abort = new AbortController();
    const aborted = assert.rejects(a.initiate("ab", pair.pathA, { signal: abort.signal }), /enough/);
    abort.abort(new Error("enough"));
    await aborted;
    assert.equal(a.engine.counters.ikeSas, 0);
    await assert.rejects(a.initiate("nowhere", pair.pathA), /expected one of ab/);
    a.close();
  });

  it("leaves out log lines that nobody reads, and nothing else", async () => {
    const pair = new Pair();
    const host = new IkeEngineHost(pair.a.engine, { clock: new Clock(), maxQueuedEvents: 5 });
    for (let i = 0; i < 6; i++) host.handle({ kind: "initiate", connection: "ab", path: pair.pathA });
    for (let ikeSa = 1; ikeSa <= 5; ikeSa++) host.handle({ kind: "delete_ike", ikeSa });
    host.close();
    const types: string[] = [];
    for await (const { type } of host.events) types.push(type);
    assert.equal(types.filter((type) => type === "message").length, 5);
    assert.equal(types.filter((type) => type === "ike_sa_failed").length, 5);
  });

  it("keeps no more events than a bound where nobody reads, however long peers make them", async () => {
    const pair = new Pair();
    const told: string[] = [];
    const onEvent = ({ type }: { type: string }) => void told.push(type);
    const host = new IkeEngineHost(pair.a.engine, { clock: new Clock(), maxQueuedEvents: 2, onEvent });
    for (let ikeSa = 1; ikeSa <= 5; ikeSa++) {
      host.handle({ kind: "initiate", connection: "ab", path: pair.pathA });
      host.handle({ kind: "delete_ike", ikeSa });
    }
    const reader = host.events.getReader();
    await assert.rejects(
      reader.read(),
      (error) => error instanceof IkeError && error.code === "ERR_IKE_LIMIT",
    );
    assert.equal(told.filter((type) => type === "ike_sa_failed").length, 5, "who is called hears everything");
    host.close();
  });

  it("keeps none where it is told that nobody reads", async () => {
    const pair = new Pair();
    const host = new IkeEngineHost(pair.a.engine, { clock: new Clock(), maxQueuedEvents: 0 });
    host.handle({ kind: "initiate", connection: "ab", path: pair.pathA });
    host.handle({ kind: "delete_ike", ikeSa: 1 });
    assert.equal((await host.events.getReader().read()).done, true);
    host.close();
  });
});

describe("IkeEngineHost", () => {
  it("loses nothing of what it has to tell to a callback that throws", () => {
    const pair = new Pair({ reliable: true });
    const told: string[] = [];
    let throws = true;
    const host = new IkeEngineHost(pair.a.engine, {
      clock: new Clock(),
      onEvent({ type }) {
        if (throws) throw new Error("mine");
        told.push(type);
      },
    });
    assert.throws(
      () => host.handleMessages(pair.pathA, [new Uint8Array(3), new Uint8Array(3)]),
      /^Error: mine$/,
    );
    throws = false;
    host.handle({ kind: "timeout" });
    assert.deepEqual(told, ["message_dropped"]);
    host.close();
  });
});
