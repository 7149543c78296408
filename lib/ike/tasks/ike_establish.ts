/** The moment between who is who and what is carried: both ends are authenticated, and the SA is established. */

import { EXCHANGE } from "../codec/mod.ts";
import type { ChildSelectors } from "../child_sa.ts";
import type { IkeSa } from "../ike_sa.ts";
import type { Incoming, Outgoing } from "../messages.ts";
import type { Task } from "./task.ts";

/** Stands in the table behind authentication and configuration, and before the first child. */
export class IkeEstablishTask implements Task {
  readonly name = "ike_establish";
  readonly #sa: IkeSa;
  readonly #offered: () => ChildSelectors | null;
  done = false;

  /** Takes the SA, and as responder what the peer wants to be carried. */
  constructor(sa: IkeSa, offered: () => ChildSelectors | null = () => null) {
    this.#sa = sa;
    this.#offered = offered;
  }

  build(message: Outgoing): void {
    if (this.#sa.role !== "responder" || !this.#isDue(message.exchangeType)) return;
    this.#sa.reauthentication.recognise(this.#offered());
    this.#establish();
  }

  process(message: Incoming): void {
    if (this.#sa.role === "initiator" && this.#isDue(message.exchangeType)) this.#establish();
  }

  abort(): void {}

  #isDue(exchangeType: number): boolean {
    return exchangeType === EXCHANGE.ikeAuth && this.#sa.authenticated;
  }

  #establish(): void {
    this.done = true;
    this.#sa.establish();
  }
}
