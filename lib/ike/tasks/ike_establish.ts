/** The moment between who is who and what is carried: both ends are authenticated, and the SA is established. */

import { EXCHANGE } from "../codec/mod.ts";
import type { IkeSa } from "../ike_sa.ts";
import type { Incoming, Outgoing } from "../messages.ts";
import type { Task } from "./task.ts";

/** Stands in the table behind authentication and configuration, and before the first child. */
export class IkeEstablishTask implements Task {
  readonly name = "ike_establish";
  readonly #sa: IkeSa;
  done = false;

  /** Takes the SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  build(message: Outgoing): void {
    if (this.#sa.role === "responder") this.#establish(message.exchangeType);
  }

  process(message: Incoming): void {
    if (this.#sa.role === "initiator") this.#establish(message.exchangeType);
  }

  abort(): void {}

  #establish(exchangeType: number): void {
    if (exchangeType !== EXCHANGE.ikeAuth || !this.#sa.authenticated) return;
    this.done = true;
    this.#sa.establish();
  }
}
