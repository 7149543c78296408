/**
 * The child SAs of one peer as its datapath has them: what the engine tells in events becomes SAs of the ESP room. The engine
 * decides when an SA comes and goes; what is decided here is only how packets find it.
 */

import type { CipherSpec, CryptoProviders } from "../crypto/mod.ts";
import {
  InboundSa,
  type Lifetime,
  type LifetimeOptions,
  type LimitEvent,
  OutboundSa,
  SaTable,
  type TransportAddresses,
} from "../esp/mod.ts";
import type { ChildDirection, ChildSaData, ChildSaId, ChildSaInstalled, IkePath } from "../ike/mod.ts";

/** What a {@linkcode ChildSas} takes. */
export interface ChildSasOptions {
  /** Who makes the ciphers. */
  readonly crypto: CryptoProviders;
  /** Where IVs for CBC come from. */
  readonly random?: (octets: Uint8Array) => void;
  /** Packets that the anti-replay window covers (default: 64). A stream keeps the order, so that 1 would do (RFC 8229, section 10). */
  readonly replayWindow?: number;
  /** Told when an SA has carried as much as it should. */
  readonly onLimit?: (child: ChildSaId, hardness: "soft" | "hard") => void;
  /** A child SA is gone, replaced by another one or for good: told what it has carried. */
  readonly onChildEnd?: (traffic: ChildSaTraffic) => void;
}

/** Packets, and octets in them as limits count them: of what went out the inner packets, of what came in with their padding. */
export interface ChildSaCount {
  /** Packets so far. */
  readonly packets: number;
  /** Octets so far. */
  readonly octets: number;
}

/** What a child SA carries, or has carried. */
export interface ChildSaTraffic {
  /** Number of the child SA. */
  readonly child: ChildSaId;
  /** Its name in the configuration. */
  readonly name: string;
  /** SPI of what comes in. */
  readonly inboundSpi: number;
  /** SPI of what goes out. */
  readonly outboundSpi: number;
  /** What has come in. */
  readonly received: ChildSaCount;
  /** What has gone out. */
  readonly sent: ChildSaCount;
}

/** An SA pair of the engine, and what it is here. */
interface Installed {
  readonly name: string;
  readonly inbound: InboundSa;
  readonly outboundSpi: number;
  readonly lifetime: LifetimeOptions;
  /** Keys and selectors for sending, until packets are to be sent. */
  waiting: ChildSaData | null;
  outbound: OutboundSa | null;
}

/** The child SAs of one peer. */
export class ChildSas {
  /** The SAs, for encryptors and decryptors. */
  readonly table: SaTable = new SaTable();
  readonly #options: ChildSasOptions;
  readonly #installed: Map<ChildSaId, Installed> = new Map();
  /** Replaced ones, on which packets may still come. */
  readonly #late: Map<ChildSaId, Installed> = new Map();

  /** Begins without any. */
  constructor(options: ChildSasOptions) {
    this.#options = options;
  }

  /** How many there are. */
  get size(): number {
    return this.#installed.size;
  }

  /** The child SA that receives with an SPI. */
  childOf(spi: number): ChildSaId | undefined {
    for (const [child, installed] of this.#installed) {
      if (installed.inbound.spi === spi) return child;
    }
    return undefined;
  }

  /** What each of them has carried so far. */
  traffic(): ChildSaTraffic[] {
    return Array.from(this.#installed, ([child, installed]) => trafficOf(child, installed));
  }

  /**
   * A child SA is ready to receive, and to send where the event says so. Its keys are copied into the ciphers, and wiped. In
   * transport mode packets get the addresses of the path.
   */
  install({ childSa: data, send }: ChildSaInstalled, path: IkePath): void {
    const lifetime = this.#lifetime(data);
    const inbound = new InboundSa({
      spi: data.inbound.spi,
      cipher: cipherOf(data, data.inbound),
      crypto: this.#options.crypto,
      ...(data.mode === "transport" ? { transport: transportAddresses(data, path) } : {}),
      selectors: data,
      window: { size: this.#options.replayWindow ?? 64 },
      lifetime,
    });
    this.table.addInbound(inbound);
    wipe(data.inbound);
    this.#installed.set(data.child, {
      name: data.name,
      inbound,
      outboundSpi: data.outbound.spi,
      lifetime,
      waiting: data,
      outbound: null,
    });
    if (send) this.sendOn(data.child);
  }

