#!/usr/bin/env node
/**
 * The interoperability test: `npm run test:interop [-- OPTIONS]`. Two (and three) unmodified strongSwan daemons, a
 * router that drops UDP, and `iketcp relay` between them. Needs root on Debian; says so where it cannot run.
 *
 *     --only PATTERN    only cases whose name matches (a regular expression, letter case ignored)
 *     --runtime NAME    all cases with the relays on node, deno or bun (default: all on node, some on the others)
 *     --keep            leave the lab and the last case's relays up
 *     --list            print the names of the cases
 */

import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { directory, Lab } from "./_support/lab.mjs";
import { libreswanDirectory } from "./_support/libreswan.mjs";
import { programs } from "./_support/relay.mjs";
import { recordOf, sleep } from "./_support/shell.mjs";
import { groups } from "./cases/mod.mjs";

const totalMinutes = 18;
const caseSeconds = 120;
const here = fileURLToPath(new URL(".", import.meta.url));

main().catch((error) => {
  console.error(
    error instanceof TypeError && error.code?.startsWith("ERR_PARSE_ARGS") ? error.message : error,
  );
  process.exit(2);
});

async function main() {
  const { values: options } = parseArgs({
    options: {
      only: { type: "string" },
      runtime: { type: "string" },
      keep: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
    },
  });
  if (options.runtime !== undefined && !(options.runtime in programs)) {
    console.error(`Cannot use runtime "${options.runtime}": expected node, deno or bun`);
    process.exit(2);
  }
  const plan = makePlan(options);
  if (options.list) {
    for (const { runtimes, test } of plan) console.log(`${label(runtimes)} ${test.name}`);
    return;
  }
  if (plan.length === 0) {
    console.error(`Cannot find a case whose name matches "${options.only}"`);
    process.exit(2);
  }

  const missing = whatIsMissing(plan);
  if (missing !== undefined) return skip(missing, plan.length);
  if (!await Lab.packages()) {
    return skip("Debian's strongSwan packages, which apt-get could not install", plan.length);
  }

  const tally = { passed: 0, failed: 0 };
  await new Guard(options.keep, tally).protect(() => runAll(plan, tally));
  finish(tally);
}

/** The closing line, alone, and the end. */
function finish({ passed, failed }, status = failed === 0 ? 0 : 1) {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(status);
}

/** All cases on Node, then those marked `everywhere` with Deno and Bun, each once on either side. */
function makePlan(options) {
  const pattern = new RegExp(options.only ?? "", "i");
  const tests = groups.flat().filter((test) => pattern.test(test.name));
  const on = (carol, moon, chosen) => chosen.map((test) => ({ runtimes: { carol, moon }, test }));
  if (options.runtime !== undefined) return on(options.runtime, options.runtime, tests);
  const short = tests.filter((test) => test.everywhere);
  return [...on("node", "node", tests), ...on("deno", "bun", short), ...on("bun", "deno", short)];
}

function label({ carol, moon }) {
  return (carol === moon ? carol : `${carol}+${moon}`).padEnd(8);
}

/** What this machine lacks, as the end of a sentence; undefined when it has everything. */
function whatIsMissing(plan) {
  if (process.platform !== "linux") return "Linux";
  if (process.getuid() !== 0) return "root";
  if (!existsSync("/etc/debian_version") || !works("apt-get", "--version")) return "Debian with apt-get";
  try {
    accessSync("/dev/net/tun", constants.R_OK | constants.W_OK);
  } catch {
    return "the device /dev/net/tun";
  }
  if (!works("unshare", "--net", "true")) return "the right to make network namespaces";
  for (const runtime of new Set(plan.flatMap(({ runtimes }) => Object.values(runtimes)))) {
    for (const file of programs[runtime].filter((part) => part.includes("/") && !part.startsWith("/"))) {
      if (!existsSync(`${here}../../${file}`)) return `${file}, which "npm ci" makes`;
    }
  }
  const other = otherRun();
  if (other !== undefined) {
    return `the directory ${directory}, which process ${other} uses now (set SWLAB_RUN and SWLAB_NS)`;
  }
  return undefined;
}

