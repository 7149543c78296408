// @ts-check
/**
 * `npm test`: the same test files on Node, Deno and Bun, one line per runtime, and a sum at the end.
 *
 *     node test/run.mjs [--runtime node,deno,bun] [--node PATH] [--only PATTERN] [--time-limit SECONDS] [--no-build] [FILE…]
 *
 * A runtime's counts come from its report, never from its prose. Whatever a report cannot show is a failure of its own:
 * a runner that crashed or took too long, an exit status that no test explains, a file without a test.
 * Interoperability with daemons of other people is a command of its own, `npm run test:interop`, and so are pages in a
 * browser, `npm run test:browser`.
 *
 * @module
 */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import "./_support/node_only.mjs";
import { runChild } from "./_support/child.mjs";
import { pruneBuild } from "./_support/prune_build.mjs";
import { readBunReport, readDenoReport, readNodeReport } from "./_support/reports.mjs";

/** @import { ReadReport } from "./_support/reports.mjs" */

/**
 * @typedef {object} Runtime
 * @property {string} label Name for people.
 * @property {string} command
 * @property {(version: string, files: string[], report: string) => string[]} args
 * @property {ReadReport} read
 */

const root = fileURLToPath(new URL("..", import.meta.url));

/** Seconds one test may take, on Node also one file; a hang is then reported by name. Deno has no such limit. */
const TEST_SECONDS = 120;

/** Seconds one runtime may take for all its tests. */
const RUNTIME_SECONDS = 600;

/** The oldest Node that runs the sources unbuilt. */
const UNBUILT_NODE = [22, 18];

const USAGE = `Usage: node test/run.mjs [OPTION]… [FILE…]

  --runtime LIST        any of node, deno and bun, with commas between (default: all three)
  --node PATH           another Node than the one that runs this
  --only PATTERN        only files whose path matches the regular expression
  --time-limit SECONDS  for all tests of one runtime (default: ${RUNTIME_SECONDS})
  --no-build            leave dist/ as it is`;

const options = readOptions();
/** @type {Record<string, Runtime>} */
const runtimes = {
  node: {
    label: "Node",
    command: options.node,
    args: (version, files, report) => [
      ...(isBefore(version, UNBUILT_NODE) ? ["--import", "tsx"] : []),
      "--test",
      `--test-concurrency=${availableParallelism()}`,
      `--test-timeout=${TEST_SECONDS * 1000}`,
      "--test-reporter=spec",
      "--test-reporter-destination=stdout",
      "--test-reporter=./test/_support/node_reporter.mjs",
      `--test-reporter-destination=${report}`,
      ...files,
    ],
    read: readNodeReport,
  },
  deno: {
    label: "Deno",
    command: join(root, "node_modules/.bin/deno"),
    // Types are checked by the gate, once.
    args: (_version, files, report) => [
      "test",
      "--allow-all",
      "--no-check",
      "--preload=./test/_support/deno_preload.ts",
      `--junit-path=${report}`,
      ...files.map((file) => `./${file}`),
    ],
    read: readDenoReport,
  },
  bun: {
    label: "Bun",
    command: join(root, "node_modules/.bin/bun"),
    args: (_version, files, report) => [
      "test",
      `--timeout=${TEST_SECONDS * 1000}`,
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      ...files.map((file) => `./${file}`),
    ],
    read: readBunReport,
  },
};

await main();

