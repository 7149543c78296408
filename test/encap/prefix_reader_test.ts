import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { PrefixReader } from "../../lib/encap/mod.ts";
import { concat } from "../../lib/bytes/mod.ts";
import { EncapError } from "../../lib/errors.ts";
import { cutsOf } from "../_support/cuts.ts";
import { ascii, espMessage, framed, showBytes } from "../_support/messages.ts";

/** What passes a reader, and the error that ends it. */
function read(
  chunks: readonly Uint8Array[],
): { passed: Uint8Array[]; error: EncapError | undefined; core: PrefixReader } {
  const core = new PrefixReader();
  const passed: Uint8Array[] = [];
  try {
    for (const chunk of chunks) core.handle(chunk, (out) => passed.push(out));
    core.handleEnd();
  } catch (error) {
    assert.ok(error instanceof EncapError);
    return { passed, error, core };
  }
  return { passed, error: undefined, core };
}

describe("PrefixReader", () => {
  it("takes the prefix off, whatever its cut, and passes the rest (R-PFX-6)", () => {
    const bytes = framed(espMessage(1));
    for (const { name, chunks } of cutsOf(concat([ascii("IKETCP"), bytes]))) {
      const { passed, error } = read(chunks);
      assert.equal(error, undefined, name);
      assert.equal(showBytes(passed), showBytes([bytes]), name);
    }
  });

  it("takes one prefix off, not two (R-PFX-4)", () => {
    assert.equal(showBytes(read([ascii("IKETCPIKETCP")]).passed), showBytes([ascii("IKETCP")]));
  });

  it("fails at the first wrong octet, without waiting for the others (R-PFX-8, R-PFX-11)", () => {
    for (let wrong = 0; wrong < 6; wrong++) {
      const octets = ascii("IKETCP").subarray(0, wrong + 1).slice();
      octets[wrong]! ^= 0x20;
      for (const { name, chunks } of cutsOf(octets)) {
        const { passed, error } = read(chunks);
        assert.equal(error?.code, "ERR_ENCAP_PREFIX", name);
        assert.deepEqual(error?.octets, octets, name);
        assert.deepEqual(passed, []);
      }
    }
  });

  it("shows what came instead, as far as sixteen octets, those that matched included", () => {
    const { error } = read([ascii("IK"), ascii("E/1.1 this goes on and on")]);
    assert.deepEqual(error?.octets, ascii("IKE/1.1 this goe"));
    assert.equal(
      error?.message,
      "Cannot read stream: expected the prefix IKETCP, got 49 4b 45 2f 31 2e 31 20 74 68 69 73 20 67 6f 65",
    );
    assert.equal(error?.octets.buffer.byteLength, 16, "the error keeps no read buffer alive");
  });

  it("fails at an end inside the prefix", () => {
    for (let length = 0; length < 6; length++) {
      const { error } = read([ascii("IKETCP").subarray(0, length)]);
      assert.equal(error?.code, "ERR_ENCAP_PREFIX_INCOMPLETE");
    }
    assert.equal(read([ascii("IKETCP")]).error, undefined);
  });

  it("says whether the prefix is complete", () => {
    const core = new PrefixReader();
    for (const octet of ascii("IKETCP")) {
      assert.equal(core.complete, false);
      core.handle(Uint8Array.of(octet), () => assert.fail("nothing follows the prefix"));
    }
    assert.equal(core.complete, true);
  });

  it("passes later chunks on as they are", () => {
    const core = new PrefixReader();
    core.handle(ascii("IKETCP"), () => {});
    const chunk = framed(espMessage(1));
    core.handle(chunk, (out) => assert.equal(out, chunk));
  });

  it("accepts any stream that begins with the prefix, and no other", () => {
    const streams = fc.oneof(
      fc.uint8Array({ maxLength: 20 }).map((rest) => concat([ascii("IKETCP"), rest])),
      fc.tuple(fc.nat(6), fc.uint8Array({ maxLength: 12 })).map(([n, rest]) =>
        concat([ascii("IKETCP").subarray(0, n), rest])
      ),
    );
    fc.assert(fc.property(streams, fc.nat(), (bytes, seed) => {
      const good = showBytes([bytes]).startsWith(showBytes([ascii("IKETCP")]));
      for (const { chunks } of cutsOf(bytes, seed)) {
        const { passed, error } = read(chunks);
        assert.equal(error === undefined, good);
        assert.equal(showBytes(passed), good ? showBytes([bytes.subarray(6)]) : "");
      }
    }));
  });

  it("refuses what is not octets with a TypeError", () => {
    assert.throws(() => new PrefixReader().handle("IKETCP" as unknown as Uint8Array, () => {}), {
      name: "TypeError",
      code: "ERR_ENCAP_CHUNK",
    });
  });
});
