/** One end: an engine with what surrounds it in a program. Only here are an engine's outputs taken and its inputs given. */

import type { CryptoProviders } from "../../../lib/crypto/mod.ts";
import { hasNonEspMarker } from "../../../lib/encap/mod.ts";
import {
  type IkeEndpoint,
  IkeEngine,
  type IkeEngineOptions,
  type IkeEvent,
  type IkeInput,
  type IkePath,
  type IkeSaId,
} from "../../../lib/ike/mod.ts";
import type { Clock } from "./_clock.ts";
import { Datapath } from "./_datapath.ts";
import type { EspTap } from "./_esp_tap.ts";
import { marked } from "./_framed_end.ts";
import { Ledger } from "./_ledger.ts";
import type { Attached, Network } from "./_network.ts";
import { SimRandom } from "./_random.ts";
import type { Wiretap } from "./_wiretap.ts";

/** What a host is made of, and whom it tells. */
export interface HostOptions {
  readonly name: string;
  readonly at: IkeEndpoint;
  readonly seed: number;
  readonly clock: Clock;
  readonly network: Network;
  readonly crypto: CryptoProviders;
  readonly wiretap: Wiretap;
  readonly espTap: EspTap;
  readonly engine: Omit<IkeEngineOptions, "crypto" | "random">;
  readonly watcher: HostWatcher;
}

/** Who watches a host. */
export interface HostWatcher {
  fail(text: string): void;
  /** An engine told something. */
  handleEvent(host: Host, event: IkeEvent): void;
  /** A message goes out. */
  handleSent(host: Host, path: IkePath, octets: Uint8Array): void;
  /** A path is gone. */
  handlePathLost(host: Host, path: IkePath): void;
  /** An ESP packet came to nobody, or its SA did not take it. */
  handlePacketLost(host: Host, octets: Uint8Array): void;
}

/** One end. */
export class Host implements Attached {
  readonly name: string;
  readonly at: IkeEndpoint;
  engine: IkeEngine;
  ledger: Ledger;
  datapath: Datapath;
  /** When the engine wants to be woken. */
  deadline: number | null = null;
  /** Until when it sleeps, or has slept. */
  awakeAt = 0;
  /** ESP packets sent, and those accepted. */
  readonly packets = { sent: 0, accepted: 0 };
  readonly #options: HostOptions;
  readonly #paths: Map<IkeSaId, IkePath> = new Map();
  #lives = 0;

  constructor(options: HostOptions) {
    this.#options = options;
    this.name = options.name;
    this.at = options.at;
    [this.engine, this.ledger, this.datapath] = this.#begin();
    options.network.attach(options.at, this);
  }

  /** The machine goes down and comes up again: nothing is remembered, and nobody is told. */
  restart(): void {
    this.datapath.dispose();
    this.deadline = null;
    this.awakeAt = 0;
    this.#paths.clear();
    this.#lives++;
    [this.engine, this.ledger, this.datapath] = this.#begin();
  }

  /** The machine sleeps: it hears nothing and does nothing, and all that was due is so when it is awake again. */
  sleep(milliseconds: number): void {
    this.awakeAt = this.#options.clock.now + milliseconds;
    if (this.deadline !== null) this.deadline = Math.max(this.deadline, this.awakeAt);
  }

  get asleep(): boolean {
    return this.#options.clock.now < this.awakeAt;
  }

  /** Where an IKE SA sends to. */
  pathOf(ikeSa: IkeSaId): IkePath | undefined {
    return this.#paths.get(ikeSa);
  }

  /** Gives the engine an input and takes its outputs; gives the events. */
  feed(input: IkeInput): IkeEvent[] {
    const { clock, watcher } = this.#options;
    const events: IkeEvent[] = [];
    if (this.asleep) return events;
    this.engine.handle(input, clock.now);
    for (;;) {
      const output = this.engine.poll();
      if (output.kind === "deadline") {
        this.deadline = output.at;
        break;
      }
      if (output.kind === "transmit") this.#transmit(output.path, output.octets);
      else if (output.kind === "event") {
        events.push(output.event);
        this.#take(output.event);
        watcher.handleEvent(this, output.event);
      }
    }
    if (this.deadline !== null && this.deadline <= clock.now) {
      watcher.fail(`${this.name}: a deadline has passed and nothing was done`);
    }
    return events;
  }

