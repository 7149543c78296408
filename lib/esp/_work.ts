/**
 * Callbacks wait until a chunk's work is done. In the middle of it a slab is half written and SAs have packets in work: an owner
 * that hears of a limit and takes the SA out of its table, or sends another packet, must not find things so.
 */

let depth = 0;
const waiting: (() => void)[] = [];

/** Runs a chunk's work, then what was put off during it. */
export function work<T>(run: () => T): T {
  depth++;
  try {
    return run();
  } finally {
    if (--depth === 0) callBack();
  }
}

/** Calls at once where nobody works, else when the work is done. */
export function putOff(callback: () => void): void {
  waiting.push(callback);
  if (depth === 0) callBack();
}

/** One that throws leaves the others for the next time. */
function callBack(): void {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) next();
}
