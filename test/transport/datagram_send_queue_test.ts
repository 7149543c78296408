import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DatagramSendQueue } from "../../lib/transport/mod.ts";

describe("DatagramSendQueue", () => {
  it("refuses what is past its bound, and counts nothing of it", () => {
    const queue = new DatagramSendQueue(100);
    assert.deepEqual([60, 41, 40, 1].map((octets) => queue.enter(octets)), [true, false, true, false]);
    queue.leave(60);
    assert.deepEqual([61, 60].map((octets) => queue.enter(octets)), [false, true]);
  });

  it("is ready while no more than a quarter waits, and again once the rest has left", async () => {
    const queue = new DatagramSendQueue(100);
    queue.enter(25);
    const before = queue.ready;
    assert.equal(before, undefined);
    queue.enter(1);
    const { ready } = queue;
    let resumed = false;
    ready!.then(() => resumed = true);
    assert.equal(queue.ready, ready); // one promise for all who wait
    queue.enter(50);
    queue.leave(26);
    await Promise.resolve();
    assert.equal(resumed, false);
    queue.leave(25);
    await ready;
    assert.equal(queue.ready, undefined);
  });

  it("keeps nobody waiting at its end", async () => {
    const queue = new DatagramSendQueue(100);
    queue.enter(100);
    const { ready } = queue;
    queue.handleEnd();
    await ready;
    assert.equal(queue.ready, undefined);
    queue.leave(100);
  });
});