  /** Packets go out on this child SA from now on; those of an older one with the same selectors no longer do. */
  sendOn(child: ChildSaId): void {
    const installed = this.#installed.get(child);
    if (installed === undefined || installed.waiting === null) return;
    const { waiting: data, lifetime } = installed;
    installed.outbound = new OutboundSa({
      spi: data.outbound.spi,
      cipher: cipherOf(data, data.outbound),
      crypto: this.#options.crypto,
      mode: data.mode,
      lifetime,
      random: this.#options.random,
    });
    this.table.addOutbound(installed.outbound, data);
    wipe(data.outbound);
    installed.waiting = null;
  }

  /** A child SA was replaced: nothing is sent on it, and what is under way is received until it is removed. */
  retire(child: ChildSaId): void {
    const installed = this.#installed.get(child);
    if (installed === undefined) return;
    this.#installed.delete(child);
    this.#late.set(child, installed);
    this.#stopSending(installed);
  }

  /** A child SA is gone; gives the SPI that it received with. */
  remove(child: ChildSaId): number | undefined {
    const ended = this.#installed.get(child) ?? this.#late.get(child);
    if (ended === undefined) return undefined;
    this.#installed.delete(child);
    this.#late.delete(child);
    const { spi } = ended.inbound;
    this.table.removeInbound(spi);
    this.#stopSending(ended);
    this.#options.onChildEnd?.(trafficOf(child, ended));
    return spi;
  }

  /** All of them are gone. */
  dispose(): void {
    for (const child of [...this.#late.keys(), ...this.#installed.keys()]) this.remove(child);
  }

  /** Safe to repeat. */
  #stopSending(installed: Installed): void {
    const { waiting, outbound } = installed;
    if (waiting !== null) wipe(waiting.outbound);
    if (outbound !== null) this.table.removeOutbound(outbound);
    installed.waiting = null;
  }

  #lifetime({ child, limits }: ChildSaData): LifetimeOptions {
    const { softOctets, softPackets, hardOctets, hardPackets } = limits;
    return {
      soft: { octets: softOctets || Infinity, packets: softPackets || Infinity },
      hard: { octets: hardOctets || Infinity, packets: hardPackets || Infinity },
      onLimit: ({ hardness }: LimitEvent) => this.#options.onLimit?.(child, hardness),
    };
  }
}

function trafficOf(child: ChildSaId, { name, inbound, outbound, outboundSpi }: Installed): ChildSaTraffic {
  return {
    child,
    name,
    inboundSpi: inbound.spi,
    outboundSpi,
    received: countOf(inbound.lifetime),
    sent: outbound === null ? NOTHING_YET : countOf(outbound.lifetime),
  };
}

const NOTHING_YET: ChildSaCount = { packets: 0, octets: 0 };

function countOf({ packets, octets }: Lifetime): ChildSaCount {
  return { packets, octets };
}

/** The addresses that received packets are given, and those that their checksums were made for (RFC 3948, section 3.1.2). */
function transportAddresses({ local, remote }: ChildSaData, path: IkePath): TransportAddresses {
  const addresses = { source: path.remote.address, destination: path.local.address };
  const [source, destination] = [remote[0]?.start, local[0]?.start];
  return source === undefined || destination === undefined
    ? { addresses }
    : { addresses, original: { source, destination } };
}

function cipherOf(data: ChildSaData, { encryptionKey, integrityKey }: ChildDirection): CipherSpec {
  const { encryption, integrity, esn } = data;
  return { encryption, encryptionKey, integrity, integrityKey, esn };
}

function wipe({ encryptionKey, integrityKey }: ChildDirection): void {
  encryptionKey.fill(0);
  integrityKey.fill(0);
}
