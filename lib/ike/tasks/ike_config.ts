/** Configuration payloads of IKE_AUTH (RFC 7296, sections 2.19, 3.15): virtual addresses, DNS servers, subnets behind the gateway. */

import { formatIdentity } from "../auth/mod.ts";
import { type ConfigurationAttribute, EXCHANGE, NOTIFY } from "../codec/mod.ts";
import type { IkeSa } from "../ike_sa.ts";
import type { Incoming, Outgoing } from "../messages.ts";
import type { AddressPool, Lease } from "../pools.ts";
import type { Selector } from "../traffic_selectors.ts";
import type { Task } from "./task.ts";

const CFG_REQUEST = 1;
const CFG_REPLY = 2;

/** Attribute types by octets of an address. */
const ATTRIBUTES: Readonly<
  Record<4 | 16, { readonly address: number; readonly dns: number; readonly subnet: number }>
> = {
  4: { address: 1, dns: 3, subnet: 13 },
  16: { address: 8, dns: 10, subnet: 15 },
};

/** The most that is taken of a reply, of each kind. */
const MAX_ATTRIBUTES = 64;

/** CP(CFG_REQUEST) and CP(CFG_REPLY). */
export class IkeConfigTask implements Task {
  readonly name = "ike_config";
  readonly #sa: IkeSa;
  #request: readonly ConfigurationAttribute[] | null = null;
  #asked = false;
  done = false;

  /** Takes the SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  build(message: Outgoing): void {
    if (message.exchangeType !== EXCHANGE.ikeAuth) return;
    if (this.#sa.role === "initiator") this.#ask(message);
    else if (this.#sa.authenticated) this.#answer(message);
  }

  process(message: Incoming): void {
    if (message.exchangeType !== EXCHANGE.ikeAuth) return;
    const cp = message.first("CP");
    if (this.#sa.role === "responder") {
      if (cp?.type === CFG_REQUEST) {
        this.#request = cp.attributes.map(({ type, value }) => ({ type, value: value.slice() }));
      }
    } else if (this.#sa.authenticated) {
      if (cp?.type === CFG_REPLY) this.#learn(cp.attributes);
      this.done = true;
    }
  }

  abort(): void {}

  #ask(message: Outgoing): void {
    const { vips } = this.#sa.connection;
    if (this.#asked || vips.length === 0) return;
    this.#asked = true;
    const attributes: ConfigurationAttribute[] = [];
    for (const address of this.#wanted(vips)) {
      const { address: type } = ATTRIBUTES[address.length as 4 | 16];
      const wanted = address.some((octet) => octet !== 0);
      // An address of IPv6 goes with a prefix length, of which a host's is 128.
      const value = !wanted ? new Uint8Array(0) : address.length === 4 ? address : withOctet(address, 128);
      attributes.push({ type, value });
    }
    for (const family of new Set(vips.map(({ length }) => length as 4 | 16))) {
      attributes.push({ type: ATTRIBUTES[family].dns, value: new Uint8Array(0) });
    }
    message.add({ kind: "CP", type: CFG_REQUEST, attributes });
  }

  /** The addresses of the configuration, or in their place those that the SA has which this one is to replace. */
  #wanted(vips: readonly Uint8Array[]): Uint8Array[] {
    const had = [...this.#sa.reauthentication.old?.configuration.addresses ?? []];
    return vips.map((address) => {
      const i = had.findIndex(({ length }) => length === address.length);
      return i < 0 ? address : had.splice(i, 1)[0]!;
    });
  }

