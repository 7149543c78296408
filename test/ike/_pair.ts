/**
 * Two engines, a clock that is turned by hand, and a network between them that does what a test says: the start of a simulator.
 * Nothing here waits and nothing is random but by a seed, so that every run is the same run.
 */

import assert from "node:assert/strict";
import { type CryptoProviders, nobleProvider } from "../../lib/crypto/mod.ts";
import { CryptoProviders as Providers } from "../../lib/crypto/mod.ts";
import { Credentials } from "../../lib/ike/auth/mod.ts";
import {
  type ChildSaInstalled,
  type ConnectionConfig,
  datagramPath,
  IKE_LIMITS,
  IkeEngine,
  type IkeEngineOptions,
  type IkeEvent,
  type IkePath,
  type KeyLogEntry,
} from "../../lib/ike/mod.ts";

/** A message under way. */
export interface Flight {
  readonly from: "a" | "b";
  readonly path: IkePath;
  readonly octets: Uint8Array;
}

/** What becomes of a message: as it is, changed, several of it, or nothing. */
export type Network = (flight: Flight) => readonly Uint8Array[] | Uint8Array | null;

const CAPABILITIES =
  /,? N\((IKEV2_FRAGMENTATION_SUPPORTED|SIGNATURE_HASH_ALGORITHMS|NAT_DETECTION_\w+|CHILDLESS_IKEV2_SUPPORTED|INITIAL_CONTACT)\)/g;

/** One end of a pair. */
export class End {
  readonly name: "a" | "b";
  readonly engine: IkeEngine;
  readonly events: IkeEvent[] = [];
  readonly keys: KeyLogEntry[] = [];
  readonly sent: Flight[] = [];
  readonly unusedPaths: string[] = [];
  readonly needs: { id: number; need: unknown }[] = [];
  deadline: number | null = null;

  constructor(name: "a" | "b", options: IkeEngineOptions) {
    this.name = name;
    this.engine = new IkeEngine({ ...options, keyLog: (entry) => this.keys.push(entry) });
  }

  /** Events of one type. */
  of<Type extends IkeEvent["type"]>(type: Type): Extract<IkeEvent, { type: Type }>[] {
    return this.events.filter((event) => event.type === type) as Extract<IkeEvent, { type: Type }>[];
  }

  /** The only event of a type. */
  one<Type extends IkeEvent["type"]>(type: Type): Extract<IkeEvent, { type: Type }> {
    const found = this.of(type);
    assert.equal(found.length, 1, `${this.name} has ${found.length} events ${type}: ${this.story()}`);
    return found[0]!;
  }

  /** Log lines of messages. */
  lines(): string[] {
    return this.of("message").map(({ line }) => line);
  }

  /** Log lines without the notifies that announce capabilities, which every IKE_SA_INIT has. */
  talk(): string[] {
    return this.lines().map((line) => line.replace(CAPABILITIES, "").replace("{ , ", "{ "));
  }

  /** Forgets what was told so far. */
  forget(): void {
    this.events.length = 0;
    this.sent.length = 0;
  }

  /** What happened, for messages of failing tests. */
  story(): string {
    return this.events.map((event) =>
      "text" in event ? `${event.type}: ${event.text}` : "line" in event ? event.line : event.type
    )
      .join("\n");
  }

  /** The child SA that was installed last. */
  lastChild(): ChildSaInstalled {
    return this.of("child_sa_installed").at(-1)!;
  }
}

/** How two ends are made and connected. */
export interface PairOptions {
  /** Whether the path is a stream (default: false). */
  readonly reliable?: boolean;
  readonly a?: Partial<IkeEngineOptions>;
  readonly b?: Partial<IkeEngineOptions>;
  /** Words that are put into the connection of either end. */
  readonly connectionA?: Partial<ConnectionConfig>;
  readonly connectionB?: Partial<ConnectionConfig>;
  readonly seed?: number;
  readonly crypto?: CryptoProviders;
}

const ADDRESS_A = Uint8Array.of(192, 0, 2, 1);
const ADDRESS_B = Uint8Array.of(192, 0, 2, 2);

/** The portable provider, shared: known answers are asked once. */
const NOBLE = new Providers([nobleProvider()]);

