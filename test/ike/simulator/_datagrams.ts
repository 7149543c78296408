/** UDP without packets: datagrams get lost, doubled and overtaken, are too long, and pass NATs that map them elsewhere from time to time. */

import { formatEndpoint, type IkeEndpoint } from "../../../lib/ike/mod.ts";
import type { Clock } from "./_clock.ts";
import type { SimRandom } from "./_random.ts";

/** How datagrams are treated. */
export interface DatagramQuality {
  /** Share that gets lost. */
  loss: number;
  /** Share that comes twice. */
  duplication: number;
  /** Share that takes up to `late` milliseconds longer. */
  reordering: number;
  /** Milliseconds that everything takes, and what chance adds. */
  delay: readonly [number, number];
  /** Milliseconds that something may be late. */
  readonly late: number;
  /** Octets a datagram may have; longer ones get lost. */
  readonly mtu: number;
}

/** Somebody who gets datagrams: those, and where they seem to come from. */
export type DatagramReader = (octets: Uint8Array, from: IkeEndpoint) => void;

/** What somebody on the way does with a datagram: milliseconds until it goes on, or null to keep it. */
export type Middle = (octets: Uint8Array) => number | null;

/** A NAT in front of one host: a mapping of the host's ports to its own, which it may forget. */
export interface Nat {
  readonly inside: Uint8Array;
  readonly outside: Uint8Array;
  /** Port outside by port inside. */
  readonly ports: Map<number, number>;
}

/** A network of datagrams. */
export class Datagrams {
  readonly quality: DatagramQuality;
  /** Datagrams under way. */
  size = 0;
  /** Somebody on the way. */
  middle: Middle | null = null;
  readonly #clock: Clock;
  readonly #random: SimRandom;
  readonly #readers: Map<string, DatagramReader> = new Map();
  readonly #nats: Nat[] = [];
  #nextPort = 20_000;

  constructor(clock: Clock, random: SimRandom, quality: DatagramQuality) {
    this.#clock = clock;
    this.#random = random;
    this.quality = quality;
  }

  /** Somebody listens. */
  bind(at: IkeEndpoint, reader: DatagramReader): void {
    this.#readers.set(formatEndpoint(at), reader);
  }

  /** Puts a NAT in front of a host. */
  addNat(inside: Uint8Array, outside: Uint8Array): Nat {
    const nat: Nat = { inside, outside, ports: new Map() };
    this.#nats.push(nat);
    return nat;
  }

  /** As what an end is seen from outside. */
  outsideOf({ address, port }: IkeEndpoint): IkeEndpoint {
    const nat = this.#nats.find(({ inside }) => same(inside, address));
    if (nat === undefined) return { address, port };
    let outside = nat.ports.get(port);
    if (outside === undefined) nat.ports.set(port, outside = this.#nextPort++);
    return { address: nat.outside, port: outside };
  }

  send(from: IkeEndpoint, to: IkeEndpoint, octets: Uint8Array): void {
    const { loss, duplication, reordering, late, mtu, delay: [least, more] } = this.quality;
    const random = this.#random;
    const source = this.outsideOf(from); // a NAT maps what gets lost later, too
    if (octets.length > mtu || random.chance(loss)) return;
    const held = this.middle === null ? 0 : this.middle(octets);
    if (held === null) return;
    const copies = random.chance(duplication) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const later = random.chance(reordering) ? random.below(late) : 0;
      this.size++;
      this.#clock.plan(least + random.below(more + 1) + later + held, () => {
        this.size--;
        this.#arrive(source, to, octets);
      });
    }
  }

  /** Where nobody listens, and where a NAT knows of nobody inside, a datagram goes nowhere. */
  #arrive(from: IkeEndpoint, to: IkeEndpoint, octets: Uint8Array): void {
    const inside = this.#insideOf(to);
    if (inside !== undefined) this.#readers.get(formatEndpoint(inside))?.(octets.slice(), from);
  }

  #insideOf(to: IkeEndpoint): IkeEndpoint | undefined {
    const nat = this.#nats.find(({ outside }) => same(outside, to.address));
    if (nat === undefined) return to;
    const port = [...nat.ports].find(([, outside]) => outside === to.port)?.[0];
    return port === undefined ? undefined : { address: nat.inside, port };
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}
