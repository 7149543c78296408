/** Asks whether the peer is alive: an empty INFORMATIONAL request, whose answer is all there is to know (RFC 7296, section 2.4). */

import type { IkeSa } from "../ike_sa.ts";
import type { Task } from "./task.ts";

/** A check of liveness that this end began; one of the peer needs no task, since its answer is empty too. */
export class IkeDpdTask implements Task {
  readonly name = "ike_dpd";
  readonly #sa: IkeSa;
  done = false;

  /** Takes the SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  build(): void {}

  process(): void {
    this.done = true;
    this.#sa.services.emit({ type: "peer_alive", ikeSa: this.#sa.id });
  }

  abort(): void {}
}
