/**
 * Somebody on the path without keys, who repeats, cuts, damages and invents IKE messages and ESP packets, and begins IKE SAs in the
 * names of others. Must change nothing that is authenticated, and must not make anybody grow.
 */

import { emitIkeMessage } from "../../../lib/ike/codec/mod.ts";
import { datagramPath, type IkePath } from "../../../lib/ike/mod.ts";
import type { Host } from "./_host.ts";
import { Ledger } from "./_ledger.ts";
import type { SimRandom } from "./_random.ts";
import type { Way } from "./_ways.ts";
import type { World } from "./_world.ts";

const IKE_SA_INIT = 34;
const RESPONSE = 0x20;
/** Messages that are remembered to be sent again. */
const MEMORY = 300;
/** What an engine may hold of strangers: its default limit of half-open SAs, with a few timers each. */
const HALF_OPEN = 1000;
const TIMERS = 20_000;
const ERRORS = [1, 4, 5, 7, 9, 11, 14, 17, 24, 34, 35, 36, 37, 38, 39, 43, 44, 8192];

/** Acts at random. */
export class Attacker {
  readonly #world: World;
  readonly #ways: readonly Way[];
  readonly #random: SimRandom;
  readonly #ike: Uint8Array[] = [];
  readonly #esp: Uint8Array[] = [];

  constructor(world: World, ways: readonly Way[], random: SimRandom) {
    this.#world = world;
    this.#ways = ways;
    this.#random = random;
  }

  /** A message with its marker, or an ESP packet, went by. */
  overhear(octets: Uint8Array): void {
    const isIke = octets.subarray(0, 4).every((octet) => octet === 0);
    const heard = isIke ? this.#ike : this.#esp;
    heard.push(octets.slice(isIke ? 4 : 0));
    if (heard.length > MEMORY) heard.shift();
  }

  act(): void {
    const random = this.#random;
    if (random.chance(0.3)) return this.#attackPackets();
    if (this.#ike.length === 0) return;
    const octets = random.pick(this.#ike).slice();
    const kind = random.below(6);
    if (kind === 0) return this.#send(octets, false); // may be one that got lost: then it counts
    if (kind === 1) octets[random.below(octets.length)]! ^= 1 << random.below(8);
    else if (kind === 2) random.fill(octets.subarray(28 + random.below(Math.max(1, octets.length - 28))));
    else if (kind === 3) return this.#flood();
    else if (kind === 4) return this.#send(octets.subarray(0, random.below(octets.length)), true);
    else return this.#send(this.#invent(octets), true);
    // What makes half-open SAs, or ends an attempt, is bounded in other ways.
    this.#send(octets, octets[18] !== IKE_SA_INIT && !this.#ike.some((one) => same(one, octets)));
  }

  /** The ESP tap knows what has to become of each. */
  #attackPackets(): void {
    const random = this.#random;
    const end = this.#end();
    if (this.#esp.length === 0 || end === undefined) return;
    let octets = random.pick(this.#esp).slice();
    const kind = random.below(3);
    if (kind === 0) octets[random.below(octets.length)]! ^= 1 << random.below(8);
    else if (kind === 1) octets = octets.slice(0, 4 + random.below(octets.length - 4));
    end.host.handleMessage(octets, end.path);
  }

  /** An unprotected error for an SA that there is. */
  #invent(heard: Uint8Array): Uint8Array {
    const random = this.#random;
    return emitIkeMessage({
      spiI: heard.subarray(0, 8),
      spiR: heard.subarray(8, 16),
      exchangeType: random.pick([35, 36, 37]),
      initiator: random.chance(0.5),
      response: random.chance(0.5),
      messageId: random.below(20),
      payloads: [{
        kind: "N",
        type: random.pick(ERRORS),
        protocol: 0,
        spi: new Uint8Array(0),
        data: new Uint8Array(0),
      }],
    });
  }

  /** IKE_SA_INIT requests of nobody, on the path of somebody or from everywhere. */
  #flood(): void {
    const random = this.#random;
    const first = this.#ike.find((octets) => octets[18] === IKE_SA_INIT && (octets[19]! & RESPONSE) === 0);
    if (first === undefined) return;
    const everywhere = random.chance(0.5);
    for (let i = 0; i < 20; i++) {
      const octets = first.slice();
      random.fill(octets.subarray(0, 8));
      octets.fill(0, 8, 16);
      if (!everywhere) this.#send(octets, false);
      else {
        const { server } = this.#ways[0]!;
        const address = new Uint8Array(server.at.address.length);
        random.fill(address);
        this.#give({ host: server, path: datagramPath(server.at, { address, port: 500 }) }, octets, false);
      }
    }
  }

  #send(octets: Uint8Array, harmless: boolean): void {
    const end = this.#end();
    if (end !== undefined) this.#give(end, octets, harmless);
  }

  #give({ host, path }: { host: Host; path: IkePath }, octets: Uint8Array, harmless: boolean): void {
    // Whatever is due has happened, so that what happens now is the message's doing.
    host.feed({ kind: "timeout" });
    // A complaint in the clear is a hint to ask the peer, which takes a timer and nothing else.
    const held = () => JSON.stringify({ ...host.engine.counters, timers: 0 });
    const before = held();
    const events = host.feed({ kind: "message", path, octets });
    const { halfOpen, timers } = host.engine.counters;
    if (halfOpen > HALF_OPEN || timers > TIMERS) this.#world.fail(`${host.name} grows`);
    if (!harmless) return;
    const changes = events.filter((event) => Ledger.isChange(event));
    if (changes.length > 0 || held() !== before) {
      this.#world.fail(`${host.name}: a message of nobody changed something: ${JSON.stringify(changes)}`);
    }
  }

  /** One end of a way, at random. */
  #end(): { host: Host; path: IkePath } | undefined {
    const random = this.#random;
    const open = this.#ways.filter((way) => way.open);
    if (open.length === 0) return undefined;
    const { host, server, paths } = random.pick(open);
    return random.chance(0.5) ? { host, path: paths[0] } : { host: server, path: paths[1] };
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}
