/**
 * The SAs of an end: inbound by SPI, outbound by policy (RFC 4301, sections 4.4.1 and 4.4.2). A packet's cost does not grow
 * with the number of SAs: an SPI is one look into a map, a known flow one into a cache, and an unknown one a look for each
 * pair of prefix lengths in use, of which there are as many as kinds of policies and not as many as policies.
 */

import { CodedRangeError } from "../errors.ts";
import type { InnerPacket } from "../ip/mod.ts";
import { checkInteger } from "./_check.ts";
import { FlowCache, UNKNOWN_FLOW } from "./_flow_cache.ts";
import type { InboundSa } from "./inbound_sa.ts";
import type { OutboundSa } from "./outbound_sa.ts";
import { SelectorMatcher, type TrafficSelectors } from "./traffic_selector.ts";

/** The most SAs of each direction that a table holds unless it is told otherwise. */
export const DEFAULT_MAX_SAS: number = 20_000;

/**
 * Places of the flow cache, as powers of two: 16 in 768 octets for a few SAs with a few flows, 1024 in 48 KiB where flows displace each
 * other, four for each of many SAs, at most 65536 in 3 MiB.
 */
const LEAST_CACHE_BITS = 4;
const BUSY_CACHE_BITS = 10;
const MOST_CACHE_BITS = 16;

/** The slot of flows that no policy is for: they are remembered, too. */
const NOBODY = 0;

/** What a {@linkcode SaTable} takes. */
export interface SaTableOptions {
  /** The most SAs of each direction (default: 20000). */
  readonly maxSas?: number;
}

/** One pair of selectors of a policy. */
interface Entry {
  readonly slot: number;
  readonly source: SelectorMatcher;
  readonly destination: SelectorMatcher;
  readonly priority: number;
  /** How narrow it is: bits of both prefixes first, then ports, then protocol. */
  readonly narrowness: number;
  /** When it came: of two that are alike the newer one is used, as after rekeying. */
  readonly age: number;
}

/** Entries with the same version and prefix lengths, found by their prefixes. */
interface PrefixGroup {
  readonly version: 4 | 6;
  readonly sourceLength: number;
  readonly destinationLength: number;
  /** Sorted, the one to be used first. */
  readonly entries: Map<string, Entry[]>;
}

/** Where an entry is. */
interface Place {
  readonly group: PrefixGroup;
  readonly key: string;
  readonly entry: Entry;
}

/**
 * The SAs of an end.
 *
 * @example
 * ```ts
 * import { SaTable } from "iketcp/esp";
 * import { strictEqual } from "node:assert";
 *
 * const table = new SaTable();
 * strictEqual(table.inbound(0x1001), undefined);
 * table.dispose(); // takes all SAs out and wipes their keys
 * ```
 */
export class SaTable {
  readonly #maxSas: number;
  readonly #inbound: Map<number, InboundSa> = new Map();
  readonly #outbound: Map<OutboundSa, { readonly slot: number; readonly places: readonly Place[] }> =
    new Map();
  /** SAs by the numbers that the flow cache holds; the first one is {@linkcode NOBODY}. */
  readonly #slots: (OutboundSa | undefined)[] = [undefined];
  readonly #freeSlots: number[] = [];
  /** By their version and prefix lengths. */
  readonly #groups: Map<number, PrefixGroup> = new Map();
  #cacheBits: number = LEAST_CACHE_BITS;
  /** Made for the first packet: many an end has a table of its own and sends nothing for long. */
  #cache: FlowCache | null = null;
  #age = 0;

  /** Makes an empty table. */
  constructor(options: SaTableOptions = {}) {
    this.#maxSas = checkInteger("maxSas", options.maxSas ?? DEFAULT_MAX_SAS, 1, 0xffffff);
  }

  /** Number of inbound SAs. */
  get inboundCount(): number {
    return this.#inbound.size;
  }

  /** Number of outbound SAs. */
  get outboundCount(): number {
    return this.#outbound.size;
  }

