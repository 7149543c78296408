/** A peer that has the keys, and sends what no engine would: any exchange with any payloads in any state. May lose its own SAs, and nothing else. */

import { emitIkeMessage, type Payload } from "../../../lib/ike/codec/mod.ts";
import type { SimRandom } from "./_random.ts";
import type { Way } from "./_ways.ts";
import type { World } from "./_world.ts";

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
export class Liar {
  readonly #world: World;
  readonly #ways: readonly Way[];
  readonly #random: SimRandom;

  constructor(world: World, ways: readonly Way[], random: SimRandom) {
    this.#world = world;
    this.#ways = ways;
    this.#random = random;
  }

  /** Lies once, to everybody: all but one will not know the SA. */
  act(): void {
    const random = this.#random;
    const sa = random.pick([...this.#world.wiretap.sas.values()].slice(-3));
    const open = this.#ways.filter((way) => way.open);
    if (sa === undefined || open.length === 0) return;
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
    for (const { host, server, paths } of open) {
      host.feed({ kind: "message", path: paths[0], octets: octets.slice() });
      server.feed({ kind: "message", path: paths[1], octets: octets.slice() });
    }
  }

  #payloads(): Payload[] {
    const random = this.#random;
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
    const random = this.#random;
    const children = this.#world.hosts.flatMap(({ ledger }) => [...ledger.children.values()]);
    const octets = new Uint8Array(4);
    if (children.length > 0) new DataView(octets.buffer).setUint32(0, random.pick(children).spiIn);
    return octets;
  }
}
