/**
 * Engines, a clock and a network in one turn of the event loop. What anybody wants, what the network does and what an adversary
 * tries come from one seed, so that every run is the same run. What must always hold is checked at every message, what must hold
 * once it is quiet is checked at the end: both ends know the same SAs under the same keys, and nothing is left after deletion.
 */

import type { CryptoProviders } from "../../../lib/crypto/mod.ts";
import {
  type ConnectionConfig,
  IkeEngine,
  type IkeEvent,
  type IkeInput,
  type IkePath,
} from "../../../lib/ike/mod.ts";
import { runtimeCrypto } from "../../../lib/runtime/mod.ts";
import { sharedSecret } from "../_pair.ts";
import { Adversary } from "./_adversary.ts";
import { Ledger, type LiveChild } from "./_ledger.ts";
import { Network, type NetworkQuality } from "./_network.ts";
import { SimRandom } from "./_random.ts";
import { Wiretap } from "./_wiretap.ts";

/** What a run is made of; all of it follows from the seed unless it is given. */
export interface SimulationOptions {
  readonly seed: number;
  /** Streams in the place of datagrams. */
  readonly reliable?: boolean;
  /** Streams are reset now and then. */
  readonly resets?: boolean;
  /** Somebody on the path without keys. */
  readonly attacker?: boolean;
  /** A peer with keys that sends what no engine would. */
  readonly liar?: boolean;
  /** How many ends begin; one answers. */
  readonly initiators?: number;
  /** SAs are deleted, by either end. */
  readonly deletions?: boolean;
  /** Milliseconds with wishes, before it gets quiet. */
  readonly duration?: number;
  readonly quality?: Partial<NetworkQuality>;
}

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

/** One engine with what surrounds it. */
export interface Host {
  readonly name: string;
  readonly address: Uint8Array;
  readonly engine: IkeEngine;
  readonly ledger: Ledger;
  deadline: number | null;
}

/** An initiator's way to the responder. */
interface Way {
  readonly host: Host;
  /** As each end sees it. */
  paths: [IkePath, IkePath];
  open: boolean;
}

/** Mean milliseconds between two wishes. */
const PAUSE = 400;
/** Milliseconds after which both ends must agree: liveness checks and retransmissions have had their time. */
const QUIET = 500_000;
/** What an engine may keep when everything was deleted. */
const NOTHING = { ikeSas: 0, halfOpen: 0, childSpis: 0, paths: 0, timers: 0, needs: 0 };

/** Secrets of key exchanges are not of the seed here, and nothing depends on them. */
const CRYPTO: CryptoProviders = runtimeCrypto();

/** One run. */
export class Simulation {
  readonly seed: number;
  readonly faults: string[] = [];
  /** What happened, one line an event. */
  readonly story: string[] = [];
  readonly hosts: Host[] = [];
  readonly tap: Wiretap;
  readonly random: SimRandom;
  readonly settings: Required<Omit<SimulationOptions, "quality" | "seed">>;
  now = 1_000_000;
  readonly #network: Network<Host>;
  readonly #ways: Way[] = [];
  readonly #server: Host;
  readonly #adversary: Adversary;
  /** ESP packets under way carry their SPI. */
  readonly #packets = { sent: 0, lost: 0 };
  readonly #counts = { messages: 0, ikeRekeys: 0, childRekeys: 0 };
  /** Things that are to be done at a time. */
  readonly #agenda: { at: number; act: () => void }[] = [];

