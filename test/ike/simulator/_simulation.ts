/**
 * One run: what anybody wants, what the network does and what adversaries try come from one seed, so that every run is the same run.
 * What must always hold is checked at every message (`_ledger.ts`, `_wiretap.ts`, `_esp_tap.ts`), what must hold once it is quiet at
 * the end (`_checks.ts`): both ends know the same SAs under the same keys, packets pass, and nothing is left after deletion.
 */

import type { IkeEvent } from "../../../lib/ike/mod.ts";
import { Attacker } from "./_attacker.ts";
import { hasNonEspMarker } from "../../../lib/encap/mod.ts";
import { checkNothingLeft, checkTraffic, disagreements, standingStill } from "./_checks.ts";
import { clientConfig, serverConfig } from "./_configs.ts";
import type { Nat } from "./_datagrams.ts";
import { marked } from "./_framed_end.ts";
import type { Host } from "./_host.ts";
import { Liar } from "./_liar.ts";
import { MiddleMan } from "./_middle_man.ts";
import { Mishaps } from "./_mishaps.ts";
import { Mutator } from "./_mutator.ts";
import { SimRandom } from "./_random.ts";
import { isCarrying, isLossless, type Settings, settingsOf, type SimulationOptions } from "./_settings.ts";
import { tell } from "./_tell.ts";
import { Way } from "./_ways.ts";
import { Wishes } from "./_wishes.ts";
import { World } from "./_world.ts";

export type { SimulationOptions } from "./_settings.ts";

/** What a run has seen. */
export interface SimulationResult {
  readonly seed: number;
  readonly faults: readonly string[];
  readonly messages: number;
  readonly ikeRekeys: number;
  readonly childRekeys: number;
  readonly packets: number;
  readonly packetsLost: number;
}

/** Milliseconds after which both ends must agree: liveness checks and retransmissions have had their time. */
const QUIET = 500_000;
const PORT = 4500;
/** A network that does what it can. */
const CALM = { loss: 0, duplication: 0, reordering: 0, damage: 0, delay: [10, 50] } as const;
/** Reasons for which a message on a stream was not what its sender has written. */
const SIGNS_OF_DAMAGE: readonly string[] = ["malformed", "not_authentic", "unprotected", "unknown_spi"];

/** One run. */
export class Simulation {
  readonly settings: Settings;
  readonly world: World;
  readonly server: Host;
  readonly ways: readonly Way[];
  readonly #random: SimRandom;
  readonly #wishes: Wishes;
  readonly #mishaps: Mishaps;
  readonly #attacker: Attacker;
  readonly #liar: Liar;
  readonly #middle: MiddleMan;
  readonly #counts = { messages: 0, ikeRekeys: 0, childRekeys: 0, packetsLost: 0 };

