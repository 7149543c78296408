/**
 * ESP packets to IP packets (RFC 4303, section 3.4): finds the SA of each packet by its SPI, has each SA open what is its
 * own, and gives what is left in the order in which it came. The core of `EspDecryptStream`.
 */

import { readUint32 } from "../bytes/mod.ts";
import { checkOctets } from "./_check.ts";
import { putOff, work } from "./_work.ts";
import type { PacketChunk } from "./packet.ts";
import { INBOUND_SA_DROPS, type InboundSa, type InboundSaDrop } from "./inbound_sa.ts";
import type { SaTable } from "./sa_table.ts";

/** Why a packet is dropped: by its SA, or because it has none. */
export type InboundDrop = InboundSaDrop | "unknown_spi";

/** A packet that was dropped. */
export interface InboundDropEvent {
  /** Why. */
  readonly reason: InboundDrop;
  /** Its SPI; 0 where it is too short to have one. */
  readonly spi: number;
  /** Its sequence number, the lower half. */
  readonly sequence: number;
  /**
   * How often this reason came without an authentic packet between, this one included: many unknown SPIs or wrong ICVs in
   * a row mean that the byte stream is corrupt (RFC 9329, section 10).
   */
  readonly inARow: number;
}

/** What an {@linkcode EspDecryptor} takes. */
export interface EspDecryptorOptions {
  /** The SAs. */
  readonly table: SaTable;
  /**
   * Whether packets are copied before they are decrypted (default: false). Else they are decrypted where they lie: the
   * caller gives them away, and those of one chunk must not overlap.
   */
  readonly copy?: boolean;
  /** The time in milliseconds, from any start, asked once for each chunk (default: `performance.now`). */
  readonly now?: () => number;
  /** Told of every packet that is dropped, once the chunk is decrypted. */
  readonly onDrop?: (event: InboundDropEvent) => void;
}

/** What an {@linkcode EspDecryptor} has done. */
export interface EspDecryptorCounters {
  /** IP packets delivered. */
  packets: number;
  /** Octets of these. */
  octets: number;
  /** ESP packets dropped, by reason. */
  readonly dropped: Record<InboundDrop, number>;
}

/** Octets of SPI and sequence number. */
const HEADER_SIZE = 8;

/** The work that one SA has in a chunk: packets that lie in one slab. */
interface Work {
  readonly sa: InboundSa;
  slab: Uint8Array;
  /** For each packet, its place in the chunk. */
  readonly places: number[];
}

/** What became of a message; null while its SA has it. */
type Outcome = Uint8Array | InboundDrop | null;

/** Decrypts packets. */
export class EspDecryptor {
  /** What was done so far. */
  readonly counters: EspDecryptorCounters = {
    packets: 0,
    octets: 0,
    dropped: Object.fromEntries(
      [...INBOUND_SA_DROPS, "unknown_spi"].map((reason) => [reason, 0]),
    ) as Record<InboundDrop, number>,
  };
  readonly #table: SaTable;
  readonly #copy: boolean;
  readonly #now: () => number;
  readonly #onDrop: ((event: InboundDropEvent) => void) | undefined;
  readonly #inARow: Map<InboundDrop, number> = new Map();

  /** Makes a decryptor. */
  constructor(options: EspDecryptorOptions) {
    this.#table = options.table;
    this.#copy = options.copy ?? false;
    this.#now = options.now ?? (() => performance.now());
    this.#onDrop = options.onDrop;
  }

