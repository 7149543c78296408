/**
 * One direction of a child SA, sending: sequence numbers, IVs, padding, limits (RFC 4303, section 3.3). Packets are written
 * one behind the other into a slab and sealed together.
 */

import { writeUint32 } from "../bytes/mod.ts";
import type { CipherSpec, CryptoProviders, MessageSealer } from "../crypto/mod.ts";
import { ESP_HEADER_SIZE, type MessageBatch } from "../crypto/mod.ts";
import { checkInteger } from "./_check.ts";
import { borrowBatch, NO_MESSAGES, returnBatch } from "./_message_batches.ts";
import { Lifetime, type LifetimeOptions } from "./lifetime.ts";
import { emitTrailer, espPacketSize } from "./packet.ts";

/** What ESP carries: whole IP packets, or what is behind their IP header. */
export type EspMode = "tunnel" | "transport";

/** Fills a buffer with octets that nobody can guess. */
export type RandomSource = (octets: Uint8Array<ArrayBuffer>) => void;

/** What an {@linkcode OutboundSa} takes. */
export interface OutboundSaOptions {
  /** The peer's SPI, 256 to 2^32 - 1 (RFC 4303, section 2.1; 1 to 255 are reserved and taken for tests). */
  readonly spi: number;
  /** Transforms and keys; the keys are copied. */
  readonly cipher: CipherSpec;
  /** Who makes the cipher. */
  readonly crypto: CryptoProviders;
  /** Default: `tunnel`. */
  readonly mode?: EspMode;
  /** When to rekey and when to stop. The sequence number has limits of its own: see {@linkcode SOFT_SEQUENCE_LIMIT}. */
  readonly lifetime?: LifetimeOptions;
  /** Tunnel mode: payloads are filled up with zeros to this size (TFC padding, section 2.7; default: 0). */
  readonly padTo?: number;
  /** The last sequence number that was sent (default: 0). */
  readonly lastSequence?: { readonly high?: number; readonly low: number };
  /** Where IVs for CBC come from (default: the platform's cryptographic generator). */
  readonly random?: RandomSource;
}

/** Where a 32-bit sequence number asks for a new SA, unless `lifetime.soft.sequence` says otherwise: 15/16 of all. */
export const SOFT_SEQUENCE_LIMIT: number = 0xf0000000;

/** Octets of random IVs that are drawn at once: below the 65536 that one call of the platform's generator gives. */
const RANDOM_POOL_SIZE = 4096;

/** An SA that sends. */
export class OutboundSa {
  /** The peer's SPI. */
  readonly spi: number;
  /** Tunnel or transport. */
  readonly mode: EspMode;
  /** Whether sequence numbers have 64 bits. */
  readonly esn: boolean;
  /** Packets and octets so far, and whether a hard limit was reached. */
  readonly lifetime: Lifetime;
  readonly #sealer: MessageSealer;
  readonly #padTo: number;
  readonly #randomIv: boolean;
  readonly #random: RandomSource;
  /** Random octets for IVs; made when the first one is drawn. */
  #pool: Uint8Array<ArrayBuffer> | null = null;
  #poolUsed = RANDOM_POOL_SIZE;
  /** What is written and not sealed. */
  #batch: MessageBatch = NO_MESSAGES;
  #high: number;
  #low: number;

  /** Makes the SA; throws a `CryptoError` when nobody has its algorithms. */
  constructor(options: OutboundSaOptions) {
    const { cipher, lifetime = {}, lastSequence } = options;
    this.spi = checkInteger("SPI", options.spi, 1, 0xffffffff);
    this.mode = options.mode ?? "tunnel";
    this.esn = cipher.esn ?? false;
    this.#high = this.esn ? checkInteger("lastSequence.high", lastSequence?.high ?? 0, 0, 0xffffffff) : 0;
    this.#low = checkInteger("lastSequence.low", lastSequence?.low ?? 0, 0, 0xffffffff);
    this.#padTo = checkInteger("padTo", options.padTo ?? 0, 0, 0xffff);
    this.#random = options.random ?? randomOfPlatform;
    this.#randomIv = cipher.encryption.mode === "cbc";
    const softSequence = this.esn ? {} : { sequence: SOFT_SEQUENCE_LIMIT };
    this.lifetime = new Lifetime(this.spi, { ...lifetime, soft: { ...softSequence, ...lifetime.soft } });
    this.#sealer = options.crypto.createSealer(cipher);
  }

