import { describe, it } from "node:test";
import assert from "node:assert/strict";
import {
  compose,
  Deframer,
  Framer,
  KeepaliveFilter,
  type MessageChunk,
  PrefixReader,
  PrefixWriter,
  StageStream,
  type Transducer,
} from "../../lib/encap/mod.ts";
import { concat } from "../../lib/bytes/mod.ts";
import { collect, sourceOf, testStage } from "../compliance/stage_suite.ts";
import { cutsOf } from "../_support/cuts.ts";
import { ascii, espMessage, framed, ikeMessage, showBytes, showMessages } from "../_support/messages.ts";

const messages = [ikeMessage(1), espMessage(2), espMessage(3, 700)];
const bytes = concat([
  ascii("IKETCP"),
  framed(messages[0]!, Uint8Array.of(0xff), messages[1]!, messages[2]!),
]);

testStage<Uint8Array, Uint8Array[]>("compose() of reader, deframer and filter", {
  make: () => compose(new PrefixReader(), new Deframer(), new KeepaliveFilter()),
  input: [bytes],
  output: showMessages(messages),
  show: showMessages,
  showInput: (chunk) => showBytes([chunk]),
  cuts: (input) => cutsOf(concat(input)),
  unfinished: { input: [bytes, Uint8Array.of(0)], output: showMessages(messages) },
  emptyCode: "ERR_ENCAP_PREFIX_INCOMPLETE",
  faulty: {
    input: [concat([bytes, Uint8Array.of(0, 0)]), bytes],
    output: showMessages(messages),
    code: "ERR_ENCAP_LENGTH",
  },
});

testStage<MessageChunk, Uint8Array>("compose() of framer and prefix writer", {
  make: () => compose(new Framer(), new PrefixWriter()),
  input: [messages],
  output: showBytes([ascii("IKETCP"), framed(...messages)]),
  show: showBytes,
  showInput: (chunk) => showMessages([chunk]),
  cuts: () => [{ name: "one by one", chunks: messages }],
  faulty: {
    input: [messages, new Uint8Array(0)],
    output: showBytes([ascii("IKETCP"), framed(...messages)]),
    code: "ERR_ENCAP_MESSAGE_LENGTH",
  },
  flood: { chunk: messages, most: 1 },
});

describe("compose", () => {
  it("gives what the stages give in a pipeline", async () => {
    for (const { name, chunks } of cutsOf(bytes)) {
      const composed = sourceOf(chunks).pipeThrough(
        compose(new PrefixReader(), new Deframer(), new KeepaliveFilter()),
      );
      const separate = sourceOf(chunks).pipeThrough(new StageStream(new PrefixReader()))
        .pipeThrough(new StageStream(new Deframer()))
        .pipeThrough(new StageStream<Uint8Array[], Uint8Array[]>(new KeepaliveFilter()));
      assert.equal(showMessages(await collect(composed)), showMessages(await collect(separate)), name);
    }
  });

  it("takes one core to five", async () => {
    const add = (letter: string): Transducer<string, string> => ({
      handle: (chunk, emit) => emit(chunk + letter),
      handleEnd() {},
    });
    const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map(add) as [
      Transducer<string, string>,
      Transducer<string, string>,
      Transducer<string, string>,
      Transducer<string, string>,
      Transducer<string, string>,
    ];
    const stages = [compose(a), compose(a, b), compose(a, b, c), compose(a, b, c, d), compose(a, b, c, d, e)];
    const outputs = await Promise.all(stages.map((stage) => collect(sourceOf(["-"]).pipeThrough(stage))));
    assert.deepEqual(outputs.flat(), ["-a", "-ab", "-abc", "-abcd", "-abcde"]);
  });
});

describe("StageStream", () => {
  it("is a TransformStream, and shows its core with its counters", async () => {
    const stage = new StageStream(new Deframer());
    assert.ok(stage instanceof TransformStream);
    await collect(sourceOf([framed(...messages)]).pipeThrough(stage));
    assert.equal(stage.core.counters.messages, messages.length);
  });

  it("errors both ends with what its core throws at the end", async () => {
    const reason = new Error("not yet");
    const stage = new StageStream<string, string>({
      handle: (chunk, emit) => emit(chunk),
      handleEnd() {
        throw reason;
      },
    });
    const writer = stage.writable.getWriter();
    const written = [writer.write("x"), writer.close(), writer.closed].map((promise) =>
      promise.then(() => "ok", (e) => e)
    );
    const chunks: string[] = [];
    await assert.rejects(collect(stage.readable, 0, chunks), reason);
    assert.deepEqual(chunks, ["x"]);
    assert.deepEqual(await Promise.all(written), ["ok", reason, reason]);
  });
});