/** A connection of `a` to `b` with a pre-shared key, and its counterpart. */
export function pskConnections(): { a: ConnectionConfig; b: ConnectionConfig } {
  return {
    a: {
      name: "ab",
      proposals: "aes128gcm16-prfsha256-x25519",
      local: { auth: "psk", id: "a@example" },
      remote: { auth: "psk", id: "b.example" },
      children: { net: { esp_proposals: "aes128gcm16", local_ts: "10.1.0.0/16", remote_ts: "10.2.0.0/16" } },
    },
    b: {
      name: "ba",
      proposals: "aes128gcm16-prfsha256-x25519",
      local: { auth: "psk", id: "b.example" },
      remote: { auth: "psk", id: "a@example" },
      children: { net: { esp_proposals: "aes128gcm16", local_ts: "10.2.0.0/16", remote_ts: "10.1.0.0/16" } },
    },
  };
}

/** Credentials that know one secret for everybody. */
export function sharedSecret(secret = "a secret of both ends"): Credentials {
  const credentials = new Credentials();
  credentials.addPreSharedKey({ secret: new TextEncoder().encode(secret), owners: [] });
  return credentials;
}

/** Two ends. `a` begins unless a test says otherwise. */
export class Pair {
  readonly a: End;
  readonly b: End;
  readonly pathA: IkePath;
  readonly pathB: IkePath;
  now = 1_000_000;
  /** What the network does with each message (default: carries it). */
  network: Network = ({ octets }) => octets;
  /** Messages that have not arrived yet, in order. */
  readonly inFlight: Flight[] = [];

  constructor(options: PairOptions = {}) {
    const { reliable = false, seed = 1, crypto = NOBLE } = options;
    const configs = pskConnections();
    const random = seededRandom(seed);
    const common = { crypto, random, credentials: sharedSecret(), wallClock: () => 1_795_000_000_000 };
    this.a = new End("a", {
      ...common,
      connections: [{ ...configs.a, ...options.connectionA }],
      ...options.a,
    });
    this.b = new End("b", {
      ...common,
      connections: [{ ...configs.b, ...options.connectionB }],
      ...options.b,
    });
    [this.pathA, this.pathB] = makePaths(reliable, reliable ? "connection 1" : "");
  }

  /** The other end's view of a path. */
  #paths: Map<string, { a: IkePath; b: IkePath }> = new Map();

  /** Another pair of paths: a new connection, or other ports. */
  newPath(reliable: boolean, name: string, port: number = 40_001): { a: IkePath; b: IkePath } {
    const [a, b] = makePaths(reliable, name, port);
    this.#paths.set(a.id, { a, b });
    this.#paths.set(b.id, { a, b });
    return { a, b };
  }

  /** Gives an end an input and takes its outputs. */
  handle(end: End, input: Parameters<IkeEngine["handle"]>[0]): void {
    end.engine.handle(input, this.now);
    this.collect(end);
  }

  /** Takes an end's outputs. */
  collect(end: End): void {
    for (let output = end.engine.poll();; output = end.engine.poll()) {
      switch (output.kind) {
        case "event":
          end.events.push(output.event);
          break;
        case "transmit": {
          const flight = { from: end.name, path: output.path, octets: output.octets };
          end.sent.push(flight);
          this.inFlight.push(flight);
          break;
        }
        case "path_unused":
          end.unusedPaths.push(output.path.id);
          break;
        case "need":
          end.needs.push({ id: output.id, need: output.need });
          break;
        case "deadline":
          end.deadline = output.at;
          return;
      }
    }
  }

  /** Lets the next message arrive. */
  deliver(): void {
    const flight = this.inFlight.shift()!;
    const carried = this.network(flight);
    if (carried === null) return;
    const target = flight.from === "a" ? this.b : this.a;
    const known = this.#paths.get(flight.path.id) ?? { a: this.pathA, b: this.pathB };
    const path = target === this.a ? known.a : known.b;
    for (const octets of carried instanceof Uint8Array ? [carried] : carried) {
      this.handle(target, { kind: "message", path, octets: octets.slice() });
    }
  }

  /** Lets messages arrive until none is under way. */
  settle(limit = 200): void {
    for (let i = 0; this.inFlight.length > 0; i++) {
      assert.ok(i < limit, `no end after ${limit} messages:\n${this.a.story()}\n---\n${this.b.story()}`);
      this.deliver();
    }
  }

