import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { ReplayWindow } from "../../lib/esp/mod.ts";
import { SlowReplayWindow } from "../_support/slow_replay_window.ts";

describe("ReplayWindow", () => {
  it("takes each sequence number once, in any order inside the window", () => {
    const window = new ReplayWindow({ size: 32 });
    for (const low of [1, 3, 2, 33, 10]) assert.equal(window.mark(low), "fresh");
    for (const low of [33, 10, 3, 2]) assert.equal(window.mark(low), "replayed");
    assert.equal(window.check(1), "too_old");
    assert.equal(window.check(0), "invalid");
  });

  it("checks without remembering", () => {
    const window = new ReplayWindow();
    assert.equal(window.check(5), "fresh");
    assert.equal(window.check(5), "fresh");
    assert.equal(window.low, 0);
  });

  it("of size one takes only what is higher than all before", () => {
    const window = new ReplayWindow({ size: 1 });
    assert.equal(window.mark(7), "fresh");
    assert.equal(window.mark(7), "replayed");
    assert.equal(window.mark(6), "too_old");
    assert.equal(window.mark(8), "fresh");
  });

  it("infers the upper half across the end of a subspace (RFC 4303, A2.1)", () => {
    const window = new ReplayWindow({ size: 64, esn: true, highest: { high: 4, low: 0xfffffff0 } });
    assert.equal(window.inferHigh(0xffffffc0), 4);
    assert.equal(window.inferHigh(0xfffffff8), 4);
    assert.equal(window.inferHigh(5), 5);
    assert.equal(window.mark(5), "fresh");
    assert.equal(window.inferHigh(0xfffffff8), 4, "the window spans two subspaces now");
    assert.equal(window.mark(0xfffffff8), "fresh");
    assert.equal(window.mark(0xfffffff8), "replayed");
    assert.equal(window.inferHigh(0x80000000), 5);
  });

  it("never wraps: past the last number of 64 bits nothing is valid", () => {
    const window = new ReplayWindow({ esn: true, highest: { high: 0xffffffff, low: 0xffffffff } });
    assert.equal(window.check(0), "invalid");
    assert.equal(window.check(0xffffffff), "replayed");
  });

  it("refuses sizes that it cannot have", () => {
    for (const size of [0, 4097, 1.5, Number.NaN]) {
      assert.throws(() => new ReplayWindow({ size }), { name: "RangeError", code: "ERR_OPTION_RANGE" });
    }
  });

  it("agrees with the slow window in any order, with any duplicates and losses", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.integer({ min: 1, max: 130 }), fc.constantFrom(64, 1024, 4095, 4096)),
        fc.boolean(),
        fc.constantFrom(
          0n,
          1n,
          63n,
          5000n,
          0xfffffff0n,
          0xffffffffn,
          0x1_0000_0000n,
          0x5_ffff_ff00n,
          0xffff_ffff_ffff_ff00n,
        ),
        fc.array(
          fc.oneof(
            { weight: 8, arbitrary: fc.integer({ min: -140, max: 140 }) },
            { weight: 2, arbitrary: fc.integer({ min: -5000, max: 5000 }) },
            { weight: 1, arbitrary: fc.constantFrom(0x7fffffff, 0x80000000, -0x80000000, 0xfffffff0) },
          ),
          { maxLength: 200 },
        ),
        (size, esn, start, steps) => {
          const top = esn ? start : start & 0xffffffffn;
          const window = new ReplayWindow({
            size,
            esn,
            highest: { high: Number(top >> 32n), low: Number(top & 0xffffffffn) },
          });
          const slow = new SlowReplayWindow(size, esn, top);
          for (const step of steps) {
            const low = (window.low + step) >>> 0;
            if (esn) assert.equal(window.inferHigh(low), Number(slow.whole(low) >> 32n));
            assert.equal(window.check(low), slow.check(low), `check ${low}`);
            if (step % 3 !== 0) assert.equal(window.mark(low), slow.mark(low), `mark ${low}`);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