  constructor(options: SimulationOptions) {
    const { seed } = options;
    this.seed = seed;
    const random = this.random = new SimRandom(seed);
    const reliable = options.reliable ?? random.chance(0.5);
    this.settings = {
      reliable,
      resets: options.resets ?? (reliable && random.chance(0.5)),
      attacker: options.attacker ?? random.chance(0.3),
      liar: options.liar ?? false,
      initiators: options.initiators ?? 1 + random.below(2),
      deletions: options.deletions ?? random.chance(0.6),
      duration: options.duration ?? 30_000,
    };
    this.#network = new Network(new SimRandom(seed + 1), {
      loss: random.pick([0, 0.02, 0.1, 0.25]),
      duplication: random.pick([0, 0.05, 0.2]),
      reordering: random.pick([0, 0.1, 0.3]),
      delay: [random.below(20), random.below(100)],
      late: 3000,
      mtu: 1500,
      ...options.quality,
    });
    this.tap = new Wiretap((text) => this.fail(text));
    const groups = random.pick(["", "-x25519", "-ecp256-x25519"]);
    const wanted = groups === "-ecp256-x25519" ? "-x25519" : groups;
    // Some rekey by time as well.
    const timed = random.chance(0.5);
    this.#server = this.#addHost("server", 1, [serverConfig(wanted, timed)]);
    for (let i = 0; i < this.settings.initiators; i++) {
      const host = this.#addHost(`client ${i + 1}`, 2 + i, [clientConfig(i, groups, timed)]);
      this.#ways.push({ host, paths: this.#connect(host), open: true });
    }
    this.#adversary = new Adversary(this);
  }

  /** Everything, from the first message to the last check. */
  run(): SimulationResult {
    try {
      this.#play();
    } catch (error) {
      this.fail(`an engine threw ${error instanceof Error ? error.stack : String(error)}`);
    }
    const { messages, ikeRekeys, childRekeys } = this.#counts;
    return {
      seed: this.seed,
      faults: this.faults,
      messages,
      ikeRekeys,
      childRekeys,
      packets: this.#packets.sent,
      packetsLost: this.#packets.lost,
    };
  }

  fail(text: string): void {
    this.story.push(`${this.#time()} FAULT ${text}`);
    this.faults.push(text);
  }

  note(text: string): void {
    this.story.push(`${this.#time()} ${text}`);
  }

  /** Gives an engine an input and takes its outputs; gives the events. */
  feed(host: Host, input: IkeInput): IkeEvent[] {
    const events: IkeEvent[] = [];
    host.engine.handle(input, this.now);
    for (const output of this.#outputs(host)) {
      if (output.kind === "transmit") this.#transmit(host, output.path, output.octets);
      else if (output.kind === "event") {
        events.push(output.event);
        this.#take(host, output.event);
      }
    }
    if (host.deadline !== null && host.deadline <= this.now) {
      this.fail(`${host.name}: a deadline has passed and nothing was done`);
    }
    return events;
  }

  /** Where an adversary may send to an end of a way. */
  paths(): { readonly host: Host; readonly path: IkePath }[] {
    return this.#ways.flatMap(({ host, paths, open }) =>
      open ? [{ host, path: paths[0] }, { host: this.#server, path: paths[1] }] : []
    );
  }

  // A run.

  #play(): void {
    const { duration, resets } = this.settings;
    for (const way of this.#ways) this.#initiate(way);
    const end = this.now + duration;
    this.#every(PAUSE, end, () => this.#wish());
    this.#every(80, end, () => this.#sendPackets());
    if (resets) this.#every(5000, end, () => this.#reset(this.random.pick(this.#ways)));
    if (this.settings.attacker || this.settings.liar) this.#every(150, end, () => this.#adversary.act());
    this.#advance(end);
    Object.assign(this.#network.quality, { loss: 0, duplication: 0, reordering: 0 });
    this.note("quiet");
    this.#advance(this.now + QUIET);
    // What is in the middle of something is not quiet.
    for (let i = 0; i < 1000 && this.#network.size > 0; i++) this.#step(Infinity);
    if (!this.settings.liar) this.#checkAgreement();
    this.#deleteAll();
  }

  /** Something that comes again and again, at random. */
  #every(pause: number, end: number, act: () => void): void {
    const again = () => {
      if (this.now >= end) return;
      act();
      this.#plan(this.random.below(2 * pause), again);
    };
    this.#plan(this.random.below(2 * pause), again);
  }

  #plan(delay: number, act: () => void): void {
    const entry = { at: this.now + delay, act };
    let index = this.#agenda.length;
    while (index > 0 && this.#agenda[index - 1]!.at > entry.at) index--;
    this.#agenda.splice(index, 0, entry);
  }

  #advance(until: number): void {
    while (this.#step(until));
    this.now = Math.max(this.now, until);
  }

  /** The next thing that happens. */
  #step(until: number): boolean {
    const deadline = Math.min(...this.hosts.map((host) => host.deadline ?? Infinity));
    const planned = this.#agenda[0]?.at ?? Infinity;
    const at = Math.min(this.#network.next, deadline, planned);
    if (at > until || at === Infinity) return false;
    this.now = Math.max(this.now, at);
    if (at === planned) this.#agenda.shift()!.act();
    else if (at === this.#network.next) this.#arrive();
    else {
      const host = this.hosts.find((one) => one.deadline === deadline)!;
      this.feed(host, { kind: "timeout" });
    }
    return true;
  }

  #arrive(): void {
    const { to, path, octets } = this.#network.take();
    if (octets.length > 4) {
      this.feed(to, { kind: "message", path, octets: octets.slice() });
      return;
    }
    const spi = new DataView(octets.buffer, octets.byteOffset).getUint32(0);
    const child = [...to.ledger.children.values()].find(({ spiIn }) => spiIn === spi);
    if (child !== undefined) {
      return void this.feed(to, { kind: "child_usage", ikeSa: child.ikeSa, child: child.id, path });
    }
    this.#packets.lost++;
    const { reliable, resets, deletions, attacker, liar } = this.settings;
    if (reliable && !resets && !deletions && !attacker && !liar) {
      this.fail(`${to.name}: a packet of SPI ${spi} came to nobody in a rekey`);
    }
  }

  #transmit(host: Host, path: IkePath, octets: Uint8Array): void {
    this.#counts.messages++;
    this.tap.check(octets);
    this.#adversary.overhear(host, octets);
    this.#network.send(path, octets, this.now);
  }

  #sendPackets(): void {
    for (const { host, paths } of this.#ways) {
      for (
        const [from, to, path] of [[host, this.#server, paths[0]], [this.#server, host, paths[1]]] as const
      ) {
        const child = from.ledger.sendingTo(to.address);
        if (child === undefined) continue;
        const packet = new Uint8Array(4);
        new DataView(packet.buffer).setUint32(0, child.spiOut);
        this.#packets.sent++;
        this.#network.send(path, packet, this.now);
      }
    }
  }

  // What anybody wants.

  #wish(): void {
    const { random } = this;
    const way = random.pick(this.#ways);
    const [one, other] = random.chance(0.5) ? [way.host, this.#server] : [this.#server, way.host];
    if (way.host.ledger.ikeSas.size === 0 && way.host.ledger.attempts.size === 0) return this.#initiate(way);
    const kind = random.below(100);
    this.#want(one, kind);
    // What one end wants, the other often wants at the same time.
    if (random.chance(0.4)) this.#plan(random.below(60), () => this.#want(other, kind));
    else if (random.chance(0.3)) this.#plan(random.below(60), () => this.#want(other, random.below(100)));
  }

  #want(host: Host, kind: number): void {
    const { random } = this;
    const { ikeSas, children } = host.ledger;
    if (ikeSas.size === 0) return;
    const { id: ikeSa } = random.pick([...ikeSas.values()]);
    const child = children.size === 0 ? undefined : random.pick([...children.values()]);
    const input = this.#input(kind, ikeSa, child);
    if (input === undefined) return;
    this.note(`${host.name} wants ${JSON.stringify(input)}`);
    this.feed(host, input);
  }

  #input(kind: number, ikeSa: number, child: LiveChild | undefined): IkeInput | undefined {
    if (kind < 30 && child !== undefined) return { kind: "rekey_child", ikeSa: child.ikeSa, child: child.id };
    if (kind < 35 && child !== undefined) {
      return { kind: "child_usage", ikeSa: child.ikeSa, child: child.id, limit: "soft" };
    }
    if (kind < 60) return { kind: "rekey_ike", ikeSa };
    if (kind < 75) return { kind: "check_liveness", ikeSa };
    if (!this.settings.deletions) return undefined;
    if (kind < 84) return { kind: "initiate_child", ikeSa, child: "other" };
    if (kind < 94 && child !== undefined) {
      return { kind: "delete_child", ikeSa: child.ikeSa, child: child.id };
    }
    return kind < 98 ? { kind: "delete_ike", ikeSa } : undefined;
  }

  #initiate({ host, paths, open }: Way): void {
    if (!open) return;
    const ikeSa = host.engine.reserve();
    host.ledger.attempts.add(ikeSa);
    this.note(`${host.name} initiates`);
    this.feed(host, { kind: "initiate", connection: "up", path: paths[0], ikeSa });
  }

  /** A connection breaks, both ends notice, and the one that opened it opens another. */
  #reset(way: Way): void {
    if (!way.open) return;
    this.note(`${way.host.name}: the stream is reset`);
    way.open = false;
    const [dialled, accepted] = way.paths;
    this.#network.reset(dialled);
    this.#plan(this.random.below(500), () => this.feed(this.#server, { kind: "path_lost", path: accepted }));
    this.#plan(this.random.below(500), () => {
      this.feed(way.host, { kind: "path_lost", path: dialled });
      way.paths = this.#connect(way.host);
      way.open = true;
      const { ikeSas, attempts } = way.host.ledger;
      for (const ikeSa of [...ikeSas.keys(), ...attempts]) {
        this.feed(way.host, { kind: "move", ikeSa, path: way.paths[0] });
      }
    });
  }

  #connect(host: Host): [IkePath, IkePath] {
    const server = this.#server;
    return this.#network.connect([host, host.address], [server, server.address], this.settings.reliable);
  }

  // Checks.

  #checkAgreement(): void {
    const ends = this.#ways.map(({ host }) => host.ledger);
    const there = this.#server.ledger;
    const clients = ends.flatMap(({ ikeSas }) => [...ikeSas.values()].map(({ spis }) => spis)).sort();
    const servers = [...there.ikeSas.values()].map(({ spis }) => spis).sort();
    if (clients.join() !== servers.join()) {
      this.fail(`the ends know other IKE SAs: clients ${clients.join()}, server ${servers.join()}`);
    }
    const spisOf = (ledger: Ledger, ikeSa: number) => ledger.ikeSas.get(ikeSa)?.spis;
    const out = ends.flatMap((ledger) =>
      [...ledger.children.values()].map((one) =>
        `${spisOf(ledger, one.ikeSa)} ${one.spiIn} ${one.spiOut} ${one.keyIn} ${one.keyOut}`
      )
    ).sort();
    const back = [...there.children.values()].map((one) =>
      `${spisOf(there, one.ikeSa)} ${one.spiOut} ${one.spiIn} ${one.keyOut} ${one.keyIn}`
    ).sort();
    if (out.join() !== back.join()) {
      this.fail(`the ends know other child SAs: clients ${out.join()}, server ${back.join()}`);
    }
    for (const host of this.hosts) this.#checkAlone(host);
  }

  /** Of everything that replaced something else only the last is left, and the engine counts what it has told. */
  #checkAlone({ name, ledger, engine }: Host): void {
    for (const [what, live] of [["IKE SAs", ledger.ikeSas], ["child SAs", ledger.children]] as const) {
      const origins = [...live.values()].map(({ origin }) => origin);
      if (new Set(origins).size !== origins.length) this.fail(`${name}: two ${what} are left of a rekey`);
    }
    const { ikeSas, halfOpen, childSpis, needs } = engine.counters;
    const counted = JSON.stringify([ikeSas, halfOpen, childSpis, needs]);
    const told = JSON.stringify([ledger.ikeSas.size, 0, ledger.children.size, 0]);
    if (counted !== told) this.fail(`${name}: the engine counts ${counted}, and has told ${told}`);
  }

  /** Nothing is left of anything. */
  #deleteAll(): void {
    this.note("everything is deleted");
    for (const host of this.random.chance(0.5) ? [...this.hosts] : [...this.hosts].reverse()) {
      for (const ikeSa of [...host.ledger.ikeSas.keys()]) this.feed(host, { kind: "delete_ike", ikeSa });
    }
    this.#advance(this.now + QUIET);
    for (const { name, engine, ledger } of this.hosts) {
      const left = JSON.stringify(engine.counters);
      if (left !== JSON.stringify(NOTHING)) this.fail(`${name} keeps ${left}`);
      const known = ledger.ikeSas.size + ledger.children.size;
      if (known > 0) this.fail(`${name} has never told the end of ${known} SAs`);
    }
  }

  // Engines.

  #addHost(name: string, number: number, connections: ConnectionConfig[]): Host {
    const random = new SimRandom(this.seed * 31 + number);
    const engine = new IkeEngine({
      crypto: CRYPTO,
      random: (octets) => random.fill(octets),
      connections,
      credentials: sharedSecret(),
      wallClock: () => 1_795_000_000_000,
      keyLog: (entry) => this.tap.addKeys(entry),
    });
    const ledger = new Ledger((text) => this.fail(`${name}: ${text}`));
    const host = { name, address: Uint8Array.of(192, 0, 2, number), engine, ledger, deadline: null };
    this.hosts.push(host);
    return host;
  }

  *#outputs(host: Host) {
    for (;;) {
      const output = host.engine.poll();
      if (output.kind === "deadline") {
        host.deadline = output.at;
        return;
      }
      yield output;
    }
  }

  #take(host: Host, event: IkeEvent): void {
    host.ledger.handle(event);
    if (event.type === "ike_sa_established" && event.replaces !== undefined) this.#counts.ikeRekeys++;
    const { reliable, attacker, liar } = this.settings;
    if (event.type === "ike_sa_deleted" && event.by === "failure" && reliable && !attacker && !liar) {
      this.fail(`${host.name}: an IKE SA failed, and nothing was lost: ${event.text}`);
    }
    if (event.type === "child_sa_installed" && event.replaces !== undefined) this.#counts.childRekeys++;
    this.note(`${host.name}: ${tell(event)}`);
  }

  #time(): string {
    return ((this.now - 1_000_000) / 1000).toFixed(3);
  }
}