  /** Turns the clock forward to the next deadline of either end; false when there is none before `until`. */
  tick(until: number = Infinity): boolean {
    const next = Math.min(this.a.deadline ?? Infinity, this.b.deadline ?? Infinity);
    if (next > until || next === Infinity) {
      if (until !== Infinity) this.now = Math.max(this.now, until);
      return false;
    }
    this.now = Math.max(this.now, next);
    for (const end of [this.a, this.b]) {
      if (end.deadline !== null && end.deadline <= this.now) this.handle(end, { kind: "timeout" });
    }
    return true;
  }

  /** Lets time pass, with all that happens on the way. */
  advance(milliseconds: number): void {
    const until = this.now + milliseconds;
    this.settle();
    while (this.tick(until)) this.settle();
  }

  /** `a` begins, and everything arrives. */
  connect(children?: readonly string[]): void {
    this.handle(this.a, {
      kind: "initiate",
      connection: "ab",
      path: this.pathA,
      ...(children === undefined ? {} : { children }),
    });
    this.settle();
  }

  /** The same on paths that a test has made: one of each end, and those that the first one may lead to. */
  connectOn(...paths: readonly { readonly a: IkePath; readonly b: IkePath }[]): void {
    for (const both of paths) {
      this.#paths.set(both.a.id, both);
      this.#paths.set(both.b.id, both);
    }
    this.handle(this.a, { kind: "initiate", connection: "ab", path: paths[0]!.a });
    this.settle();
  }

  /** The same, with an address translator in front of `a`. */
  connectThroughNat(): void {
    const inside = { address: Uint8Array.of(10, 0, 0, 9), port: 4500 };
    this.connectOn({ a: datagramPath(inside, this.pathA.remote), b: this.pathB });
  }

  /** Both ends have nothing left but the last responses of what is closed, and these not for long. */
  assertClean(): void {
    const nothing = {
      ikeSas: 0,
      halfOpen: 0,
      childSpis: 0,
      lateSpis: 0,
      leases: 0,
      paths: 0,
      timers: 0,
      needs: 0,
      closedResponses: 0,
    };
    for (const end of [this.a, this.b]) {
      const { name, engine } = end;
      const { closedResponses } = engine.counters;
      const kept = { closedResponses, timers: Math.min(closedResponses, 1) };
      assert.deepEqual(engine.counters, { ...nothing, ...kept }, `${name}: ${end.story()}`);
    }
    this.advance(IKE_LIMITS.closed_response_time.default);
    for (const { name, engine } of [this.a, this.b]) assert.deepEqual(engine.counters, nothing, name);
  }

  /** Both ends have the same keys the other way round. */
  assertSameChild(): void {
    const { childSa: a } = this.a.lastChild();
    const { childSa: b } = this.b.lastChild();
    assert.deepEqual(a.inbound, b.outbound);
    assert.deepEqual(a.outbound, b.inbound);
    assert.deepEqual(a.local, b.remote);
    assert.deepEqual(a.remote, b.local);
    assert.equal(a.encryption, b.encryption);
    assert.equal(a.esn, b.esn);
    assert.equal(a.mode, b.mode);
  }
}

function makePaths(reliable: boolean, name: string, port = reliable ? 40_000 : 4500): [IkePath, IkePath] {
  const a = { address: ADDRESS_A, port };
  const b = { address: ADDRESS_B, port: 4500 };
  if (!reliable) return [datagramPath(a, b), datagramPath(b, a)];
  return [
    { id: `${name} at a`, reliable, local: a, remote: b },
    { id: `${name} at b`, reliable, local: b, remote: a },
  ];
}

/** Octets that are the same for the same seed (mulberry32). Of use in tests only. */
export function seededRandom(seed: number): (octets: Uint8Array) => void {
  let state = seed >>> 0;
  return (octets) => {
    for (let i = 0; i < octets.length; i++) {
      state = state + 0x6d2b79f5 >>> 0;
      let t = state;
      t = Math.imul(t ^ t >>> 15, t | 1);
      t ^= t + Math.imul(t ^ t >>> 7, t | 61);
      octets[i] = (t ^ t >>> 14) & 0xff;
    }
  };
}
