/** What a piece of work allocates, and what the garbage collector takes for it, as far as the runtime tells. */

import { setTimeout as sleep } from "node:timers/promises";
import process from "node:process";
import { collectGarbage } from "../test/_support/gc.ts";
import { detectRuntime } from "../lib/runtime/detect.ts";
import { median } from "./_harness.ts";

/** Runs whose growth is looked at: a collection in the middle of some does not matter then. */
const SAMPLES = 41;

/** Octets of heap and of buffers outside that a call allocates; undefined on Bun, which counts only when it collects. */
export async function allocationOf(call: () => void): Promise<number | undefined> {
  if (detectRuntime().name === "bun") return undefined;
  await collectGarbage();
  const growths: number[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    const before = usedMemory();
    call();
    const growth = usedMemory() - before;
    if (growth > 0) growths.push(growth); // else something was collected meanwhile
  }
  return Math.max(0, median(growths) - emptyGrowth());
}

/** Seconds that collections take while something runs so many times; undefined but on Node, which alone tells. */
export async function collectionTime(call: () => void, times: number): Promise<number | undefined> {
  if (detectRuntime().name !== "node") return undefined;
  const { PerformanceObserver } = await import("node:perf_hooks");
  let milliseconds = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) milliseconds += duration;
  });
  await collectGarbage();
  await sleep(10);
  observer.observe({ entryTypes: ["gc"] });
  for (let i = 0; i < times; i++) {
    call();
    // Entries are handed over between turns, and a stage's work comes in turns, too.
    if (i % 64 === 63) await new Promise((resolve) => setImmediate(resolve));
  }
  await sleep(20);
  observer.disconnect();
  return milliseconds / 1e3;
}

/** Octets of heap and of buffers outside that are left after collections. */
export async function liveMemory(): Promise<number> {
  // What a finalizer frees goes with the collection behind the one that ran it.
  for (let i = 0; i < 3; i++) await collectGarbage();
  return usedMemory();
}

/** What asking itself allocates. */
function emptyGrowth(): number {
  const growths: number[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    const before = usedMemory();
    growths.push(usedMemory() - before);
  }
  return median(growths);
}

function usedMemory(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
