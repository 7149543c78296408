import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { BatchStream } from "../../lib/encap/mod.ts";
import { testStage } from "../compliance/stage_suite.ts";
import { espMessage, ikeMessage, showMessages } from "../_support/messages.ts";
import { assertWaits, soon, Watched } from "../_support/turns.ts";

const messages = [ikeMessage(1), espMessage(2), Uint8Array.of(0xff), espMessage(3, 700)];

testStage<Uint8Array, Uint8Array[]>("BatchStream", {
  make: () => new BatchStream({ maxBatchLength: 10_000 }),
  input: messages,
  output: showMessages(messages),
  show: showMessages,
  showInput: (chunk) => showMessages([chunk]),
  faulty: {
    input: [...messages, null as unknown as Uint8Array, messages[0]!],
    output: showMessages(messages),
    code: "ERR_ENCAP_CHUNK",
  },
  flood: { chunk: espMessage(1, 1000), most: 9 }, // ten weigh more than 10000 octets
  abortWaits: false,
});

describe("BatchStream", () => {
  it("makes a batch of all that was written since the last one, in order", async () => {
    const stage = new BatchStream();
    const writer = stage.writable.getWriter();
    const reader = stage.readable.getReader();
    for (const message of messages) await writer.write(message);
    assert.deepEqual((await reader.read()).value, messages);
    await writer.write(messages[1]!);
    assert.deepEqual((await reader.read()).value, [messages[1]]);
    await writer.close();
    assert.ok((await reader.read()).done);
  });

  it("gives a lone message at once", async () => {
    const stage = new BatchStream();
    const reader = stage.readable.getReader();
    const read = reader.read();
    const writer = stage.writable.getWriter();
    await writer.write(messages[0]!);
    assert.deepEqual((await soon("the read", read)).value, [messages[0]]);
    await writer.close();
  });

  it("holds a writer back past its bound, which a message weighs more than its octets for", async () => {
    const stage = new BatchStream({ maxBatchLength: 1000 });
    const writer = stage.writable.getWriter();
    let written = 0;
    const all = (async () => {
      for (; written < 50; written++) await writer.write(Uint8Array.of(1));
    })();
    await assertWaits(new Watched("writing fifty single octets", all));
    assert.ok(written < 20, `expected that the writer waits early, it has written ${written}`);
    const reader = stage.readable.getReader();
    let read = 0;
    while (read < 50) read += (await reader.read()).value!.length;
    await all;
    await writer.close();
  });

  it("refuses a bound that is not a whole number of octets", () => {
    for (const maxBatchLength of [-1, 1.5, NaN]) {
      assert.throws(() => new BatchStream({ maxBatchLength }), {
        name: "RangeError",
        code: "ERR_OPTION_RANGE",
      });
    }
  });
});
