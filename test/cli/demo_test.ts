/** `iketcp demo` as a program: what it does ends well, and what it leaves is read by `iketcp decode`. */

import { after, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
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

/** A row of `decode --json`, as far as it is looked at. */
interface Row {
  readonly kind: string;
  readonly ike?: {
    readonly exchange: string;
    readonly flags: readonly string[];
    readonly decrypted?: boolean;
    readonly inner?: string[];
  };
  readonly esp?: { readonly spi: string; readonly decrypted: boolean; readonly inner: string };
}

interface ChildSaReport {
  readonly spis: readonly [string, string];
  readonly there: { readonly sent: number; readonly received: number };
  readonly back: { readonly sent: number; readonly received: number };
}

interface Result {
  readonly bulkPackets: number;
  readonly ikeSas: readonly { readonly spis: string; readonly messages: number }[];
  readonly childSas: readonly ChildSaReport[];
  readonly keys: readonly string[];
}

/** Both child SAs carried a part of the bulk, and everything together is what was sent. */
function checkTraffic({ bulkPackets, childSas, ikeSas }: Result): void {
  assert.equal(childSas.length, 2);
  for (const { there, back } of childSas) {
    assert.ok(there.sent > 5, `${there.sent} packets`);
    assert.equal(there.received, there.sent);
    assert.equal(back.received, back.sent);
  }
  assert.equal(childSas.reduce((sum, { there }) => sum + there.sent, 0), bulkPackets + 6);
  assert.deepEqual(childSas.map(({ back }) => back.sent), [5, 1]);
  assert.deepEqual(ikeSas.map(({ messages }) => messages), [12, 2]);
}

/** The key log holds every SA: both IKE SAs, and both directions of both child SAs. */
function checkKeys({ keys, ikeSas, childSas }: Result): void {
  const [ike, esp] = keys.map((path) => readFileSync(path, "utf8"));
  for (const { spis } of ikeSas) for (const spi of spis.split(" and ")) assert.ok(ike!.includes(spi), spi);
  for (const { spis } of childSas) for (const spi of spis) assert.ok(esp!.includes(spi), spi);
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
    assert.equal(result.pings, 6);
    assert.equal(result.bulkLost, 0);
    assert.equal(result.lost, 0);
    checkTraffic(result);

    const keys = (result.keys as string[]).flatMap((path) => ["--keys", path]);
    const rows: Row[] = run("decode", capture, ...keys, "--json").trim().split("\n").map((line) =>
      JSON.parse(line)
    );
    assert.equal(rows.some(({ kind }) => kind === "error"), false);
    const ike = rows.flatMap(({ ike }) => ike ?? []);
    assert.deepEqual(ike.filter(({ flags }) => !flags.includes("response")).map(({ exchange }) => exchange), [
      "IKE_SA_INIT",
      "IKE_AUTH",
      "CREATE_CHILD_SA",
      "INFORMATIONAL",
      "CREATE_CHILD_SA",
      "INFORMATIONAL",
      "INFORMATIONAL",
    ]);
    assert.equal(ike.length, 14);
    assert.ok(ike.slice(2).every(({ decrypted }) => decrypted === true));
    assert.deepEqual(ike[4]!.inner, ["N(REKEY_SA)", "SA", "Nonce", "TSi", "TSr"]);
    assert.deepEqual(ike[8]!.inner, ["SA", "Nonce", "KE"]);
    assert.deepEqual(ike.at(-2)!.inner, ["D"]);

    const esp = rows.flatMap(({ esp }) => esp ?? []);
    assert.ok(esp.every(({ decrypted }) => decrypted === true));
    assert.equal(esp.filter(({ inner }) => inner.endsWith("ICMP")).length, 12);
    // Bulk of the SAs before and after the rekey: of the first one, pings took the first numbers.
    assert.equal(esp.filter(({ inner }) => inner.endsWith("UDP")).length, 5);
    const spis = (result.childSas as ChildSaReport[]).flatMap(({ spis }) => spis);
    assert.deepEqual(new Set(esp.map(({ spi }) => spi)), new Set(spis));
    checkKeys(result);
  });

  it("shows its exchanges and what each SA carried", { timeout: 120_000 }, () => {
    const capture = join(folder, "shown.pcapng");
    const lines = run("demo", "--seconds", "200ms", "--capture", capture).split("\n");
    const begins = lines.findIndex((line) => line.includes("new keys for the child SA"));
    const ends = lines.findLastIndex((line) => line.includes("█"));
    const between = lines.slice(begins, ends);
    for (
      const shown of [
        "CREATE_CHILD_SA { N(REKEY_SA), SA, Ni, TSi, TSr } -->",
        "CREATE_CHILD_SA { SA, Ni, KEi } -->",
      ]
    ) {
      assert.ok(between.includes(`  ${shown}`), between.join("\n"));
    }
    assert.ok(lines.includes("No packet was lost."));
    const carried = lines.filter((line) =>
      /^ {2}(IKE SA \w{16} and|child SA \w{8} and) \w+: \d+ /.test(line)
    );
    assert.equal(carried.length, 4, lines.join("\n"));
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
