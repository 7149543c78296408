/** What happens to ends and to the ways between them: connections break, NATs forget, machines go down. */

import type { SimRandom } from "./_random.ts";
import type { Settings } from "./_settings.ts";
import type { Nat } from "./_datagrams.ts";
import type { Way } from "./_ways.ts";
import type { World } from "./_world.ts";

/** Milliseconds until an end knows that its connection is gone: at once, or after long silence. */
const PATIENCE = [0, 500, 500, 500, 12_000];
/** Milliseconds that a machine sleeps: less than a peer's patience, and more. */
const SLEEP = [5000, 40_000, 200_000];

/** Lets things go wrong. */
export class Mishaps {
  readonly #world: World;
  readonly #ways: readonly Way[];
  readonly #nats: readonly Nat[];
  readonly #random: SimRandom;
  readonly #kinds: readonly (() => void)[];

  constructor(
    world: World,
    ways: readonly Way[],
    nats: readonly Nat[],
    random: SimRandom,
    settings: Settings,
  ) {
    this.#world = world;
    this.#ways = ways;
    this.#nats = nats;
    this.#random = random;
    this.#kinds = [
      ...(settings.resets ? [() => this.#reset(), () => this.#reset(), () => this.#replaceConnection()] : []),
      ...(nats.length > 0 && !settings.stream ? [() => this.#forgetMappings()] : []),
      ...(settings.restarts ? [() => this.#restart()] : []),
      ...(settings.sleeps ? [() => this.#sleep()] : []),
    ];
  }

  /** Something happens, if anything may. */
  act(): void {
    if (this.#kinds.length > 0) this.#random.pick(this.#kinds)();
  }

  /** Each end notices after a while of its own, and the one that has opened the connection opens another. */
  #reset(): void {
    const { host, connection, open } = this.#random.pick(this.#ways);
    if (!open || connection === undefined) return;
    this.#world.note(`${host.name}: the connection breaks`);
    connection.stream.reset(this.#random.pick(PATIENCE));
  }

  /** In order: another connection first, then the old one is closed, one half after the other. */
  #replaceConnection(): void {
    const way = this.#random.pick(this.#ways);
    if (!way.open || way.connection === undefined || way.connection.stream.broken) return;
    way.reconnect()?.ends[0].finish();
  }

  /** What comes from behind the NAT comes from other ports from now on. */
  #forgetMappings(): void {
    this.#world.note("a NAT forgets");
    this.#random.pick(this.#nats).ports.clear();
  }

  /** A machine loses all state and its connections; some minutes of the others' patience are at stake, not its own. */
  #restart(): void {
    const way = this.#random.pick(this.#ways);
    const host = this.#random.chance(0.5) ? way.host : way.server;
    this.#world.note(`${host.name} restarts`);
    host.restart();
    for (const other of this.#ways) {
      if (other.host === host || other.server === host) other.connection?.stream.reset(500);
    }
  }

  /** A machine sleeps, and its connection does not live through that; who answers on connections does not. */
  #sleep(): void {
    const way = this.#random.pick(this.#ways);
    const host = way.connection !== undefined || this.#random.chance(0.5) ? way.host : way.server;
    const milliseconds = this.#random.pick(SLEEP);
    if (host.asleep) return;
    this.#world.note(`${host.name} sleeps for ${milliseconds} ms`);
    host.sleep(milliseconds);
    way.connection?.stream.reset(500);
  }
}
