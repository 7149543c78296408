/** What one engine has told: its live SAs as anybody outside must see them, and the faults in that story. */

import { toHex } from "../../../lib/bytes/mod.ts";
import type { ChildSaId, IkeEvent, IkeSaId } from "../../../lib/ike/mod.ts";

/** An established IKE SA. */
export interface LiveIkeSa {
  readonly id: IkeSaId;
  /** Both SPIs. */
  readonly spis: string;
  /** The peer's address. */
  readonly peer: string;
  /** The first SA of the chain of rekeys that it belongs to. */
  readonly origin: IkeSaId;
}

/** An installed child SA. */
export interface LiveChild {
  readonly id: ChildSaId;
  ikeSa: IkeSaId;
  readonly spiIn: number;
  readonly spiOut: number;
  readonly keyIn: string;
  readonly keyOut: string;
  readonly origin: ChildSaId;
}

/** The story of one engine. */
export class Ledger {
  readonly ikeSas: Map<IkeSaId, LiveIkeSa> = new Map();
  readonly children: Map<ChildSaId, LiveChild> = new Map();
  /** Attempts that have neither succeeded nor failed. */
  readonly attempts: Set<IkeSaId> = new Set();
  /** Child SAs that packets may be sent on, the one in use last. */
  readonly #sending: ChildSaId[] = [];
  readonly #keys: Set<string> = new Set();
  readonly #fail: (text: string) => void;

  /** Takes whom to tell of faults. */
  constructor(fail: (text: string) => void) {
    this.#fail = fail;
  }

  /** The child SA that packets for a peer go out on. */
  sendingTo(peer: Uint8Array): LiveChild | undefined {
    const address = toHex(peer);
    return this.#sending.map((id) => this.children.get(id))
      .findLast((child) => child !== undefined && this.ikeSas.get(child.ikeSa)?.peer === address);
  }

  /** Whether an event changes what is known of SAs. */
  static isChange(event: IkeEvent): boolean {
    return event.type !== "message" && event.type !== "message_dropped";
  }

  handle(event: IkeEvent): void {
    switch (event.type) {
      case "ike_sa_established": {
        const { ikeSa: id, spiI, spiR, replaces, path } = event;
        this.attempts.delete(id);
        if (this.ikeSas.has(id)) this.#fail(`IKE SA ${id} is established twice`);
        const origin = replaces === undefined ? id : this.ikeSas.get(replaces)?.origin ?? replaces;
        this.ikeSas.set(id, { id, spis: `${spiI} ${spiR}`, peer: toHex(path.remote.address), origin });
        break;
      }
      case "ike_sa_failed":
        this.attempts.delete(event.ikeSa);
        break;
      case "ike_sa_deleted":
        if (!this.ikeSas.delete(event.ikeSa)) this.#fail(`IKE SA ${event.ikeSa} ends, and never was`);
        for (const { id, ikeSa } of this.children.values()) {
          if (ikeSa === event.ikeSa) this.#fail(`child ${id} outlives its IKE SA ${ikeSa}`);
        }
        break;
      case "child_sa_installed":
        this.#install(event);
        break;
      case "child_sa_switched":
        if (!this.children.has(event.child)) {
          this.#fail(`packets switch to child ${event.child}, which is gone`);
        }
        this.#sending.push(event.child);
        break;
      case "child_sa_deleted":
        if (!this.children.delete(event.child)) this.#fail(`child ${event.child} is deleted, and never was`);
        while (this.#sending.includes(event.child)) {
          this.#sending.splice(this.#sending.indexOf(event.child), 1);
        }
        break;
      case "child_sas_moved":
        for (const id of event.children) {
          const child = this.children.get(id);
          if (child === undefined) this.#fail(`child ${id} moves, and is not there`);
          else child.ikeSa = event.to;
        }
    }
  }

  #install(event: Extract<IkeEvent, { type: "child_sa_installed" }>): void {
    const { ikeSa, childSa, replaces, send } = event;
    const { child: id, inbound, outbound } = childSa;
    const [keyIn, keyOut] = [inbound, outbound].map(({ encryptionKey }) => toHex(encryptionKey));
    for (const key of [keyIn!, keyOut!]) {
      if (this.#keys.has(key)) this.#fail(`child ${id} has the key of another one`);
      this.#keys.add(key);
    }
    for (const other of this.children.values()) {
      if (other.spiIn === inbound.spi) this.#fail(`SPI ${inbound.spi} is given away twice`);
    }
    const origin = replaces === undefined ? id : this.children.get(replaces)?.origin ?? replaces;
    this.children.set(id, {
      id,
      ikeSa,
      spiIn: inbound.spi,
      spiOut: outbound.spi,
      keyIn: keyIn!,
      keyOut: keyOut!,
      origin,
    });
    if (send) this.#sending.push(id);
  }
}
