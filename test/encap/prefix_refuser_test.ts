import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { Chain, Deframer, PrefixRefuser } from "../../lib/encap/mod.ts";
import { concat } from "../../lib/bytes/mod.ts";
import { cutsOf } from "../_support/cuts.ts";
import { ascii, espMessage, framed, showBytes, showMessages } from "../_support/messages.ts";

/** What passes a refuser, and the code of the error that ends it. */
function refuse(chunks: readonly Uint8Array[]): { passed: Uint8Array[]; code: string | undefined } {
  const core = new PrefixRefuser();
  const passed: Uint8Array[] = [];
  try {
    for (const chunk of chunks) core.handle(chunk, (out) => passed.push(out));
    core.handleEnd();
  } catch (error) {
    return { passed, code: (error as { code: string }).code };
  }
  return { passed, code: undefined };
}

describe("PrefixRefuser", () => {
  it("refuses the prefix, whatever its cut, as soon as it is complete (R-PFX-3)", () => {
    for (const rest of [new Uint8Array(0), framed(espMessage(1))]) {
      for (const { name, chunks } of cutsOf(concat([ascii("IKETCP"), rest]))) {
        const { code } = refuse(chunks);
        assert.equal(code, "ERR_ENCAP_PREFIX_ECHO", name);
      }
    }
  });

  it("lets a deframer behind it make no message of the prefix", () => {
    for (const { name, chunks } of cutsOf(concat([ascii("IKETCP"), new Uint8Array(20_000)]))) {
      const core = new Chain<Uint8Array, Uint8Array[]>([new PrefixRefuser(), new Deframer()]);
      assert.throws(
        () => {
          for (const chunk of chunks) core.handle(chunk, () => assert.fail("a message"));
        },
        { code: "ERR_ENCAP_PREFIX_ECHO" },
        name,
      );
    }
  });

  it("passes every other stream as it is", () => {
    const streams = fc.oneof(
      fc.uint8Array({ maxLength: 20 }),
      fc.tuple(fc.nat(5), fc.uint8Array({ maxLength: 12 })).map(([n, rest]) =>
        concat([ascii("IKETCP").subarray(0, n), rest])
      ),
      fc.uint8Array({ maxLength: 8 }).map((start) =>
        concat([Uint8Array.of(0, 3, 1), start, ascii("IKETCP")])
      ),
    );
    fc.assert(fc.property(streams, fc.nat(), (bytes, seed) => {
      fc.pre(!showBytes([bytes]).startsWith(showBytes([ascii("IKETCP")])));
      for (const { name, chunks } of cutsOf(bytes, seed)) {
        const { passed, code } = refuse(chunks);
        assert.equal(code, undefined, name);
        assert.equal(showBytes(passed), showBytes([bytes]), name);
      }
    }));
  });

  it("refuses what is not octets with a TypeError", () => {
    for (const wrong of ["IKETCP", [0x49], null]) {
      assert.throws(() => new PrefixRefuser().handle(wrong as unknown as Uint8Array, () => {}), {
        name: "TypeError",
        code: "ERR_ENCAP_CHUNK",
      });
    }
  });

  it("lets a message of 18761 octets pass that is not the rest of the prefix", () => {
    const message = espMessage(1, 0x494b - 2);
    const deframer = new Deframer();
    const received: Uint8Array[] = [];
    for (const chunk of refuse([framed(message)]).passed) {
      deframer.handle(chunk, (batch) => received.push(...batch));
    }
    assert.equal(showMessages(received), showMessages([message]));
  });
});
