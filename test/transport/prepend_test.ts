import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { connectTcp, listenTcp } from "../../lib/runtime/mod.ts";
import { prepend, ResumedConnection } from "../../lib/transport/prepend.ts";
import { type Connection, memoryPair, type Receiver } from "../../lib/transport/mod.ts";
import { readAll, until } from "../_support/streams.ts";

const REST = Uint8Array.of(1, 2, 3);

/** Keeps what it is told, and is ready when `ready` resolves. */
class Recorder implements Receiver {
  readonly borrows: boolean;
  readonly seen: (number[] | string)[] = [];
  ready: Promise<void> | undefined;

  constructor(borrows: boolean) {
    this.borrows = borrows;
  }
  handleOctets(octets: Uint8Array): void | Promise<void> {
    this.seen.push([...octets]);
    return this.ready;
  }
  handleEnd(): void {
    this.seen.push("end");
  }
  handleError(): void {
    this.seen.push("error");
  }
  /** All octets up to now, and how they ended. */
  get all(): (number | string)[] {
    return this.seen.flat();
  }
}

async function tcpPair(): Promise<[Connection, Connection]> {
  const listener = await listenTcp({ hostname: "127.0.0.1", port: 0 });
  const reader = listener.connections.getReader();
  const [client, { value: server }] = await Promise.all([connectTcp(listener.address), reader.read()]);
  await listener.close();
  return [client, server!];
}

describe("ResumedConnection", () => {
  it("hands what was read too much to a receiver, whether more comes or not", async () => {
    const [below, there] = memoryPair();
    const recorder = new Recorder(false);
    new ResumedConnection(below, REST).receive!(recorder);
    assert.deepEqual(recorder.seen, [], "the receiver may still be in the making");
    await until(() => recorder.seen.length > 0, "the rest is handed on");
    await there.transmit!(Uint8Array.of(4));
    await there.writable.close();
    await until(() => recorder.all.includes("end"), "the end is told");
    assert.deepEqual(recorder.all, [1, 2, 3, 4, "end"]);
    await Promise.all([below.close(), there.close()]);
  });

  for (const ending of ["end", "error"] as const) {
    it(`waits for a receiver that is not ready, in a read buffer that is used again, and tells the ${ending} last`, async () => {
      const [below, there] = ending === "end" ? await tcpPair() : memoryPair();
      const recorder = new Recorder(true);
      let go = () => {};
      recorder.ready = new Promise((resolve) => go = resolve);
      new ResumedConnection(below, REST).receive!(recorder);
      const sent = Array.from({ length: 5 }, (_, index) => 4 + index);
      for (const octet of sent) {
        await there.transmit!(Uint8Array.of(octet));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      if (ending === "end") await there.writable.close();
      else await there.writable.abort();
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.deepEqual(recorder.all, [1, 2, 3]);
      recorder.ready = undefined;
      go();
      await until(() => recorder.all.includes(ending), "the end is told");
      assert.deepEqual(recorder.all, [1, 2, 3, ...sent, ending]);
      await Promise.all([below.close(), there.close()]);
    });
  }

  it("has one reader, whichever way it reads", async () => {
    const [below, there] = memoryPair();
    const received = new ResumedConnection(below, REST);
    received.receive!(new Recorder(false));
    assert.throws(() => received.readable.getReader(), TypeError);
    assert.throws(() => received.receive!(new Recorder(false)), TypeError);
    const read = new ResumedConnection(there, REST);
    const all = readAll(read.readable);
    assert.throws(() => read.receive!(new Recorder(false)), TypeError);
    await received.writable.close();
    assert.deepEqual([...await all], [...REST]);
    await Promise.all([received.close(), read.close()]);
  });
});

describe("prepend", () => {
  it("leaves a stream alone where nothing is to be put in front", () => {
    const { readable } = new TransformStream<Uint8Array, Uint8Array>();
    assert.equal(prepend(new Uint8Array(0), readable), readable);
  });
});
