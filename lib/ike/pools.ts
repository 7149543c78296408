/**
 * Virtual addresses that a responder gives away (RFC 7296, section 2.19): a pool is a range, a lease binds an address to an
 * identity. Who comes back gets the address it had, as long as nobody else had to have it.
 */

import { ConfigError } from "../errors.ts";
import {
  compareAddresses,
  formatIpAddress,
  parseIpAddress,
  parseTrafficSelector,
  type TrafficSelector,
} from "../ip/mod.ts";
import type { PoolConfig } from "./config.ts";

/** An address that an IKE SA has. */
export interface Lease {
  /** The pool it is of. */
  readonly pool: AddressPool;
  /** 4 or 16 octets. */
  readonly address: Uint8Array;
}

/** The most leases that one pool remembers or gives: a range of IPv6 has no end. */
export const MAX_LEASES = 65_536;

/** A range of addresses, and who has which. */
export class AddressPool {
  /** Its name in the configuration. */
  readonly name: string;
  /** DNS servers that go with an address. */
  readonly dns: readonly Uint8Array[];
  /** Subnets that go with an address. */
  readonly subnets: readonly TrafficSelector[];
  /** Octets of an address: 4 or 16. */
  readonly family: 4 | 16;
  readonly #first: bigint;
  readonly #size: number;
  /** Addresses in use, by offset: whose, and by how many IKE SAs of one that authenticates itself anew. */
  readonly #online: Map<number, { readonly identity: string; readonly from: string; holders: number }> =
    new Map();
  /** Offsets that an identity had and gave back, the longest unused first. */
  readonly #offline: Map<string, number> = new Map();
  /** The lowest offset that nobody ever had. */
  #fresh = 0;

  /** Takes a section of `pools`; throws a `ConfigError` for what is not understood. */
  constructor(name: string, config: PoolConfig) {
    this.name = name;
    const range = readRange(name, config.addrs);
    this.family = range.start.length as 4 | 16;
    this.#first = toNumber(range.start);
    const count = toNumber(range.end) - this.#first + 1n;
    // The first address of a subnet names the subnet, and the last of an IPv4 subnet all of its hosts.
    const subnet = config.addrs.includes("/") && count > 2n;
    if (subnet) this.#first += 1n;
    const usable = subnet ? count - (this.family === 4 ? 2n : 1n) : count;
    this.#size = Number(usable > BigInt(MAX_LEASES) ? BigInt(MAX_LEASES) : usable);
    this.dns = words(config.dns).map((word) => {
      const address = parseIpAddress(word);
      if (address === undefined) throw refused(name, "dns", "an IP address", word);
      return address;
    });
    this.subnets = words(config.subnet).map((word) => readRange(name, word, "subnet"));
  }

  /** How many addresses it has. */
  get size(): number {
    return this.#size;
  }

  /** How many are in use. */
  get online(): number {
    return this.#online.size;
  }

  /**
   * Takes an address for an identity: the one it had, the one it asks for, a fresh one, one that another had; undefined when all are
   * in use. One that the identity has, and asks for by name from the same place (`from`), it has once more: a peer that
   * authenticates itself anew keeps its address.
   */
  acquire(identity: string, wanted?: Uint8Array, from: string = ""): Lease | undefined {
    const asked = wanted === undefined ? undefined : this.#offset(wanted);
    const held = asked === undefined ? undefined : this.#online.get(asked);
    if (held !== undefined && held.identity === identity && held.from === from) {
      held.holders++;
      return { pool: this, address: this.#address(asked!) };
    }
    const offset = this.#choose(identity, asked);
    if (offset === undefined) return undefined;
    this.#online.set(offset, { identity, from, holders: 1 });
    return { pool: this, address: this.#address(offset) };
  }

  /** Gives an address back. */
  release(address: Uint8Array): void {
    const offset = this.#offset(address);
    const held = offset === undefined ? undefined : this.#online.get(offset);
    if (held === undefined || --held.holders > 0) return;
    const { identity } = held;
    this.#online.delete(offset!);
    if (this.#offline.has(identity)) {
      // Two SAs of one identity: the older lease is as good as any other free address.
      this.#offline.set(`${identity} ${offset}`, offset!);
    } else this.#offline.set(identity, offset!);
  }

  #choose(identity: string, asked: number | undefined): number | undefined {
    const had = this.#offline.get(identity);
    if (had !== undefined) {
      this.#offline.delete(identity);
      return had;
    }
    if (asked !== undefined && this.#isFree(asked)) return asked;
    while (this.#fresh < this.#size && this.#online.has(this.#fresh)) this.#fresh++;
    if (this.#fresh < this.#size) return this.#fresh++;
    const oldest = this.#offline.entries().next().value;
    if (oldest === undefined) return undefined;
    this.#offline.delete(oldest[0]);
    return oldest[1];
  }

  /** An address that somebody had stays theirs while there are others; above `#fresh` all but the asked-for ones are free. */
  #isFree(offset: number): boolean {
    return offset >= this.#fresh && !this.#online.has(offset) &&
      ![...this.#offline.values()].includes(offset);
  }

  #offset(address: Uint8Array): number | undefined {
    if (address.length !== this.family) return undefined;
    const offset = toNumber(address) - this.#first;
    return offset >= 0n && offset < BigInt(this.#size) ? Number(offset) : undefined;
  }

  #address(offset: number): Uint8Array {
    const address = new Uint8Array(this.family);
    let value = this.#first + BigInt(offset);
    for (let i = address.length - 1; i >= 0; i--) {
      address[i] = Number(value & 0xffn);
      value >>= 8n;
    }
    return address;
  }
}

/** The pools of an engine by name. */
export type AddressPools = ReadonlyMap<string, AddressPool>;

/** Makes pools of a configuration; throws a `ConfigError` for what is not understood. */
export function readPools(configs: Readonly<Record<string, PoolConfig>>): AddressPools {
  return new Map(Object.entries(configs).map(([name, config]) => [name, new AddressPool(name, config)]));
}

function readRange(name: string, text: string, word = "addrs"): Required<TrafficSelector> {
  try {
    const { start, end } = parseTrafficSelector(text);
    if (compareAddresses(start, end) > 0) throw new RangeError();
    return { start, end, protocol: 0, startPort: 0, endPort: 0xffff };
  } catch {
    throw refused(name, word, "an address, subnet or range", text);
  }
}

function refused(pool: string, word: string, expected: string, got: string): ConfigError {
  return new ConfigError(
    "ERR_CONFIG_OPTION",
    `Cannot use pools.${pool}.${word}: expected ${expected}, got ${JSON.stringify(got)}`,
  );
}

function words(value: string | readonly string[] = []): string[] {
  return (typeof value === "string" ? value.split(",") : [...value]).map((word) => word.trim()).filter((
    word,
  ) => word !== "");
}

function toNumber(address: Uint8Array): bigint {
  return address.reduce((value, octet) => value << 8n | BigInt(octet), 0n);
}

/** For error messages and logs. */
export function formatLease({ pool, address }: Lease): string {
  return `${formatIpAddress(address)} of pool ${pool.name}`;
}
