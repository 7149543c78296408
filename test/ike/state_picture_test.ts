/** The picture of states in ARCHITECTURE.md is that of the table; `UPDATE_SNAPSHOTS=1` draws it anew. */

import { it } from "node:test";
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { drawIkeSaStates } from "./_state_picture.ts";

const file = new URL("../../ARCHITECTURE.md", import.meta.url);
const BLOCK = /```mermaid\nstateDiagram-v2\n[^`]*```/;

it("ARCHITECTURE.md shows the states of an IKE SA as the table has them", () => {
  const text = readFileSync(file, "utf8");
  assert.match(text, BLOCK);
  const drawn = text.replace(BLOCK, drawIkeSaStates());
  if (process.env["UPDATE_SNAPSHOTS"] === "1") writeFileSync(file, drawn);
  else assert.equal(text, drawn, "run this test with UPDATE_SNAPSHOTS=1");
});
