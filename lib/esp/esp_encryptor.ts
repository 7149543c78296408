/**
 * IP packets to ESP packets (RFC 4303, section 3.3): picks the SA of each packet, writes all of a batch into one slab, and
 * has each SA seal what is its own. The core of `EspEncryptStream`.
 */

import { clampMss, InnerPacket, mssOf, mustNotBeFragmented, packetTooBig } from "../ip/mod.ts";
import { checkInteger, checkOctets } from "./_check.ts";
import { TokenBucket } from "./_token_bucket.ts";
import { putOff, work } from "./_work.ts";
import type { OutboundSa } from "./outbound_sa.ts";
import { NEXT_HEADER, type PacketChunk } from "./packet.ts";
import type { SaTable } from "./sa_table.ts";
import type { SlabPool } from "./slab_pool.ts";

/** Why a packet is not sent. */
export type OutboundDrop =
  /** No whole IP packet. */
  | "malformed"
  /** No SA is for it. */
  | "no_policy"
  /** It does not fit, and must not be fragmented. */
  | "too_big"
  /** Transport mode, and a fragment (RFC 4303, section 3.1.1: whole packets only). */
  | "fragment"
  /** The SA has come to a hard limit. */
  | "expired";

/** Every reason. */
export const OUTBOUND_DROPS: readonly OutboundDrop[] = [
  "malformed",
  "no_policy",
  "too_big",
  "fragment",
  "expired",
];

/** A packet that was not sent. */
export interface OutboundDropEvent {
  /** Why. */
  readonly reason: OutboundDrop;
  /** SPI of the SA that was picked; absent where none was. */
  readonly spi?: number;
  /** For `too_big`: the ICMP packet that tells the sender, where one is to be told, and not too many were lately. */
  readonly reply?: Uint8Array<ArrayBuffer>;
}

/** What an {@linkcode EspEncryptor} takes. */
export interface EspEncryptorOptions {
  /** The SAs. */
  readonly table: SaTable;
  /** The longest inner packet that must not be fragmented (default: 1400). Others go whole, as far as a message can be. */
  readonly mtu?: number;
  /** The longest ESP packet (default: 65533, what RFC 9329's Length leaves). */
  readonly maxMessageLength?: number;
  /**
   * The most ICMP packets that `too_big` gives in a second, and at once (default: 100). RFC 4443, section 2.4(f), and RFC 1812,
   * section 4.3.2.8, want a limit: a sender of many packets that do not fit must not be able to make as many answers.
   */
  readonly maxTooBigReplies?: number;
  /** Whether the MSS of TCP SYNs is lowered to what the MTU leaves (default: false). */
  readonly clampMss?: boolean;
  /**
   * Octets left free in front of each ESP packet in the slab (default: 0). With 2, an `InPlaceFramer` writes the
   * Length there, and nothing is copied.
   */
  readonly room?: number;
  /** Where slabs come from, and come back to by `returnSlabs` (default: a new one for each chunk). */
  readonly slabs?: SlabPool;
  /** The time in milliseconds, from any start, asked once for each chunk (default: `performance.now`). */
  readonly now?: () => number;
  /** Told of every packet that is not sent, once the chunk is encrypted. */
  readonly onDrop?: (event: OutboundDropEvent) => void;
}

/** What an {@linkcode EspEncryptor} has done. */
export interface EspEncryptorCounters {
  /** ESP packets made. */
  packets: number;
  /** Octets of the IP packets in them. */
  octets: number;
  /** Packets not sent, by reason. */
  readonly dropped: Record<OutboundDrop, number>;
  /** ICMP packets that were not made because of `maxTooBigReplies`. */
  repliesWithheld: number;
}

/** DESIGN: the default MTU inside a tunnel. */
export const DEFAULT_INNER_MTU: number = 1400;

/** ICMP packets for what does not fit, in a second and at once, unless an option says otherwise. */
export const DEFAULT_TOO_BIG_REPLIES: number = 100;

/** The longest message of an RFC 9329 stream. */
const MAX_MESSAGE_LENGTH = 65_533;

/** Encrypts packets. */
export class EspEncryptor {
  /** What was done so far. */
  readonly counters: EspEncryptorCounters = {
    packets: 0,
    octets: 0,
    dropped: Object.fromEntries(OUTBOUND_DROPS.map((reason) => [reason, 0])) as Record<OutboundDrop, number>,
    repliesWithheld: 0,
  };
  readonly #table: SaTable;
  readonly #mtu: number;
  readonly #maxMessageLength: number;
  readonly #clampMss: boolean;
  readonly #room: number;
  readonly #slabs: SlabPool | undefined;
  readonly #replies: TokenBucket;
  readonly #now: () => number;
  readonly #onDrop: ((event: OutboundDropEvent) => void) | undefined;
  readonly #inner: InnerPacket = new InnerPacket();

