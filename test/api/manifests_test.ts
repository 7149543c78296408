/** `deno.json` and `package.json` say the same: entry points, version, and the packages they depend on. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { VERSION } from "../../lib/cli/_version.ts";
import { readSource } from "../_support/sources.ts";
import { projectRoot } from "../_support/vectors.ts";

interface DenoManifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
  readonly publish: { readonly include: readonly string[] };
}

interface NpmManifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string>>;
  readonly files: readonly string[];
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const deno: DenoManifest = JSON.parse(readSource("deno.json"));
const npm: NpmManifest = JSON.parse(readSource("package.json"));
const lock: { version: string; packages: Record<string, { version?: string }> } = JSON.parse(
  readSource("package-lock.json"),
);

/** Entry points, without the one that only npm has. */
const npmExports: Record<string, string> = Object.fromEntries(
  Object.entries(npm.exports).filter(([key]) => key !== "./package.json"),
);

/** The file that the build makes of a source. */
function built(source: string): string {
  return source.replace(/^\.\//, "./dist/").replace(/\.ts$/, ".js");
}

describe("Manifests", () => {
  it("have the same entry points, in the same order", () => {
    assert.deepEqual(Object.keys(npmExports), Object.keys(deno.exports));
  });

  it("point each entry point at a source that exists, and at what is built from it", () => {
    for (const [key, source] of Object.entries(deno.exports)) {
      assert.ok(existsSync(new URL(source, projectRoot)), `${key}: there is no ${source}`);
      assert.equal(npmExports[key], built(source), key);
    }
    for (const [name, program] of Object.entries(npm.bin)) {
      const source = program.replace("./dist/", "").replace(/\.js$/, ".ts");
      assert.ok(existsSync(new URL(source, projectRoot)), `${name}: there is no ${source}`);
    }
  });

  it("map the package's own name to the entry points, for examples and tests on Deno", () => {
    const own = Object.entries(deno.imports).filter(([name]) =>
      name === npm.name || name.startsWith(`${npm.name}/`)
    );
    const expected = Object.entries(deno.exports).map((
      [key, source],
    ) => [key.replace(/^\./, npm.name), source]);
    assert.deepEqual(own, expected);
  });

  it("have the same version and licence, and so have the lock file and the program", () => {
    assert.equal(deno.version, npm.version);
    assert.equal(lock.version, npm.version);
    assert.equal(VERSION, npm.version);
    assert.equal(deno.license, npm.license);
  });

  it("agree on the version of each package that both name, and name one version", () => {
    const versions: Record<string, string> = { ...npm.dependencies, ...npm.devDependencies };
    for (const [name, version] of Object.entries(versions)) {
      assert.match(version, /^\d+\.\d+\.\d+$/, `${name}: expected one exact version`);
      assert.equal(lock.packages[`node_modules/${name}`]?.version, version, `${name} in the lock file`);
    }
    for (const [name, target] of Object.entries(deno.imports)) {
      const match = /^npm:(@?[^@]+)@(.+)$/.exec(target);
      if (match === null) continue;
      assert.equal(match[1], name);
      assert.equal(match[2], versions[name], `${name} in deno.json`);
    }
  });

  it("map every package that the sources depend on for Deno", () => {
    for (const name of Object.keys(npm.dependencies)) assert.ok(name in deno.imports, name);
  });

  it("publish the same documents", () => {
    const documents = (names: readonly string[]): string[] =>
      names.filter((name) => /^[A-Z]/.test(name)).sort();
    assert.deepEqual(documents(npm.files), documents(deno.publish.include));
    for (const name of documents(npm.files)) {
      assert.ok(existsSync(new URL(name, projectRoot)), `there is no ${name}`);
    }
  });

  it("publish every folder that an entry point lies in", () => {
    for (const source of Object.values(deno.exports)) {
      const path = source.replace("./", "");
      assert.ok(deno.publish.include.some((name) => path === name || path.startsWith(`${name}/`)), path);
    }
  });
});
