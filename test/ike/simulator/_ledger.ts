/** What one engine has told: its live SAs as anybody outside must see them, and the faults in that story. */

import { toHex } from "../../../lib/bytes/mod.ts";
import type { ChildSaId, IkeEvent, IkeSaId } from "../../../lib/ike/mod.ts";
import { BoundedMap } from "./_bounded_map.ts";

/** Keys that are remembered after their SAs. */
const KEYS = 4000;

/** An established IKE SA. */
export interface LiveIkeSa {
  readonly id: IkeSaId;
  /** Both SPIs. */
  readonly spis: string;
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
  /** Child SAs that packets may be sent on. */
  readonly #sending: Set<ChildSaId> = new Set();
  /** Deleted ones on which packets may still come. */
  readonly #late: Set<ChildSaId> = new Set();
  readonly #keys: BoundedMap<string, ChildSaId> = new BoundedMap(KEYS);
  readonly #fail: (text: string) => void;

  /** Takes whom to tell of faults. */
  constructor(fail: (text: string) => void) {
    this.#fail = fail;
  }

  /** Whether packets may be sent on a child SA. */
  sends(child: ChildSaId): boolean {
    return this.#sending.has(child);
  }

  /** Whether an event changes what is known of SAs. */
  static isChange(event: IkeEvent): boolean {
    return event.type !== "message" && event.type !== "message_dropped";
  }

  handle(event: IkeEvent): void {
    switch (event.type) {
      case "ike_sa_established": {
        const { ikeSa: id, spiI, spiR, replaces } = event;
        this.attempts.delete(id);
        if (this.ikeSas.has(id)) this.#fail(`IKE SA ${id} is established twice`);
        const origin = replaces === undefined ? id : this.ikeSas.get(replaces)?.origin ?? replaces;
        this.ikeSas.set(id, { id, spis: `${spiI} ${spiR}`, origin });
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
        this.#sending.add(event.child);
        break;
      case "child_sa_deleted":
        if (!this.children.delete(event.child)) this.#fail(`child ${event.child} is deleted, and never was`);
        this.#sending.delete(event.child);
        if (event.receivesFor !== undefined) this.#late.add(event.child);
        break;
      case "child_sa_forgotten":
        if (!this.#late.delete(event.child)) {
          this.#fail(`child ${event.child} is forgotten, and was not late`);
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
      this.#keys.set(key, id);
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
    if (send) this.#sending.add(id);
  }
}
