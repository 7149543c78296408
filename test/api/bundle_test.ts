/** What a browser has to load: the bar of `bench/browser_bench.ts`, and what the README says. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { measureBundle } from "../../bench/_bundle.ts";
import { bundlePage, sizeOf } from "../../examples/browser/bundle.ts";

describe("Bundles for browsers", () => {
  it("has all of iketcp/encap in 4 KiB", async () => {
    const { zipped } = await measureBundle("lib/encap/mod.ts");
    assert.ok(zipped <= 4096, `${zipped} octets`);
  });

  it("tells in the README how large the page is", async () => {
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    const said = Number(/page is (\d+) KiB of compressed\s+JavaScript/.exec(readme)?.[1]);
    const kibibytes = sizeOf((await bundlePage()).get("/main.js")!.contents).zipped / 1024;
    // Compressors of the runtimes differ by some hundred octets.
    assert.ok(Math.abs(kibibytes - said) <= 6, `${kibibytes.toFixed(1)} KiB, the README says ${said}`);
  });
});
