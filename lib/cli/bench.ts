/**
 * `iketcp bench`: the benchmarks on the runtime that the command runs on. They lie in the folder `bench` of a checkout, which
 * packages do not have: a benchmark compares this project with tools that only a checkout installs.
 */

import { Command } from "commander";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../errors.ts";
import { detectRuntime } from "../runtime/mod.ts";
import { resolvePath } from "./_program.ts";

const EXPLANATION = `
What is compared runs in turn, in one run on this machine: framing with its parts, sockets with the runtime's own, the relay with
the plainest copy, ciphers by provider with openssl speed, and the whole datapath (encrypt, frame, TCP, deframe, decrypt) with its
ceiling, the bare cipher and the raw socket in a plain loop. bench/README.md says how, and what the rows mean.

With --json standard output is an array of { name, runtime, value, unit, ratioTo?, ratio?, bar?, holds? }.

Examples:
  iketcp bench --quick
  iketcp bench --only datapath/ --plot datapath.svg
`;

interface BenchOptions {
  readonly json: boolean;
  readonly quick: boolean;
  readonly only?: string;
  readonly plot?: string;
}

/** The command. */
export function benchCommand(): Command {
  return new Command("bench")
    .description("measure this machine: a table, and a plot of the datapath")
    .option(
      "--only <name>",
      "rows whose name contains it: encap/, tcp/, relay/, memory/, crypto/, esp/, datapath/",
    )
    .option("--quick", "a glance from fewer and shorter runs, within two minutes", false)
    .option("--json", "an array of rows on standard output, and nothing else", false)
    .option("--plot <file>", "where to write the plot (default: iketcp-bench.svg; with --json none)")
    .addHelpText("after", EXPLANATION)
    .action(runBench);
}

async function runBench({ json, quick, only, plot }: BenchOptions): Promise<void> {
  const program = benchProgram(new URL(".", import.meta.url));
  const picture = plot ?? (json ? undefined : "iketcp-bench.svg");
  const child = spawn(process.execPath, [
    ...detectRuntime().name === "deno" ? ["run", "--allow-all", "--unstable-net"] : [],
    program,
    ...quick ? ["--quick"] : [],
    ...json ? ["--json"] : [],
    ...only === undefined ? [] : [`--only=${only}`],
    ...picture === undefined ? [] : [`--plot=${resolvePath(picture)}`],
  ], { stdio: "inherit" });
  process.exitCode = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (status) => resolve(status ?? 1));
  });
}

/** The program of a checkout that runs the benchmarks, seen from the folder of this file or of what is built from it. */
export function benchProgram(folder: URL): string {
  for (const root of ["../../", "../../../"]) {
    const path = fileURLToPath(new URL(`${root}bench/run.mjs`, folder));
    if (existsSync(path)) return path;
  }
  throw new ConfigError(
    "ERR_CONFIG_OPTION",
    "Cannot run the benchmarks: expected the folder bench of a checkout of iketcp beside the program, found none (packages do not have it)",
  );
}
