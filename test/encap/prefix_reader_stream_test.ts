import { PrefixReaderStream } from "../../lib/encap/mod.ts";
import { concat } from "../../lib/bytes/mod.ts";
import { testStage } from "../compliance/stage_suite.ts";
import { cutsOf } from "../_support/cuts.ts";
import { ascii, espMessage, framed, showBytes } from "../_support/messages.ts";

const bytes = framed(espMessage(1), espMessage(2));

testStage("PrefixReaderStream", {
  make: () => new PrefixReaderStream(),
  input: [concat([ascii("IKETCP"), bytes])],
  output: showBytes([bytes]),
  show: showBytes,
  showInput: (chunk) => showBytes([chunk]),
  cuts: (input) => cutsOf(concat(input)),
  unfinished: { input: [ascii("IKE")], output: "", code: "ERR_ENCAP_PREFIX_INCOMPLETE" },
  emptyCode: "ERR_ENCAP_PREFIX_INCOMPLETE",
  faulty: { input: [ascii("IKE"), ascii("TC"), ascii("Q"), bytes], output: "", code: "ERR_ENCAP_PREFIX" },
});
