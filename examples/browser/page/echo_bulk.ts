/** UDP datagrams to the inner host and back, as many under way as a window has room for; each is looked at when it returns. */

import { emitUdpPacket, parseIpPacket, parseUdpDatagram } from "iketcp/tunnel";
import { INNER_ADDRESS, type Tunnel } from "./tunnel.ts";

/** What a bulk has done. */
export interface BulkSummary {
  /** Octets of inner packets that came back. */
  readonly octets: number;
  /** Packets that came back. */
  readonly packets: number;
  /** Packets that did not. */
  readonly lost: number;
  /** Packets that came back otherwise than they went. */
  readonly damaged: number;
  /** How long it took. */
  readonly milliseconds: number;
  /** In one sentence. */
  readonly text: string;
}

/** Packets under way: less than the receiver's queue holds. */
const WINDOW = 256;
/** Packets in one write. */
const BATCH = 32;
/** Octets of a datagram, so that the packet has 1400. */
const DATA_LENGTH = 1372;
/** Milliseconds without an answer after which what is under way is lost. */
const STALL = 1000;
/** The port of the echo protocol (RFC 862). */
const ECHO_PORT = 7;

/** Sends until it is stopped. */
export class EchoBulk {
  /** Resolves when it is over. */
  readonly done: Promise<BulkSummary>;
  readonly #tunnel: Tunnel;
  readonly #sourcePort: number = 49152 + Math.floor(Math.random() * 16384);
  readonly #data: Uint8Array<ArrayBuffer> = new Uint8Array(DATA_LENGTH);
  readonly #waiting: Set<number> = new Set();
  #next = 0;
  #octets = 0;
  #packets = 0;
  #lost = 0;
  #damaged = 0;
  #stopped = false;
  #wake: () => void = () => {};

  /** Begins, and takes the tunnel's datagrams. */
  constructor(tunnel: Tunnel) {
    this.#tunnel = tunnel;
    for (let i = 0; i < DATA_LENGTH; i++) this.#data[i] = i * 7;
    tunnel.onDatagrams = (packets) => this.#handle(packets);
    this.done = this.#run();
  }

  /** Sends no more. */
  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  async #run(): Promise<BulkSummary> {
    const began = performance.now();
    try {
      while (!this.#stopped) {
        if (this.#waiting.size + BATCH <= WINDOW) await this.#tunnel.writer.write(this.#batch());
        else if (!await this.#answered()) this.#forget();
      }
      // What is under way still comes back.
      while (this.#waiting.size > 0 && await this.#answered());
    } catch {
      // The session has ended, and says why itself.
    }
    this.#forget();
    return this.#summary(performance.now() - began);
  }

  #batch(): Uint8Array[] {
    const packets: Uint8Array[] = [];
    for (let i = 0; i < BATCH; i++) {
      const number = this.#next = (this.#next + 1) >>> 0;
      new DataView(this.#data.buffer).setUint32(0, number);
      packets.push(
        emitUdpPacket(this.#tunnel.address, INNER_ADDRESS, {
          sourcePort: this.#sourcePort,
          destinationPort: ECHO_PORT,
          data: this.#data,
        }),
      );
      this.#waiting.add(number);
    }
    return packets;
  }

  /** Whether something came within the time. */
  #answered(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), STALL);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  #forget(): void {
    this.#lost += this.#waiting.size;
    this.#waiting.clear();
  }

  #handle(packets: readonly Uint8Array[]): void {
    for (const packet of packets) {
      const datagram = parseUdpDatagram(parseIpPacket(packet)?.payload ?? new Uint8Array());
      if (datagram === undefined || datagram.destinationPort !== this.#sourcePort) continue;
      const { data } = datagram;
      if (data.length !== DATA_LENGTH || !this.#waiting.delete(readNumber(data)) || !this.#isWhole(data)) {
        this.#damaged++;
        continue;
      }
      this.#packets++;
      this.#octets += packet.length;
    }
    this.#wake();
  }

  #isWhole(data: Uint8Array): boolean {
    for (let i = 4; i < DATA_LENGTH; i++) {
      if (data[i] !== this.#data[i]) return false;
    }
    return true;
  }

  #summary(milliseconds: number): BulkSummary {
    const rate = this.#octets * 8 / 1000 / milliseconds;
    const text =
      `${this.#packets} datagrams came back, ${this.#lost} did not, ${this.#damaged} were damaged: ` +
      `${(this.#octets / 1e6).toFixed(1)} MB each way, ${rate.toFixed(0)} Mbit/s`;
    return {
      ...{ octets: this.#octets, packets: this.#packets, lost: this.#lost, damaged: this.#damaged },
      ...{ milliseconds, text },
    };
  }
}

function readNumber(data: Uint8Array): number {
  return new DataView(data.buffer, data.byteOffset).getUint32(0);
}
