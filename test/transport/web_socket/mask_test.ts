import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { applyMask } from "../../../lib/transport/web_socket/mask.ts";

/** RFC 6455, section 5.3, as it is written there. */
function slowMask(octets: Uint8Array, mask: Uint8Array, phase: number): Uint8Array {
  return octets.map((octet, i) => octet ^ mask[(phase + i) % 4]!);
}

describe("applyMask", () => {
  it("is the RFC's own loop, at any place in memory, at any cut", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        fc.nat(9),
        fc.nat(9),
        (octets, mask, shift, phase) => {
          const memory = new Uint8Array(shift + octets.length + 5).fill(0xee);
          const view = memory.subarray(shift, shift + octets.length);
          view.set(octets);
          applyMask(view, mask, phase);
          assert.deepEqual([...view], [...slowMask(octets, mask, phase)]);
          assert.ok(memory.subarray(0, shift).every((octet) => octet === 0xee));
          assert.ok(memory.subarray(shift + octets.length).every((octet) => octet === 0xee));
        },
      ),
      { numRuns: 300 },
    );
  });
});
