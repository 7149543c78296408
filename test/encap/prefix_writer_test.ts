import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { PrefixWriter } from "../../lib/encap/mod.ts";
import { ascii, showBytes } from "../_support/messages.ts";

describe("PrefixWriter", () => {
  it("gives the prefix at its start, in one chunk, and then what it is given as it is (R-PFX-1)", () => {
    const core = new PrefixWriter();
    const given: Uint8Array[] = [];
    core.handleStart((chunk) => given.push(chunk));
    assert.equal(showBytes(given), "494b45544350");
    assert.equal(given.length, 1);
    const chunk = ascii("IKETCP");
    core.handle(chunk, (out) => given.push(out));
    core.handleEnd();
    assert.equal(given.length, 2);
    assert.equal(given[1], chunk);
  });
});
