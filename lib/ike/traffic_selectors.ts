/**
 * Traffic selector negotiation (RFC 7296, section 2.9): what a configuration says becomes an offer, the responder narrows the
 * offer to its own policy, and the initiator holds the answer to what it offered.
 */

import { ConfigError } from "../errors.ts";
import { IKE_CODEC_LIMITS } from "./codec/mod.ts";
import { compareAddresses, formatIpAddress, parseTrafficSelector, type TrafficSelector } from "../ip/mod.ts";

/** A selector with every field. */
export type Selector = Required<TrafficSelector>;

/** A selector of a configuration: fixed, or `dynamic` with the address still to come. */
export type ConfiguredSelector = Selector | {
  readonly dynamic: true;
  readonly protocol: number;
  readonly startPort: number;
  readonly endPort: number;
};

/** The most selectors of one side that a child SA gets by narrowing, which are those that a message is read with. */
const MAX_SELECTORS = IKE_CODEC_LIMITS.traffic_selectors.default;

/** RFC 7296, section 3.13.1: a first port above the last one stands for OPAQUE, packets whose ports cannot be seen. */
const OPAQUE = { startPort: 0xffff, endPort: 0 } as const;

/** Reads a word of `local_ts` or `remote_ts`: a selector, or `dynamic` with `[protocol/port]` behind it. */
export function parseConfiguredSelector(text: string): ConfiguredSelector {
  const word = text.trim();
  const dynamic = /^dynamic(\[.*\])?$/.exec(word);
  const opaque = word.includes("/opaque]");
  try {
    const plain = opaque ? word.replace("/opaque]", "]") : word;
    const selector = parseTrafficSelector(dynamic === null ? plain : plain.replace("dynamic", "0.0.0.0/0"));
    const { start, end, protocol = 0, startPort = 0, endPort = 0xffff } = selector;
    const ports = opaque ? OPAQUE : { startPort, endPort };
    return dynamic === null ? { start, end, protocol, ...ports } : { dynamic: true, protocol, ...ports };
  } catch (error) {
    throw new ConfigError("ERR_CONFIG_OPTION", (error as Error).message, { cause: error });
  }
}

/** Puts addresses in the place of `dynamic`; without one, `dynamic` stands for nothing. */
export function resolveSelectors(
  configured: readonly ConfiguredSelector[],
  addresses: readonly Uint8Array[],
): Selector[] {
  return configured.flatMap((selector) => {
    if (!("dynamic" in selector)) return [selector];
    const { protocol, startPort, endPort } = selector;
    return addresses.map((address) => ({ start: address, end: address, protocol, startPort, endPort }));
  });
}

/** Puts every address of the families named in the place of `dynamic`: the offer of one who does not know its address yet. */
export function widenSelectors(
  configured: readonly ConfiguredSelector[],
  families: readonly (4 | 16)[],
): Selector[] {
  return configured.flatMap((selector) => {
    if (!("dynamic" in selector)) return [selector];
    const { protocol, startPort, endPort } = selector;
    return families.map((size) => ({
      start: new Uint8Array(size),
      end: new Uint8Array(size).fill(0xff),
      protocol,
      startPort,
      endPort,
    }));
  });
}

/** What two selectors have in common; undefined for nothing. */
export function intersectSelectors(a: Selector, b: Selector): Selector | undefined {
  if (a.start.length !== b.start.length) return undefined;
  if (a.protocol !== 0 && b.protocol !== 0 && a.protocol !== b.protocol) return undefined;
  const start = compareAddresses(a.start, b.start) > 0 ? a.start : b.start;
  const end = compareAddresses(a.end, b.end) < 0 ? a.end : b.end;
  if (compareAddresses(start, end) > 0) return undefined;
  const ports = intersectPorts(a, b);
  return ports && { start, end, protocol: a.protocol || b.protocol, ...ports };
}

function intersectPorts(a: Selector, b: Selector): Pick<Selector, "startPort" | "endPort"> | undefined {
  // All ports include those that cannot be seen.
  if (isOpaque(a) || isOpaque(b)) {
    return (isOpaque(a) || isAllPorts(a)) && (isOpaque(b) || isAllPorts(b)) ? OPAQUE : undefined;
  }
  const startPort = Math.max(a.startPort, b.startPort);
  const endPort = Math.min(a.endPort, b.endPort);
  return startPort > endPort ? undefined : { startPort, endPort };
}

function isOpaque({ startPort, endPort }: Selector): boolean {
  return startPort > endPort;
}

function isAllPorts({ startPort, endPort }: Selector): boolean {
  return startPort === 0 && endPort === 0xffff;
}

/** Whether every packet of `inner` is one of `outer`. */
export function containsSelector(outer: Selector, inner: Selector): boolean {
  const common = intersectSelectors(outer, inner);
  return common !== undefined && sameSelector(common, inner);
}

