/** What every command shares: where paths start, how errors are told, which status the program ends with. */

import { CommanderError } from "commander";
import { basename, relative, resolve } from "node:path";
import process from "node:process";
import { ConfigError, IketcpError } from "../errors.ts";
import { detectRuntime, type RuntimeName } from "../runtime/detect.ts";

/** A path of the command line: relative to where the caller stands, also when a package manager has changed directory. */
export function resolvePath(path: string): string {
  return resolve(process.env.INIT_CWD ?? process.cwd(), path);
}

/** How a program was started. */
export interface Start {
  readonly runtime: RuntimeName;
  /** The script, as the runtime tells it. */
  readonly script: string;
  /** Where the caller stands. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What whoever started this program types to start it again: from a checkout, as an installed package, or by its file. */
export function programCommand(start: Start = currentStart()): string {
  const { runtime, script, cwd, env } = start;
  const { npm_package_name: project, npm_command: command } = env;
  if (runtime !== "deno") { // whose tasks say nothing of their project
    if (project === PACKAGE) return runtime === "bun" ? "npx bun run iketcp" : "npm run -s iketcp --";
    if (project !== undefined || command === "exec") return "npx iketcp"; // a script of another project, or npx
  }
  if (!/\.[jt]s$/.test(script)) return basename(script);
  const path = relative(cwd, script);
  return runtime === "deno" ? `deno run -A ${path}` : `${runtime} ${path}`;
}

/** What the package is called. */
const PACKAGE = "iketcp";

function currentStart(): Start {
  const { argv, env } = process;
  return { runtime: detectRuntime().name, script: argv[1] ?? PACKAGE, cwd: resolvePath("."), env };
}

/** Tells an error in one sentence on standard error; gives the exit status: 2 for wrong usage, else 1. */
export function reportError(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has told already
  if (error instanceof IketcpError) {
    console.error(`iketcp: ${error.message}`);
    // What this runtime cannot do is asked of the wrong one.
    return error instanceof ConfigError || error.code === "ERR_TRANSPORT_UNSUPPORTED" ? 2 : 1;
  }
  // A fault of ours: the stack is what a report needs.
  console.error("iketcp: internal error, please report it:", error);
  return 1;
}

/** Resolves at the first SIGINT, SIGTERM or SIGHUP with its name; a second one ends the program at once. */
export function untilSignal(): Promise<string> {
  return new Promise((settle) => {
    let told = false;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        if (told) process.exit(1);
        told = true;
        settle(signal);
      });
    }
  });
}
