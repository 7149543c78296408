import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { ConfigError } from "../../lib/errors.ts";
import {
  containsSelector,
  findWidened,
  formatSelector,
  intersectSelectors,
  narrowSelectors,
  parseConfiguredSelector,
  resolveSelectors,
  type Selector,
  widenSelectors,
} from "../../lib/ike/mod.ts";

const one = (text: string): Selector => parseConfiguredSelector(text) as Selector;
const all = (text: string): Selector[] => text.split(" ").filter((word) => word !== "").map(one);

/** Offer, policy, and what they have in common. */
const NARROWED: readonly [offer: string, policy: string, common: string][] = [
  ["0.0.0.0/0", "10.1.0.0/16", "10.1.0.0/16"],
  ["10.1.0.0/16", "0.0.0.0/0", "10.1.0.0/16"],
  ["10.1.0.0/16", "10.1.0.0/16", "10.1.0.0/16"],
  ["10.1.0.0/16", "10.2.0.0/16", ""],
  ["10.1.0.0/16", "2001:db8::/32", ""],
  ["10.1.0.5-10.1.0.9", "10.1.0.8-10.1.0.20", "10.1.0.8/31"],
  ["10.1.0.0/16[tcp]", "10.1.7.0/24[tcp/443]", "10.1.7.0/24[6/443]"],
  ["10.1.0.0/16[tcp/80-90]", "10.1.0.0/16[tcp/85-443]", "10.1.0.0/16[6/85-90]"],
  ["10.1.0.0/16[tcp]", "10.1.0.0/16[udp]", ""],
  ["10.1.0.0/16[tcp/80]", "10.1.0.0/16[tcp/443]", ""],
  // The first one is the packet that asked for the SA; it lies inside what follows.
  ["10.1.0.5/32[tcp/443] 10.1.0.0/16", "10.1.0.0/24", "10.1.0.0/24"],
  ["10.1.0.0/16 10.1.0.0/16", "10.1.0.0/16", "10.1.0.0/16"],
  ["10.0.0.0/8", "10.1.0.0/16 10.9.0.0/16", "10.1.0.0/16 10.9.0.0/16"],
  ["10.1.0.0/16 2001:db8:1::/48", "0.0.0.0/0 ::/0", "10.1.0.0/16 2001:db8:1::/48"],
  // Of ICMP the port is the type of messages, or type and code (swanctl.conf; RFC 7296, section 3.13.1).
  ["10.1.0.0/16[icmp]", "10.1.0.0/16[icmp/8]", "10.1.0.0/16[1/2048]"],
  ["10.1.0.0/16[icmp/3-5]", "10.1.0.0/16[icmp/769]", "10.1.0.0/16[1/769]"],
  ["fd00::/64[ipv6-icmp/128]", "fd00::/64[icmpv6/128-129]", "fd00::/64[58/32768]"],
  ["10.1.0.0/16[gre]", "10.1.0.0/16[47]", "10.1.0.0/16[47]"],
  // Ports that cannot be seen (RFC 7296, section 3.13.1).
  ["10.1.0.0/16[tcp/opaque]", "10.1.0.0/16[tcp]", "10.1.0.0/16[6/opaque]"],
  ["10.1.0.0/16[tcp/opaque]", "10.1.0.0/16[tcp/443]", ""],
];

describe("Narrowing (RFC 7296, section 2.9)", () => {
  for (const [offer, policy, common] of NARROWED) {
    it(`${offer} by ${policy} leaves ${common || "nothing"}`, () => {
      assert.equal(narrowSelectors(all(offer), all(policy)).map(formatSelector).join(" "), common);
    });
  }

  it("takes no more than a TS payload may have, the first of the offer", () => {
    const ports = all(Array.from({ length: 64 }, (_, port) => `10.1.0.0/16[udp/${port}]`).join(" "));
    const subnets = all(Array.from({ length: 40 }, (_, i) => `10.1.${i}.0/24`).join(" "));
    const common = narrowSelectors(ports, subnets);
    assert.equal(common.length, 64);
    assert.deepEqual(common.slice(0, 2).map(formatSelector), ["10.1.0.0/24[17/0]", "10.1.1.0/24[17/0]"]);
  });

  it("never gives more than was offered, nor more than the policy", () => {
    const octets = fc.tuple(fc.nat(3), fc.nat(255), fc.nat(255));
    const selector = fc.tuple(octets, octets, fc.constantFrom(0, 6, 17), fc.nat(3), fc.nat(3)).map(
      ([a, b, protocol, x, y]): Selector => {
        const [start, end] = [a, b].map((rest) => Uint8Array.of(10, ...rest)).sort((p, q) => {
          const i = p.findIndex((octet, at) => octet !== q[at]);
          return i < 0 ? 0 : p[i]! - q[i]!;
        }) as [Uint8Array, Uint8Array];
        return { start, end, protocol, startPort: Math.min(x, y), endPort: Math.max(x, y) };
      },
    );
    const list = fc.array(selector, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(list, list, (offer, policy) => {
        const common = narrowSelectors(offer, policy);
        assert.equal(findWidened(common, offer), undefined);
        assert.equal(findWidened(common, policy), undefined);
        for (const a of offer) {
          for (const b of policy) {
            const part = intersectSelectors(a, b);
            if (part !== undefined) assert.ok(common.some((whole) => containsSelector(whole, part)));
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("The check of an answer", () => {
  it("finds what is wider than the offer", () => {
    assert.equal(findWidened(all("10.1.5.0/24"), all("10.1.0.0/16 10.2.0.0/16")), undefined);
    assert.equal(formatSelector(findWidened(all("10.1.0.0/24 0.0.0.0/0"), all("10.1.0.0/16"))!), "0.0.0.0/0");
    assert.notEqual(findWidened(all("10.1.0.0/16"), all("10.1.0.0/16[tcp]")), undefined);
    assert.notEqual(findWidened(all("10.1.0.0/16[tcp]"), all("10.1.0.0/16[tcp/443]")), undefined);
  });
});

describe("Configured selectors", () => {
  it("put addresses in the place of dynamic, with its protocol and port", () => {
    const configured = [parseConfiguredSelector("dynamic[tcp/443]"), parseConfiguredSelector("10.1.0.0/16")];
    const addresses = [Uint8Array.of(192, 0, 2, 1), new Uint8Array(16)];
    assert.deepEqual(resolveSelectors(configured, addresses).map(formatSelector), [
      "192.0.2.1/32[6/443]",
      "::/128[6/443]",
      "10.1.0.0/16",
    ]);
    assert.deepEqual(resolveSelectors(configured, []).map(formatSelector), ["10.1.0.0/16"]);
    assert.deepEqual(widenSelectors(configured, [4, 16]).map(formatSelector), [
      "0.0.0.0/0[6/443]",
      "::/0[6/443]",
      "10.1.0.0/16",
    ]);
  });

  it("that are not understood are a ConfigError", () => {
    for (const text of ["dynamically", "10.1.0.0/33", "10.1.0.0/16[tcp/99999]", ""]) {
      assert.throws(() => parseConfiguredSelector(text), ConfigError);
    }
  });
});
