/** The list of messages in a slab. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { MAX_BATCH_MESSAGES, MessageBatch } from "../../lib/crypto/mod.ts";

describe("MessageBatch", () => {
  it("holds what was added, whatever room it began with", () => {
    const batch = new MessageBatch(0);
    for (let i = 0; i < 100; i++) batch.add(i, 2 * i, { headerSize: 3 * i, sequenceHigh: 0xffffffff - i });
    assert.equal(batch.count, 100);
    for (let i = 0; i < 100; i++) {
      const row = [
        batch.starts[i],
        batch.sizes[i],
        batch.headerSizes[i],
        batch.sequenceHighs[i],
        batch.accepted[i],
      ];
      assert.deepEqual(row, [i, 2 * i, 3 * i, 0xffffffff - i, 0]);
    }
  });

  it("takes messages for ESP packets unless told otherwise", () => {
    const batch = new MessageBatch();
    batch.add(0, 100);
    assert.deepEqual([batch.headerSizes[0], batch.sequenceHighs[0]], [8, 0]);
  });

  it("forgets messages and verdicts, and keeps the room", () => {
    const batch = new MessageBatch(1);
    batch.add(0, 100);
    batch.accepted[0] = 1;
    const { starts } = batch;
    batch.clear();
    assert.equal(batch.count, 0);
    batch.add(4, 50);
    assert.equal(batch.starts, starts);
    assert.equal(batch.accepted[0], 0);
  });

  it("has a limit", () => {
    const batch = new MessageBatch();
    for (let i = 0; i < MAX_BATCH_MESSAGES; i++) batch.add(i, 1);
    assert.throws(() => batch.add(0, 1), { name: "RangeError", code: "ERR_OPTION_RANGE" });
    assert.equal(batch.count, MAX_BATCH_MESSAGES);
  });
});
