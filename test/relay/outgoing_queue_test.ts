import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { OutgoingQueue } from "../../lib/relay/outgoing_queue.ts";
import { esp, ike, sequenceOf } from "./_messages.ts";

/** What a queue counts for a message over its octets. */
const OVERHEAD = 64;

function queueOf(maxMessages: number, maxOctets: number) {
  const counters = { datagramsDropped: 0 };
  return { queue: new OutgoingQueue({ maxMessages, maxOctets }, counters), counters };
}

describe("OutgoingQueue", () => {
  it("gives IKE before ESP, each kind in order", () => {
    const { queue } = queueOf(10, 10_000);
    const messages = [esp(5, 1), ike({ spiI: 1 }), esp(5, 2), ike({ spiI: 2 })];
    for (const message of messages) queue.push(message);
    assert.deepEqual(queue.take(10_000), [messages[1], messages[3], messages[0], messages[2]]);
    assert.equal(queue.length, 0);
  });

  it("drops the oldest ESP past its number of messages, keeps IKE, and counts", () => {
    const { queue, counters } = queueOf(3, 10_000);
    for (let i = 1; i <= 4; i++) queue.push(esp(5, i));
    queue.push(ike());
    const [first, ...rest] = queue.take(10_000);
    assert.deepEqual(first, ike());
    assert.deepEqual(rest.map(sequenceOf), [3, 4]);
    assert.equal(counters.datagramsDropped, 2);
  });

  it("drops the oldest ESP past its number of octets", () => {
    const { queue, counters } = queueOf(Infinity, 3 * (100 + OVERHEAD));
    for (let i = 1; i <= 5; i++) queue.push(esp(5, i, 100));
    assert.deepEqual(queue.take(10_000).map(sequenceOf), [3, 4, 5]);
    assert.equal(counters.datagramsDropped, 2);
  });

  it("drops the newest message where only IKE waits: its sender will send it again", () => {
    const { queue, counters } = queueOf(2, 10_000);
    for (let i = 1; i <= 4; i++) queue.push(ike({ spiI: i }));
    assert.deepEqual(queue.take(10_000), [ike({ spiI: 1 }), ike({ spiI: 2 })]);
    assert.equal(counters.datagramsDropped, 2);
  });

  it("holds one IKE message that is longer than its bound, but no such ESP packet", () => {
    const { queue, counters } = queueOf(10, 50);
    queue.push(esp(5, 1));
    queue.push(ike());
    assert.deepEqual(queue.take(10_000), [ike()]);
    assert.equal(counters.datagramsDropped, 1);
  });

  it("takes messages up to the one that reaches the octets asked for", () => {
    const { queue } = queueOf(10, 10_000);
    for (let i = 1; i <= 4; i++) queue.push(esp(5, i, 100));
    assert.deepEqual(queue.take(101).map(sequenceOf), [1, 2]);
    assert.deepEqual(queue.take(1).map(sequenceOf), [3]);
    assert.equal(queue.length, 1);
    assert.deepEqual(queue.take(10_000).map(sequenceOf), [4]);
    assert.deepEqual(queue.take(10_000), []);
  });

  it("drops down to narrower bounds, and everything in the end", () => {
    const { queue, counters } = queueOf(Infinity, 10_000);
    for (let i = 1; i <= 5; i++) queue.push(esp(5, i));
    queue.push(ike());
    queue.limit({ maxMessages: 3, maxOctets: 10_000 });
    assert.equal(queue.length, 3);
    assert.equal(counters.datagramsDropped, 3);
    queue.clear();
    assert.equal(queue.length, 0);
    assert.equal(counters.datagramsDropped, 6);
  });

  it("does not keep large buffers for the small messages that wait in it", () => {
    const { queue } = queueOf(Infinity, 100_000);
    for (let i = 1; i <= 20; i++) {
      const slab = new Uint8Array(65536);
      slab.set(esp(5, i, 100));
      queue.settle();
      queue.push(slab.subarray(0, 100));
    }
    const messages = queue.take(100_000);
    assert.deepEqual(messages.map(sequenceOf), Array.from({ length: 20 }, (_, i) => i + 1));
    const held = new Set(messages.map((message) => message.buffer));
    const octets = [...held].reduce((sum, buffer) => sum + buffer.byteLength, 0);
    assert.ok(octets < 3 * 65536, `expected at most the last buffers whole, got ${octets} octets`);
  });
});