function works(...command) {
  return spawnSync(command[0], command.slice(1), { stdio: "ignore" }).status === 0;
}

/** The pid of another interoperability test in the same directory. */
function otherRun() {
  try {
    const record = readFileSync(`${directory}/owner`, "utf8");
    const pid = Number(record.split(" ")[0]);
    if (pid !== process.pid && record === recordOf(pid) && existsSync(`/proc/${pid}`)) return pid;
  } catch { // nobody
  }
  return undefined;
}

function skip(missing, count) {
  console.log(`The interoperability test needs ${missing}`);
  const failure = Boolean(process.env.CI);
  console.log(failure ? `0 passed, ${count} failed` : `0 passed, 0 failed, ${count} skipped`);
  process.exit(failure ? 1 : 0);
}

/** Takes the lab down however this process ends. */
class Guard {
  #keep;
  #tally;
  #done = false;

  constructor(keep, tally) {
    this.#keep = keep;
    this.#tally = tally;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
      process.on(signal, () => this.#abandon(`stopped by ${signal}`, signal === "SIGINT" ? 130 : 143));
    }
  }

  async protect(work) {
    const timer = setTimeout(
      () => this.#abandon(`not finished after ${totalMinutes} minutes`, 1),
      totalMinutes * 60_000,
    );
    try {
      return await work();
    } finally {
      clearTimeout(timer);
      this.#takeDown();
    }
  }

  #abandon(reason, status) {
    console.log(`The interoperability test was ${reason}`);
    this.#takeDown();
    this.#tally.failed++;
    finish(this.#tally, status);
  }

  #takeDown() {
    if (this.#done) return;
    this.#done = true;
    if (this.#keep) {
      console.log(`The lab is left up; ${here}lab/down.sh --purge takes it down`);
      return;
    }
    if (existsSync(`${libreswanDirectory}/run/ikeonly/pid`)) {
      spawnSync("bash", [`${here}lab/libreswan/ikeonly.sh`, "stop"], { stdio: "ignore" });
    }
    spawnSync("bash", [`${here}lab/down.sh`, "--purge"], { stdio: ["ignore", "ignore", "inherit"] });
  }
}

async function runAll(plan, tally) {
  const start = performance.now();
  for (const prepare of new Set(plan.flatMap(({ test }) => test.prepare ?? []))) await prepare();
  await Lab.fresh();
  for (const { runtimes, test } of plan) {
    const began = performance.now();
    const lab = new Lab(runtimes);
    const outcome = await runOne(lab, test);
    const seconds = ((performance.now() - began) / 1000).toFixed(1).padStart(5);
    const note = typeof outcome.note === "string" ? ` (${outcome.note})` : "";
    console.log(`${outcome.error ? "FAIL" : "ok  "} ${seconds} s  ${label(runtimes)}  ${test.name}${note}`);
    if (outcome.error === undefined) {
      tally.passed++;
    } else {
      tally.failed++;
      console.log(`${outcome.error.stack ?? outcome.error}\n${outcome.logs}`);
    }
  }
  console.log(`${((performance.now() - start) / 1000).toFixed(0)} s in all`);
}

/** One case: `{ note }` or `{ error, logs }`. */
async function runOne(lab, test) {
  const timer = new AbortController();
  const late = sleep(caseSeconds * 1000, undefined, { signal: timer.signal }).then(
    () => Promise.reject(new Error(`The case was not finished after ${caseSeconds} s`)),
    () => new Promise(() => {}),
  );
  let outcome;
  try {
    await lab.begin();
    outcome = { note: await Promise.race([test.run(lab), late]) };
  } catch (error) {
    outcome = { error, logs: lab.logs() };
  } finally {
    timer.abort();
  }
  const logs = lab.logs();
  try {
    await lab.end(outcome.error === undefined);
  } catch (error) {
    outcome = { error, logs };
  }
  return outcome;
}
