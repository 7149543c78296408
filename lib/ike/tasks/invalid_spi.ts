/**
 * INVALID_SPI under the keys of an IKE SA (RFC 7296, section 1.5): an end that receives ESP with an SPI of no child SA tells the other,
 * which sends on a child SA that is there no more. The one who hears it makes that child SA anew.
 */

import { readUint32 } from "../../bytes/mod.ts";
import { NOTIFY } from "../codec/mod.ts";
import type { IkeSa } from "../ike_sa.ts";
import type { Incoming, Outgoing } from "../messages.ts";
import type { Task } from "./task.ts";

/** Octets of an SPI of ESP. */
const SPI_LENGTH = 4;

/** Tells the peer of an SPI that its packets should not have. */
export class InvalidSpiTask implements Task {
  readonly name = "invalid_spi";
  readonly #spi: number;
  done = false;

  /** Takes the SPI. */
  constructor(spi: number) {
    this.#spi = spi;
  }

  build(message: Outgoing): void {
    const octets = new Uint8Array(SPI_LENGTH);
    new DataView(octets.buffer).setUint32(0, this.#spi);
    message.notify(NOTIFY.invalidSpi!, octets);
  }

  process(): void {
    this.done = true;
  }

  abort(): void {}
}

/** The peer tells of one: the child SA gets a successor, or where the peer answers CHILD_SA_NOT_FOUND, another one in its place. */
export class PeerInvalidSpiTask implements Task {
  readonly name = "invalid_spi";
  readonly #sa: IkeSa;
  done = false;

  /** Takes the SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  process(message: Incoming): void {
    const data = message.notify(NOTIFY.invalidSpi!)!.data;
    if (data.length !== SPI_LENGTH) return;
    const spi = readUint32(data, 0);
    const child = this.#sa.children.bySpiOut(spi);
    if (child === undefined || !this.#sa.timers.takeRepair()) return;
    this.#sa.afterResponse(() => this.#sa.children.rekey(child));
  }

  build(): void {
    this.done = true;
  }

  abort(): void {}
}
