/**
 * What was decided for a flow, so that the policies are asked once and not for every packet. Direct-mapped: a flow has one
 * place, and a newer one takes it over. The whole flow is compared, so that nobody is mistaken for another by hash.
 */

import type { InnerPacket } from "../ip/mod.ts";

/** Words of a flow: addresses, ports, protocol with version and whether there are ports, and when it was decided. */
const WORDS = 11;

/** Nothing is known of a flow. */
export const UNKNOWN_FLOW: number = -1;

/** A map from flows to small numbers, of one size for all time. It holds no references, so that it keeps nothing alive. */
export class FlowCache {
  /** Flows that it has places for. */
  readonly places: number;
  /** How often a flow has taken the place of another: many say that there are too few places. */
  displaced: number = 0;
  readonly #flows: Uint32Array;
  readonly #decisions: Int32Array;
  #generation = 1;

  /** Makes a cache of 2^`bits` places. */
  constructor(bits: number) {
    this.places = 1 << bits;
    this.#flows = new Uint32Array(WORDS * this.places);
    this.#decisions = new Int32Array(this.places);
  }

  /** The place of a packet's flow. */
  placeOf(packet: InnerPacket): number {
    const { addresses } = packet;
    let hash = packet.protocol ^ packet.sourcePort << 16 ^ packet.destinationPort;
    const step = packet.version === 4 ? 4 : 1;
    for (let i = 0; i < 8; i += step) {
      hash = Math.imul(hash ^ addresses[i]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash, 0x85ebca6b);
    return (hash ^ hash >>> 13) & this.places - 1;
  }

  /** What was decided for the flow whose place this is; {@linkcode UNKNOWN_FLOW} when it is not there. */
  get(place: number, packet: InnerPacket): number {
    const flows = this.#flows;
    const at = WORDS * place;
    if (flows[at + 10] !== this.#generation) return UNKNOWN_FLOW;
    if (flows[at + 8] !== portsOf(packet) || flows[at + 9] !== kindOf(packet)) return UNKNOWN_FLOW;
    for (let i = 0; i < 8; i++) {
      if (flows[at + i] !== packet.addresses[i]) return UNKNOWN_FLOW;
    }
    return this.#decisions[place]!;
  }

  /** Remembers a decision, a number from 0 on. */
  set(place: number, packet: InnerPacket, decision: number): void {
    const at = WORDS * place;
    if (this.#flows[at + 10] === this.#generation) this.displaced++;
    this.#flows.set(packet.addresses, at);
    this.#flows[at + 8] = portsOf(packet);
    this.#flows[at + 9] = kindOf(packet);
    this.#flows[at + 10] = this.#generation;
    this.#decisions[place] = decision;
  }

  /** Forgets everything, at no cost: a policy came or went. */
  clear(): void {
    this.#generation = this.#generation % 0xffffffff + 1;
    if (this.#generation === 1) this.#flows.fill(0);
  }
}

function portsOf(packet: InnerPacket): number {
  return (packet.sourcePort << 16 | packet.destinationPort) >>> 0;
}

function kindOf(packet: InnerPacket): number {
  return packet.version << 16 | (packet.hasPorts ? 1 << 8 : 0) | packet.protocol;
}
