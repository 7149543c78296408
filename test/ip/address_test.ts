import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { fromHex, toHex } from "../../lib/bytes/mod.ts";
import { formatIpAddress, parseIpAddress } from "../../lib/ip/mod.ts";

/** Octets, and their one text of RFC 5952. */
const ADDRESSES: readonly (readonly [hex: string, text: string])[] = [
  ["c0000201", "192.0.2.1"],
  ["00000000", "0.0.0.0"],
  ["ffffffff", "255.255.255.255"],
  ["00000000000000000000000000000000", "::"],
  ["00000000000000000000000000000001", "::1"],
  ["20010db8000000000000000000000001", "2001:db8::1"],
  ["20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"], // section 4.2.2: one zero group is not shortened
  ["20010000000000010000000000000001", "2001:0:0:1::1"], // section 4.2.3: the longest run
  ["20010db8000000000001000000000001", "2001:db8::1:0:0:1"], // the first of equally long runs
  ["20010db8aaaabbbbccccddddeeee0001", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1"],
  ["00010000000000000000000000000000", "1::"],
  ["00000000000000000000ffffc0000201", "::ffff:192.0.2.1"],
];

describe("IP addresses", () => {
  for (const [hex, text] of ADDRESSES) {
    it(`write ${text} and read it back`, () => {
      assert.equal(formatIpAddress(fromHex(hex)), text);
      assert.equal(toHex(parseIpAddress(text)!), hex);
    });
  }

  it("are read in forms that RFC 5952 does not write", () => {
    assert.equal(toHex(parseIpAddress("2001:DB8:0:0:0:0:0:1")!), "20010db8000000000000000000000001");
    assert.equal(toHex(parseIpAddress("1:2:3:4:5:6:7::")!), "00010002000300040005000600070000");
    assert.equal(toHex(parseIpAddress("64:ff9b::192.0.2.33")!), "0064ff9b0000000000000000c0000221");
    assert.equal(toHex(parseIpAddress("fe80::1%eth0")!), "fe800000000000000000000000000001");
  });

  it("are not read out of anything else", () => {
    for (
      const text of [
        "",
        "gw.example",
        "192.0.2",
        "192.0.2.1.1",
        "192.0.2.256",
        "1::2::3",
        "1:2:3",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4::5:6:7:8",
        "12345::",
        "g::",
        ":::",
        ":1:2:3:4:5:6:7",
        "::192.0.2.999",
      ]
    ) {
      assert.equal(parseIpAddress(text), undefined, text);
    }
  });

  it("come back from their text, whatever their octets", () => {
    const address = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.array(fc.constantFrom(0, 0, 0, 1), { minLength: 16, maxLength: 16 }).map((a) => Uint8Array.from(a)),
    );
    fc.assert(fc.property(address, (octets) => {
      assert.deepEqual(parseIpAddress(formatIpAddress(octets)), Uint8Array.from(octets));
    }));
  });

  it("are refused when they have another number of octets", () => {
    assert.throws(() => formatIpAddress(new Uint8Array(5)), TypeError);
  });
});
