import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { MessageQueue } from "../../lib/encap/mod.ts";
import { collectGarbage } from "../_support/gc.ts";
import { espMessage, showMessages } from "../_support/messages.ts";

/** Octets of all buffers that a queue's messages keep alive. */
function held(messages: readonly Uint8Array[]): number {
  return [...new Set(messages.map((message) => message.buffer))].reduce(
    (sum, buffer) => sum + buffer.byteLength,
    0,
  );
}

/** A message of `length` octets at the beginning of a read buffer of 64 KiB. */
function inReadBuffer(seed: number, length: number): Uint8Array {
  const buffer = new Uint8Array(65536);
  buffer.set(espMessage(seed, length));
  return buffer.subarray(0, length);
}

describe("MessageQueue", () => {
  it("gives messages first in, first out, one by one or all at once", () => {
    const queue = new MessageQueue();
    assert.equal(queue.shift(), undefined);
    for (const i of [1, 2, 3, 4]) queue.push(espMessage(i));
    assert.deepEqual(queue.shift(), espMessage(1));
    assert.deepEqual(queue.takeAll(), [espMessage(2), espMessage(3), espMessage(4)]);
    assert.deepEqual(queue.takeAll(), []);
    assert.equal(queue.length, 0);
  });

  it("weighs octets and a constant for each message", () => {
    const queue = new MessageQueue();
    assert.equal(queue.weight, 0);
    queue.push(new Uint8Array(100));
    const one = queue.weight - 100;
    assert.ok(one > 0, "a message weighs something even without octets");
    queue.push(new Uint8Array(0));
    assert.equal(queue.weight, 100 + 2 * one);
    queue.shift();
    assert.equal(queue.weight, one);
    queue.takeAll();
    assert.equal(queue.weight, 0);
  });

  it("behaves as an array does, over thousands of messages", () => {
    const operations = fc.array(
      fc.oneof(
        {
          weight: 4,
          arbitrary: fc.integer({ min: 1, max: 900 }).map((count) => ({ count, kind: "push" as const })),
        },
        {
          weight: 4,
          arbitrary: fc.integer({ min: 1, max: 900 }).map((count) => ({ count, kind: "shift" as const })),
        },
        { weight: 2, arbitrary: fc.constant({ count: 1, kind: "settle" as const }) },
        { weight: 1, arbitrary: fc.constant({ count: 1, kind: "takeAll" as const }) },
      ),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(operations, (steps) => {
        const queue = new MessageQueue();
        queue.push(new Uint8Array(3));
        const weightOfThree = queue.weight;
        queue.takeAll();
        const model: number[] = [];
        let next = 0;
        const show = (message: Uint8Array | undefined) =>
          message && message[0]! * 65536 + message[1]! * 256 + message[2]!;
        for (const { kind, count } of steps) {
          for (let i = 0; i < count; i++) {
            if (kind === "push") {
              queue.push(Uint8Array.of(next >> 16, next >> 8 & 255, next & 255));
              model.push(next++);
            }
            if (kind === "shift" && show(queue.shift()) !== model.shift()) {
              assert.fail("another message than expected");
            }
            if (kind === "settle") queue.settle();
            if (kind === "takeAll") assert.deepEqual(queue.takeAll().map(show), model.splice(0));
          }
          assert.equal(queue.length, model.length);
          assert.equal(queue.weight, model.length * weightOfThree);
        }
        assert.deepEqual(queue.takeAll().map(show), model);
      }),
      { numRuns: 60 },
    );
  });

  it("keeps no message alive that has gone", async () => {
    const queue = new MessageQueue();
    const gone: WeakRef<Uint8Array>[] = [];
    queue.push(espMessage(0));
    for (let i = 1; i <= 100; i++) {
      queue.push(espMessage(i));
      gone.push(new WeakRef(queue.shift()!));
    }
    await collectGarbage();
    const alive = gone.filter((reference) => reference.deref() !== undefined).length;
    assert.ok(alive < 10, `${alive} of 100 messages are still there`); // the last one or two may be on the stack
    assert.equal(queue.length, 1);
  });

  it("copies messages that wait through two calls of settle out of far larger buffers, once", () => {
    const queue = new MessageQueue();
    for (let i = 0; i < 50; i++) {
      queue.settle();
      queue.push(inReadBuffer(i, 40));
    }
    const waiting = queue.takeAll();
    assert.equal(
      showMessages(waiting),
      showMessages(Array.from({ length: 50 }, (_, i) => espMessage(i, 40))),
    );
    assert.ok(held(waiting) < 3 * 65536, `fifty messages of 40 octets keep ${held(waiting)} octets alive`);
  });

  it("copies a message once, however long it waits", () => {
    const queue = new MessageQueue();
    for (let i = 0; i < 3; i++) queue.push(inReadBuffer(i, 40));
    queue.settle();
    queue.settle();
    const { buffer } = queue.shift()!;
    assert.equal(buffer.byteLength, 120);
    for (let i = 0; i < 5; i++) {
      queue.push(inReadBuffer(i, 40));
      queue.settle();
    }
    assert.equal(queue.shift()!.buffer, buffer);
    assert.equal(queue.shift()!.buffer, buffer);
  });

  it("leaves messages where they are that fill their buffers", () => {
    const queue = new MessageQueue();
    const buffer = new Uint8Array(64_000);
    for (let offset = 0; offset < buffer.length; offset += 1000) {
      queue.push(buffer.subarray(offset, offset + 1000));
    }
    queue.settle();
    queue.settle();
    queue.settle();
    assert.ok(queue.takeAll().every((message) => message.buffer === buffer.buffer));
  });

  it("leaves messages where they are that fill half of their buffers", () => {
    const queue = new MessageQueue();
    const buffer = new Uint8Array(64_000);
    for (let offset = 0; offset < 32_000; offset += 1000) queue.push(buffer.subarray(offset, offset + 1000));
    queue.settle();
    queue.settle();
    assert.ok(queue.takeAll().every((message) => message.buffer === buffer.buffer));
  });

  it("copies many tiny messages of one buffer together", () => {
    const queue = new MessageQueue();
    const buffer = new Uint8Array(65536);
    for (let i = 0; i < 100; i++) queue.push(buffer.subarray(10 * i, 10 * i + 8));
    queue.settle();
    queue.settle();
    const waiting = queue.takeAll();
    assert.equal(new Set(waiting.map((message) => message.buffer)).size, 1);
    assert.equal(held(waiting), 800);
  });

  it("settles what is left when some were shifted meanwhile", () => {
    const queue = new MessageQueue();
    for (let round = 0; round < 2000; round++) {
      queue.settle();
      queue.push(inReadBuffer(round, 20));
      if (round % 3 !== 0) assert.deepEqual(queue.shift()!.byteLength, 20);
    }
    assert.ok(held(queue.takeAll()) < 3 * 65536);
  });
});
