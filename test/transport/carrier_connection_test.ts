import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import { TransportError } from "../../lib/errors.ts";
import {
  CarrierConnection,
  CHUNK_OVERHEAD,
  CLOSE_STALL_TIME,
  READ_QUEUE_LIMIT,
} from "../../lib/transport/mod.ts";
import { rejection } from "../_support/streams.ts";

/** A carrier that notes what it is told, and is driven by the test. */
class ScriptedConnection extends CarrierConnection {
  readonly calls: string[] = [];
  finishSend: (() => void) | undefined;

  constructor() {
    const address = { hostname: "192.0.2.1", port: 4500 };
    super({ localAddress: address, remoteAddress: address });
    this.handleOpen();
  }

  deliver(chunk: Uint8Array): boolean {
    return this.handleChunk(chunk);
  }

  receiveEnd(): void {
    this.handleEnd();
  }

  break(): TransportError {
    const error = new TransportError("ERR_TRANSPORT_RESET", "Connection was reset by the peer");
    this.handleError(error);
    return error;
  }

  protected override startReading(): void {
    this.calls.push("start");
  }

  protected override stopReading(): void {
    this.calls.push("stop");
  }

  protected override send(): Promise<void> {
    this.calls.push("send");
    return new Promise((resolve) => this.finishSend = resolve);
  }

  protected override sendEnd(): void {
    this.calls.push("end");
  }

  protected override reset(): void {
    this.calls.push("reset");
  }

  protected override release(): void {
    this.calls.push("release");
  }
}

describe("CarrierConnection", () => {
  it("reads ahead of the reader, as far as its bound in octets", () => {
    const connection = new ScriptedConnection();
    assert.equal(connection.deliver(new Uint8Array(READ_QUEUE_LIMIT - 2 * CHUNK_OVERHEAD)), true);
    assert.equal(connection.deliver(new Uint8Array(CHUNK_OVERHEAD)), false);
    assert.deepEqual(connection.calls, ["start", "stop"]);
  });

  it("bounds the number of tiny chunks too", () => {
    const connection = new ScriptedConnection();
    let chunks = 1;
    while (connection.deliver(new Uint8Array(1))) chunks++;
    assert.equal(chunks, Math.ceil(READ_QUEUE_LIMIT / (1 + CHUNK_OVERHEAD)));
  });

  it("goes on reading when half of what waited is taken", async () => {
    const connection = new ScriptedConnection();
    for (let i = 0; i < 8; i++) connection.deliver(new Uint8Array(READ_QUEUE_LIMIT / 8));
    const reader = connection.readable.getReader();
    for (let i = 0; i < 4; i++) await reader.read();
    assert.deepEqual(connection.calls, ["start", "stop"]);
    await reader.read();
    assert.deepEqual(connection.calls, ["start", "stop", "start"]);
  });

  it("delivers what came before a break, and then the break", async () => {
    const connection = new ScriptedConnection();
    connection.deliver(Uint8Array.of(1));
    connection.deliver(Uint8Array.of(2));
    const error = connection.break();
    assert.equal(await rejection(connection.closed), error);
    const reader = connection.readable.getReader();
    assert.deepEqual([(await reader.read()).value?.[0], (await reader.read()).value?.[0]], [1, 2]);
    assert.equal(await rejection(reader.read()), error);
    assert.equal(await rejection(connection.writable.getWriter().closed), error);
    assert.deepEqual(connection.calls, ["start", "release"]);
  });

  it("ends the reader whole when the peer ended before the connection broke", async () => {
    const connection = new ScriptedConnection();
    connection.deliver(Uint8Array.of(1));
    connection.receiveEnd();
    const error = connection.break();
    const reader = connection.readable.getReader();
    assert.deepEqual([...(await reader.read()).value!], [1]);
    assert.equal((await reader.read()).done, true);
    assert.equal(await rejection(connection.closed), error);
  });

  it("releases the carrier once, when both directions have ended", async () => {
    const connection = new ScriptedConnection();
    connection.receiveEnd();
    connection.receiveEnd();
    await connection.writable.close();
    await connection.closed;
    connection.break();
    await connection.close();
    assert.deepEqual(connection.calls, ["start", "end", "release"]);
  });

  it("resets a peer that takes nothing for a long time after close", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      const connection = new ScriptedConnection();
      const write = rejection(connection.writable.getWriter().write(Uint8Array.of(1)));
      await Promise.resolve();
      const closed = connection.close();
      mock.timers.tick(CLOSE_STALL_TIME - 1);
      assert.deepEqual(connection.calls, ["start", "send"]);
      mock.timers.tick(1);
      assert.deepEqual(connection.calls, ["start", "send", "reset"]);
      connection.finishSend!();
      await closed;
      await write;
      const error = await rejection(connection.closed);
      assert.equal(error.code, "ERR_TRANSPORT_TIMEOUT");
      assert.match(
        error.message,
        /^Cannot close the connection to 192\.0\.2\.1:4500: the peer took nothing for 30 s$/,
      );
    } finally {
      mock.timers.reset();
    }
  });
});
