/**
 * One direction of a child SA, receiving (RFC 4303, section 3.4): cheap checks, then the cipher, then marking as seen, then
 * what was inside. Packets are gathered while they lie in one slab and opened together.
 */

import { readUint32 } from "../bytes/mod.ts";
import type { CipherSpec, CryptoProviders, MessageBatch, MessageOpener } from "../crypto/mod.ts";
import { ESP_HEADER_SIZE } from "../crypto/mod.ts";
import { type AddressPair, emitIpHeader, InnerPacket, ipHeaderLength, translateChecksum } from "../ip/mod.ts";
import { checkInteger } from "./_check.ts";
import { borrowBatch, NO_MESSAGES, returnBatch } from "./_message_batches.ts";
import { Lifetime, type LifetimeOptions } from "./lifetime.ts";
import type { EspMode } from "./outbound_sa.ts";
import { alignmentOf, ESP_TRAILER_SIZE, NEXT_HEADER, payloadEnd } from "./packet.ts";
import { ReplayWindow, type ReplayWindowOptions } from "./replay_window.ts";
import { SelectorsMatcher, type TrafficSelectors } from "./traffic_selector.ts";

/** Why an SA drops a packet. */
export type InboundSaDrop =
  /** Too short, or not a whole number of blocks. */
  | "malformed"
  /** A sequence number that no sender uses. */
  | "sequence"
  /** Seen before. */
  | "replayed"
  /** Below the replay window. */
  | "too_old"
  /** The integrity check value is wrong. */
  | "icv"
  /** Authentic, with padding that is not 1, 2, 3, ... */
  | "padding"
  /** A dummy packet: no fault. */
  | "dummy"
  /** Authentic, with a next header that the mode does not carry. */
  | "next_header"
  /** Authentic, with an inner packet that is none. */
  | "inner_packet"
  /** Authentic, with addresses, protocol or ports that the SA is not for. */
  | "selectors"
  /** A hard limit was reached. */
  | "expired";

/** Every reason, in the order in which packets meet them. */
export const INBOUND_SA_DROPS: readonly InboundSaDrop[] = [
  "malformed",
  "sequence",
  "replayed",
  "too_old",
  "icv",
  "padding",
  "dummy",
  "next_header",
  "inner_packet",
  "selectors",
  "expired",
];

/** Addresses of transport mode, whose packets bring none. */
export interface TransportAddresses {
  /** Those of the IP header that received packets are given: the peer's and ours, as they are seen here. */
  readonly addresses: AddressPair;
  /** Those that the peer sent from and to, where a NAT changed them (RFC 3948, section 3.1.2: NAT-OA or traffic selectors). */
  readonly original?: AddressPair;
}

/** What an {@linkcode InboundSa} takes. */
export interface InboundSaOptions {
  /** Our SPI, 256 or more where IKE made it. 0 is never on the wire (RFC 4303, section 2.1), and taken for tests. */
  readonly spi: number;
  /** Transforms and keys; the keys are copied. */
  readonly cipher: CipherSpec;
  /** Who makes the cipher. */
  readonly crypto: CryptoProviders;
  /** Present for transport mode; else packets are those of a tunnel. */
  readonly transport?: TransportAddresses;
  /** What packets may come (default: any). */
  readonly selectors?: TrafficSelectors;
  /** The anti-replay window; whether it is that of 64-bit numbers is `cipher.esn`. */
  readonly window?: Omit<ReplayWindowOptions, "esn">;
  /** When to rekey and when to stop. */
  readonly lifetime?: LifetimeOptions;
}

/** Shared by all SAs: work is synchronous and never nested. */
const inner = new InnerPacket();

/** An SA that receives. */
export class InboundSa {
  /** Our SPI. */
  readonly spi: number;
  /** Tunnel or transport. */
  readonly mode: EspMode;
  /** The anti-replay window. */
  readonly window: ReplayWindow;
  /** Packets and octets of payload that were delivered or dummies, and whether a hard limit was reached. */
  readonly lifetime: Lifetime;
  /** Packets dropped, by reason. */
  readonly dropped: Record<InboundSaDrop, number>;
  readonly #opener: MessageOpener;
  readonly #transport: TransportAddresses | undefined;
  readonly #selectors: SelectorsMatcher | null;
  readonly #least: number;
  readonly #alignment: number;
  /** What is checked and not yet taken. */
  #batch: MessageBatch = NO_MESSAGES;

  /** Makes the SA; throws a `CryptoError` when nobody has its algorithms. */
  constructor(options: InboundSaOptions) {
    const { cipher, transport, selectors } = options;
    this.spi = checkInteger("SPI", options.spi, 0, 0xffffffff);
    this.mode = transport === undefined ? "tunnel" : "transport";
    this.window = new ReplayWindow({ ...options.window, esn: cipher.esn ?? false });
    this.lifetime = new Lifetime(this.spi, options.lifetime);
    this.dropped = Object.fromEntries(INBOUND_SA_DROPS.map((reason) => [reason, 0])) as Record<
      InboundSaDrop,
      number
    >;
    this.#transport = transport;
    this.#selectors = selectors === undefined ? null : new SelectorsMatcher(selectors, "inbound");
    this.#opener = options.crypto.createOpener(cipher);
    this.#alignment = alignmentOf(this.#opener);
    this.#least = ESP_HEADER_SIZE + this.#opener.ivSize + ESP_TRAILER_SIZE + this.#opener.icvSize;
  }

