import { KeepaliveFilterStream } from "../../lib/encap/mod.ts";
import { testStage } from "../compliance/stage_suite.ts";
import { espMessage, ikeMessage, showMessages } from "../_support/messages.ts";

const keepalive = Uint8Array.of(0xff);
const runt = Uint8Array.of(0, 0, 0);
const [ike, esp] = [ikeMessage(1), espMessage(2)];

testStage<Uint8Array[], Uint8Array[]>("KeepaliveFilterStream, of batches", {
  make: () => new KeepaliveFilterStream(),
  input: [[keepalive, ike, runt], [esp], [keepalive], [], [ike, esp]],
  output: showMessages([ike, esp, ike, esp]),
  show: showMessages,
  showInput: (chunk) => showMessages([chunk]),
  cuts: (input) => [
    { name: "one batch", chunks: [input.flat()] },
    { name: "batches of one", chunks: input.flat().map((message) => [message]) },
  ],
  faulty: {
    input: [[ike, keepalive], [esp, "text" as unknown as Uint8Array], [ike]],
    output: showMessages([ike]),
    code: "ERR_ENCAP_CHUNK",
  },
  flood: { chunk: [ike], most: 1 },
});

testStage<Uint8Array, Uint8Array>("KeepaliveFilterStream, of messages", {
  make: () => new KeepaliveFilterStream<Uint8Array>(),
  input: [keepalive, ike, runt, esp],
  output: showMessages([ike, esp]),
  show: showMessages,
  showInput: (chunk) => showMessages([chunk]),
  flood: { chunk: ike, most: 1 },
});
