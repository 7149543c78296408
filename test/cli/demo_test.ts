/** `iketcp demo` as a program: what it does ends well, and what it leaves is read by `iketcp decode`. */

import { after, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { programCommand } from "../_support/program.ts";

function run(...args: string[]): string {
  const [command, ...start] = programCommand();
  const { status, stdout, stderr } = spawnSync(command!, [...start, ...args], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
    timeout: 60_000,
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

describe("iketcp demo", () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "iketcp-demo-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("sets up a tunnel, uses it, and leaves a capture that its keys open", { timeout: 120_000 }, () => {
    const capture = join(folder, "demo.pcapng");
    const result = JSON.parse(run("demo", "--seconds", "200ms", "--capture", capture, "--json"));
    assert.equal(result.pings, 5);
    assert.equal(result.bulkLost, 0);
    assert.ok(result.bulkPackets > 0);

    const keys = (result.keys as string[]).flatMap((path) => ["--keys", path]);
    const rows = run("decode", capture, ...keys, "--json").trim().split("\n").map((line) => JSON.parse(line));
    const ike = rows.filter(({ kind }) => kind === "ike").map(({ ike }) => ike);
    assert.deepEqual(ike.map(({ exchange }) => exchange), [
      "IKE_SA_INIT",
      "IKE_SA_INIT",
      "IKE_AUTH",
      "IKE_AUTH",
      "INFORMATIONAL",
      "INFORMATIONAL",
    ]);
    assert.ok(ike.slice(2).every(({ decrypted }) => decrypted === true));
    assert.deepEqual(ike[4].inner, ["D"]);
    const esp = rows.filter(({ kind }) => kind === "esp").map(({ esp }) => esp);
    assert.equal(esp.length, 10);
    assert.ok(esp.every(({ decrypted, inner }) => decrypted === true && /ICMP$/.test(inner)));
    assert.equal(rows.some(({ kind }) => kind === "error"), false);
  });

  it("ends with status 2 when its capture cannot be written", () => {
    const [command, ...start] = programCommand();
    for (const options of [[], ["--relay"]]) {
      const args = [...start, "demo", ...options, "--capture", join(folder, "missing", "demo.pcapng")];
      const { status, stderr } = spawnSync(command!, args, { encoding: "utf8", timeout: 60_000 });
      assert.equal(status, 2, stderr);
      assert.match(stderr, /^iketcp: Cannot write capture [^\n]+\n$/);
    }
  });

  it("carries a recorded conversation through two relays", { timeout: 120_000 }, () => {
    const capture = join(folder, "relay.pcapng");
    const result = JSON.parse(run("demo", "--relay", "--seconds", "200ms", "--capture", capture, "--json"));
    assert.equal(result.datagrams, 32);
    assert.equal(result.bulkLost, 0);
  });
});
