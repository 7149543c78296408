/**
 * The last word of an end that cannot accept the other's IKE_AUTH (RFC 7296, section 2.21.2): an error notify in an INFORMATIONAL
 * exchange, which ends the IKE SA without D.
 */

import { notifyName } from "../codec/mod.ts";
import type { IkeSa } from "../ike_sa.ts";
import { FATAL_NOTIFIES, type Incoming, type Outgoing } from "../messages.ts";
import type { Task } from "./task.ts";

/** Sends, or takes, an error that ends the SA. */
export class IkeFailureTask implements Task {
  readonly name = "ike_failure";
  readonly #sa: IkeSa;
  /** What this end sends; null where the peer began. */
  readonly #notify: number | null;
  done = false;

  /** Takes the SA, and the notify where this end began. */
  constructor(sa: IkeSa, notify: number | null) {
    this.#sa = sa;
    this.#notify = notify;
  }

  build(message: Outgoing): void {
    if (this.#notify !== null) message.notify(this.#notify);
  }

  process(message: Incoming): void {
    this.done = true;
    if (this.#notify !== null) return this.#sa.end.failureAcknowledged();
    const fatal = message.all("N").find(({ type }) => FATAL_NOTIFIES.has(type))!;
    const { refusal } = this.#sa;
    const says = `The peer says ${notifyName(fatal.type)}`;
    const text = refusal === null ? says : `EAP failed: ${refusal}`;
    const reason = notifyName(fatal.type) === "AUTHENTICATION_FAILED"
      ? "authentication_failed"
      : "invalid_syntax";
    this.#sa.afterResponse(() => this.#sa.end.fail(reason, text));
  }

  abort(): void {}
}
