import { DeframerStream } from "../../lib/encap/mod.ts";
import { concat } from "../../lib/bytes/mod.ts";
import { testStage } from "../compliance/stage_suite.ts";
import { cutsOf } from "../_support/cuts.ts";
import { espMessage, framed, ikeMessage, showBytes, showMessages } from "../_support/messages.ts";

const messages = [ikeMessage(1), espMessage(2), Uint8Array.of(0xff), espMessage(3, 700)];
const bytes = framed(...messages);

testStage("DeframerStream", {
  make: () => new DeframerStream(),
  input: [bytes],
  output: showMessages(messages),
  show: showMessages,
  showInput: (chunk) => showBytes([chunk]),
  cuts: (input) => cutsOf(concat(input)),
  unfinished: { input: [bytes, bytes.subarray(0, 7)], output: showMessages(messages) },
  faulty: {
    input: [bytes, concat([bytes, Uint8Array.of(0, 1)]), bytes],
    output: showMessages([...messages, ...messages]),
    code: "ERR_ENCAP_LENGTH",
  },
  flood: { chunk: bytes, most: 1 },
});
