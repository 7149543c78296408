/**
 * Who means harm: somebody on the path without keys, who repeats, damages and invents messages, and a peer with keys that sends what
 * no engine would. The first must change nothing at all; the second may lose its own SAs, and nothing else.
 */

import { emitIkeMessage, type Payload } from "../../../lib/ike/codec/mod.ts";
import { Ledger } from "./_ledger.ts";
import type { Host, Simulation } from "./_simulator.ts";

const IKE_SA_INIT = 34;
/** Messages that are remembered to be sent again. */
const MEMORY = 300;
const EXCHANGES = [34, 35, 36, 36, 36, 37, 37, 37, 43, 250];
const ERRORS = [1, 4, 5, 7, 9, 11, 14, 17, 24, 34, 35, 36, 37, 38, 39, 43, 44, 8192];
const STATUSES = [
  16384,
  16385,
  16388,
  16389,
  16390,
  16391,
  16393,
  16394,
  16395,
  16403,
  16404,
  16417,
  16430,
  40000,
];

/** Acts at random. */
export class Adversary {
  readonly #simulation: Simulation;
  readonly #heard: Uint8Array[] = [];

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  /** A message went by. */
  overhear(_from: Host, octets: Uint8Array): void {
    this.#heard.push(octets.slice());
    if (this.#heard.length > MEMORY) this.#heard.shift();
  }

  act(): void {
    const { settings, random } = this.#simulation;
    if (settings.liar && random.chance(0.5)) this.#lie();
    else if (settings.attacker) this.#attack();
  }

  // Without keys.

  #attack(): void {
    const { random } = this.#simulation;
    if (this.#heard.length === 0) return;
    const octets = random.pick(this.#heard).slice();
    const kind = random.below(5);
    if (kind === 0) return this.#send(octets, false); // may be one that got lost: then it counts
    if (kind === 1) octets[random.below(octets.length)]! ^= 1 << random.below(8);
    else if (kind === 2) random.fill(octets.subarray(28 + random.below(Math.max(1, octets.length - 28))));
    else if (kind === 3) return this.#flood();
    else return this.#send(this.#invent(octets), true);
    // What makes half-open SAs, or ends an attempt, is bounded in other ways.
    const harmless = octets[18] !== IKE_SA_INIT && !this.#heard.some((one) => same(one, octets));
    this.#send(octets, harmless);
  }

  /** An unprotected error for an SA that there is. */
  #invent(heard: Uint8Array): Uint8Array {
    const { random } = this.#simulation;
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

  /** IKE_SA_INIT requests of nobody. */
  #flood(): void {
    const first = this.#heard.find((octets) => octets[18] === IKE_SA_INIT && (octets[19]! & 0x20) === 0);
    if (first === undefined) return;
    for (let i = 0; i < 20; i++) {
      const octets = first.slice();
      this.#simulation.random.fill(octets.subarray(0, 8));
      octets.fill(0, 8, 16);
      this.#send(octets, false);
    }
  }

  #send(octets: Uint8Array, harmless: boolean): void {
    const { random, hosts } = this.#simulation;
    const ends = this.#simulation.paths();
    if (ends.length === 0) return;
    const { host, path } = random.pick(ends);
    // Whatever is due has happened, so that what happens now is the message's doing.
    this.#simulation.feed(host, { kind: "timeout" });
    const before = JSON.stringify(host.engine.counters);
    const events = this.#simulation.feed(host, { kind: "message", path, octets });
    if (!harmless) return;
    const changes = events.filter((event) => Ledger.isChange(event));
    if (changes.length > 0 || JSON.stringify(host.engine.counters) !== before) {
      this.#simulation.fail(
        `${host.name}: a message of nobody changed something: ${JSON.stringify(changes)}`,
      );
    }
    for (const { name, engine } of hosts) {
      const { halfOpen, timers } = engine.counters;
      if (halfOpen > 1000 || timers > 20_000) this.#simulation.fail(`${name} grows`);
    }
  }

  // With keys.

  #lie(): void {
    const { random, tap } = this.#simulation;
    const sa = random.pick([...tap.sas.values()].slice(-3));
    const ends = this.#simulation.paths();
    if (sa === undefined || ends.length === 0) return;
    const initiator = random.chance(0.5);
    const response = random.chance(0.2);
    const speaker = initiator ? "initiator" : "responder";
    const messageId = response
      ? Math.max(0, sa.next[initiator ? "responder" : "initiator"] - 1)
      : sa.next[speaker] + random.pick([0, 0, 0, 0, 1, -1, 5]);
    if (messageId < 0) return;
    const octets = sa[speaker].seal({
      spiI: sa.spiI,
      spiR: sa.spiR,
      exchangeType: random.pick(EXCHANGES),
      initiator,
      response,
      messageId,
      payloads: this.#payloads(),
    });
    for (const { host, path } of ends) {
      this.#simulation.feed(host, { kind: "message", path, octets: octets.slice() });
    }
  }

  #payloads(): Payload[] {
    const { random } = this.#simulation;
    const protocol = random.pick([0, 1, 2, 3, 3, 3, 9]);
    const octets = (length: number) => {
      const made = new Uint8Array(length);
      random.fill(made);
      return made;
    };
    const spi = () => random.chance(0.7) ? this.#knownSpi() : octets(random.pick([0, 4, 8]));
    const address = Uint8Array.of(10, random.pick([1, 2, 100]), 0, 0);
    const selectors = [{
      type: random.pick([7, 7, 7, 9]) as 7,
      protocol: 0,
      startPort: 0,
      endPort: 0xffff,
      startAddress: address,
      endAddress: Uint8Array.of(10, address[1]!, 255, 255),
    }];
    const transform = (type: number, id: number, keyLength?: number) =>
      keyLength === undefined ? { type, id } : { type, id, keyLength };
    const ike = random.chance(0.4);
    const make: Record<string, () => Payload> = {
      SA: () => ({
        kind: "SA",
        proposals: [{
          number: 1,
          protocol: ike ? 1 : protocol,
          spi: octets(ike ? 8 : 4),
          transforms: ike
            ? [transform(1, 20, 128), transform(2, 5), transform(4, 31)]
            : [transform(1, 20, 128), transform(5, 0), ...(random.chance(0.5) ? [transform(4, 31)] : [])],
        }],
      }),
      Nonce: () => ({ kind: "Nonce", data: octets(random.pick([16, 32, 32, 256, 4])) }),
      KE: () => ({
        kind: "KE",
        group: random.pick([31, 31, 19, 0, 65000]),
        data: octets(random.pick([32, 32, 64, 1])),
      }),
      TSi: () => ({ kind: "TSi", selectors }),
      TSr: () => ({ kind: "TSr", selectors }),
      REKEY_SA: () => ({ kind: "N", type: 16393, protocol, spi: spi(), data: new Uint8Array(0) }),
      N: () => ({
        kind: "N",
        type: random.pick([...ERRORS, ...STATUSES]),
        protocol: random.pick([0, 0, 3]),
        spi: new Uint8Array(0),
        data: octets(random.pick([0, 0, 2, 4])),
      }),
      D: () => ({
        kind: "D",
        protocol: random.pick([1, 2, 3, 3, 3, 3]),
        spis: random.pick([[], [spi()], [this.#knownSpi(), this.#knownSpi()]]),
      }),
      AUTH: () => ({ kind: "AUTH", method: 2, data: octets(32) }),
      EAP: () => ({ kind: "EAP", data: Uint8Array.of(3, 1, 0, 4) }),
      unknown: () => ({ kind: "unknown", type: 200, critical: random.chance(0.5), data: octets(4) }),
    };
    const templates: readonly string[][] = [
      ["SA", "Nonce", "KE"],
      ["SA", "Nonce", "KE", "TSi", "TSr"],
      ["SA", "Nonce", "TSi", "TSr"],
      ["REKEY_SA", "SA", "Nonce", "TSi", "TSr"],
      ["REKEY_SA", "SA", "Nonce", "KE", "TSi", "TSr"],
      ["D"],
      ["D", "D"],
      ["N"],
      [],
      ["N", "D"],
      ["AUTH", "SA", "TSi", "TSr"],
      ["EAP"],
    ];
    const names = [...random.pick(templates)];
    if (random.chance(0.2)) names.push(random.pick(Object.keys(make)));
    if (random.chance(0.1)) names.shift();
    return names.flatMap((name) => {
      try {
        const payload = make[name]!();
        emitIkeMessage({
          spiI: new Uint8Array(8),
          spiR: new Uint8Array(8),
          exchangeType: 37,
          initiator: true,
          response: false,
          messageId: 0,
          payloads: [payload],
        });
        return [payload];
      } catch {
        return []; // our own codec would not even write it
      }
    });
  }

  /** An SPI of a child SA, from either end. */
  #knownSpi(): Uint8Array {
    const { random, hosts } = this.#simulation;
    const children = hosts.flatMap(({ ledger }) => [...ledger.children.values()]);
    const octets = new Uint8Array(4);
    if (children.length > 0) new DataView(octets.buffer).setUint32(0, random.pick(children).spiIn);
    return octets;
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}