/** Whether two selectors are the same. */
export function sameSelector(a: Selector, b: Selector): boolean {
  return a.protocol === b.protocol && a.startPort === b.startPort && a.endPort === b.endPort &&
    a.start.length === b.start.length && compareAddresses(a.start, b.start) === 0 &&
    compareAddresses(a.end, b.end) === 0;
}

/**
 * The responder's part: what offer and policy have in common, in the order of the offer, whose first selector is that of the
 * packet that asked for the SA where there was one (section 2.9). Selectors that lie inside others are left out. Empty means
 * TS_UNACCEPTABLE. Each selector of an offer may meet each of a policy, so of what they make only as many are taken as a TS payload
 * may have: "IKEv2 allows the responder to choose a subset of the traffic proposed by the initiator".
 *
 * @example
 * ```ts
 * import { formatSelector, narrowSelectors, parseConfiguredSelector, type Selector } from "iketcp/ike";
 * import { deepStrictEqual } from "node:assert";
 *
 * const offer = [parseConfiguredSelector("0.0.0.0/0") as Selector];
 * const policy = [parseConfiguredSelector("10.99.1.0/24") as Selector];
 * deepStrictEqual(narrowSelectors(offer, policy).map(formatSelector), ["10.99.1.0/24"]);
 * ```
 */
export function narrowSelectors(offered: readonly Selector[], policy: readonly Selector[]): Selector[] {
  let taken: Selector[] = [];
  for (const offer of offered) {
    for (const own of policy) {
      const common = intersectSelectors(offer, own);
      if (common === undefined || taken.some((other) => containsSelector(other, common))) continue;
      const others = taken.filter((other) => !containsSelector(common, other));
      if (others.length < MAX_SELECTORS) taken = [...others, common];
    }
  }
  return taken;
}

/** The initiator's part: the first selector of an answer that is not inside the offer; undefined when all are. */
export function findWidened(
  answered: readonly Selector[],
  offered: readonly Selector[],
): Selector | undefined {
  return answered.find((selector) => !offered.some((offer) => containsSelector(offer, selector)));
}

/** Whether a selector is of one address. */
export function isSingleAddress({ start, end }: Selector): boolean {
  return compareAddresses(start, end) === 0;
}

/** A selector of one address: of the preferred ones the first that is among them, else the first that a host can have. */
export function pickAddress(selectors: readonly Selector[], preferred: readonly Uint8Array[]): Selector[] {
  for (const address of preferred) {
    const around = selectors.find(({ start, end }) =>
      start.length === address.length && compareAddresses(start, address) <= 0 &&
      compareAddresses(address, end) <= 0
    );
    if (around !== undefined) return [{ ...around, start: address, end: address }];
  }
  return selectors.slice(0, 1).map((selector) => {
    const address = selector.start.slice();
    // The first address of a subnet names the subnet; it is even, so that adding one carries nothing.
    if (!isSingleAddress(selector) && address.at(-1)! % 2 === 0) address[address.length - 1]!++;
    return { ...selector, start: address, end: address };
  });
}

/** Reads the words of a list of selectors. */
export function parseConfiguredSelectors(value: string | readonly string[]): ConfiguredSelector[] {
  const words = typeof value === "string" ? value.split(",") : value;
  return words.map((word) => parseConfiguredSelector(word));
}

/** `10.1.0.0/16[tcp/443]`, as `swanctl --list-sas` writes it. */
export function formatSelector(selector: Selector): string {
  const { start, end, protocol, startPort, endPort } = selector;
  const ports = isOpaque(selector)
    ? "/opaque"
    : isAllPorts(selector)
    ? ""
    : startPort === endPort
    ? `/${startPort}`
    : `/${startPort}-${endPort}`;
  const inside = protocol === 0 && ports === "" ? "" : `[${protocol || "any"}${ports}]`;
  return `${formatRange(start, end)}${inside}`;
}

function formatRange(start: Uint8Array, end: Uint8Array): string {
  if (compareAddresses(start, end) === 0) return `${formatIpAddress(start)}/${start.length * 8}`;
  const prefix = prefixLength(start, end);
  return prefix === undefined
    ? `${formatIpAddress(start)}-${formatIpAddress(end)}`
    : `${formatIpAddress(start)}/${prefix}`;
}

/** The prefix length of a range that is a subnet. */
function prefixLength(start: Uint8Array, end: Uint8Array): number | undefined {
  let bits = 0;
  while (bits < start.length * 8 && bit(start, bits) === bit(end, bits)) bits++;
  for (let i = bits; i < start.length * 8; i++) {
    if (bit(start, i) !== 0 || bit(end, i) !== 1) return undefined;
  }
  return bits;
}

function bit(octets: Uint8Array, index: number): number {
  return octets[index >> 3]! >> (7 - index % 8) & 1;
}