  #learn(attributes: readonly ConfigurationAttribute[]): void {
    const addresses: Uint8Array[] = [];
    const dns: Uint8Array[] = [];
    const subnets: Selector[] = [];
    for (const { type, value } of attributes.slice(0, 3 * MAX_ATTRIBUTES)) {
      for (const family of [4, 16] as const) {
        const types = ATTRIBUTES[family];
        if (value.length < family) continue;
        // Only what was asked for: several addresses only where several were wanted (section 3.15.1).
        const wanted = this.#sa.connection.vips.filter(({ length }) => length === family).length;
        const have = addresses.filter(({ length }) => length === family).length;
        if (type === types.address && have < wanted) addresses.push(value.slice(0, family));
        else if (type === types.dns && dns.length < MAX_ATTRIBUTES) dns.push(value.slice(0, family));
        else if (type === types.subnet && subnets.length < MAX_ATTRIBUTES) {
          subnets.push(readSubnet(value, family));
        }
      }
    }
    this.#sa.configuration = { addresses, dns, subnets };
  }

  #answer(message: Outgoing): void {
    this.done = true;
    const sa = this.#sa;
    const pools = sa.connection.pools.map((name) => sa.services.pools.get(name)!);
    if (pools.length === 0) return;
    if (this.#request === null) {
      // Section 3.10.1: "sent by responder in the case where CP(CFG_REQUEST) was expected but not received".
      sa.configurationFailed = true;
      return message.notify(NOTIFY.failedCpRequired!);
    }
    const leases: Lease[] = [];
    for (const { type, value } of this.#request) {
      if (leases.length >= sa.services.limits.max_addresses) break;
      const family = ([4, 16] as const).find((one) => ATTRIBUTES[one].address === type);
      if (family === undefined) continue;
      const name = formatIdentity(sa.peerId!);
      const holder = {
        identity: sa.isAnonymous ? `${name}, unproven` : name,
        from: sa.path.remote.address.join(),
      };
      const lease = acquire(pools, family, holder, value);
      if (lease !== undefined) leases.push(lease);
      sa.leases = [...leases]; // at once: they are given back if the SA fails
    }
    if (leases.length === 0) {
      sa.configurationFailed = true;
      return message.notify(NOTIFY.internalAddressFailure!);
    }
    const used = [...new Set(leases.map(({ pool }) => pool))];
    sa.configuration = {
      addresses: leases.map(({ address }) => address),
      dns: used.flatMap(({ dns }) => dns),
      subnets: used.flatMap(({ subnets }) => subnets),
    };
    message.add({ kind: "CP", type: CFG_REPLY, attributes: replyAttributes(leases, used) });
  }
}

/** An address of the first pool of a family that has one. */
function acquire(
  pools: readonly AddressPool[],
  family: 4 | 16,
  holder: { readonly identity: string; readonly from: string },
  wanted: Uint8Array,
): Lease | undefined {
  for (const pool of pools.filter((one) => one.family === family)) {
    const lease = pool.acquire(
      holder.identity,
      wanted.length < family ? undefined : wanted.subarray(0, family),
      holder.from,
    );
    if (lease !== undefined) return lease;
  }
  return undefined;
}

function replyAttributes(leases: readonly Lease[], pools: readonly AddressPool[]): ConfigurationAttribute[] {
  const addresses = leases.map(({ address }) => ({
    type: ATTRIBUTES[address.length as 4 | 16].address,
    value: address.length === 4 ? address : withOctet(address, 128),
  }));
  const dns = pools.flatMap((pool) => pool.dns).map((address) => ({
    type: ATTRIBUTES[address.length as 4 | 16].dns,
    value: address,
  }));
  const subnets = pools.flatMap((pool) => pool.subnets).map(({ start, end }) => ({
    type: ATTRIBUTES[start.length as 4 | 16].subnet,
    value: writeSubnet(start, end),
  }));
  return [...addresses, ...dns, ...subnets];
}

/** IPv4: address and netmask; IPv6: address and prefix length (section 3.15.1). */
function writeSubnet(start: Uint8Array, end: Uint8Array): Uint8Array {
  const mask = start.map((octet, i) => ~(octet ^ end[i]!) & 0xff);
  if (start.length === 4) return new Uint8Array([...start, ...mask]);
  return withOctet(start, mask.reduce((bits, octet) => bits + countBits(octet), 0));
}

function readSubnet(value: Uint8Array, family: 4 | 16): Selector {
  const start = value.slice(0, family);
  const prefix = value[family] ?? 128;
  const mask = family === 4
    ? value.slice(4, 8)
    : start.map((_, i) => 0xff << (8 - Math.min(8, Math.max(0, prefix - 8 * i))) & 0xff);
  const end = start.map((octet, i) => octet | ~(mask[i] ?? 0xff) & 0xff);
  return {
    start: start.map((octet, i) => octet & (mask[i] ?? 0xff)),
    end,
    protocol: 0,
    startPort: 0,
    endPort: 0xffff,
  };
}

function countBits(octet: number): number {
  let bits = 0;
  for (let rest = octet; rest > 0; rest >>= 1) bits += rest & 1;
  return bits;
}

function withOctet(octets: Uint8Array, last: number): Uint8Array {
  const longer = new Uint8Array(octets.length + 1);
  longer.set(octets);
  longer[octets.length] = last;
  return longer;
}