  /** Emits the IP packets of a chunk, in order: views into what was given, or into one new slab when it is copied. */
  handle(chunk: PacketChunk, emit: (chunk: PacketChunk) => void): void {
    if (!Array.isArray(chunk)) {
      checkOctets(chunk, "ESP packet");
      const packets = work(() => this.#decrypt([chunk]));
      if (packets.length > 0) emit(packets[0]!);
      return;
    }
    for (const message of chunk) checkOctets(message, "ESP packet");
    const packets = work(() => this.#decrypt(chunk));
    if (packets.length > 0) emit(packets);
  }

  /** Nothing is left. */
  handleEnd(): void {}

  #decrypt(given: readonly Uint8Array[]): Uint8Array[] {
    const messages = this.#copy ? copied(given) : given;
    const outcomes: Outcome[] = [];
    const works: Map<number, Work> = new Map();
    const now = this.#now();
    try {
      let slab: Uint8Array | undefined;
      let work: Work | undefined;
      for (let i = 0; i < messages.length; i++) {
        const message = messages[i]!;
        if (message.length < HEADER_SIZE) {
          outcomes.push("malformed");
          continue;
        }
        const spi = readUint32(message, 0);
        if (work?.sa.spi !== spi) work = this.#workOf(spi, works, now);
        if (work === undefined) {
          outcomes.push("unknown_spi");
          continue;
        }
        const { buffer, byteOffset } = message;
        // From the first message on, and not the whole buffer: small offsets are cheap to pass to foreign code.
        if (slab?.buffer !== buffer || byteOffset < slab.byteOffset) {
          slab = new Uint8Array(buffer, byteOffset);
        }
        // Offsets mean one slab: what lies in another is opened first, which keeps the order within the SA, too.
        if (work.slab !== slab) {
          finish(work, outcomes);
          work.slab = slab;
        }
        const reason = work.sa.check(slab, byteOffset - slab.byteOffset, message.length);
        outcomes.push(reason);
        if (reason === null) work.places.push(i);
      }
      for (const each of works.values()) finish(each, outcomes);
    } finally {
      for (const { sa } of works.values()) sa.clear();
    }
    return this.#report(messages, outcomes);
  }

  /** Counts and tells what became of each message, in the order in which they came, and gives those that are left. */
  #report(messages: readonly Uint8Array[], outcomes: readonly Outcome[]): Uint8Array[] {
    const packets: Uint8Array[] = [];
    for (let i = 0; i < outcomes.length; i++) {
      const outcome = outcomes[i]!;
      if (typeof outcome === "string") {
        this.#drop(outcome, messages[i]!);
        continue;
      }
      if (this.#inARow.size > 0) this.#inARow.clear();
      this.counters.packets++;
      this.counters.octets += outcome.length;
      packets.push(outcome);
    }
    return packets;
  }

  #workOf(spi: number, works: Map<number, Work>, now: number): Work | undefined {
    const known = works.get(spi);
    if (known !== undefined) return known;
    const sa = this.#table.inbound(spi);
    if (sa === undefined) return undefined;
    sa.lifetime.handleTime(now);
    const work: Work = { sa, slab: NO_OCTETS, places: [] };
    works.set(spi, work);
    return work;
  }

  #drop(reason: InboundDrop, message: Uint8Array): void {
    this.counters.dropped[reason]++;
    if (AUTHENTIC.includes(reason)) this.#inARow.clear();
    const inARow = (this.#inARow.get(reason) ?? 0) + 1;
    this.#inARow.set(reason, inARow);
    const onDrop = this.#onDrop;
    if (onDrop === undefined) return;
    const event = {
      reason,
      spi: message.length < 4 ? 0 : readUint32(message, 0),
      sequence: message.length < HEADER_SIZE ? 0 : readUint32(message, 4),
      inARow,
    };
    putOff(() => onDrop(event));
  }
}

/** Opens what an SA has checked, and puts what became of it where it belongs. */
function finish({ sa, slab, places }: Work, outcomes: Outcome[]): void {
  if (places.length === 0) return;
  sa.open(slab);
  for (let i = 0; i < places.length; i++) outcomes[places[i]!] = sa.take(slab, i);
  sa.clear();
  places.length = 0;
}

const NO_OCTETS = new Uint8Array(0);

/** Reasons that only an authentic packet meets: the byte stream is in order then. */
const AUTHENTIC: readonly InboundDrop[] = ["padding", "dummy", "next_header", "inner_packet", "selectors"];

/** The same messages in one slab of their own. */
function copied(messages: readonly Uint8Array[]): Uint8Array[] {
  let size = 0;
  for (const message of messages) size += message.length;
  const slab = new Uint8Array(size);
  let offset = 0;
  return messages.map((message) => {
    slab.set(message, offset);
    const copy = new Uint8Array(slab.buffer, offset, message.length);
    offset += message.length;
    return copy;
  });
}
