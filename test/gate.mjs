// @ts-check
/**
 * `npm run ok` and `deno task ok`: everything that must hold before a change goes in, one line per step, and a sum.
 *
 *     node test/gate.mjs [--without-tests] [--only NAME]
 *
 * `--only` takes the beginning of a step's name. A failing step shows its whole output; the steps after it run all the same.
 *
 * @module
 */

import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import "./_support/node_only.mjs";
import { runChild } from "./_support/child.mjs";
import { pruneBuild } from "./_support/prune_build.mjs";

/** @typedef {{ command: string, args: string[], cwd: string }} Command */

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {() => Iterable<Command>} commands What it runs, in order, up to the first that fails. A generator makes
 *   each command after the one before it has ended.
 * @property {number} [seconds] Time limit of each command.
 */

const root = fileURLToPath(new URL("..", import.meta.url));

/** A folder for what the steps make; gone when this ends. */
const scratch = mkdtempSync(join(tmpdir(), "iketcp-gate-"));
process.once("exit", () => rmSync(scratch, { recursive: true, force: true }));

/** Seconds for one command, where its step says nothing else. */
const COMMAND_SECONDS = 120;

/** The examples, but for the one that takes a package from JSR: no check needs the network. */
const EXAMPLES = readdirSync(join(root, "examples"), { recursive: true, encoding: "utf8" })
  .map((name) => `examples/${name.replaceAll("\\", "/")}`)
  .filter((path) => path.endsWith(".ts") && !path.endsWith("/13_std_streams.ts"));

/** The project's own sources, for Deno's type check; its JavaScript is checked by TypeScript alone. */
const SOURCES = ["mod.ts", "lib", ...EXAMPLES, "bench/**/*.ts", "test/**/*.ts"];

/** Documents whose code is checked, though not run: it names hosts that do not exist. Doc comments hold what runs. */
const DOCUMENTS = ["README.md", "ARCHITECTURE.md"];

/** Entry points whose types need those of Node. */
const RUNTIME_ENTRIES = ["./runtime", "./node", "./deno", "./bun"];

/** @type {{ exports: Record<string, string> }} */
const manifest = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));

/** @type {Step[]} */
const steps = [
  { name: "format", commands: () => [deno("fmt", "--check")] },
  { name: "lint", commands: () => [deno("lint")] },
  {
    name: "types",
    commands:
      () => [tsc("tsconfig.json"), tsc("test/types/tools.json"), deno("check", "--quiet", ...SOURCES)],
  },
  { name: "portable types", commands: () => [tsc("test/types/tsconfig.json")] },
  { name: "build", commands: () => [tsc("tsconfig.build.json")] },
  {
    name: "rooms, manifests, names",
    commands: () => [node("test/run.mjs", "--no-build", "--runtime", "node", "--only", "test/api/")],
  },
  {
    name: "docs",
    commands: () => [
      // Fails for symbols of ours alone: what it cannot resolve inside @types/node it merely warns about.
      deno("doc", "--quiet", "--lint", ...Object.values(manifest.exports)),
      deno("test", "--allow-all", "--sanitize-ops", "--sanitize-resources", "--doc", "mod.ts", "lib"),
      deno("check", "--quiet", "--doc-only", ...DOCUMENTS),
    ],
  },
  { name: "tests", seconds: 1200, commands: () => [node("test/run.mjs")] },
  { name: "quick benches", seconds: 180, commands: () => [node("bench/run.mjs", "--quick")] },
  { name: "npm package", commands: packAndImport },
  { name: "jsr package", commands: () => [deno("publish", "--dry-run", "--allow-dirty")] },
];

await main();

async function main() {
  const { values } = parseArgs({
    options: {
      "without-tests": { type: "boolean", default: false },
      only: { type: "string", default: "" },
    },
  });
  const chosen = steps
    .filter(({ name }) => name.startsWith(values.only))
    .filter(({ name }) => !(values["without-tests"] && name === "tests"));
  if (chosen.length === 0) {
    process.stderr.write(
      `There is no such step: expected the beginning of ${steps.map(({ name }) => name).join(" / ")}\n`,
    );
    process.exit(2);
  }
  let failed = 0;
  for (const step of chosen) failed += await passes(step) ? 0 : 1;
  process.stdout.write(`${chosen.length - failed} passed, ${failed} failed\n`);
  process.exitCode = failed > 0 ? 1 : 0;
}

