/**
 * How a test starts the program, or an example, on the runtime that the test itself runs on: the sources unbuilt, but for
 * Node 20, which has the built package.
 */

import process from "node:process";
import { fileURLToPath } from "node:url";
import { projectRoot } from "./vectors.ts";

/** The command line of `iketcp`, without arguments. */
export function programCommand(): string[] {
  return commandOf("lib/cli/main");
}

/** The command line of an example, named as its file without the ending. */
export function exampleCommand(name: string): string[] {
  return commandOf(`examples/${name}`);
}

function commandOf(module: string): string[] {
  const source = fileURLToPath(new URL(`${module}.ts`, projectRoot));
  if (process.versions["deno"] !== undefined) {
    return [
      process.execPath,
      "run",
      "-A",
      "--config",
      fileURLToPath(new URL("deno.json", projectRoot)),
      source,
    ];
  }
  if (process.versions["bun"] !== undefined || runsSources()) return [process.execPath, source];
  return [process.execPath, fileURLToPath(new URL(`dist/${module}.js`, projectRoot))];
}

/** Whether this Node strips types by itself. */
function runsSources(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return major > 22 || (major === 22 && minor >= 18);
}
