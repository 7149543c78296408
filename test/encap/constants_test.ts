import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { hasNonEspMarker, MAX_MESSAGE_LENGTH, NAT_KEEPALIVE, STREAM_PREFIX } from "../../lib/encap/mod.ts";

describe("STREAM_PREFIX", () => {
  it("is IKETCP in ASCII (R-PFX-2)", () => {
    assert.deepEqual([...STREAM_PREFIX], [0x49, 0x4b, 0x45, 0x54, 0x43, 0x50]);
  });
});

describe("MAX_MESSAGE_LENGTH and NAT_KEEPALIVE", () => {
  it("are what a 16-bit Length that counts itself allows, and the octet of section 6.6", () => {
    assert.equal(MAX_MESSAGE_LENGTH, 0xffff - 2);
    assert.equal(NAT_KEEPALIVE, 0xff);
  });
});

describe("hasNonEspMarker", () => {
  it("wants four octets, all zero (R-FRM-3, R-FRM-4)", () => {
    const cases: [number[], boolean][] = [
      [[], false],
      [[0, 0, 0], false],
      [[0, 0, 0, 0], true],
      [[0, 0, 0, 0, 1], true],
      [[1, 0, 0, 0, 0], false],
      [[0, 1, 0, 0, 0], false],
      [[0, 0, 0x80, 0, 0], false],
      [[0, 0, 0, 1, 0], false],
    ];
    for (const [octets, expected] of cases) {
      assert.equal(hasNonEspMarker(Uint8Array.from(octets)), expected, octets.join(" "));
    }
  });

  it("looks at no octet behind the fourth", () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 4 }), (octets) => {
      assert.equal(hasNonEspMarker(octets), octets.slice(0, 4).every((octet) => octet === 0));
    }));
  });
});