async function main() {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const folder = mkdtempSync(join(tmpdir(), "iketcp-test-"));
  try {
    if (options.build) total.failed += await build();
    for (const name of options.runtimes) {
      const runtime = runtimes[name];
      if (runtime === undefined) fail(`Cannot run on "${name}": expected node, deno or bun`);
      const counts = await runRuntime(runtime, join(folder, `${name}.report`));
      total.passed += counts.passed;
      total.failed += counts.failed;
      total.skipped += counts.skipped;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  process.stdout.write(`${describe(total)}\n`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

/** Brings `dist/` up to date: the program, the examples on Node and the package's own name resolve to it. */
async function build() {
  pruneBuild(root);
  const result = await runChild(process.execPath, [
    "node_modules/typescript/bin/tsc",
    "-p",
    "tsconfig.build.json",
  ], {
    cwd: root,
    seconds: 120,
  });
  if (result.problem === null) return 0;
  process.stdout.write(`${result.output}\nThe build failed: ${result.problem}\n`);
  return 1;
}

/** @param {Runtime} runtime @param {string} report */
async function runRuntime(runtime, report) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const version = await versionOf(runtime);
  if (version === null) {
    process.stdout.write(
      `${runtime.label}  cannot be started: ${runtime.command} is missing or broken; run "npm ci"\n`,
    );
    return { ...counts, failed: 1 };
  }
  process.stdout.write(`${`${runtime.label} ${version}`.padEnd(14)} `);
  const result = await runChild(runtime.command, runtime.args(version, options.files, report), {
    cwd: root,
    seconds: options.seconds,
  });

  const text = existsSync(report) ? readFileSync(report, "utf8") : "";
  const { tests, unheard } = runtime.read(text, result.output, options.files);
  for (const test of tests) counts[test.outcome]++;
  const problems = tests.length === 0
    ? [`no test ran (${result.problem ?? "though the runner ended well"})`]
    : result.timedOut
    ? [
      `${result.problem}${
        unheard.length > 0
          ? `: ${unheard.length} of ${options.files.length} files were not reached`
          : ", though every file was reached"
      }`,
    ]
    : unheard.map((file) => `no test of ${relative(root, resolve(root, file))} ran`);
  if (result.problem !== null && counts.failed + problems.length === 0) problems.push(result.problem);
  counts.failed += problems.length;

  process.stdout.write(`${describe(counts).padEnd(36)} ${result.seconds.toFixed(1).padStart(6)} s\n`);
  if (counts.failed > 0) {
    process.stdout.write(`\n${result.output.trimEnd()}\n\n`);
    for (const problem of problems) process.stdout.write(`${runtime.label} ${version}: ${problem}\n`);
  }
  return counts;
}

/** @param {Runtime} runtime @returns {Promise<string | null>} */
async function versionOf(runtime) {
  if (!existsSync(runtime.command)) return null;
  const { stdout, problem } = await runChild(runtime.command, ["--version"], { cwd: root, seconds: 30 });
  return problem === null ? /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? null : null;
}

/** @param {string} version @param {readonly number[]} bound */
function isBefore(version, bound) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [boundMajor = 0, boundMinor = 0] = bound;
  return major < boundMajor || (major === boundMajor && minor < boundMinor);
}

/** @param {{ passed: number, failed: number, skipped: number }} counts */
function describe({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

function readOptions() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        runtime: { type: "string", default: "node,deno,bun" },
        node: { type: "string", default: process.execPath },
        only: { type: "string", default: "" },
        "time-limit": { type: "string", default: String(RUNTIME_SECONDS) },
        "no-build": { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(`${USAGE}\n`);
      process.exit(0);
    }
    const seconds = Number(values["time-limit"]);
    if (!(seconds > 0)) {
      fail(`Cannot take a time limit of "${values["time-limit"]}": expected seconds above 0`);
    }
    const only = new RegExp(values.only);
    const files = positionals.length > 0
      ? positionals.map((file) => relative(root, resolve(file)))
      : findTests().filter((file) => only.test(file));
    if (files.length === 0) fail(`Cannot test: no test file matches ${only}`);
    return {
      runtimes: values.runtime.split(","),
      node: resolve(values.node),
      files,
      seconds,
      build: !values["no-build"],
    };
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
}

/** Every test file of the suite, with `/` between folders, in one order everywhere. */
function findTests() {
  return readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
    .map((path) => `test/${path.replaceAll("\\", "/")}`)
    .filter((path) => path.endsWith("_test.ts") && !/^test\/(interop|browser)\//.test(path))
    .sort();
}

/** @param {string} message @returns {never} */
function fail(message) {
  process.stderr.write(`${message}\n${USAGE}\n`);
  process.exit(2);
}