  /** The last sequence number that was used. */
  get lastSequence(): { readonly high: number; readonly low: number } {
    return { high: this.#high, low: this.#low };
  }

  /** Packets that are written and not yet sealed. */
  get pending(): number {
    return this.#batch.count;
  }

  /** Sizes of what the cipher adds. */
  get sizes(): { readonly ivSize: number; readonly icvSize: number; readonly blockSize: number } {
    return this.#sealer;
  }

  /** Octets of the ESP packet that carries a payload of so many. */
  sizeOf(payloadSize: number): number {
    const padTo = this.mode === "tunnel" ? this.#padTo : 0;
    return espPacketSize(payloadSize < padTo ? padTo : payloadSize, this.#sealer);
  }

  /**
   * Writes the packet that carries a payload at `start` of a slab that has {@linkcode sizeOf} octets left, whatever is in
   * them; gives its size, or 0 when a hard limit forbids it. It is no ESP packet before `seal`.
   */
  write(slab: Uint8Array, start: number, payload: Uint8Array, nextHeader: number): number {
    const { ivSize, icvSize } = this.#sealer;
    if (!this.#advance(payload.length)) return 0;
    const size = this.sizeOf(payload.length);
    const ivStart = start + ESP_HEADER_SIZE;
    const bodyStart = ivStart + ivSize;
    writeUint32(slab, start, this.spi);
    writeUint32(slab, start + 4, this.#low);
    if (this.#randomIv) this.#writeRandomIv(slab, ivStart, ivSize);
    else if (ivSize > 0) {
      // RFC 4106, section 3.1: any IV that does not come again; the sequence number never does, even without ESN.
      writeUint32(slab, ivStart, this.#high);
      writeUint32(slab, ivStart + 4, this.#low);
    }
    slab.set(payload, bodyStart);
    const bodyEnd = start + size - icvSize;
    let payloadEnd = bodyStart + payload.length;
    if (this.mode === "tunnel" && this.#padTo > payload.length) {
      slab.fill(0, payloadEnd, bodyStart + this.#padTo);
      payloadEnd = bodyStart + this.#padTo;
    }
    emitTrailer(slab, payloadEnd, bodyEnd, nextHeader);
    if (this.#batch === NO_MESSAGES) this.#batch = borrowBatch();
    this.#batch.add(start, size, this.esn ? { sequenceHigh: this.#high } : undefined);
    return size;
  }

  /** Seals all packets written since the last time. */
  seal(slab: Uint8Array): void {
    try {
      this.#sealer.sealBatch(slab, this.#batch);
    } finally {
      this.discard();
    }
  }

  /** Forgets what was written and not sealed; its sequence numbers are used up all the same. */
  discard(): void {
    returnBatch(this.#batch);
    this.#batch = NO_MESSAGES;
  }

  /** Wipes the keys as far as the runtime allows; the SA sends nothing more. */
  dispose(): void {
    this.discard();
    this.#pool?.fill(0);
    this.#sealer.dispose();
  }

  /** Takes the next sequence number; false when there is none, or a hard limit forbids it. It never wraps (section 3.3.3). */
  #advance(octets: number): boolean {
    const wraps = this.#low === 0xffffffff;
    if (wraps && (!this.esn || this.#high === 0xffffffff)) return this.lifetime.end("sequence");
    const high = wraps ? this.#high + 1 : this.#high;
    const low = wraps ? 0 : this.#low + 1;
    if (!this.lifetime.admit(octets, high * 0x100000000 + low)) return false;
    this.#high = high;
    this.#low = low;
    return true;
  }

  #writeRandomIv(slab: Uint8Array, at: number, size: number): void {
    const pool = this.#pool ??= new Uint8Array(RANDOM_POOL_SIZE);
    if (this.#poolUsed + size > pool.length) {
      this.#random(pool);
      this.#poolUsed = 0;
    }
    const from = this.#poolUsed;
    // What was given out is gone from the pool: an IV must be unpredictable until its packet is.
    for (let i = 0; i < size; i++) {
      slab[at + i] = pool[from + i]!;
      pool[from + i] = 0;
    }
    this.#poolUsed = from + size;
  }
}

function randomOfPlatform(octets: Uint8Array<ArrayBuffer>): void {
  globalThis.crypto.getRandomValues(octets);
}
