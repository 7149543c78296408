/** Garbage collection on request, in every runtime and without a flag on its command line. */

import v8 from "node:v8";
import vm from "node:vm";
import { setTimeout } from "node:timers";

/** Collects what nobody holds. Weak references are released only between turns of the event loop, hence the promise. */
export async function collectGarbage(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
  collect();
  await new Promise((resolve) => setTimeout(resolve, 0));
}

const bun = (globalThis as { Bun?: { gc(synchronous: boolean): void } }).Bun;
const collect: () => void = bun === undefined ? exposed() : () => bun.gc(true);

function exposed(): () => void {
  v8.setFlagsFromString("--expose-gc");
  return vm.runInNewContext("gc") as () => void;
}
