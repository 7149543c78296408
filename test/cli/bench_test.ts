import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { benchProgram } from "../../lib/cli/bench.ts";
import { programCommand } from "../_support/program.ts";

function bench(...args: string[]): { stdout: string; stderr: string; status: number | null } {
  const [command, ...rest] = programCommand();
  return spawnSync(command!, [...rest, "bench", "--quick", ...args], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
    timeout: 100_000,
  });
}

/** One row of a bench that is done within a second or two. */
const ONE = "crypto/seal aes256gcm16, 64 B, node:crypto";

describe("iketcp bench", () => {
  it("gives an array of rows, and draws what can be drawn of them", () => {
    const folder = mkdtempSync(join(tmpdir(), "iketcp-bench-"));
    try {
      const file = join(folder, "plot.svg");
      const { stdout, stderr, status } = bench("--json", "--only", ONE, "--plot", file);
      assert.equal(status, 0, stderr);
      const rows = JSON.parse(stdout) as Record<string, unknown>[];
      assert.deepEqual(rows.map(({ name, unit }) => [name, unit]), [[ONE, "ns/packet"], [
        `${ONE}, rate`,
        "Gbit/s",
      ]]);
      for (const { value, runtime } of rows) {
        assert.ok(typeof value === "number" && value > 0);
        assert.match(String(runtime), /^(Node|Deno|Bun) \d/);
      }
      const svg = readFileSync(file, "utf8");
      assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" [^>]+>/);
      assert.ok(svg.trimEnd().endsWith("</svg>"));
      assert.match(svg, />seal 64 B</);
      assert.ok(svg.includes(`${String(rows[0]!["runtime"])}, node:crypto<`));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("says that there is no such row", () => {
    const { stdout, stderr, status } = bench("--json", "--only", "crypto/no such row");
    assert.equal(status, 2);
    assert.match(stderr, /no bench with "crypto\/no such row"/);
    assert.doesNotMatch(stdout, /name/);
  });

  it("says before it measures that its plot has no folder", () => {
    const { stderr, status } = bench("--plot", join(tmpdir(), "iketcp-no-such-folder", "plot.svg"));
    assert.equal(status, 2);
    assert.match(stderr, /^Cannot write plot [^\n]+\n$/);
  });

  it("says where the benchmarks are when there are none beside it", () => {
    assert.throws(() => benchProgram(new URL("file:///usr/lib/node_modules/iketcp/dist/lib/cli/")), {
      code: "ERR_CONFIG_OPTION",
      message: /checkout of iketcp/,
    });
  });
});