/** Runs a step, prints its line, and tells whether all its commands ended well. */
async function passes(/** @type {Step} */ step) {
  process.stdout.write(`${step.name.padEnd(26)} `);
  const began = performance.now();
  /** @type {string | null} */
  let report = null;
  try {
    for (const { command, args, cwd } of step.commands()) {
      const result = await runChild(command, args, { cwd, seconds: step.seconds ?? COMMAND_SECONDS });
      if (result.problem === null) continue;
      report = `${[command, ...args].join(" ")}: ${result.problem}\n\n${result.output.trimEnd()}`;
      break;
    }
  } catch (error) {
    report = String(error instanceof Error ? error.stack : error);
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(`${report === null ? "ok    " : "FAILED"} ${seconds.padStart(6)} s\n`);
  if (report !== null) process.stdout.write(`\n${report}\n\n`);
  return report === null;
}

/**
 * Packs the package, checks the tarball, unpacks it beside its dependencies as an application would have it, and uses
 * it there: the types with TypeScript, every entry point on each runtime, and the program.
 *
 * @returns {Generator<Command>}
 */
function* packAndImport() {
  pruneBuild(root);
  yield { command: "npm", args: ["pack", "--ignore-scripts", "--pack-destination", scratch], cwd: root };
  const tarball = readdirSync(scratch).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack left no tarball");
  yield node("node_modules/publint/src/cli.js", "run", join(scratch, tarball), "--strict");

  const app = join(scratch, "app");
  const installed = join(app, "node_modules/iketcp");
  mkdirSync(installed, { recursive: true });
  yield {
    command: "tar",
    args: ["-xzf", join(scratch, tarball), "-C", installed, "--strip-components=1"],
    cwd: app,
  };
  const { dependencies } = manifestIn(installed);
  for (const name of withTheirs(Object.keys(dependencies ?? {}))) {
    cpSync(join(root, "node_modules", name), join(app, "node_modules", name), { recursive: true });
  }
  writeFileSync(
    join(app, "package.json"),
    JSON.stringify({ type: "module", dependencies: { iketcp: "*", ...dependencies } }),
  );

  cpSync(join(root, "test/_support/import_all.mjs"), join(app, "import_all.mjs"));
  cpSync(join(root, "test/api/exports.json"), join(app, "exports.json"));
  yield { ...node("import_all.mjs", "node"), cwd: app };
  yield { ...deno("run", "--allow-all", "--unstable-net", "import_all.mjs", "deno"), cwd: app };
  yield { command: binary("bun"), args: ["import_all.mjs", "bun"], cwd: app };

  // Portable entries type-check without the types of any runtime; those that name Node's streams and servers, with them.
  const entries = Object.keys(manifest.exports);
  yield typesOf(app, entries.filter((key) => !RUNTIME_ENTRIES.includes(key)), []);
  for (const name of withTheirs(["@types/node"])) {
    cpSync(join(root, "node_modules", name), join(app, "node_modules", name), { recursive: true });
  }
  yield typesOf(app, entries, ["node"]);
  yield { ...node("node_modules/iketcp/dist/lib/cli/main.js", "--help"), cwd: app };
}

/**
 * A check of the types that an application gets from some entry points.
 *
 * @param {string} app @param {readonly string[]} entries @param {readonly string[]} types @returns {Command}
 */
function typesOf(app, entries, types) {
  const specifiers = entries.map((key) => key.replace(/^\./, "iketcp"));
  writeFileSync(
    join(app, "import_all.ts"),
    specifiers.map((name, i) => `export * as _${i} from "${name}";`).join("\n"),
  );
  writeFileSync(
    join(app, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        ...{
          target: "ES2022",
          module: "NodeNext",
          strict: true,
          noEmit: true,
          skipLibCheck: types.length > 0,
        },
        ...{ lib: ["ES2023", "DOM", "DOM.Iterable", "DOM.AsyncIterable"], types },
      },
      files: ["import_all.ts"],
    }),
  );
  return { ...tsc("tsconfig.json"), cwd: app };
}

/** Packages and all that they depend on, by name. @param {readonly string[]} names @returns {Set<string>} */
function withTheirs(names) {
  const all = new Set(names);
  for (const name of all) {
    const { dependencies } = manifestIn(join(root, "node_modules", name));
    for (const other of Object.keys(dependencies ?? {})) all.add(other);
  }
  return all;
}

/** @param {string} folder @returns {{ dependencies?: Record<string, string> }} */
function manifestIn(folder) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

/** @param {...string} args @returns {Command} */
function node(...args) {
  return { command: process.execPath, args, cwd: root };
}

/** @param {...string} args @returns {Command} */
function deno(...args) {
  return { command: binary("deno"), args, cwd: root };
}

/** @param {string} project @returns {Command} */
function tsc(project) {
  return node(join(root, "node_modules/typescript/bin/tsc"), "-p", project);
}

/** @param {string} name */
function binary(name) {
  return join(root, "node_modules/.bin", name);
}
