/** What the ends of a simulation want: SAs begun, renewed, checked and deleted, often by both ends at once; and packets sent. */

import type { IkeInput } from "../../../lib/ike/mod.ts";
import type { Host } from "./_host.ts";
import type { LiveChild } from "./_ledger.ts";
import type { SimRandom } from "./_random.ts";
import type { Settings } from "./_settings.ts";
import type { Way } from "./_ways.ts";
import type { World } from "./_world.ts";

/** Wishes of all ends. */
export class Wishes {
  readonly #world: World;
  readonly #ways: readonly Way[];
  readonly #random: SimRandom;
  readonly #settings: Settings;

  constructor(world: World, ways: readonly Way[], random: SimRandom, settings: Settings) {
    this.#world = world;
    this.#ways = ways;
    this.#random = random;
    this.#settings = settings;
  }

  /** An initiator begins. */
  initiate(way: Way): void {
    const { host, paths, open } = way;
    if (!open || host.asleep) return;
    const { children, resets, quality: { delay: [least, more] } } = this.#settings;
    const ikeSa = host.engine.reserve();
    host.ledger.attempts.add(ikeSa);
    this.#world.note(`${host.name} initiates`);
    const names = ["net", "other"].slice(0, children);
    host.feed({ kind: "initiate", connection: "up", path: paths[0], ikeSa, children: names });
    // Of the first exchanges, and of those that follow them, any may be in the middle.
    if (resets && this.#random.chance(0.5)) way.breakWithin(10 * (least + more));
  }

  /** Somebody wants something. */
  wish(): void {
    const random = this.#random;
    const way = random.pick(this.#ways);
    const [one, other] = random.chance(0.5) ? [way.host, way.server] : [way.server, way.host];
    if (way.host.ledger.ikeSas.size === 0 && way.host.ledger.attempts.size === 0) return this.initiate(way);
    const kind = random.below(100);
    this.#want(one, kind);
    const { clock } = this.#world;
    // What one end wants, the other often wants at the same time.
    if (random.chance(0.4)) clock.plan(random.below(60), () => this.#want(other, kind));
    else if (random.chance(0.3)) clock.plan(random.below(60), () => this.#want(other, random.below(100)));
  }

  /** Packets go both ways, wherever there is a child SA for them. */
  sendPackets(): void {
    for (const { host, server } of this.#ways) {
      for (const from of [host, server]) {
        const { children } = from.ledger;
        if (children.size === 0 || from.asleep) continue;
        const child = this.#random.pick([...children.values()]);
        // One that replaces another is not sent on yet: then the other one is.
        const sends = from.ledger.sends(child.id) ||
          [...children.values()].some((one) => one.origin === child.origin && from.ledger.sends(one.id));
        if (!from.sendPacket(child.id) && sends && this.#settings.volume !== "hard") {
          this.#world.fail(`${from.name}: nothing sends for child ${child.id}`);
        }
      }
    }
  }

  #want(host: Host, kind: number): void {
    const random = this.#random;
    const { ikeSas, children } = host.ledger;
    if (ikeSas.size === 0) return;
    const { id: ikeSa } = random.pick([...ikeSas.values()]);
    const child = children.size === 0 ? undefined : random.pick([...children.values()]);
    const input = this.#input(kind, ikeSa, child);
    if (input === undefined) return;
    this.#world.note(`${host.name} wants ${JSON.stringify(input)}`);
    host.feed(input);
  }

  #input(kind: number, ikeSa: number, child: LiveChild | undefined): IkeInput | undefined {
    const { deletions, volume, reauth } = this.#settings;
    if (reauth && this.#random.chance(0.1)) return { kind: "reauthenticate", ikeSa };
    if (kind < 30 && child !== undefined) return { kind: "rekey_child", ikeSa: child.ikeSa, child: child.id };
    if (kind < 35 && child !== undefined) {
      return { kind: "child_usage", ikeSa: child.ikeSa, child: child.id, limit: "soft" };
    }
    if (kind < 60) return { kind: "rekey_ike", ikeSa };
    if (kind < 75) return { kind: "check_liveness", ikeSa };
    const another = { kind: "initiate_child", ikeSa, child: this.#random.pick(["net", "other"]) } as const;
    if (!deletions) return volume === "hard" && child === undefined ? another : undefined;
    if (kind < 84) return another;
    if (kind < 94 && child !== undefined) {
      return { kind: "delete_child", ikeSa: child.ikeSa, child: child.id };
    }
    return kind < 98 ? { kind: "delete_ike", ikeSa } : undefined;
  }
}
