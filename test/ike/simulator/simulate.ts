/**
 * `npm run simulate`: many runs of the simulator, each of another seed; exits with 1 if any found a fault. A seed is run again, with
 * its story, by `npm run simulate -- --seed S --seeds 1 --story`.
 *
 *     --seed S    the first seed (default: 1)
 *     --seeds N   how many (default: 100)
 *     --liar      one end has the keys, and lies
 *     --story     tell what happened
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { Simulation } from "./_simulator.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    seeds: { type: "string", default: "100" },
    liar: { type: "boolean", default: false },
    story: { type: "boolean", default: false },
  },
});
const first = Number(values.seed);
const count = Number(values.seeds);
const sums = { messages: 0, ikeRekeys: 0, childRekeys: 0, packets: 0, packetsLost: 0 };
let failed = 0;
for (let seed = first; seed < first + count; seed++) {
  const simulation = new Simulation({ seed, ...(values.liar ? { liar: true } : {}) });
  const result = simulation.run();
  for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += result[name];
  if (values.story) console.log(simulation.story.join("\n"));
  if (result.faults.length === 0) continue;
  failed++;
  console.log(
    `seed ${seed} ${JSON.stringify(simulation.settings)}: ${result.faults.slice(0, 3).join("\n  ")}`,
  );
}
console.log(Object.entries(sums).map(([name, value]) => `${value} ${name}`).join(", "));
console.log(`${count - failed} passed, ${failed} failed`);
if (failed > 0) process.exitCode = 1;
