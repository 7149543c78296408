/** Which runtime this is, by what it has: Deno and Bun also have `process`, so they are asked for first. */

/** A runtime that the toolkit knows, or `other`. */
export type RuntimeName = "node" | "deno" | "bun" | "other";

/** The runtime and its version. */
export interface RuntimeInfo {
  /** Which one. */
  readonly name: RuntimeName;
  /** As the runtime writes it, such as `22.18.0`; empty for `other`. */
  readonly version: string;
}

interface RuntimeGlobals {
  readonly Deno?: { readonly version?: { readonly deno?: string } };
  readonly Bun?: { readonly version?: string };
  readonly process?: { readonly versions?: { readonly node?: string } };
}

/**
 * Tells which runtime runs this program.
 *
 * @example
 * ```ts
 * import { detectRuntime } from "iketcp/runtime";
 * import { match } from "node:assert";
 *
 * match(detectRuntime().version, /^\d+\.\d+\.\d+/);
 * ```
 */
export function detectRuntime(globals: object = globalThis): RuntimeInfo {
  const { Deno, Bun, process } = globals as RuntimeGlobals;
  if (Deno?.version?.deno !== undefined) return { name: "deno", version: Deno.version.deno };
  if (Bun?.version !== undefined) return { name: "bun", version: Bun.version };
  if (process?.versions?.node !== undefined) return { name: "node", version: process.versions.node };
  return { name: "other", version: "" };
}

/** The runtime and its version as people write them: `Node 22.18.0`. */
export function runtimeName(runtime: RuntimeInfo = detectRuntime()): string {
  return `${NAMES[runtime.name]} ${runtime.version}`.trim();
}

const NAMES: Readonly<Record<RuntimeName, string>> = {
  node: "Node",
  deno: "Deno",
  bun: "Bun",
  other: "this runtime",
};
