/**
 * Hosts, a clock and a network in one turn of the event loop, and those who watch: nothing here says what happens. A scenario
 * (`_simulation.ts`) does.
 */

import type { CryptoProviders } from "../../../lib/crypto/mod.ts";
import type { IkeEndpoint, IkeEngineOptions } from "../../../lib/ike/mod.ts";
import { runtimeCrypto } from "../../../lib/runtime/mod.ts";
import { Clock } from "./_clock.ts";
import { EspTap } from "./_esp_tap.ts";
import { Host, type HostWatcher } from "./_host.ts";
import { Network, type NetworkQuality } from "./_network.ts";
import { SimRandom } from "./_random.ts";
import { Wiretap } from "./_wiretap.ts";

/** Secrets of key exchanges are not of the seed here, and nothing depends on them. */
const CRYPTO: CryptoProviders = runtimeCrypto();
/** Any time; engines only know differences. */
const START = 1_000_000;

/** What a world is made of. */
export interface WorldOptions {
  readonly seed: number;
  readonly quality: NetworkQuality;
  /** Lines of the story and messages that are remembered (default: more than a run of minutes has). */
  readonly memory?: number;
}

/** A world to be acted in. */
export class World {
  readonly seed: number;
  readonly clock: Clock = new Clock(START);
  readonly network: Network;
  readonly wiretap: Wiretap;
  readonly espTap: EspTap;
  readonly hosts: Host[] = [];
  readonly faults: string[] = [];
  /** What happened, one line an event. */
  readonly story: string[] = [];
  readonly #memory: number;

  constructor({ seed, quality, memory = Infinity }: WorldOptions) {
    this.seed = seed;
    this.#memory = memory;
    this.network = new Network(this.clock, new SimRandom(seed + 1), quality);
    this.wiretap = new Wiretap((text) => this.fail(text), memory === Infinity ? undefined : memory);
    this.espTap = new EspTap((text) => this.fail(text));
  }

  get now(): number {
    return this.clock.now;
  }

  fail(text: string): void {
    this.note(`FAULT ${text}`);
    if (this.faults.length < 100) this.faults.push(text);
  }

  note(text: string): void {
    this.story.push(`${((this.now - START) / 1000).toFixed(3)} ${text}`);
    if (this.story.length > 2 * this.#memory) this.story.splice(0, this.#memory);
  }

  /** Puts a host into the world. */
  addHost(
    name: string,
    at: IkeEndpoint,
    engine: Omit<IkeEngineOptions, "crypto" | "random">,
    watcher: Omit<HostWatcher, "fail">,
  ): Host {
    const { clock, network, wiretap, espTap } = this;
    const host = new Host({
      name,
      at,
      seed: this.seed * 31 + this.hosts.length,
      clock,
      network,
      crypto: CRYPTO,
      wiretap,
      espTap,
      engine,
      watcher: {
        fail: (text) => this.fail(text),
        handleEvent: (one, event) => watcher.handleEvent(one, event),
        handleSent: (one, path, octets) => watcher.handleSent(one, path, octets),
        handlePathLost: (one, path) => watcher.handlePathLost(one, path),
        handlePacketLost: (one, octets) => watcher.handlePacketLost(one, octets),
      },
    });
    this.hosts.push(host);
    return host;
  }

  /** Lets time pass with all that happens in it. */
  advance(milliseconds: number): void {
    const until = this.now + milliseconds;
    while (this.step(until));
    this.clock.turn(until);
  }

  /** Lets everything arrive that is under way, and what is said because of it; whatever the time. */
  settle(limit = 20_000): void {
    for (let i = 0; i < limit && this.network.size > 0; i++) this.step(Infinity);
  }

  /** The next thing that happens; false when nothing does before `until`. */
  step(until: number): boolean {
    let sleeper: Host | undefined;
    let deadline = Infinity;
    for (const host of this.hosts) {
      if (host.deadline === null || host.deadline >= deadline) continue;
      sleeper = host;
      deadline = host.deadline;
    }
    const planned = this.clock.next;
    if (Math.min(planned, deadline) > until || (planned === Infinity && sleeper === undefined)) return false;
    if (planned <= deadline) this.clock.act();
    else {
      this.clock.turn(deadline);
      sleeper!.feed({ kind: "timeout" });
    }
    return true;
  }
}
