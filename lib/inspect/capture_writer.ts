/** Writes what a program sends and receives as a capture that Wireshark and `iketcp decode` read. */

import { pcapngHeader, pcapngPacket } from "./pcapng_writer.ts";
import { type CaptureEndpoint, SyntheticTcp, syntheticUdp } from "./synthetic.ts";
import type { Side } from "./_side.ts";

/** Options of a {@linkcode CaptureWriter}. */
export interface CaptureWriterOptions {
  /** Seconds since the epoch. Default: the clock of the system. */
  readonly now?: () => number;
}

/**
 * Makes a pcapng file: `write` gets its beginning at once and then each packet as it is recorded. Nothing is held.
 *
 * @example Record a connection
 * ```ts
 * import { CaptureWriter } from "iketcp/inspect";
 * import { deepStrictEqual } from "node:assert";
 *
 * const sizes: number[] = [];
 * const writer = new CaptureWriter((chunk) => sizes.push(chunk.length));
 * const tap = writer.tcp({ hostname: "192.0.2.10", port: 40000 }, { hostname: "198.51.100.10", port: 4500 });
 * tap.opened();
 * tap.sent(new TextEncoder().encode("IKETCP"));
 * tap.closed();
 * // section and interface; SYN, SYN and ACK, ACK; the prefix; FIN, FIN, ACK
 * deepStrictEqual(sizes, [64, 80, 80, 72, 80, 72, 72, 72]);
 * ```
 */
export class CaptureWriter {
  readonly #write: (chunk: Uint8Array<ArrayBuffer>) => void;
  readonly #now: () => number;
  #connections = 0;

  /** Begins a file. */
  constructor(write: (chunk: Uint8Array<ArrayBuffer>) => void, options: CaptureWriterOptions = {}) {
    this.#write = write;
    this.#now = options.now ?? systemTime;
    write(pcapngHeader());
  }

  /** A tap for one TCP connection. */
  tcp(local: CaptureEndpoint, remote: CaptureEndpoint): TcpCapture {
    // Other numbers for each connection, or the same ports again would look like a retransmission.
    const connection = new SyntheticTcp([local, remote], Math.imul(++this.#connections, 0x9e3779b1));
    return new TcpCapture(connection, this.#now, (packet, time) => this.#write(pcapngPacket(packet, time)));
  }

  /** Records one datagram. */
  udp(from: CaptureEndpoint, to: CaptureEndpoint, data: Uint8Array): void {
    this.#write(pcapngPacket(syntheticUdp(from, to, data), this.#now()));
  }
}

/** Records one connection. What comes after `closed` or `aborted` is not recorded. */
export class TcpCapture {
  readonly #connection: SyntheticTcp;
  readonly #now: () => number;
  readonly #write: (packet: Uint8Array, time: number) => void;
  #state: "new" | "opening" | "open" | "closed" = "new";
  #openedAt = 0;

  /** Records `connection`, whose first side is this end. */
  constructor(
    connection: SyntheticTcp,
    now: () => number,
    write: (packet: Uint8Array, time: number) => void,
  ) {
    this.#connection = connection;
    this.#now = now;
    this.#write = write;
  }

  /**
   * The connection is there. Which end opened it shows with the first octets, as RFC 9329 lets nobody but the originator
   * speak first: the packets of this step are written then, with the time of now.
   */
  opened(): void {
    if (this.#state !== "new") return;
    this.#state = "opening";
    this.#openedAt = this.#now();
  }

  /** This end sent octets. */
  sent(octets: Uint8Array): void {
    this.#transfer(LOCAL, octets);
  }

  /** This end received octets. */
  received(octets: Uint8Array): void {
    this.#transfer(REMOTE, octets);
  }

  /** The connection ended in good order. */
  closed(): void {
    this.#end((connection) => connection.close(LOCAL));
  }

  /** This end reset the connection. */
  aborted(): void {
    this.#end((connection) => connection.reset(LOCAL));
  }

  #transfer(from: Side, octets: Uint8Array): void {
    if (this.#state === "closed" || octets.length === 0) return;
    this.#begin(from);
    this.#writeAll(this.#connection.send(from, octets), this.#now());
  }

  #begin(originator: Side): void {
    if (this.#state === "open") return;
    this.opened();
    this.#state = "open";
    this.#writeAll(this.#connection.open(originator), this.#openedAt);
  }

  #end(step: (connection: SyntheticTcp) => Uint8Array[]): void {
    if (this.#state === "opening") this.#begin(LOCAL);
    if (this.#state === "open") this.#writeAll(step(this.#connection), this.#now());
    this.#state = "closed";
  }

  #writeAll(packets: readonly Uint8Array[], time: number): void {
    for (const packet of packets) this.#write(packet, time);
  }
}

const LOCAL: Side = 0;
const REMOTE: Side = 1;

function systemTime(): number {
  return (performance.timeOrigin + performance.now()) / 1000;
}
