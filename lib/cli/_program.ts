/** What every command shares: where paths start, how errors are told, which status the program ends with. */

import { CommanderError } from "commander";
import { resolve } from "node:path";
import process from "node:process";
import { ConfigError, IketcpError } from "../errors.ts";

/** A path of the command line: relative to where the caller stands, also when a package manager has changed directory. */
export function resolvePath(path: string): string {
  return resolve(process.env.INIT_CWD ?? process.cwd(), path);
}

/** Tells an error in one sentence on standard error; gives the exit status: 2 for wrong usage, else 1. */
export function reportError(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has told already
  if (error instanceof IketcpError) {
    console.error(`iketcp: ${error.message}`);
    return error instanceof ConfigError ? 2 : 1;
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
