/**
 * The program as it is started from a checkout, on each runtime, in the project's folder and from elsewhere. Every way goes
 * through a program that Node finds, so Node alone tests them.
 */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { readSource } from "../_support/sources.ts";
import { projectRoot } from "../_support/vectors.ts";

const skip = process.versions["deno"] !== undefined || process.versions["bun"] !== undefined;
const root = fileURLToPath(projectRoot);
const { version } = JSON.parse(readSource("package.json")) as { version: string };

interface Ending {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

function start(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): Ending {
  const program = command === "npm" ? "npm" : join(root, "node_modules/.bin", command);
  const { stdout, stderr, status } = spawnSync(program, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...env },
    timeout: 30_000,
  });
  return { stdout, stderr, status };
}

/** Runs `use` in a folder of its own that holds an empty capture, `empty.pcap`. */
function elsewhere(use: (folder: string) => void): void {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "iketcp-start-")));
  try {
    const header = Buffer.from("d4c3b2a1020004000000000000000000ffff000065000000", "hex");
    writeFileSync(join(folder, "empty.pcap"), header);
    use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("iketcp, from a checkout", { skip }, () => {
  it("starts on Node with npm run", () => {
    const { stdout, stderr } = start("npm", ["run", "-s", "iketcp", "--", "--version"], root);
    assert.equal(stdout, `${version}\n`, stderr);
  });

  it("starts on Deno with deno task", () => {
    const { stdout, stderr } = start("deno", ["task", "iketcp", "--version"], root);
    assert.equal(stdout, `${version}\n`, stderr);
  });

  it("starts on Bun itself with bun run", () => {
    // Node ends at once with such options, Bun does not know them.
    const env = { NODE_OPTIONS: "--no-such-option" };
    const { stdout, stderr } = start("bun", ["run", "iketcp", "--version"], root, env);
    assert.equal(stdout, `${version}\n`, stderr);
    assert.equal(stderr, "");
  });

  it("takes paths relative to the caller's folder with npm --prefix", () => {
    elsewhere((folder) => {
      const ending = start(
        "npm",
        ["--prefix", root, "run", "-s", "iketcp", "--", "decode", "empty.pcap"],
        folder,
      );
      assert.deepEqual({ status: ending.status, stderr: warningless(ending.stderr) }, {
        status: 0,
        stderr: "",
      });
    });
  });

  it("takes paths relative to the caller's folder with deno task", () => {
    elsewhere((folder) => {
      const ending = start(
        "deno",
        ["task", "--quiet", "--cwd", root, "iketcp", "decode", "empty.pcap"],
        folder,
      );
      assert.equal(ending.status, 0, ending.stderr);
    });
  });

  it("ends with status 2 and one sentence when it is used wrongly", () => {
    const ending = start("npm", ["run", "-s", "iketcp", "--", "no-such-command"], root);
    assert.equal(ending.status, 2, ending.stderr);
    assert.equal(ending.stdout, "");
    assert.match(warningless(ending.stderr), /^.*no-such-command.*\n$/);
  });
});

/** Without what npm says about its own settings. */
function warningless(text: string): string {
  return text.replace(/^npm warn .*\n?/gm, "");
}
