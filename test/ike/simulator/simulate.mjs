// @ts-check
/** `npm run simulate`: starts `simulate.ts` unbuilt, also on a Node that needs help with TypeScript. */

import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const help = major > 22 || (major === 22 && minor >= 18) ? [] : ["--import", "tsx"];
const program = fileURLToPath(new URL("simulate.ts", import.meta.url));
const { status } = spawnSync(process.execPath, [...help, program, ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.exitCode = status ?? 1;
