// @ts-check
/**
 * Imports every entry point of the installed package and compares the names it gets with the snapshot. The gate copies
 * it, with the snapshot, into an application that has the package; its argument is the runtime that it runs on.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import process from "node:process";

const BOUND = ["./node", "./deno", "./bun"];

const [, , runtime] = process.argv;
/** @type {Record<string, string[]>} */
const snapshot = JSON.parse(readFileSync(new URL("exports.json", import.meta.url), "utf8"));

for (const [key, names] of Object.entries(snapshot)) {
  if (BOUND.includes(key) && key !== `./${runtime}`) continue;
  const module = await import(key.replace(/^\./, "iketcp"));
  const expected = names.filter((name) => !name.startsWith("type ")).sort().join();
  const found = Object.keys(module).sort().join();
  if (found !== expected) throw new Error(`Cannot use ${key}: expected ${expected}, got ${found}`);
}
