/** A day of churn in one run: what engines hold, and what the program holds for them, must be as flat in the evening as in the morning. */

import process from "node:process";
import { collectGarbage } from "../../_support/gc.ts";
import { Simulation, type SimulationOptions } from "./_simulation.ts";

const HOUR = 3_600_000;
/** What those who watch remember, so that their memory is full within the first hour, and what grows then is the engines'. */
const MEMORY = 2000;
/** Octets of heap that the second half of a run may need more than the first: noise of a collector, not one SA per hour. */
const HEAP_NOISE = 3e6;

/** A day's settings: everything happens, but for adversaries, slowly enough for a day. */
const DAY = {
  deletions: true,
  timed: true,
  reauth: true,
  restarts: true,
  sleeps: true,
  nat: true,
  volume: "soft",
  vips: true,
  initiators: 4,
  pace: { rekey: 300_000, wish: 12_000, packet: 5000, mishap: 240_000, adversary: 5000 },
} as const;

/** Runs it, telling each hour; gives whether nothing was wrong. */
export async function runDay(
  seed: number,
  hours: number,
  given: Omit<SimulationOptions, "seed"> = {},
  print: (line: string) => void = console.log,
): Promise<boolean> {
  const simulation = new Simulation({ ...DAY, ...given, seed, duration: hours * HOUR }, MEMORY);
  const { world, settings } = simulation;
  print(`seed ${seed}: ${JSON.stringify(settings)}`);
  const heaps: number[] = [];
  const most: Record<string, number> = {};
  simulation.begin();
  for (let hour = 1; hour <= hours && world.faults.length === 0; hour++) {
    world.advance(HOUR);
    for (const { engine } of world.hosts) {
      for (const [name, count] of Object.entries(engine.counters)) {
        most[name] = Math.max(most[name] ?? 0, count);
      }
    }
    await collectGarbage();
    heaps.push(process.memoryUsage().heapUsed);
    const { messages, ikeRekeys, childRekeys, packets } = simulation.result();
    const heap = (heaps.at(-1)! / 1e6).toFixed(1);
    print(
      `hour ${hour}: ${messages} messages, ${ikeRekeys} + ${childRekeys} rekeys, ${packets} packets, ${heap} MB, ` +
        `server ${JSON.stringify(simulation.server.engine.counters)}`,
    );
  }
  simulation.end();
  const half = Math.floor(heaps.length / 2);
  const grown = Math.min(...heaps.slice(half)) - Math.max(...heaps.slice(1, half + 1));
  if (half > 1 && grown > HEAP_NOISE) world.fail(`the heap has grown by ${grown} octets in half a run`);
  if (world.faults.length > 0) print([...world.story.slice(-50), ...world.faults].join("\n"));
  print(`most at any hour: ${JSON.stringify(most)}`);
  print(world.faults.length === 0 ? "nothing is left" : `${world.faults.length} faults`);
  return world.faults.length === 0;
}
