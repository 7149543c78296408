import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { detectRuntime, runtimeName } from "../../lib/runtime/mod.ts";

describe("detectRuntime", () => {
  it("tells the runtimes apart, although Deno and Bun have Node's process too", () => {
    const process = { versions: { node: "24.1.0" } };
    const cases = [
      [{ process }, { name: "node", version: "24.1.0" }],
      [{ process, Bun: { version: "1.4.5" } }, { name: "bun", version: "1.4.5" }],
      [{ process, Deno: { version: { deno: "2.9.5" } } }, { name: "deno", version: "2.9.5" }],
      [{}, { name: "other", version: "" }],
    ] as const;
    for (const [globals, expected] of cases) assert.deepEqual(detectRuntime(globals), expected);
  });

  it("finds the runtime of this test", () => {
    assert.ok(["node", "deno", "bun"].includes(detectRuntime().name));
  });
});

describe("runtimeName", () => {
  it("writes name and version", () => {
    assert.equal(runtimeName({ name: "node", version: "24.1.0" }), "Node 24.1.0");
    assert.equal(runtimeName({ name: "other", version: "" }), "this runtime");
  });
});
