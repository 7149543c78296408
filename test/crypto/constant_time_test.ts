/** Comparison of octets, against the obvious one. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { equalOctets } from "../../lib/crypto/mod.ts";

describe("equalOctets", () => {
  it("tells what a comparison one by one tells", () => {
    const octets = fc.uint8Array({ maxLength: 4, max: 1 });
    const offset = fc.integer({ min: -1, max: 5 });
    fc.assert(fc.property(octets, octets, offset, offset, fc.nat(5), (a, b, aStart, bStart, size) => {
      const inside = aStart >= 0 && bStart >= 0 && aStart + size <= a.length && bStart + size <= b.length;
      const same = inside &&
        a.slice(aStart, aStart + size).join() === b.slice(bStart, bStart + size).join();
      assert.equal(equalOctets(a, aStart, b, bStart, size), same);
    }));
  });

  it("does not take what is missing for zero", () => {
    assert.equal(equalOctets(new Uint8Array(4), 0, new Uint8Array(0), 0, 4), false);
  });
});
