// @ts-check
/**
 * `npm run bench` and `iketcp bench`: every bench on one runtime, or on several, as a table with the bars and whether each
 * holds, and as a plot. It runs on all three runtimes, and measures the one that it runs on unless it is told otherwise.
 *
 *     node bench/run.mjs [--quick] [--json] [--runtime node|deno|bun|all] [--node PATH] [--only NAME] [--plot FILE]
 *
 * A bar that is missed is shown and fails nothing: figures depend on the machine. What fails is a bench that could not run.
 *
 * @module
 */

import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cleanEnvironment, runChild } from "../test/_support/child.mjs";
import { plot } from "./_plot.mjs";

/**
 * @typedef {{ name: string, runtime: string, value: number, unit: string, ratioTo?: string, ratio?: number, bar?: string, holds?: boolean }} Row
 * @typedef {{ name: string, runtime: string, error: string }} Failure
 */

const root = fileURLToPath(new URL("..", import.meta.url));

/** Seconds that one bench file may take. */
const SECONDS = 600;

/** The oldest Node that runs the sources unbuilt. */
const UNBUILT_NODE = [22, 18];

const USAGE = `Usage: node bench/run.mjs [OPTION]…

  --quick         a glance: the same rows from fewer and shorter runs, within a minute
  --json          an array of { name, runtime, value, unit, ratioTo?, ratio?, bar?, holds? }
  --runtime LIST  any of node, deno and bun, with commas between, or all (default: the one that runs this)
  --node PATH     another Node than the one that runs this
  --only NAME     rows whose name contains NAME, such as tcp/ or "deframer, batch"
  --plot FILE     an SVG of what there is of datapath/ and crypto/ rows`;

/** The runtime that runs this. */
const OWN = process.versions["deno"] !== undefined
  ? "deno"
  : process.versions["bun"] !== undefined
  ? "bun"
  : "node";

const options = readOptions();
await main();