function tell(event: IkeEvent): string {
  switch (event.type) {
    case "message":
      return `[${event.ikeSa}] ${event.line}${event.repeated ? " (again)" : ""}`;
    case "child_sa_installed": {
      const { childSa, replaces } = event;
      const { child, inbound, outbound } = childSa;
      return `[${event.ikeSa}] child ${child} installed, in ${inbound.spi}, out ${outbound.spi}, for ${replaces}`;
    }
    case "path_changed":
      return `[${event.ikeSa}] path ${event.path.id}`;
    case "message_dropped":
      return `[${event.ikeSa}] dropped: ${event.text}`;
    case "ike_sa_established":
      return `[${event.ikeSa}] established ${event.role} ${event.spiI} ${event.spiR} for ${event.replaces}`;
    default:
      return JSON.stringify(event);
  }
}

const COMMON = { proposals: "aes128gcm16-prfsha256-x25519", dpd_delay: "30s", unique: "no" } as const;
const TIMES = { rekey_time: "60s", over_time: "8m", rand_time: "55s" };
const CHILD_TIMES = { rekey_time: "50s", life_time: "8m", rand_time: "45s" };

function serverConfig(group: string, timed: boolean): ConnectionConfig {
  const child = { esp_proposals: `aes128gcm16${group}`, ...(timed ? CHILD_TIMES : {}) };
  return {
    name: "any",
    ...COMMON,
    ...(timed ? TIMES : {}),
    local: { auth: "psk", id: "server.example" },
    remote: { auth: "psk" },
    children: {
      net: { ...child, local_ts: "10.1.0.0/16", remote_ts: "10.0.0.0/8" },
      other: { ...child, local_ts: "10.2.0.0/16", remote_ts: "10.0.0.0/8" },
    },
  };
}

function clientConfig(number: number, groups: string, timed: boolean): ConnectionConfig {
  const child = { esp_proposals: `aes128gcm16${groups}`, ...(timed ? CHILD_TIMES : {}) };
  const local_ts = `10.${100 + number}.0.0/16`;
  return {
    name: "up",
    ...COMMON,
    ...(timed ? TIMES : {}),
    local: { auth: "psk", id: `client${number}.example` },
    remote: { auth: "psk", id: "server.example" },
    children: {
      net: { ...child, local_ts, remote_ts: "10.1.0.0/16" },
      other: { ...child, local_ts, remote_ts: "10.2.0.0/16" },
    },
  };
}
