/** Traffic selectors (RFC 4301, section 4.4.1.1; RFC 7296, section 3.13): which packets an SA may carry. */

import { CodedTypeError } from "../errors.ts";
import { compareAddresses, type InnerPacket, type TrafficSelector } from "../ip/mod.ts";

export { parseTrafficSelector, type TrafficSelector } from "../ip/mod.ts";

/** What lies on either side of a tunnel, seen from here. */
export interface TrafficSelectors {
  /** This end's: sources of what is sent, destinations of what is received. */
  readonly local: readonly TrafficSelector[];
  /** The peer's. */
  readonly remote: readonly TrafficSelector[];
}

/** A selector made ready to be compared with packets. */
export class SelectorMatcher {
  /** 4 or 6. */
  readonly version: 4 | 6;
  /** First address as words of 32 bits, one for IPv4. Plain arrays: a typed one of this size is mostly its own overhead. */
  readonly start: readonly number[];
  /** See `start`. */
  readonly end: readonly number[];
  /** Leading bits that all its addresses have in common. */
  readonly prefixLength: number;
  /** Upper protocol; 0 for any. */
  readonly protocol: number;
  readonly #startPort: number;
  readonly #endPort: number;

  /** Throws a `TypeError` for ranges that are none. */
  constructor(selector: TrafficSelector) {
    const { start, end, protocol = 0, startPort = 0, endPort = 0xffff } = selector;
    if (![4, 16].includes(start.length) || start.length !== end.length || compareAddresses(start, end) > 0) {
      throw new CodedTypeError(
        "ERR_ESP_SELECTOR",
        `Cannot use traffic selector: expected two addresses of 4 or 16 octets, the lower one first, got ${start.length} and ${end.length}`,
      );
    }
    this.version = start.length === 4 ? 4 : 6;
    this.start = wordsOf(start);
    this.end = wordsOf(end);
    const words = this.start.length;
    let common = 0;
    while (common < words && this.start[common] === this.end[common]) common++;
    this.prefixLength = common === words
      ? common * 32
      : common * 32 + Math.clz32(this.start[common]! ^ this.end[common]!);
    this.protocol = protocol;
    this.#startPort = startPort;
    this.#endPort = endPort;
  }

  /** Whether it names ports, and not all of them. */
  get limitsPorts(): boolean {
    return this.#startPort > 0 || this.#endPort < 0xffff;
  }

  /** Whether a packet's source (`at` 0) or destination (`at` 4) is inside. A packet without ports is in no range of ports. */
  matches(packet: InnerPacket, at: 0 | 4): boolean {
    if (packet.version !== this.version) return false;
    if (this.protocol !== 0 && this.protocol !== packet.protocol) return false;
    const { addresses } = packet;
    if (this.version === 4) {
      const address = addresses[at]!;
      if (address < this.start[0]! || address > this.end[0]!) return false;
    } else if (compareWords(addresses, at, this.start) < 0 || compareWords(addresses, at, this.end) > 0) {
      return false;
    }
    if (!this.limitsPorts) return true;
    const port = at === 0 ? packet.sourcePort : packet.destinationPort;
    return packet.hasPorts && port >= this.#startPort && port <= this.#endPort;
  }
}

function wordsOf(address: Uint8Array): number[] {
  const view = new DataView(address.buffer, address.byteOffset, address.length);
  return Array.from({ length: address.length / 4 }, (_, i) => view.getUint32(4 * i));
}

function compareWords(addresses: Uint32Array, at: number, other: readonly number[]): number {
  for (let i = 0; i < 4; i++) {
    const difference = addresses[at + i]! - other[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The selectors of an SA made ready for packets of one direction. */
export class SelectorsMatcher {
  readonly #sources: readonly SelectorMatcher[];
  readonly #destinations: readonly SelectorMatcher[];

  /** Takes the selectors, and which way packets go. */
  constructor(selectors: TrafficSelectors, direction: "inbound" | "outbound") {
    const local = selectors.local.map((selector) => new SelectorMatcher(selector));
    const remote = selectors.remote.map((selector) => new SelectorMatcher(selector));
    this.#sources = direction === "outbound" ? local : remote;
    this.#destinations = direction === "outbound" ? remote : local;
  }

  /** Whether a packet is inside. */
  matches(packet: InnerPacket): boolean {
    return some(this.#sources, packet, 0) && some(this.#destinations, packet, 4);
  }
}

function some(matchers: readonly SelectorMatcher[], packet: InnerPacket, at: 0 | 4): boolean {
  for (let i = 0; i < matchers.length; i++) {
    if (matchers[i]!.matches(packet, at)) return true;
  }
  return false;
}
