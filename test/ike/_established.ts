/** Two ends with an IKE SA, and what conversations about its later life ask of them. */

import assert from "node:assert/strict";
import { type End, type Flight, Pair, type PairOptions, seededRandom } from "./_pair.ts";

/** Two ends with one IKE SA and its child SAs, and nothing told. */
export function established(options: PairOptions = {}, children?: readonly string[]): Pair {
  const pair = new Pair(options);
  pair.connect(children);
  pair.a.forget();
  pair.b.forget();
  return pair;
}

/** Nonces of one end begin with rising octets, so that a test decides whose exchange has the lowest. */
export function nonces(first: number, seed: number): { random: (octets: Uint8Array) => void } {
  const random = seededRandom(seed);
  let next = first;
  return {
    random: (octets) => {
      random(octets);
      if (octets.length === 32) octets[0] = next++;
    },
  };
}

/** Takes what an end has sent off the wire, to arrive later or never. */
export function hold(pair: Pair, from: End): Flight[] {
  const all = pair.inFlight.splice(0);
  pair.inFlight.push(...all.filter((flight) => flight.from !== from.name));
  return all.filter((flight) => flight.from === from.name);
}

/** IKE SAs and child SAs of both ends. */
export function assertLeft(pair: Pair, ikeSas: number, children: number): void {
  for (const end of [pair.a, pair.b]) {
    assert.equal(end.engine.counters.ikeSas, ikeSas, `${end.name}: ${end.story()}`);
    assert.equal(end.engine.counters.childSpis, children, `${end.name}: ${end.story()}`);
  }
}

/** One end has nothing left but last responses, which have one timer; the other one may have been lied for. */
export function assertNothingLeft(end: End): void {
  const { closedResponses, timers, ...counters } = end.engine.counters;
  assert.equal(timers, Math.min(closedResponses, 1), `${end.name}: ${end.story()}`);
  for (const [what, count] of Object.entries(counters)) {
    assert.equal(count, 0, `${end.name} has ${count} ${what} left: ${end.story()}`);
  }
}

/** The number of the IKE SA that an end uses now. */
export function currentIkeSa(end: End): number {
  return end.of("child_sas_moved").at(-1)?.to ?? 1;
}

/** The IKE SA in use now can be used from both ends, and deleting it leaves nothing. */
export function assertUsable(pair: Pair): void {
  for (const end of [pair.a, pair.b]) {
    const before = end.of("peer_alive").length;
    pair.handle(end, { kind: "check_liveness", ikeSa: currentIkeSa(end) });
    pair.settle();
    assert.equal(end.of("peer_alive").length, before + 1, end.story());
  }
  pair.handle(pair.a, { kind: "delete_ike", ikeSa: currentIkeSa(pair.a) });
  pair.settle();
  pair.assertClean();
}
