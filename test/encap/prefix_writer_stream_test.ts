import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PrefixWriterStream, STREAM_PREFIX } from "../../lib/encap/mod.ts";
import { testStage } from "../compliance/stage_suite.ts";
import { cutsOf } from "../_support/cuts.ts";
import { ascii, espMessage, framed, showBytes } from "../_support/messages.ts";
import { concat } from "../../lib/bytes/mod.ts";
import { soon } from "../_support/turns.ts";

const bytes = framed(espMessage(1), espMessage(2));

testStage("PrefixWriterStream", {
  make: () => new PrefixWriterStream(),
  input: [bytes],
  output: showBytes([ascii("IKETCP"), bytes]),
  show: showBytes,
  showInput: (chunk) => showBytes([chunk]),
  cuts: (input) => cutsOf(concat(input)),
  flood: { chunk: bytes, most: 1 },
});

describe("PrefixWriterStream", () => {
  it("gives the prefix at once, in one chunk of its own, before anything was written (R-PFX-1, R-PFX-2, R-PFX-5)", async () => {
    const reader = new PrefixWriterStream().readable.getReader();
    const { value } = await soon("the first read", reader.read());
    assert.deepEqual(value, ascii("IKETCP"));
    await reader.cancel();
  });

  it("gives the prefix once, and when it is closed without a message (R-PFX-4)", async () => {
    const stage = new PrefixWriterStream();
    const closed = stage.writable.close();
    const chunks: Uint8Array[] = [];
    for await (const chunk of stage.readable) chunks.push(chunk);
    await closed;
    assert.deepEqual(chunks, [ascii("IKETCP")]);
  });

  it("gives each stream a prefix of its own, which its reader may change", async () => {
    const first = await new PrefixWriterStream().readable.getReader().read();
    first.value!.fill(0);
    const second = await new PrefixWriterStream().readable.getReader().read();
    assert.deepEqual(second.value, ascii("IKETCP"));
    assert.deepEqual(STREAM_PREFIX, ascii("IKETCP"));
  });
});
