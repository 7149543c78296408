import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { concat } from "../../lib/bytes/mod.ts";
import { ikeCodecLimits } from "../../lib/ike/codec/mod.ts";
import { FragmentReassembly, type OpenedFragment } from "../../lib/ike/mod.ts";

function fragment(number: number, total: number, ...data: number[]): OpenedFragment {
  return { number, total, nextPayload: number === 1 ? 35 : 0, data: new Uint8Array(data) };
}

describe("FragmentReassembly", () => {
  it("gives the message whatever the order of its fragments (R-FRG-3)", () => {
    fc.assert(fc.property(
      fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 1, maxLength: 64 }),
      fc.func(fc.nat()),
      (parts, order) => {
        const fragments = parts.map((data, i) => ({ ...fragment(i + 1, parts.length), data }));
        fragments.sort((a, b) => order(a.number) - order(b.number));
        const reassembly = new FragmentReassembly();
        const results = fragments.map((part) => reassembly.add(part));
        assert.deepEqual(results.pop(), { nextPayload: 35, content: concat(parts) });
        assert.ok(results.every((result) => result === "incomplete"));
        assert.equal(reassembly.count, 0);
      },
    ));
  });

  it("drops a fragment that is there already, whatever it holds now", () => {
    const reassembly = new FragmentReassembly();
    assert.equal(reassembly.add(fragment(1, 2, 1)), "incomplete");
    assert.equal(reassembly.refusal({ number: 1, total: 2 }), "duplicate");
    assert.equal(reassembly.add(fragment(1, 2, 9, 9)), "duplicate");
    assert.deepEqual(reassembly.add(fragment(2, 2, 2)), {
      nextPayload: 35,
      content: new Uint8Array([1, 2]),
    });
  });

  it("drops fragments of a smaller total, and begins anew with a larger one (RFC 7383, section 2.6)", () => {
    const reassembly = new FragmentReassembly();
    assert.equal(reassembly.add(fragment(1, 2, 1, 1)), "incomplete");
    assert.equal(reassembly.add(fragment(2, 3, 2)), "incomplete");
    assert.equal(reassembly.count, 1);
    assert.equal(reassembly.refusal({ number: 2, total: 2 }), "stale_total");
    assert.equal(reassembly.add(fragment(2, 2, 2, 2)), "stale_total");
    assert.equal(reassembly.add(fragment(3, 3, 3)), "incomplete");
    assert.deepEqual(reassembly.add(fragment(1, 3, 1)), {
      nextPayload: 35,
      content: new Uint8Array([1, 2, 3]),
    });
  });

  it("takes 64 fragments and no more", () => {
    const reassembly = new FragmentReassembly();
    assert.equal(reassembly.add(fragment(1, 64)), "incomplete");
    assert.equal(reassembly.refusal({ number: 1, total: 65 }), "too_many");
    assert.equal(reassembly.add(fragment(1, 65)), "too_many");
    assert.equal(reassembly.count, 1);
    assert.equal(
      new FragmentReassembly(ikeCodecLimits({ fragments: 65 })).add(fragment(1, 65)),
      "incomplete",
    );
  });

  it("refuses number 0, and a number above the total", () => {
    const reassembly = new FragmentReassembly();
    for (const [number, total] of [[0, 2], [3, 2], [0, 0], [1, 0]] as const) {
      assert.equal(reassembly.add(fragment(number, total)), "too_many");
    }
    assert.equal(reassembly.count, 0);
  });

  it("takes 64 KiB and no more, and keeps what it has", () => {
    const reassembly = new FragmentReassembly();
    const half = (number: number) => ({ ...fragment(number, 3), data: new Uint8Array(32_768) });
    assert.equal(reassembly.add(half(1)), "incomplete");
    assert.equal(reassembly.add(half(2)), "incomplete");
    assert.equal(reassembly.add(fragment(3, 3, 1)), "too_large");
    assert.equal(reassembly.count, 2);
    const whole = reassembly.add(fragment(3, 3));
    assert.ok(typeof whole === "object" && whole.content.length === 65_536);
  });

  it("keeps nothing alive of the messages that fragments came in", () => {
    const reassembly = new FragmentReassembly();
    const message = new Uint8Array(60_000);
    reassembly.add({ ...fragment(1, 2), data: message.subarray(0, 1) });
    message.fill(0xff);
    assert.deepEqual(reassembly.add(fragment(2, 2, 7)), { nextPayload: 35, content: new Uint8Array([0, 7]) });
  });

  it("forgets all when told", () => {
    const reassembly = new FragmentReassembly();
    reassembly.add(fragment(1, 3, 1));
    reassembly.clear();
    assert.equal(reassembly.count, 0);
    assert.equal(reassembly.add(fragment(1, 1, 5)) !== "incomplete", true);
  });
});
