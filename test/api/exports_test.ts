/**
 * The exported names of every entry point, as a snapshot: a name comes or goes only on purpose. After such a change run
 *
 *     UPDATE_SNAPSHOTS=1 npm test -- --runtime node --only test/api/exports
 *
 * and put the names into the changelog.
 */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import process from "node:process";
import { exportsOf, readSource } from "../_support/sources.ts";
import { projectRoot } from "../_support/vectors.ts";

const SNAPSHOT = "test/api/exports.json";

const entries: [string, string][] = Object.entries(
  (JSON.parse(readSource("deno.json")) as { exports: Record<string, string> }).exports,
).map(([key, source]) => [key, source.replace("./", "")]);

/** Entry points that load on their own runtime only. */
const BOUND: readonly string[] = ["./node", "./deno", "./bun"];

function snapshotOf(path: string): string[] {
  return exportsOf(path).map(({ name, typeOnly }) => typeOnly ? `type ${name}` : name);
}

describe("Exported names", () => {
  if (process.env["UPDATE_SNAPSHOTS"] === "1") {
    const names = Object.fromEntries(entries.map(([key, path]) => [key, snapshotOf(path)]));
    writeFileSync(new URL(SNAPSHOT, projectRoot), `${JSON.stringify(names, null, 2)}\n`);
  }
  const snapshot: Record<string, string[]> = existsSync(new URL(SNAPSHOT, projectRoot))
    ? JSON.parse(readSource(SNAPSHOT))
    : {};

  it("are listed for every entry point", () => {
    assert.deepEqual(Object.keys(snapshot), entries.map(([key]) => key));
  });

  for (const [key, path] of entries) {
    it(`are those of the snapshot: ${key}`, () => {
      assert.deepEqual(snapshotOf(path), snapshot[key]);
    });

    it(`are what a program gets that imports ${key}`, { skip: BOUND.includes(key) }, async () => {
      const module = await import(new URL(path, projectRoot).href) as Record<string, unknown>;
      const values = exportsOf(path).filter(({ typeOnly }) => !typeOnly).map(({ name }) => name);
      assert.deepEqual(Object.keys(module).sort(), values.sort());
    });
  }
});
