import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { KeepaliveFilter, type MessageChunk } from "../../lib/encap/mod.ts";
import { espMessage, ikeMessage, showMessages } from "../_support/messages.ts";

const keepalive = Uint8Array.of(0xff);

/** What passes a filter, chunk by chunk. */
function filter<C extends MessageChunk>(core: KeepaliveFilter<C>, ...chunks: C[]): C[] {
  const passed: C[] = [];
  for (const chunk of chunks) core.handle(chunk, (out) => passed.push(out));
  core.handleEnd();
  return passed;
}

describe("KeepaliveFilter", () => {
  it("drops the single octet 0xFF in silence and counts it (R-KAL-2)", () => {
    const core = new KeepaliveFilter();
    assert.deepEqual(filter(core, [keepalive, ikeMessage(1), keepalive], [keepalive]), [[ikeMessage(1)]]);
    assert.deepEqual(core.counters, { keepalives: 3, runts: 0 });
  });

  it("drops other messages of one to three octets and counts them apart (R-FRM-18)", () => {
    const core = new KeepaliveFilter();
    const runts = [[0], [0xfe], [0xff, 0xff], [0, 0], [1, 2, 3]].map((octets) => Uint8Array.from(octets));
    assert.deepEqual(filter(core, [...runts, espMessage(1)]), [[espMessage(1)]]);
    assert.deepEqual(core.counters, { keepalives: 0, runts: 5 });
  });

  it("passes messages of four octets and more, a batch without anything to drop as the same array", () => {
    const batch = [Uint8Array.of(0, 0, 0, 0), Uint8Array.of(0xff, 0xff, 0xff, 0xff), espMessage(1)];
    const passed = filter(new KeepaliveFilter(), batch);
    assert.equal(passed[0], batch);
    assert.deepEqual(batch.length, 3);
  });

  it("leaves a batch that it drops something from as it was", () => {
    const batch = [keepalive, espMessage(1)];
    filter(new KeepaliveFilter(), batch);
    assert.deepEqual(batch, [keepalive, espMessage(1)]);
  });

  it("answers a single message with a single message, or with nothing", () => {
    const core = new KeepaliveFilter<Uint8Array>();
    assert.deepEqual(filter(core, keepalive, espMessage(1), Uint8Array.of(1)), [espMessage(1)]);
    assert.deepEqual(core.counters, { keepalives: 1, runts: 1 });
  });

  it("gives nothing for batches of which nothing is left", () => {
    assert.deepEqual(filter(new KeepaliveFilter(), [], [keepalive], [keepalive, Uint8Array.of(1)]), []);
  });

  it("keeps the order of any messages and counts every one that it drops", () => {
    const batches = fc.array(fc.array(fc.uint8Array({ minLength: 1, maxLength: 8 })));
    fc.assert(fc.property(batches, (input) => {
      const core = new KeepaliveFilter();
      const passed = filter(core, ...input);
      assert.equal(
        showMessages(passed),
        showMessages(input.flat().filter((message) => message.byteLength > 3)),
      );
      assert.equal(
        passed.flat().length + core.counters.keepalives + core.counters.runts,
        input.flat().length,
      );
      assert.equal(
        core.counters.keepalives,
        input.flat().filter(({ length, 0: first }) => length === 1 && first === 255).length,
      );
    }));
  });

  it("refuses what is not octets with a TypeError", () => {
    for (const wrong of ["text", null, 7, [1], ["text"]]) {
      assert.throws(
        () => filter(new KeepaliveFilter(), wrong as unknown as Uint8Array[]),
        TypeError,
        String(wrong),
      );
    }
  });
});
