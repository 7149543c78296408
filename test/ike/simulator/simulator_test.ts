/** A few fixed seeds of the simulator on every runtime; `.ci/run` takes more, and `npm run simulate` as many as one likes. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Simulation, type SimulationOptions } from "./_simulator.ts";

function assertNoFault(options: SimulationOptions): void {
  const simulation = new Simulation({ duration: 12_000, ...options });
  const { faults, messages } = simulation.run();
  assert.deepEqual(faults, [], `npm run simulate -- --seed ${options.seed} --seeds 1 --story`);
  assert.ok(messages > 20, "nothing happened");
}

describe("Engines in a simulated network", () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    it(`agree when it gets quiet, and keep nothing (seed ${seed})`, () => assertNoFault({ seed }));
  }

  for (const seed of [7, 8, 9]) {
    it(`lose no packet in rekeys from both ends at once (seed ${seed})`, () => {
      assertNoFault({
        seed,
        reliable: true,
        resets: false,
        deletions: false,
        attacker: false,
        initiators: 1,
      });
    });
  }

  for (const seed of [10, 11]) {
    it(`survive connections that break at any time (seed ${seed})`, () => {
      assertNoFault({ seed, reliable: true, resets: true });
    });
  }

  for (const seed of [12, 13]) {
    it(`take nothing from somebody without keys (seed ${seed})`, () => {
      assertNoFault({ seed, attacker: true });
    });
  }

  for (const seed of [14, 15, 16]) {
    it(`neither crash nor grow when a peer with keys lies (seed ${seed})`, () => {
      assertNoFault({ seed, liar: true, attacker: true });
    });
  }
});

describe("The simulator", () => {
  it("tells the same story for the same seed", () => {
    const [one, other] = [20, 20].map((seed) => {
      const simulation = new Simulation({ seed, duration: 5000 });
      simulation.run();
      return simulation.story;
    });
    assert.deepEqual(one, other);
  });

  it("notices an engine that leaks, and one that disagrees", () => {
    const simulation = new Simulation({ seed: 21, duration: 3000, deletions: false });
    // What an engine never tells is a fault in its story.
    simulation.hosts[0]!.ledger.handle({
      type: "child_sa_deleted",
      ikeSa: 1,
      child: 99,
      name: "net",
      by: "peer",
    });
    assert.match(simulation.run().faults.join(), /child 99 is deleted, and never was/);
  });
});
