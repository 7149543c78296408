/**
 * `npm run simulate`: many runs of the simulator, each of another seed; exits with 1 if any found a fault, and says how that one is
 * run again.
 *
 *     --seed S          the first seed (default: 1)
 *     --seeds N         how many (default: 100)
 *     --minutes M       as many as fit into so much time, in the place of `--seeds`
 *     --liar            one end has the keys, and lies
 *     --day             one run of a day, with counters and heap watched (hours may follow: `--day 2`)
 *     --set NAME=VALUE  a setting of `_settings.ts` that is not left to the seed, or `quality.NAME=VALUE`; any number of them
 *     --story           tell what happened
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { runDay } from "./_day.ts";
import { Simulation, type SimulationOptions } from "./_simulation.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string", default: "1" },
    seeds: { type: "string", default: "100" },
    minutes: { type: "string" },
    liar: { type: "boolean", default: false },
    day: { type: "boolean", default: false },
    set: { type: "string", multiple: true, default: [] },
    story: { type: "boolean", default: false },
  },
});
const given = readSettings(values.set);
const again = [...(values.liar ? ["--liar"] : []), ...values.set.flatMap((word) => ["--set", word])].join(
  " ",
);
const first = Number(values.seed);
const passed = values.day ? await runDay(first, Number(positionals[0] ?? 24), given) : runSeeds();
if (values.day) console.log(passed ? "1 passed, 0 failed" : "0 passed, 1 failed");
if (!passed) process.exitCode = 1;

function runSeeds(): boolean {
  const deadline = values.minutes === undefined ? Infinity : Date.now() + Number(values.minutes) * 60_000;
  const count = values.minutes === undefined ? Number(values.seeds) : Infinity;
  const sums = { messages: 0, ikeRekeys: 0, childRekeys: 0, packets: 0, packetsLost: 0 };
  let [run, failed] = [0, 0];
  for (; run < count && Date.now() < deadline; run++) {
    const seed = first + run;
    const simulation = new Simulation({ ...given, ...(values.liar ? { liar: true } : {}), seed });
    const result = simulation.run();
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += result[name];
    if (values.story) console.log(`${JSON.stringify(simulation.settings)}\n${simulation.story.join("\n")}`);
    if (result.faults.length === 0) continue;
    failed++;
    console.log(`seed ${seed}: ${result.faults.slice(0, 3).join("\n  ")}`);
    console.log(`  npm run simulate -- --seed ${seed} --seeds 1 --story ${again}`.trimEnd());
  }
  console.log(Object.entries(sums).map(([name, value]) => `${value} ${name}`).join(", "));
  console.log(`seeds ${first} to ${first + run - 1}`);
  console.log(`${run - failed} passed, ${failed} failed`);
  return failed === 0;
}

/** `stream=true`, `initiators=3`, `auth=eap`, `quality.loss=0.5`, `quality.delay=[10,20]`. */
function readSettings(words: readonly string[]): Omit<SimulationOptions, "seed"> {
  const settings: Record<string, unknown> = {};
  for (const word of words) {
    const [, path = "", text = ""] = word.match(/^([\w.]+)=(.*)$/) ?? [];
    const names = path.split(".");
    const last = names.pop()!;
    let target = settings;
    for (const name of names) target = (target[name] ??= {}) as Record<string, unknown>;
    target[last] = /^[[\d]|^(true|false)$/.test(text) ? JSON.parse(text) : text;
  }
  return settings;
}
