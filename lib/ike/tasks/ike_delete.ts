/** Deletes the IKE SA with all its children (RFC 7296, section 1.4.1): D of protocol IKE, answered by an empty message. */

import { PROTOCOL } from "../codec/mod.ts";
import type { IkeSa } from "../ike_sa.ts";
import type { Incoming, Outgoing } from "../messages.ts";
import type { Task } from "./task.ts";

/** D of the IKE SA, from either end. */
export class IkeDeleteTask implements Task {
  readonly name = "ike_delete";
  readonly #sa: IkeSa;
  readonly #began: boolean;
  done = false;

  /** Takes the SA, and whether this end began. */
  constructor(sa: IkeSa, began: boolean) {
    this.#sa = sa;
    this.#began = began;
  }

  build(message: Outgoing): void {
    if (this.#began) message.add({ kind: "D", protocol: PROTOCOL.ike!, spis: [] });
    // The answer goes out before the SA is gone.
    else this.#sa.afterResponse(() => this.#sa.end.deletedByPeer());
  }

  process(_message: Incoming): void {
    if (!this.#began) return;
    this.done = true;
    this.#sa.end.deletionAcknowledged();
  }

  abort(): void {}
}