  /** Adds an SA that receives. A second one with its SPI is the caller's `RangeError`. */
  addInbound(sa: InboundSa): void {
    this.#checkRoom(this.#inbound.size);
    // As a signed number it is small in every engine, and a small number is a cheap key.
    const key = sa.spi | 0;
    if (this.#inbound.has(key)) refuse(`expected a new SPI, got ${hex(sa.spi)} again`);
    this.#inbound.set(key, sa);
  }

  /** The SA that receives with an SPI. */
  inbound(spi: number): InboundSa | undefined {
    return this.#inbound.get(spi | 0);
  }

  /** Takes an SA out and wipes its keys; false when there is none. */
  removeInbound(spi: number): boolean {
    const sa = this.#inbound.get(spi | 0);
    if (sa === undefined) return false;
    this.#inbound.delete(spi | 0);
    sa.dispose();
    return true;
  }

  /**
   * Adds an SA that sends, for packets from one of the local selectors to one of the remote ones. Where several SAs are for
   * a packet, the lowest `priority` decides, then the longer prefixes, then ports and protocol, then who came last.
   */
  addOutbound(
    sa: OutboundSa,
    selectors: TrafficSelectors,
    options: { readonly priority?: number } = {},
  ): void {
    this.#checkRoom(this.#outbound.size);
    if (this.#outbound.has(sa)) refuse(`expected a new SA, got that of SPI ${hex(sa.spi)} again`);
    const local = selectors.local.map((selector) => new SelectorMatcher(selector));
    const remote = selectors.remote.map((selector) => new SelectorMatcher(selector));
    const slot = this.#freeSlots.at(-1) ?? this.#slots.length;
    const places: Place[] = [];
    for (const source of local) {
      for (const destination of remote) {
        if (source.version !== destination.version) continue;
        const entry: Entry = {
          slot,
          source,
          destination,
          priority: options.priority ?? 0,
          narrowness: narrownessOf(source) + narrownessOf(destination),
          age: this.#age++,
        };
        places.push(this.#place(entry));
      }
    }
    if (places.length === 0) refuse("expected a local and a remote selector of one IP version, got none");
    if (this.#freeSlots.length > 0) this.#freeSlots.pop();
    this.#slots[slot] = sa;
    this.#outbound.set(sa, { slot, places: places.slice() });
    this.#forgetFlows();
  }

  /** The SA that sends a packet. */
  outbound(packet: InnerPacket): OutboundSa | undefined {
    const cache = this.#cache ?? this.#makeCache();
    const place = cache.placeOf(packet);
    let slot = cache.get(place, packet);
    if (slot === UNKNOWN_FLOW) {
      slot = this.#find(packet);
      cache.set(place, packet, slot);
      if (cache.displaced > cache.places) this.#enlargeCache();
    }
    return this.#slots[slot];
  }

  /** Takes an SA out and wipes its keys; false when it is not in the table. */
  removeOutbound(sa: OutboundSa): boolean {
    const held = this.#outbound.get(sa);
    if (held === undefined) return false;
    for (const { group, key, entry } of held.places) {
      const list = group.entries.get(key)!;
      list.splice(list.indexOf(entry), 1);
      if (list.length === 0) group.entries.delete(key);
      if (group.entries.size === 0) {
        this.#groups.delete(groupKey(group));
      }
    }
    this.#outbound.delete(sa);
    this.#slots[held.slot] = undefined;
    this.#freeSlots.push(held.slot);
    this.#cache?.clear();
    sa.dispose();
    return true;
  }

  /** Takes all SAs out and wipes their keys. */
  dispose(): void {
    for (const spi of [...this.#inbound.keys()]) this.removeInbound(spi);
    for (const sa of [...this.#outbound.keys()]) this.removeOutbound(sa);
  }

  /** Lets the cache go when there are too many SAs for it. */
  #forgetFlows(): void {
    while (this.#cacheBits < MOST_CACHE_BITS && 4 * this.#outbound.size > 1 << this.#cacheBits) {
      this.#cacheBits++;
    }
    if (this.#cache?.places === 1 << this.#cacheBits) this.#cache.clear();
    else this.#cache = null;
  }

  #makeCache(): FlowCache {
    return this.#cache = new FlowCache(this.#cacheBits);
  }

  /** There are more flows than places. */
  #enlargeCache(): void {
    if (this.#cacheBits >= BUSY_CACHE_BITS) this.#cache!.displaced = -Infinity;
    else this.#cache = new FlowCache(this.#cacheBits += 2);
  }

  #place(entry: Entry): Place {
    const {
      source: { version, prefixLength: sourceLength },
      destination: { prefixLength: destinationLength },
    } = entry;
    const wanted = groupKey({ version, sourceLength, destinationLength });
    let group = this.#groups.get(wanted);
    if (group === undefined) {
      this.#groups.set(wanted, group = { version, sourceLength, destinationLength, entries: new Map() });
    }
    const key = keyOf(entry.source.start, 0, sourceLength) +
      keyOf(entry.destination.start, 0, destinationLength);
    const list = group.entries.get(key);
    if (list === undefined) group.entries.set(key, [entry]);
    else {
      const at = list.findIndex((other) => comesBefore(entry, other));
      list.splice(at < 0 ? list.length : at, 0, entry);
    }
    return { group, key, entry };
  }

  #find(packet: InnerPacket): number {
    let best: Entry | undefined;
    const { addresses } = packet;
    for (const { version, sourceLength, destinationLength, entries } of this.#groups.values()) {
      if (version !== packet.version) continue;
      const list = entries.get(keyOf(addresses, 0, sourceLength) + keyOf(addresses, 4, destinationLength));
      const entry = list?.find(({ source, destination }) =>
        source.matches(packet, 0) && destination.matches(packet, 4)
      );
      if (entry !== undefined && (best === undefined || comesBefore(entry, best))) best = entry;
    }
    return best?.slot ?? NOBODY;
  }

  #checkRoom(count: number): void {
    if (count >= this.#maxSas) refuse(`expected at most ${this.#maxSas} in one direction, got one more`);
  }
}

function groupKey(
  { version, sourceLength, destinationLength }: Pick<
    PrefixGroup,
    "version" | "sourceLength" | "destinationLength"
  >,
): number {
  return version << 16 | sourceLength << 8 | destinationLength;
}

function narrownessOf({ prefixLength, limitsPorts, protocol }: SelectorMatcher): number {
  return 4 * prefixLength + (limitsPorts ? 2 : 0) + (protocol !== 0 ? 1 : 0);
}

function comesBefore(a: Entry, b: Entry): boolean {
  if (a.priority !== b.priority) return a.priority < b.priority;
  if (a.narrowness !== b.narrowness) return a.narrowness > b.narrowness;
  return a.age > b.age;
}

/** The first bits of an address as a string of half-words; its length says how many, so that two of them stay apart. */
function keyOf(words: ArrayLike<number>, at: number, length: number): string {
  let key = "";
  for (let rest = length, i = at; rest > 0; rest -= 32, i++) {
    const word = rest >= 32 ? words[i]! : (words[i]! & -1 << 32 - rest) >>> 0;
    key += String.fromCharCode(word >>> 16, word & 0xffff);
  }
  return key;
}

function refuse(problem: string): never {
  throw new CodedRangeError("ERR_ESP_TABLE", `Cannot add SA to the table: ${problem}`);
}

function hex(spi: number): string {
  return spi.toString(16).padStart(8, "0");
}
