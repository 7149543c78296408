/** The stages of the room against the suite that every stage passes. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { concat, toHex } from "../../lib/bytes/mod.ts";
import { CodedTypeError } from "../../lib/errors.ts";
import {
  CaptureDecoder,
  CaptureDecoderStream,
  type CaptureItem,
  CaptureReader,
  CaptureReaderStream,
  CaptureStream,
  type DecodedRow,
} from "../../lib/inspect/mod.ts";
import { testStage } from "../compliance/stage_suite.ts";
import {
  captured,
  decodePackets,
  esp,
  frame,
  markedIke,
  pcapngFile,
  PREFIX,
  readCapture,
  Talk,
  timed,
} from "../_support/captures.ts";
import { cutsOf } from "../_support/cuts.ts";

const { packets } = new Talk().open().say(PREFIX, frame(markedIke())).answer(frame(esp(0x1000, 1))).close();
const file = pcapngFile(timed(packets));

function showItems(batches: readonly CaptureItem[][]): string {
  return batches.flat().map((item) => "error" in item ? item.error.code : `${item.time} ${toHex(item.data)}`)
    .join("\n");
}

describe("The stages of captures", () => {
  it("show the cores inside them", () => {
    assert.ok(new CaptureReaderStream().core instanceof CaptureReader);
    assert.ok(new CaptureDecoderStream().core instanceof CaptureDecoder);
  });
});

testStage("CaptureReaderStream", {
  make: () => new CaptureReaderStream(),
  input: [file],
  output: showItems([readCapture([file])]),
  show: showItems,
  showInput: (chunk) => toHex(chunk),
  cuts: (input) => cutsOf(concat(input)),
  unfinished: {
    input: [file.subarray(0, file.length - 1)],
    output: showItems([readCapture([file.subarray(0, file.length - 1)])]),
  },
  emptyCode: "ERR_INSPECT_FORMAT",
  faulty: { input: [new TextEncoder().encode("hello")], output: "", code: "ERR_INSPECT_FORMAT" },
  flood: { chunk: file, most: 1 },
});

function showRows(batches: readonly DecodedRow[][]): string {
  return batches.flat().map((row) => JSON.stringify(row)).join("\n");
}

const items = captured(packets);

testStage("CaptureDecoderStream", {
  make: () => new CaptureDecoderStream(),
  input: [items.slice(0, 4), items.slice(4)],
  output: showRows([decodePackets(packets)]),
  show: showRows,
  showInput: (chunk) => showItems([chunk]),
  cuts: function* () {
    yield { name: "whole", chunks: [items] };
    yield { name: "one by one", chunks: items.map((item) => [item]) };
    yield { name: "with empty batches", chunks: [[], items, []] };
  },
  flood: { chunk: captured(packets.slice(4, 5)), most: 1 },
});

testStage("CaptureStream", {
  make: () =>
    new CaptureStream((octets) => {
      if (!(octets instanceof Uint8Array)) throw new CodedTypeError("ERR_ENCAP_CHUNK", "no octets");
    }),
  input: [PREFIX, file],
  output: toHex(concat([PREFIX, file])),
  show: (chunks) => toHex(concat(chunks)),
  showInput: (chunk) => toHex(chunk),
  cuts: (input) => cutsOf(concat(input)),
  faulty: {
    input: [PREFIX, "text" as unknown as Uint8Array],
    output: toHex(PREFIX),
    code: "ERR_ENCAP_CHUNK",
  },
  flood: { chunk: PREFIX, most: 1 },
});
