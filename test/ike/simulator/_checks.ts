/** What must hold once it is quiet: both ends know the same SAs under the same keys, packets pass, and nothing is left of what was deleted. */

import type { Host } from "./_host.ts";
import type { Ledger } from "./_ledger.ts";
import type { World } from "./_world.ts";

/** In what both ends differ, and what should be gone. */
export function disagreements(world: World, clients: readonly Host[], server: Host): string[] {
  const found: string[] = [];
  const fail = (text: string) => void found.push(text);
  const ends = clients.map(({ ledger }) => ledger);
  const there = server.ledger;
  const ours = ends.flatMap(({ ikeSas }) => [...ikeSas.values()].map(({ spis }) => spis)).sort().join();
  const theirs = [...there.ikeSas.values()].map(({ spis }) => spis).sort().join();
  if (ours !== theirs) fail(`the ends know other IKE SAs: clients ${ours}, server ${theirs}`);
  const spisOf = (ledger: Ledger, ikeSa: number) => ledger.ikeSas.get(ikeSa)?.spis;
  const out = ends.flatMap((ledger) =>
    [...ledger.children.values()].map((one) =>
      `${spisOf(ledger, one.ikeSa)} ${one.spiIn} ${one.spiOut} ${one.keyIn} ${one.keyOut}`
    )
  ).sort().join();
  const back = [...there.children.values()].map((one) =>
    `${spisOf(there, one.ikeSa)} ${one.spiOut} ${one.spiIn} ${one.keyOut} ${one.keyIn}`
  ).sort().join();
  if (out !== back) fail(`the ends know other child SAs: clients ${out}, server ${back}`);
  for (const host of world.hosts) checkCounters(host, fail);
  // Of two IKE SAs of one peer, the end that answers can only guess which one a third takes the place of.
  const isClear = clients.every(({ ledger }) => ledger.ikeSas.size <= 1);
  for (const host of isClear ? world.hosts : clients) checkOrigins(host, fail);
  return found;
}

/** IKE SAs without a child SA: tunnels that stand still. */
export function standingStill(world: World): string[] {
  return world.hosts.flatMap(({ name, ledger }) => {
    const carrying = new Set(Array.from(ledger.children.values(), ({ ikeSa }) => ikeSa));
    return [...ledger.ikeSas.keys()].filter((id) => !carrying.has(id)).map((id) =>
      `${name}: IKE SA ${id} carries nothing`
    );
  });
}

/** Of everything that replaced something else only the last is left. */
function checkOrigins({ name, ledger }: Host, fail: (text: string) => void): void {
  for (const [what, live] of [["IKE SAs", ledger.ikeSas], ["child SAs", ledger.children]] as const) {
    const origins = [...live.values()].map(({ origin }) => origin);
    if (new Set(origins).size !== origins.length) fail(`${name}: two ${what} are left of a rekey`);
  }
}

/** The engine counts what it has told. */
function checkCounters({ name, ledger, engine, datapath }: Host, fail: (text: string) => void): void {
  const { ikeSas, halfOpen, childSpis, needs } = engine.counters;
  const counted = JSON.stringify([ikeSas, halfOpen, childSpis, needs, datapath.size]);
  const told = JSON.stringify([ledger.ikeSas.size, 0, ledger.children.size, 0, ledger.children.size]);
  if (counted !== told) fail(`${name}: the engine counts ${counted}, and has told ${told}`);
}

/** Every child SA that may be sent on carries a packet to the other end; of each host so many, where lives are counted in packets. */
export function checkTraffic(world: World, most: number): void {
  world.settle();
  const total = (what: "sent" | "accepted") =>
    world.hosts.reduce((sum, { packets }) => sum + packets[what], 0);
  const [sent, accepted] = [total("sent"), total("accepted")];
  for (const host of world.hosts) {
    for (const { id } of [...host.ledger.children.values()].slice(0, most)) {
      if (!host.sendPacket(id)) world.fail(`${host.name}: nothing sends for child ${id}`);
    }
  }
  // Only what is under way: nobody wants anything, and no timer runs out, while packets travel.
  const horizon = world.now + 1000;
  while (world.network.size > 0 && world.step(horizon));
  const [went, came] = [total("sent") - sent, total("accepted") - accepted];
  if (went !== came) world.fail(`of ${went} packets in quiet, ${came} came`);
}

/** Nothing is left of anything. */
export function checkNothingLeft(world: World): void {
  for (const { name, engine, ledger, datapath, deadline } of world.hosts) {
    const left = Object.entries(engine.counters).filter(([, count]) => count !== 0);
    if (left.length > 0) world.fail(`${name} keeps ${JSON.stringify(Object.fromEntries(left))}`);
    if (deadline !== null) world.fail(`${name} waits for something`);
    const known = ledger.ikeSas.size + ledger.children.size + datapath.size;
    if (known > 0) world.fail(`${name} has never told the end of ${known} SAs`);
  }
  if (world.espTap.size > 0) world.fail(`${world.espTap.size} ends of child SAs are left`);
}