  handleMessage(octets: Uint8Array, path: IkePath): void {
    if (this.asleep) return;
    if (hasNonEspMarker(octets)) this.feed({ kind: "message", path, octets: octets.subarray(4) });
    else if (octets.length >= 4) this.#handleEsp(octets, path);
  }

  handlePathLost(path: IkePath, fault?: unknown): void {
    const { watcher } = this.#options;
    if (fault !== undefined) watcher.fail(`${this.name}: ${path.id} broke: ${String(fault)}`);
    this.feed({ kind: "path_lost", path });
    watcher.handlePathLost(this, path);
  }

  /** Sends an IP packet that a child SA is for. False where nothing would send it. */
  sendPacket(child: number): boolean {
    const outgoing = this.datapath.encrypt(child);
    if (outgoing === undefined) return false;
    const ikeSa = this.ledger.children.get(outgoing.child)?.ikeSa;
    const path = ikeSa === undefined ? undefined : this.#paths.get(ikeSa);
    if (path === undefined) return false;
    this.packets.sent++;
    this.#options.watcher.handleSent(this, path, outgoing.octets);
    this.#options.network.send(path, outgoing.octets);
    return true;
  }

  /** A key and random octets are not those of another life. */
  #begin(): [IkeEngine, Ledger, Datapath] {
    const { name, seed, crypto, wiretap, espTap, watcher } = this.#options;
    const random = new SimRandom(seed + 7919 * this.#lives);
    const fail = (text: string) => watcher.fail(`${name}: ${text}`);
    const engine = new IkeEngine({
      ...this.#options.engine,
      crypto,
      random: (octets) => random.fill(octets),
      keyLog: (entry) => wiretap.addKeys(entry),
    });
    const datapath = new Datapath({
      name: `${name}/${this.#lives}`,
      crypto,
      random: new SimRandom(seed + 7919 * this.#lives + 1),
      tap: espTap,
      fail,
      handleLimit: (child, limit) => this.#handleLimit(child, limit),
    });
    return [engine, new Ledger(fail), datapath];
  }

  #take(event: IkeEvent): void {
    this.ledger.handle(event);
    switch (event.type) {
      case "ike_sa_established":
      case "path_changed":
        this.#paths.set(event.ikeSa, event.path);
        break;
      case "ike_sa_deleted":
        this.#paths.delete(event.ikeSa);
        break;
      case "child_sa_installed":
        this.datapath.install(event, this.#paths.get(event.ikeSa)!);
        break;
      case "child_sa_switched":
        this.datapath.switchTo(event.child);
        break;
      case "child_sa_deleted":
        if (event.receivesFor === undefined) this.datapath.remove(event.child);
        else this.datapath.retire(event.child);
        break;
      case "child_sa_forgotten":
        this.datapath.remove(event.child);
    }
  }

  #transmit(path: IkePath, octets: Uint8Array): void {
    this.#options.wiretap.check(octets);
    const message = marked(octets);
    this.#options.watcher.handleSent(this, path, message);
    this.#options.network.send(path, message);
  }

  #handleEsp(octets: Uint8Array, path: IkePath): void {
    // It is decrypted where it lies, and may have to be shown.
    const taken = this.datapath.decrypt(octets.slice());
    if (taken === "nobody") {
      const spi = new DataView(octets.buffer, octets.byteOffset).getUint32(0);
      this.feed({ kind: "unknown_spi", path, spi });
    }
    if (typeof taken === "string") return this.#options.watcher.handlePacketLost(this, octets);
    this.packets.accepted++;
    const ikeSa = this.ledger.children.get(taken)?.ikeSa;
    if (ikeSa !== undefined) this.feed({ kind: "child_usage", ikeSa, child: taken, path });
  }

  #handleLimit(child: number, limit: "soft" | "hard"): void {
    const ikeSa = this.ledger.children.get(child)?.ikeSa;
    if (ikeSa !== undefined) this.feed({ kind: "child_usage", ikeSa, child, limit });
  }
}
