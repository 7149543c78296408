/** The test runner against files of which it is known what they do. It is a Node program, so Node alone tests it. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { projectRoot } from "./vectors.ts";

const skip = process.versions["deno"] !== undefined || process.versions["bun"] !== undefined;

function run(...args: string[]): { lines: string[]; status: number | null } {
  const { stdout, status } = spawnSync(process.execPath, ["test/run.mjs", "--no-build", ...args], {
    cwd: fileURLToPath(projectRoot),
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return { lines: stdout.split("\n").map((line) => line.replace(/ {2,}\d+\.\d s$/, "")), status };
}

function fixtures(...names: string[]): string[] {
  return names.map((name) => `test/_support/fixtures/${name}.ts`);
}

function startsLike(lines: string[], start: RegExp): string | undefined {
  return lines.find((line) => start.test(line))?.replace(/^(\w+) \d\S+ +/, "$1: ");
}

describe("npm test", { skip }, () => {
  it("counts alike on every runtime, and ends with the sum", () => {
    const { lines, status } = run(...fixtures("outcomes"));
    assert.equal(status, 1);
    assert.equal(startsLike(lines, /^Node /), "Node: 3 passed, 1 failed, 1 skipped");
    assert.equal(startsLike(lines, /^Deno /), "Deno: 3 passed, 1 failed, 1 skipped");
    assert.equal(startsLike(lines, /^Bun /), "Bun: 3 passed, 1 failed, 1 skipped");
    assert.deepEqual(lines.slice(-2), ["9 passed, 3 failed, 3 skipped", ""]);
  });

  it("fails a file that throws while loading, and one that leaves an error uncaught", () => {
    const { lines, status } = run(...fixtures("broken", "uncaught", "outcomes"));
    assert.equal(status, 1);
    for (const runtime of ["Node", "Deno", "Bun"]) {
      assert.match(startsLike(lines, new RegExp(`^${runtime} `)) ?? "", / 3 failed, 1 skipped$/, runtime);
    }
  });

  it("fails a file without a test", () => {
    const { lines, status } = run(
      "--runtime",
      "node,deno",
      ...fixtures("empty"),
      "test/_support/cuts_test.ts",
    );
    assert.equal(status, 1);
    assert.match(startsLike(lines, /^Node /) ?? "", / 1 failed$/);
    assert.match(startsLike(lines, /^Deno /) ?? "", / 1 failed$/);
  });

  it("fails a runtime on which no test ran", () => {
    const { lines, status } = run("--runtime", "deno,bun", ...fixtures("empty"));
    assert.equal(status, 1);
    assert.equal(lines.at(-2), "0 passed, 2 failed");
  });

  it("fails a leak on Deno, whose sanitizers are on", () => {
    const { lines, status } = run("--runtime", "deno", ...fixtures("leak"));
    assert.equal(status, 1);
    assert.equal(lines.at(-2), "1 passed, 1 failed");
    assert.ok(lines.some((line) => line.includes("Leaks detected")), "the output of the runner is shown");
  });

  it("ends a runtime that hangs at the time limit", () => {
    const { lines, status } = run("--time-limit", "2", "--runtime", "bun", ...fixtures("hang"));
    assert.equal(status, 1);
    assert.match(lines.join("\n"), /^Bun [\d.]+: no test ran \(not done after 2 s\)$/m);
  });

  it("refuses a runtime that does not exist", () => {
    assert.equal(run("--runtime", "browser", ...fixtures("outcomes")).status, 2);
  });
});
