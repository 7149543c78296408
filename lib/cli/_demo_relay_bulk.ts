/** Bulk for the demo: numbered datagrams of the size and look of ESP packets, a bounded number of them on the way. */

import { TransportError } from "../errors.ts";

/** Octets of a datagram: an ESP packet that carries an inner packet of about 1360. */
const DATAGRAM_LENGTH = 1400;

/** Datagrams on the way at most: what socket buffers hold without loss. */
const WINDOW = 64;

/** The SPI that the datagrams carry. */
const SPI = 0x1b0173a5;

/** Sends as many as the window allows, and counts what arrives. */
export class BulkSender {
  /** Datagrams sent. */
  sent = 0;
  /** Datagrams arrived. */
  arrived = 0;
  /** Octets arrived. */
  arrivedOctets = 0;
  readonly #send: (data: Uint8Array) => void;
  /** The highest number that has arrived; what is missing below it was lost, since nothing reorders here. */
  #highest = 0;
  #stopped = false;

  /** Sends through `send`. */
  constructor(send: (data: Uint8Array) => void) {
    this.#send = send;
  }

  /** Whether all that was sent has arrived or is lost. */
  get finished(): boolean {
    return this.#stopped && this.#highest === this.sent;
  }

  /** Fills the window. */
  fill(): void {
    while (!this.#stopped && this.sent - this.#highest < WINDOW) this.#send(bulkDatagram(++this.sent));
  }

  /** Notes the arrival of a number. */
  handleArrival(number: number): void {
    this.#highest = Math.max(this.#highest, number);
    this.arrived++;
    this.arrivedOctets += DATAGRAM_LENGTH;
  }

  /** Sends no more. */
  stop(): void {
    this.#stopped = true;
  }
}

function bulkDatagram(number: number): Uint8Array {
  const data = new Uint8Array(DATAGRAM_LENGTH);
  const view = new DataView(data.buffer);
  view.setUint32(0, SPI);
  for (let offset = 4; offset < DATAGRAM_LENGTH; offset += 4) {
    view.setUint32(offset, Math.imul(number, offset >> 2));
  }
  return data;
}

/** The number of a datagram, after a check of every octet. */
export function checkBulkDatagram(data: Uint8Array): number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const number = data.byteLength >= 8 ? view.getUint32(4) : 0;
  let same = data.byteLength === DATAGRAM_LENGTH && view.getUint32(0) === SPI;
  for (let offset = 4; same && offset < DATAGRAM_LENGTH; offset += 4) {
    same = view.getUint32(offset) === (Math.imul(number, offset >> 2) >>> 0);
  }
  if (same) return number;
  throw new TransportError(
    "ERR_TRANSPORT_FAILED",
    `Cannot count bulk: expected ${DATAGRAM_LENGTH} octets of datagram ${number} unchanged, got ${data.byteLength} other octets`,
  );
}