  constructor(options: SimulationOptions, memory?: number) {
    const { seed } = options;
    const settings = this.settings = settingsOf(options);
    const random = this.#random = new SimRandom(seed + 2);
    const world = this.world = new World({
      seed,
      quality: { ...settings.quality },
      ...(memory === undefined ? {} : { memory }),
    });
    const { datagrams } = world.network;
    this.server = this.#addHost("server", 1, serverConfig(settings));
    const nats: Nat[] = [];
    this.ways = Array.from({ length: settings.initiators }, (_, i) => {
      const host = this.#addHost(`client ${i + 1}`, 2 + i, clientConfig(settings, i));
      if (settings.nat) nats.push(datagrams.addNat(host.at.address, this.#address(100 + i)));
      return new Way(world, host, this.server, { stream: settings.stream, random });
    });
    this.#wishes = new Wishes(world, this.ways, random, settings);
    this.#mishaps = new Mishaps(world, this.ways, nats, random, settings);
    this.#attacker = new Attacker(world, this.ways, random);
    this.#liar = new Liar(world, this.ways, random);
    this.#middle = new MiddleMan(random);
    if (settings.middle) datagrams.middle = (octets) => this.#middle.handle(octets);
  }

  get story(): readonly string[] {
    return this.world.story;
  }

  /** Everything, from the first message to the last check. */
  run(): SimulationResult {
    try {
      this.begin();
      this.world.advance(this.settings.duration);
      this.end();
    } catch (error) {
      this.world.fail(`an engine threw ${error instanceof Error ? error.stack : String(error)}`);
    }
    return this.result();
  }

  result(): SimulationResult {
    const { seed, faults, hosts } = this.world;
    const packets = hosts.reduce((sum, host) => sum + host.packets.sent, 0);
    return { seed, faults, packets, ...this.#counts };
  }

  /** Plans what is to happen. */
  begin(): void {
    const { settings, world, ways } = this;
    const { duration, pace, attacker, liar, middle } = settings;
    const end = world.now + duration;
    const every = (pause: number, act: () => void) => world.clock.every(pause, end, this.#random, act);
    for (const way of ways) this.#wishes.initiate(way);
    every(pace.wish, () => this.#wishes.wish());
    every(pace.packet, () => this.#wishes.sendPackets());
    every(pace.mishap, () => this.#mishaps.act());
    every(20_000, () => {
      for (const { connection } of ways) connection?.ends[0].keepAlive();
    });
    if (attacker) every(pace.adversary, () => this.#attacker.act());
    if (liar) {
      every(pace.adversary, () => this.#liar.act());
      const mutator = new Mutator(world.wiretap, new SimRandom(world.seed + 3));
      world.network.mutator = (octets) =>
        hasNonEspMarker(octets) ? marked(mutator.handle(octets.subarray(4))) : octets;
    }
    if (middle) every(pace.mishap, () => this.#middle.choose());
  }

  /** Lets it get quiet, and checks what must hold then. */
  end(): void {
    const { settings, world, ways, server } = this;
    Object.assign(world.network.quality, CALM);
    world.network.mutator = null;
    this.#middle.rest();
    // What a damaged Length has said is waited for, whatever comes.
    for (const { connection } of ways) if (connection?.stream.damaged) connection.stream.reset(500);
    world.note("quiet");
    world.advance(QUIET);
    // What is in the middle of something is not quiet.
    world.settle();
    if (!settings.liar) {
      this.#checkAgreement(ways.map(({ host }) => host), server);
      if (world.faults.length === 0) checkTraffic(world, settings.volume === "hard" ? 3 : Infinity);
    }
    this.#deleteAll();
  }

  /**
   * Rekeys by time go on in quiet, and where a D overtakes a response an SA that is for nothing waits for its liveness check. It is gone
   * after that; what is still there then never goes.
   */
  #checkAgreement(clients: readonly Host[], server: Host): void {
    const { world } = this;
    const judge = () => [
      ...disagreements(world, clients, server),
      ...(isCarrying(this.settings) ? standingStill(world) : []),
    ];
    let wrong = judge();
    for (let i = 0; wrong.length > 0 && !this.settings.stream && i < 2; i++) {
      world.note(`not yet: ${wrong.join(", ")}`);
      world.advance(QUIET);
      world.settle();
      wrong = judge();
    }
    for (const text of wrong) world.fail(text);
  }

  #deleteAll(): void {
    const { world } = this;
    world.note("everything is deleted");
    for (const host of this.#random.chance(0.5) ? [...world.hosts] : [...world.hosts].reverse()) {
      for (const ikeSa of [...host.ledger.ikeSas.keys()]) host.feed({ kind: "delete_ike", ikeSa });
    }
    world.advance(QUIET);
    checkNothingLeft(world);
  }

  #addHost(name: string, number: number, engine: ReturnType<typeof serverConfig>): Host {
    return this.world.addHost(name, { address: this.#address(number), port: PORT }, engine, {
      handleEvent: (host, event) => this.#take(host, event),
      handleSent: (_host, _path, octets) => {
        this.#counts.messages++;
        this.#attacker.overhear(octets);
      },
      handlePathLost: (host, path) => {
        for (const way of this.ways) if (way.host === host) way.handlePathLost(path);
      },
      handlePacketLost: (host, octets) => {
        this.#counts.packetsLost++;
        if (isLossless(this.settings)) {
          const spi = new DataView(octets.buffer, octets.byteOffset).getUint32(0);
          this.world.fail(`${host.name}: a packet of SPI ${spi} came to nobody in a rekey`);
        }
      },
    });
  }

  #address(number: number): Uint8Array {
    return this.settings.ipv6
      ? Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number)
      : Uint8Array.of(192, 0, 2, number);
  }

  #take(host: Host, event: IkeEvent): void {
    if (event.type === "message_dropped") this.#judgeStream(event);
    if (event.type === "ike_sa_established" && event.replaces !== undefined) this.#counts.ikeRekeys++;
    if (event.type === "child_sa_installed" && event.replaces !== undefined) this.#counts.childRekeys++;
    const { stream, attacker, liar, restarts, sleeps } = this.settings;
    // Who gives up an attempt, while its last message is under way, leaves an SA at the other end, until the next attempt.
    const isFailure = event.type === "ike_sa_deleted" && event.by === "failure" &&
      !event.text?.includes("INITIAL_CONTACT");
    const isDamaged = this.settings.quality.damage > 0;
    if (isFailure && stream && !attacker && !liar && !restarts && !sleeps && !isDamaged) {
      this.world.fail(`${host.name}: an IKE SA failed, and nothing was lost: ${event.text}`);
    }
    this.world.note(`${host.name}: ${tell(event)}`);
  }

  /** Who has a connection closes it when what comes is not what was sent (RFC 9329, section 6.1). */
  #judgeStream({ path, reason }: Extract<IkeEvent, { type: "message_dropped" }>): void {
    const stream = this.world.network.connectionOf(path)?.stream;
    if (stream?.damaged && SIGNS_OF_DAMAGE.includes(reason)) this.world.clock.plan(0, () => stream.reset(0));
  }
}
