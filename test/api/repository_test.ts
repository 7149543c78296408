/** What no file of the repository may hold: paths of somebody's machine, registries, and words for unfinished work. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { filesBelow, readSource } from "../_support/sources.ts";
import { projectRoot } from "../_support/vectors.ts";

const ROOT_FILES: readonly string[] = [
  ".ci/run",
  ".gitignore",
  "ARCHITECTURE.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "LICENSE",
  "README.md",
  "deno.json",
  "mod.ts",
  "package-lock.json",
  "package.json",
  "tsconfig.build.json",
  "tsconfig.json",
];

/** This file names what it looks for. */
const SELF = "test/api/repository_test.ts";

const TEXT = /\.(ts|mjs|js|json|md|sh|conf|lua|txt|yml|toml)$|\/[^./]+$/;

const files: readonly string[] = [
  ...ROOT_FILES.filter((path) => existsSync(new URL(path, projectRoot))),
  ...["lib", "examples", "bench", "test", "docs"].flatMap(filesBelow),
].filter((path) => TEXT.test(`/${path}`) && path !== SELF);

/** Each line that matches, as `path:line: text`. */
function linesWith(pattern: RegExp, paths: readonly string[] = files): string[] {
  const found: string[] = [];
  for (const path of paths) {
    readSource(path).split("\n").forEach((line, i) => {
      if (pattern.test(line)) found.push(`${path}:${i + 1}: ${line.trim().slice(0, 120)}`);
    });
  }
  return found;
}

describe("The repository", () => {
  it("has all its documents", () => {
    const missing = ROOT_FILES.filter((path) => !existsSync(new URL(path, projectRoot)));
    assert.deepEqual(missing, []);
  });

  it("names no path of the machine it was written on", () => {
    assert.deepEqual(linesWith(/(^|[\s"'`(=:])\/(work|root|home|Users|farm)\//), []);
    assert.deepEqual(linesWith(/(^|[\s"'`(=:])\/tmp\/(?!iketcp)[\w.]/), []);
  });

  it("names no package registry", () => {
    assert.deepEqual(
      linesWith(/https?:\/\/(registry\.|npm\.|[\w.]*(npmjs\.org|yarnpkg|jfrog|nexus|verdaccio))/),
      [],
    );
    assert.deepEqual(linesWith(/"resolved": "(?!file:)/, ["package-lock.json"]), []);
  });

  it("marks no work as unfinished", () => {
    const sources = files.filter((path) => path !== "package-lock.json");
    assert.deepEqual(linesWith(/\b(TODO|FIXME|XXX|HACK)\b/, sources), []);
    assert.deepEqual(linesWith(/\bnot (yet )?implemented\b/i, sources), []);
  });

  it("names its files in snake_case", () => {
    const odd = files.filter((path) =>
      /^(lib|examples|bench|test\/(?!interop\/|vectors\/)).*\.(ts|mjs)$/.test(path)
    )
      .filter((path) => !/^[a-z0-9_/]+\.(ts|mjs)$/.test(path));
    assert.deepEqual(odd, []);
  });

  it("mirrors lib/ in test/: each test file of a room tests a file or an idea of that room", () => {
    const rooms = new Set(filesBelow("lib").map((path) => path.split("/")[1]!.replace(/\.ts$/, "")));
    const apart = new Set([
      "_support",
      "api",
      "compliance",
      "examples",
      "bench",
      "types",
      "vectors",
      "interop",
      "browser",
    ]);
    const strays = files
      .filter((path) => path.startsWith("test/") && path.endsWith("_test.ts"))
      .filter((path) => {
        const room = path.split("/")[1]!.replace(/_test\.ts$/, "");
        return !rooms.has(room) && !apart.has(room);
      });
    assert.deepEqual(strays, []);
  });
});
