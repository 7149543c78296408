/** What every command shares: its help, its version, how it is started again. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { programCommand, type Start } from "../../lib/cli/_program.ts";
import { VERSION } from "../../lib/cli/_version.ts";
import { detectRuntime } from "../../lib/runtime/mod.ts";
import { programCommand as programUnderTest } from "../_support/program.ts";

const { name: runtime } = detectRuntime();

function command(start: Partial<Start>): string {
  return programCommand({
    runtime: "node",
    script: "/programs/iketcp",
    cwd: "/somewhere",
    env: {},
    ...start,
  });
}

function run(...args: string[]) {
  const [command, ...start] = programUnderTest();
  const { status, stdout, stderr } = spawnSync(command!, [...start, ...args], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
    timeout: 60_000,
  });
  return { status, stdout, stderr };
}

describe("iketcp", { timeout: 120_000 }, () => {
  it("tells its version", () => {
    assert.deepEqual(run("--version"), { status: 0, stdout: `${VERSION}\n`, stderr: "" });
  });

  it("shows the help of a command, and says of one that does not exist that it does not", () => {
    for (const [args, shown] of [[[], "Usage: iketcp "], [["relay"], "Usage: iketcp relay "]] as const) {
      const { status, stdout, stderr } = run("help", ...args);
      assert.deepEqual([status, stderr], [0, ""]);
      assert.ok(stdout.startsWith(shown), stdout);
    }
    assert.deepEqual(run("help", "bogus"), {
      status: 2,
      stdout: "",
      stderr: "iketcp: unknown command 'bogus'\n",
    });
  });

  it("ends with status 2 for a carrier that this runtime does not have", { skip: runtime === "deno" }, () => {
    const { status, stderr } = run(
      "relay",
      "--listen",
      "udp://127.0.0.1:0",
      "--to",
      "https://gw.example/vpn",
    );
    assert.equal(status, 2);
    assert.match(stderr, /^iketcp: Cannot use https:\/\/gw\.example:443\/vpn in (Node|Bun) [^\n]+\n$/);
  });
});

describe("How the program says that it is started again", () => {
  it("is npm run or bun run in a checkout", () => {
    const script = "/somewhere/iketcp/dist/lib/cli/main.js";
    const env = { npm_package_name: "iketcp", npm_lifecycle_event: "start" };
    assert.equal(command({ script, env }), "npm run -s iketcp --");
    assert.equal(command({ runtime: "bun", script, env }), "npx bun run iketcp");
  });

  it("is npx where a package holds it, or nobody has it", () => {
    const script = "/somewhere/app/node_modules/.bin/iketcp";
    assert.equal(command({ script, env: { npm_package_name: "app" } }), "npx iketcp");
    assert.equal(command({ script, env: { npm_command: "exec" } }), "npx iketcp");
  });

  it("is its own name where it is installed", () => {
    assert.equal(command({}), "iketcp");
  });

  it("is its file where that was started", () => {
    const script = "/somewhere/src/lib/cli/main.ts";
    assert.equal(command({ script }), "node src/lib/cli/main.ts");
    assert.equal(command({ runtime: "bun", script }), "bun src/lib/cli/main.ts");
    const env = { npm_package_name: "another" };
    assert.equal(command({ runtime: "deno", script, env }), "deno run -A src/lib/cli/main.ts");
  });
});
