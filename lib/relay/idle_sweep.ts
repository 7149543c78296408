/** One timer for everything of a relay that is let go when it has been idle for long. */

/** How exactly the idle are found: within this fraction of their time. */
const SWEEPS_PER_IDLE_TIME = 8;

/** Calls `sweep` now and then with the time before which activity is too long ago; `clearInterval` stops it. */
export function startIdleSweep(
  idleTime: number,
  sweep: (before: number) => void,
): ReturnType<typeof setInterval> {
  return setInterval(
    () => sweep(performance.now() - idleTime),
    Math.max(10, idleTime / SWEEPS_PER_IDLE_TIME),
  );
}
