/**
 * Knows every ESP packet that was sent, and says of each arrival what has to become of it: a slow and obvious twin of what
 * `lib/esp` does with many SAs, rekeys and replays. What must never happen twice under one key does not.
 */

import { toHex } from "../../../lib/bytes/mod.ts";
import type { ChildSaId } from "../../../lib/ike/mod.ts";

/** What is to become of an arrival. */
export type Verdict = "accept" | "refuse" | "nobody";

/** A packet as it was sent. */
export interface SentPacket {
  readonly octets: Uint8Array;
  /** The IP packet inside. */
  readonly inner: string;
  /** The key that it is under. */
  readonly key: string;
  readonly sequence: number;
}

/** How far a sender has come under a key. */
interface Sender {
  sequence: number;
  readonly ivs: Set<string>;
}

/** What a receiver has accepted under a key. */
interface Receiver {
  readonly spi: number;
  readonly key: string;
  highest: number;
  readonly seen: Set<number>;
}

/** Packets that are remembered. */
const MEMORY = 4000;
/** Sequence numbers that a receiver remembers, as `ChildSas` has it. */
const WINDOW = 64;

/** All ESP traffic. */
export class EspTap {
  readonly #senders: Map<string, Sender> = new Map();
  readonly #receivers: Map<string, Receiver> = new Map();
  readonly #sent: Map<string, SentPacket> = new Map();
  readonly #fail: (text: string) => void;

  constructor(fail: (text: string) => void) {
    this.#fail = fail;
  }

  /** Senders and receivers that are known. */
  get size(): number {
    return this.#senders.size + this.#receivers.size;
  }

  /** A host has made a child SA. */
  install(host: string, child: ChildSaId, sa: { spi: number; keyIn: string; keyOut: string }): void {
    this.#receivers.set(`${host} ${child}`, { spi: sa.spi, key: sa.keyIn, highest: 0, seen: new Set() });
    this.#senders.set(`${host} ${child}`, { sequence: 0, ivs: new Set() });
  }

  /** A host sends no more on a child SA. */
  retire(host: string, child: ChildSaId): void {
    this.#senders.delete(`${host} ${child}`);
  }

  /** A child SA of a host is gone. */
  remove(host: string, child: ChildSaId): void {
    this.#receivers.delete(`${host} ${child}`);
    this.#senders.delete(`${host} ${child}`);
  }

  /** A host has sent a packet on a child SA. */
  sent(
    host: string,
    { child, key }: { child: ChildSaId; key: string },
    octets: Uint8Array,
    inner: Uint8Array,
  ): void {
    const sender = this.#senders.get(`${host} ${child}`);
    if (sender === undefined) return this.#fail(`${host} sends on child ${child}, which is gone`);
    const view = new DataView(octets.buffer, octets.byteOffset);
    const sequence = view.getUint32(4);
    const iv = toHex(octets.subarray(8, 16));
    if (sequence <= sender.sequence) {
      this.#fail(`${host} sends ${sequence} after ${sender.sequence} on child ${child}`);
    }
    if (sender.ivs.has(iv)) this.#fail(`${host} uses IV ${iv} of child ${child} again`);
    sender.sequence = sequence;
    sender.ivs.add(iv);
    this.#sent.set(nameOf(octets), { octets: octets.slice(), inner: toHex(inner), key, sequence });
    if (this.#sent.size > MEMORY) this.#sent.delete(this.#sent.keys().next().value!);
  }

  /** What has to become of an arrival at a host, and what is inside. */
  expect(host: string, octets: Uint8Array): { verdict: Verdict; child?: ChildSaId; inner?: string } {
    const spi = new DataView(octets.buffer, octets.byteOffset).getUint32(0);
    const found = [...this.#receivers].find(([name, sa]) => sa.spi === spi && name.startsWith(`${host} `));
    if (found === undefined) return { verdict: "nobody" };
    const [name, receiver] = found;
    const packet = this.#sent.get(nameOf(octets));
    const child = Number(name.slice(host.length + 1));
    const isWhole = packet !== undefined && packet.key === receiver.key &&
      toHex(packet.octets) === toHex(octets);
    if (!isWhole) return { verdict: "refuse", child };
    const { sequence, inner } = packet;
    if (receiver.seen.has(sequence) || receiver.highest - sequence >= WINDOW) {
      return { verdict: "refuse", child };
    }
    receiver.seen.add(sequence);
    receiver.highest = Math.max(receiver.highest, sequence);
    return { verdict: "accept", child, inner };
  }
}

/** Authentic packets differ in their last octets, the integrity check value. */
function nameOf(octets: Uint8Array): string {
  return `${octets.length} ${toHex(octets.subarray(-16))}`;
}
