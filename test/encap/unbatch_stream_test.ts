import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { UnbatchStream } from "../../lib/encap/mod.ts";
import { testStage } from "../compliance/stage_suite.ts";
import { espMessage, ikeMessage, showMessages } from "../_support/messages.ts";
import { stuck, Watched } from "../_support/turns.ts";

const messages = [ikeMessage(1), espMessage(2), Uint8Array.of(0xff), espMessage(3, 700)];

testStage<Uint8Array[], Uint8Array>("UnbatchStream", {
  make: () => new UnbatchStream(),
  input: [messages, [], [messages[0]!]],
  output: showMessages([...messages, messages[0]!]),
  show: showMessages,
  showInput: (chunk) => showMessages([chunk]),
  cuts: () => [{ name: "batches of one", chunks: [...messages, messages[0]!].map((message) => [message]) }],
  faulty: {
    input: [messages, [messages[1]!, "text" as unknown as Uint8Array], messages],
    output: showMessages([...messages, messages[1]!]),
    code: "ERR_ENCAP_CHUNK",
  },
  flood: { chunk: messages, most: 0 },
  abortWaits: false,
});

describe("UnbatchStream", () => {
  it("settles a write when the last message of its batch was read, not earlier", async () => {
    const stage = new UnbatchStream();
    const reader = stage.readable.getReader();
    const writer = stage.writable.getWriter();
    const written = new Watched("the write", writer.write(messages));
    for (const message of messages) {
      assert.deepEqual(await stuck([written]), ["the write"]);
      assert.deepEqual((await reader.read()).value, message);
    }
    assert.deepEqual(await stuck([written]), []);
    await writer.close();
  });

  it("delivers a whole batch although an abort follows it at once", async () => {
    const reason = new Error("abort");
    const stage = new UnbatchStream();
    const reader = stage.readable.getReader();
    const first = reader.read();
    const writer = stage.writable.getWriter();
    const written = new Watched("the write", writer.write(messages));
    const aborted = new Watched("the abort", first.then(() => writer.abort(reason)));
    assert.deepEqual(await stuck([written, aborted]), []);
    const received = [(await first).value!];
    await assert.rejects(async () => {
      for (;;) received.push((await reader.read()).value!);
    }, reason);
    assert.equal(showMessages(received), showMessages(messages));
  });
});