  /** Makes an encryptor. */
  constructor(options: EspEncryptorOptions) {
    this.#table = options.table;
    this.#mtu = checkInteger("mtu", options.mtu ?? DEFAULT_INNER_MTU, 68, 0xffff);
    this.#maxMessageLength = checkInteger(
      "maxMessageLength",
      options.maxMessageLength ?? MAX_MESSAGE_LENGTH,
      64,
      0xffff,
    );
    this.#replies = new TokenBucket(
      checkInteger("maxTooBigReplies", options.maxTooBigReplies ?? DEFAULT_TOO_BIG_REPLIES, 0, 1e6),
    );
    this.#clampMss = options.clampMss ?? false;
    this.#room = checkInteger("room", options.room ?? 0, 0, 256);
    this.#slabs = options.slabs;
    this.#now = options.now ?? (() => performance.now());
    this.#onDrop = options.onDrop;
  }

  /** Emits the ESP packets of a chunk, in order: views into one slab. Packets are copied and never changed. */
  handle(chunk: PacketChunk, emit: (chunk: PacketChunk) => void): void {
    if (!Array.isArray(chunk)) {
      checkOctets(chunk, "packet");
      const messages = work(() => this.#encrypt([chunk]));
      if (messages.length > 0) emit(messages[0]!);
      return;
    }
    for (const packet of chunk) checkOctets(packet, "packet");
    const messages = work(() => this.#encrypt(chunk));
    if (messages.length > 0) emit(messages);
  }

  /** Nothing is left. */
  handleEnd(): void {}

  /**
   * A dummy packet of an SA (RFC 4303, section 2.6), which the peer drops: it hides whether there is traffic. Its payload
   * has `size` octets; `undefined` when the SA has come to a hard limit.
   */
  dummy(sa: OutboundSa, size: number): Uint8Array<ArrayBuffer> | undefined {
    sa.lifetime.handleTime(this.#now());
    const payload = new Uint8Array(checkInteger("dummy size", size, 0, 0xffff));
    const slab = new Uint8Array(this.#room + sa.sizeOf(size));
    const length = sa.write(slab, this.#room, payload, NEXT_HEADER.none);
    if (length === 0) return undefined;
    sa.seal(slab);
    return slab.subarray(this.#room);
  }

  #encrypt(packets: readonly Uint8Array[]): Uint8Array[] {
    const picked: OutboundSa[] = [];
    const payloads: Uint8Array[] = [];
    const nextHeaders: number[] = [];
    const touched: OutboundSa[] = [];
    let size = 0;
    for (const packet of packets) {
      const sa = this.#pick(packet);
      if (sa === undefined) continue;
      const inner = this.#inner;
      const start = sa.mode === "tunnel" ? 0 : inner.headerSize;
      const payload = start === 0 && inner.length === packet.length
        ? packet
        : new Uint8Array(packet.buffer, packet.byteOffset + start, inner.length - start);
      picked.push(sa);
      payloads.push(payload);
      nextHeaders.push(
        sa.mode === "transport" ? inner.protocol : inner.version === 4 ? NEXT_HEADER.ipv4 : NEXT_HEADER.ipv6,
      );
      size += this.#room + sa.sizeOf(payload.length);
    }
    if (size === 0) return [];
    const now = this.#now();
    const slab = this.#slabs?.take(size) ?? new Uint8Array(size);
    const messages: Uint8Array[] = [];
    let offset = 0;
    try {
      for (let i = 0; i < picked.length; i++) {
        const sa = picked[i]!;
        const first = sa.pending === 0;
        if (first) sa.lifetime.handleTime(now);
        const start = offset + this.#room;
        const payload = payloads[i]!;
        const length = sa.write(slab, start, payload, nextHeaders[i]!);
        if (length === 0) {
          this.#drop("expired", sa.spi);
          continue;
        }
        if (first) touched.push(sa);
        if (this.#clampMss) this.#clamp(slab, sa, start, payload.length);
        this.counters.packets++;
        this.counters.octets += payload.length;
        messages.push(new Uint8Array(slab.buffer, start, length));
        offset = start + length;
      }
      for (const sa of touched) sa.seal(slab);
    } finally {
      for (const sa of touched) sa.discard();
    }
    return messages;
  }

  /** The SA of a packet; `undefined`, and told, where it is not sent. Leaves the packet's fields in `inner`. */
  #pick(packet: Uint8Array): OutboundSa | undefined {
    const inner = this.#inner;
    if (!inner.read(packet)) return this.#drop("malformed");
    const sa = this.#table.outbound(inner);
    if (sa === undefined) return this.#drop("no_policy");
    if (sa.mode === "transport" && inner.fragment) return this.#drop("fragment", sa.spi);
    const payloadSize = sa.mode === "tunnel" ? inner.length : inner.length - inner.headerSize;
    const tooLong = sa.sizeOf(payloadSize) > this.#maxMessageLength;
    if (tooLong || (inner.length > this.#mtu && mustNotBeFragmented(packet))) {
      return this.#drop("too_big", sa.spi, this.#tooBigReply(packet));
    }
    return sa;
  }

  #tooBigReply(packet: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
    const reply = packetTooBig(packet, this.#mtu);
    if (reply === undefined || this.#replies.take(this.#now())) return reply;
    this.counters.repliesWithheld++;
    return undefined;
  }

  #clamp(slab: Uint8Array, sa: OutboundSa, start: number, length: number): void {
    if (sa.mode !== "tunnel") return;
    const inner = this.#inner;
    const at = start + 8 + sa.sizes.ivSize;
    if (inner.read(slab, at, at + length)) clampMss(slab, at, inner, mssOf(this.#mtu, inner.version));
  }

  #drop(reason: OutboundDrop, spi?: number, reply?: Uint8Array<ArrayBuffer>): undefined {
    this.counters.dropped[reason]++;
    const onDrop = this.#onDrop;
    if (onDrop === undefined) return;
    putOff(() =>
      onDrop({
        reason,
        ...(spi === undefined ? {} : { spi }),
        ...(reply === undefined ? {} : { reply }),
      })
    );
  }
}