  /** Sizes of what the cipher adds. */
  get sizes(): { readonly ivSize: number; readonly icvSize: number; readonly blockSize: number } {
    return this.#opener;
  }

  /** Packets that are checked and not yet opened. */
  get pending(): number {
    return this.#batch.count;
  }

  /** Looks at a packet without its key, and remembers it for `open`; gives the reason where it is dropped. */
  check(slab: Uint8Array, start: number, size: number): InboundSaDrop | null {
    if (this.lifetime.ended) return this.#drop("expired");
    const body = size - this.#least + ESP_TRAILER_SIZE;
    if (size < this.#least || body % this.#alignment !== 0) return this.#drop("malformed");
    const low = readUint32(slab, start + 4);
    const high = this.window.inferHigh(low);
    const verdict = this.window.check(low, high);
    if (verdict !== "fresh") return this.#drop(verdict === "invalid" ? "sequence" : verdict);
    if (this.#batch === NO_MESSAGES) this.#batch = borrowBatch();
    this.#batch.add(start, size, high === 0 ? undefined : { sequenceHigh: high });
    return null;
  }

  /** Verifies and decrypts all packets checked since the last time, where they lie. Then `take` gives each of them. */
  open(slab: Uint8Array): void {
    try {
      this.#opener.openBatch(slab, this.#batch);
    } catch (error) {
      this.clear();
      throw error;
    }
  }

  /** The packet that was checked as the `i`th, a view into the slab in tunnel mode; or the reason for which it is dropped. */
  take(slab: Uint8Array, i: number): Uint8Array<ArrayBufferLike> | InboundSaDrop {
    const batch = this.#batch;
    if (batch.accepted[i] !== 1) return this.#drop("icv");
    const start = batch.starts[i]!;
    const low = readUint32(slab, start + 4);
    const high = batch.sequenceHighs[i]!;
    // Two packets of one batch may have the same number: the first one has been marked by now.
    const verdict = this.window.check(low, high);
    if (verdict !== "fresh") return this.#drop(verdict === "invalid" ? "sequence" : verdict);
    const bodyStart = start + ESP_HEADER_SIZE + this.#opener.ivSize;
    const bodyEnd = start + batch.sizes[i]! - this.#opener.icvSize;
    if (!this.lifetime.admit(bodyEnd - bodyStart, high * 0x100000000 + low)) return this.#drop("expired");
    this.window.mark(low, high);
    const end = payloadEnd(slab, bodyStart, bodyEnd);
    if (end < 0) return this.#drop("padding");
    const nextHeader = slab[bodyEnd - 1]!;
    if (nextHeader === NEXT_HEADER.none) return this.#drop("dummy");
    return this.#transport === undefined
      ? this.#takeTunnel(slab, bodyStart, end, nextHeader)
      : this.#takeTransport(slab, bodyStart, end, nextHeader, this.#transport);
  }

  /** Forgets the packets that were opened and taken. */
  clear(): void {
    returnBatch(this.#batch);
    this.#batch = NO_MESSAGES;
  }

  /** Wipes the keys as far as the runtime allows; the SA receives nothing more. */
  dispose(): void {
    this.clear();
    this.#opener.dispose();
  }

  #takeTunnel(slab: Uint8Array, start: number, end: number, nextHeader: number): Uint8Array | InboundSaDrop {
    if (nextHeader !== NEXT_HEADER.ipv4 && nextHeader !== NEXT_HEADER.ipv6) return this.#drop("next_header");
    const version = nextHeader === NEXT_HEADER.ipv4 ? 4 : 6;
    if (!inner.read(slab, start, end) || inner.version !== version) return this.#drop("inner_packet");
    if (this.#selectors !== null && !this.#selectors.matches(inner)) return this.#drop("selectors");
    // What is behind the packet's own length is TFC padding (RFC 4303, section 2.7).
    return new Uint8Array(slab.buffer, slab.byteOffset + start, inner.length);
  }

  /** Puts an IP header in front: a copy, because it needs more room than ESP's own header leaves. */
  #takeTransport(
    slab: Uint8Array,
    start: number,
    end: number,
    nextHeader: number,
    { addresses, original }: TransportAddresses,
  ): Uint8Array | InboundSaDrop {
    if (nextHeader === NEXT_HEADER.ipv4 || nextHeader === NEXT_HEADER.ipv6) return this.#drop("next_header");
    const headerSize = ipHeaderLength(addresses.source);
    if (headerSize + end - start > 0xffff) return this.#drop("inner_packet");
    const packet = new Uint8Array(headerSize + end - start);
    const segment = packet.subarray(headerSize);
    segment.set(slab.subarray(start, end));
    emitIpHeader(packet, { ...addresses, protocol: nextHeader, payloadLength: segment.length });
    if (!inner.read(packet)) return this.#drop("inner_packet");
    if (this.#selectors !== null && !this.#selectors.matches(inner)) return this.#drop("selectors");
    if (original !== undefined) translateChecksum(segment, nextHeader, original, addresses);
    return packet;
  }

  #drop(reason: InboundSaDrop): InboundSaDrop {
    this.dropped[reason]++;
    return reason;
  }
}
