/** Bulk for the demo: numbered UDP packets of one size, every octet of which the receiver checks. */

import { TunnelError } from "../errors.ts";
import { emitUdpPacket, ipHeaderLength } from "../ip/mod.ts";

/** Octets of a packet, headers included: the default MTU of a tunnel. */
const PACKET_SIZE = 1400;
/** Packets of a batch: what a read of 64 KiB holds. */
const BATCH_SIZE = 44;
const UDP_HEADER_SIZE = 8;
const PORT = 5201;

/** Makes batches of packets and checks them at the other end; nothing is lost or changes places in a stream. */
export class Bulk {
  /** Packets made. */
  sent = 0;
  /** Packets that have arrived. */
  arrived = 0;
  readonly #template: Uint8Array;
  readonly #numberAt: number;
  readonly #batch: Uint8Array[];

  /** Takes the addresses of both ends. */
  constructor(source: Uint8Array, destination: Uint8Array) {
    this.#numberAt = ipHeaderLength(source) + UDP_HEADER_SIZE;
    const data = Uint8Array.from({ length: PACKET_SIZE - this.#numberAt }, (_, i) => i < 4 ? 0 : i * 167);
    this.#template = emitUdpPacket(source, destination, { sourcePort: PORT, destinationPort: PORT, data });
    // RFC 768: a checksum of 0 is none. The number changes from packet to packet, and ESP has an ICV of its own.
    if (source.length === 4) this.#template.fill(0, this.#numberAt - 2, this.#numberAt);
    this.#batch = Array.from({ length: BATCH_SIZE }, () => this.#template.slice());
  }

  /** Octets of the packets that have arrived. */
  get octets(): number {
    return this.arrived * PACKET_SIZE;
  }

  /** The next packets; they are the same memory each time, since a session copies what it is given. */
  next(): Uint8Array[] {
    for (const packet of this.#batch) this.#number(packet, ++this.sent);
    return this.#batch;
  }

  /** Checks every octet of a packet. */
  check(packet: Uint8Array): void {
    const expected = this.#template;
    this.#number(expected, ++this.arrived);
    let same = packet.length === expected.length;
    for (let i = 0; same && i < expected.length; i++) same = packet[i] === expected[i];
    if (same) return;
    throw new TunnelError(
      "ERR_TUNNEL_BROKEN",
      `Cannot count bulk: expected packet ${this.arrived} unchanged, got ${packet.length} other octets`,
    );
  }

  #number(packet: Uint8Array, number: number): void {
    const at = this.#numberAt;
    packet[at] = number >>> 24;
    packet[at + 1] = number >>> 16;
    packet[at + 2] = number >>> 8;
    packet[at + 3] = number;
  }
}
