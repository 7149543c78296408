/** A few fixed seeds of the simulator on every runtime; `.ci/run` takes more, and `npm run simulate` as many as one likes. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Simulation, type SimulationOptions } from "./_simulation.ts";

function assertNoFault(options: SimulationOptions): void {
  const simulation = new Simulation({ duration: 8000, ...options });
  const { faults, messages } = simulation.run();
  assert.deepEqual(faults, [], `${JSON.stringify(options)}\n${simulation.story.slice(-20).join("\n")}`);
  assert.ok(messages > 20, "nothing happened");
}

/** Nothing gets lost, and nobody takes an SA away. */
const LOSSLESS = {
  stream: true,
  resets: false,
  deletions: false,
  attacker: false,
  restarts: false,
  sleeps: false,
  volume: "soft",
  children: 1,
  childless: "allow",
  quality: { damage: 0, delay: [5, 40] },
} as const;

describe("Engines in a simulated network", () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    it(`agree when it gets quiet, and keep nothing (seed ${seed})`, () =>
      assertNoFault({ seed, initiators: 2 }));
  }

  for (const seed of [6, 7]) {
    it(`lose no packet in rekeys from both ends at once (seed ${seed})`, () => {
      assertNoFault({ ...LOSSLESS, seed, initiators: 1 });
    });
  }

  it("survive connections that break at any octet, or are replaced in order", () => {
    assertNoFault({ seed: 8, stream: true, resets: true, pace: { mishap: 1000 } });
  });

  it("survive octets that arrive damaged, and connections that break in the first exchanges", () => {
    assertNoFault({
      seed: 15,
      stream: true,
      resets: true,
      restarts: false,
      quality: { damage: 0.02, delay: [50, 200] },
    });
  });

  it("survive a network that loses two of five datagrams, and takes seconds for the others", () => {
    assertNoFault({
      seed: 16,
      stream: false,
      duration: 60_000,
      quality: { loss: 0.4, duplication: 0.3, reordering: 0.4, delay: [300, 3000], late: 12_000 },
    });
  });

  it("agree on many child SAs in transport mode, of IKE SAs that begin without any", () => {
    assertNoFault({ seed: 17, transport: true, childless: "force", children: 2, nat: false, vips: false });
  });

  it("agree when both are known by certificates, and many requests are under way", () => {
    assertNoFault({ seed: 18, auth: "certs", initiators: 1, window: 4, reauth: true });
  });

  it("survive NATs that forget, and machines that restart", () => {
    assertNoFault({ seed: 9, stream: false, nat: true, restarts: true, pace: { mishap: 1000 } });
  });

  for (const stream of [false, true]) {
    it(`survive machines that sleep (${stream ? "stream" : "datagrams"})`, () => {
      assertNoFault({ seed: 19, stream, sleeps: true, timed: true, duration: 60_000 });
    });
  }

  it("survive a man in the middle of a bad network", () => {
    assertNoFault({
      seed: 10,
      stream: false,
      middle: true,
      quality: { loss: 0.3, reordering: 0.4, late: 12_000 },
    });
  });

  it("pass messages of certificates and EAP in fragments, and give every address back", () => {
    assertNoFault({ seed: 11, stream: false, auth: "eap", vips: true, ipv6: true, quality: { mtu: 548 } });
  });

  it("take nothing from somebody without keys", () => assertNoFault({ seed: 12, attacker: true }));

  for (const seed of [13, 14]) {
    it(`neither crash nor grow when a peer with keys lies (seed ${seed})`, () => {
      assertNoFault({ seed, liar: true, attacker: true });
    });
  }
});

describe("The simulator", () => {
  it("tells the same story for the same seed", () => {
    const [one, other] = [20, 20].map((seed) => {
      const simulation = new Simulation({ seed, duration: 3000, auth: "psk", group: "x25519" });
      simulation.run();
      return simulation.story;
    });
    assert.deepEqual(one, other);
  });

  it("notices an engine that tells what is not so", () => {
    const simulation = new Simulation({ seed: 21, duration: 3000, deletions: false });
    simulation.server.ledger.handle({
      type: "child_sa_deleted",
      ikeSa: 1,
      child: 99,
      name: "net",
      by: "peer",
    });
    assert.match(simulation.run().faults.join(), /child 99 is deleted, and never was/);
  });

  it("notices a child SA that only one end has", () => {
    const simulation = new Simulation({ ...LOSSLESS, seed: 22, duration: 2000, initiators: 1, auth: "psk" });
    simulation.begin();
    simulation.world.advance(1500);
    const [{ host }] = simulation.ways as [typeof simulation.ways[0]];
    host.datapath.remove(host.ledger.children.keys().next().value!);
    simulation.end();
    assert.match(simulation.world.faults.join(), /came to nobody|nothing sends|the engine counts/);
  });

  it("notices a sequence number that comes again", () => {
    const simulation = new Simulation({ ...LOSSLESS, seed: 23, duration: 2000, initiators: 1 });
    const { espTap, faults } = simulation.world;
    espTap.install("a host", 1, { spi: 1000, keyIn: "in", keyOut: "out" });
    const packet = Uint8Array.from({ length: 40 }, (_, i) => i);
    for (let i = 0; i < 2; i++) espTap.sent("a host", { child: 1, key: "out" }, packet, packet);
    assert.match(faults.join(), /sends .* after .*on child 1,a host uses IV/);
  });
});
