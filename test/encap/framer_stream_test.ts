import { FramerStream, type MessageChunk } from "../../lib/encap/mod.ts";
import { testStage } from "../compliance/stage_suite.ts";
import { espMessage, framed, ikeMessage, showBytes, showMessages } from "../_support/messages.ts";

const messages = [ikeMessage(1), espMessage(2), Uint8Array.of(0xff), espMessage(3, 700)];

testStage<MessageChunk, Uint8Array>("FramerStream", {
  make: () => new FramerStream(),
  input: [messages],
  output: showBytes([framed(...messages)]),
  show: showBytes,
  showInput: (chunk) => showMessages([chunk]),
  cuts: () => [
    { name: "one by one", chunks: messages },
    { name: "batches of one", chunks: messages.map((message) => [message]) },
    { name: "with empty batches", chunks: [[], messages.slice(0, 1), [], messages.slice(1), []] },
    { name: "mixed", chunks: [messages[0]!, messages.slice(1, 3), messages[3]!] },
  ],
  faulty: {
    input: [messages, [messages[0]!, new Uint8Array(65534)], messages],
    output: showBytes([framed(...messages)]),
    code: "ERR_ENCAP_MESSAGE_LENGTH",
  },
  flood: { chunk: messages, most: 1 },
});