async function main() {
  const all = readdirSync(new URL(".", import.meta.url)).filter((name) => name.endsWith("_bench.ts")).sort();
  // Names begin with that of their file: `tcp/raw` can be in tcp_bench.ts alone.
  const own = all.filter((name) => options.only.startsWith(name.replace("_bench.ts", "/")));
  const files = own.length > 0 ? own : all;
  /** @type {Row[]} */
  const rows = [];
  /** @type {Failure[]} */
  const failures = [];
  for (const name of options.runtimes) {
    const [command, ...args] = await commandOf(name);
    let headed = options.json;
    for (const file of files) {
      const flags = [...(options.quick ? ["--quick"] : []), "--json", "--only", options.only];
      const result = await runChild(command, [...args, join("bench", file), ...flags], {
        cwd: root,
        seconds: SECONDS,
        env: cleanEnvironment(),
      });
      const before = failures.length;
      for (const line of result.stdout.split("\n").filter((text) => text.startsWith("{"))) {
        /** @type {Row | Failure} */
        const row = JSON.parse(line);
        if ("error" in row) failures.push(row);
        else rows.push(row);
        if (options.json || "error" in row) continue;
        if (!headed) process.stdout.write(`${row.runtime}\n`);
        headed = true;
        process.stdout.write(`  ${format(row)}\n`);
      }
      if (result.problem !== null && failures.length === before) {
        failures.push({ name: file, runtime: name, error: `${result.problem}\n${result.output.trimEnd()}` });
      }
    }
  }
  if (rows.length + failures.length === 0) fail(`There is no bench with "${options.only}" in its name`);
  for (const { name, runtime, error } of failures) {
    process.stderr.write(`\n${name} failed on ${runtime}: ${error}\n`);
  }
  const plotted = options.plot !== undefined && writePlot(options.plot, rows);
  if (options.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  else {
    process.stdout.write(`\n${summary(rows)}\n`);
    if (plotted) process.stdout.write(`plot: ${options.plot}\n`);
    process.stdout.write(`${rows.length} passed, ${failures.length} failed\n`);
  }
  process.exitCode = failures.length > 0 ? 1 : 0;
}

/** Writes the plot, if there is anything to be seen on it. */
function writePlot(/** @type {string} */ path, /** @type {Row[]} */ rows) {
  const svg = plot(rows);
  if (svg === null) return false;
  writeFileSync(path, svg);
  return true;
}

/** @param {Row} row */
function format({ name, value, unit, ratio, ratioTo, bar, holds }) {
  const figure = `${name.padEnd(68)} ${String(value).padStart(8)} ${unit.padEnd(12)}`;
  const compared = ratio === undefined ? "" : `${ratio.toFixed(2)} x ${shorten(String(ratioTo), name)}`;
  const judged = bar === undefined ? "" : `${holds ? "holds " : "MISSED"} ${bar}`;
  return `${figure} ${compared.padEnd(30)} ${judged}`.trimEnd();
}

/** The part of a name that differs from that of its row: the table is wide enough. */
function shorten(/** @type {string} */ other, /** @type {string} */ name) {
  const parts = other.split(/(?<=\/)|, /);
  const own = new Set(name.split(/(?<=\/)|, /));
  return parts.filter((part) => !own.has(part)).join(", ") || other;
}

function summary(/** @type {Row[]} */ rows) {
  const judged = rows.filter((row) => row.bar !== undefined);
  const missed = judged.filter((row) => !row.holds);
  const names = missed.map((row) => `\n  missed: ${row.runtime}, ${row.name}, ${row.bar}`).join("");
  return `${judged.length - missed.length} of ${judged.length} bars hold${names}`;
}

/** @param {string} name @returns {Promise<[string, ...string[]]>} */
async function commandOf(name) {
  if (name === "deno") {
    return [OWN === name ? process.execPath : binary(name), "run", "--allow-all", "--unstable-net"];
  }
  if (name === "bun") return [OWN === name ? process.execPath : binary(name), "run"];
  const { stdout } = await runChild(options.node, ["--version"], { cwd: root, seconds: 60 });
  const [major = 0, minor = 0] = stdout.replace("v", "").split(".").map(Number);
  const [unbuiltMajor = 0, unbuiltMinor = 0] = UNBUILT_NODE;
  const unbuilt = major > unbuiltMajor || (major === unbuiltMajor && minor >= unbuiltMinor);
  return unbuilt ? [options.node] : [options.node, "--import", "tsx"];
}

function binary(/** @type {string} */ name) {
  const path = join(root, "node_modules/.bin", name);
  return existsSync(path) ? path : fail(`Cannot run on ${name}: ${path} is missing; run "npm ci"`);
}

function readOptions() {
  /** @type {Record<string, string | boolean | undefined>} */
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        quick: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        runtime: { type: "string", default: OWN },
        node: { type: "string", default: OWN === "node" ? process.execPath : "node" },
        only: { type: "string", default: "" },
        plot: { type: "string" },
        help: { type: "boolean", default: false },
      },
    }));
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  }
  if (values["help"]) {
    process.stdout.write(`${USAGE}\n`);
    process.exit(0);
  }
  const runtimes = values["runtime"] === "all"
    ? ["node", "deno", "bun"]
    : String(values["runtime"]).split(",");
  for (const name of runtimes) {
    if (!["node", "deno", "bun"].includes(name)) {
      fail(`Cannot run on "${name}": expected node, deno, bun or all`);
    }
  }
  if (typeof values["plot"] === "string" && !existsSync(dirname(values["plot"]))) {
    fail(`Cannot write plot ${values["plot"]}: expected a folder that exists`); // now, not after minutes of measuring
  }
  return {
    quick: values["quick"] === true,
    json: values["json"] === true,
    only: String(values["only"]),
    node: String(values["node"]),
    plot: typeof values["plot"] === "string" ? values["plot"] : undefined,
    runtimes,
  };
}

/** @param {string} message @returns {never} */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
