import assert from "node:assert/strict";
import { isIP } from "node:net";
import { describe, it } from "node:test";
import fc from "fast-check";
import { formatAddress, isIpAddress, unmapAddress } from "../../lib/transport/mod.ts";

describe("formatAddress", () => {
  it("puts IPv6 in brackets, and nothing else", () => {
    assert.equal(formatAddress({ hostname: "192.0.2.1", port: 4500 }), "192.0.2.1:4500");
    assert.equal(formatAddress({ hostname: "2001:db8::1", port: 4500 }), "[2001:db8::1]:4500");
    assert.equal(formatAddress({ hostname: "gw.example", port: 0 }), "gw.example:0");
  });
});

describe("unmapAddress", () => {
  it("gives IPv4 for IPv4-mapped IPv6, and leaves the rest", () => {
    const cases = {
      "::ffff:192.0.2.1": "192.0.2.1",
      "::FFFF:192.0.2.1": "192.0.2.1",
      "192.0.2.1": "192.0.2.1",
      "::1": "::1",
      "::ffff:1:2": "::ffff:1:2",
      "64:ff9b::192.0.2.1": "64:ff9b::192.0.2.1",
      "gw.example": "gw.example",
    };
    for (const [written, expected] of Object.entries(cases)) assert.equal(unmapAddress(written), expected);
  });
});

describe("isIpAddress", () => {
  const cases: Record<string, boolean> = {
    "192.0.2.1": true,
    "0.0.0.0": true,
    "255.255.255.255": true,
    "256.0.0.1": false,
    "1.2.3": false,
    "1.2.3.4.5": false,
    "01.2.3.4": false,
    "::": true,
    "::1": true,
    "1::": true,
    "2001:db8:0:0:0:0:0:1": true,
    "2001:DB8::1": true,
    "::ffff:192.0.2.1": true,
    "1:2:3:4:5:6:192.0.2.1": true,
    "1:2:3:4:5:6:7:192.0.2.1": false,
    "192.0.2.1::": false,
    "1:2:3:4:5:6:7": false,
    "1:2:3:4:5:6:7:8:9": false,
    "1:2:3:4:5:6:7::": true,
    "1:2:3:4:5:6:7:8::": false,
    "1::2::3": false,
    ":::": false,
    ":1": false,
    "1:": false,
    "12345::": false,
    "g::": false,
    "fe80::1%eth0": true,
    "fe80::1%": false,
    "fe80::1%a%b": false,
    "": false,
    "gw.example": false,
    "[::1]": false,
  };
  for (const [text, expected] of Object.entries(cases)) {
    it(`says ${expected} for ${JSON.stringify(text)}`, () => assert.equal(isIpAddress(text), expected));
  }

  it("agrees with node:net on anything that looks like an address", () => {
    const group = fc.oneof(
      fc.constant(""),
      fc.nat(0x1ffff).map((number) => number.toString(16)),
      fc.constant("1.2.3.4"),
    );
    const text = fc.oneof(
      fc.array(group, { maxLength: 10 }).map((groups) => groups.join(":")),
      fc.array(fc.oneof(fc.nat(300).map(String), fc.constant("")), { maxLength: 6 }).map((quads) =>
        quads.join(".")
      ),
      fc.ipV4(),
      fc.ipV6(),
    );
    fc.assert(fc.property(text, (text) => assert.equal(isIpAddress(text), isIP(text) !== 0)), {
      numRuns: 1000,
    });
  });
});
