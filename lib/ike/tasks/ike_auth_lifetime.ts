/**
 * How long authentication holds (RFC 4478): the original responder says when it wants the initiator to authenticate itself anew, in
 * the last response of IKE_AUTH or at any later time, and deletes the IKE SA when that was not done.
 */

import { readUint32 } from "../../bytes/mod.ts";
import { EXCHANGE, NOTIFY } from "../codec/mod.ts";
import type { IkeSa } from "../ike_sa.ts";
import type { Incoming, Outgoing } from "../messages.ts";
import type { Task } from "./task.ts";

/** N(AUTH_LIFETIME), in IKE_AUTH from either end, in INFORMATIONAL from the peer. */
export class IkeAuthLifetimeTask implements Task {
  readonly name = "ike_auth_lifetime";
  readonly #sa: IkeSa;
  done = false;

  /** Takes the SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  build(message: Outgoing): void {
    const { role, timers, services, state } = this.#sa;
    if (message.exchangeType !== EXCHANGE.ikeAuth || role !== "responder" || state !== "established") return;
    this.done = true;
    const { reauthAt } = timers;
    if (reauthAt === null) return;
    const seconds = Math.max(1, Math.floor((reauthAt - services.now) / 1000));
    const data = new Uint8Array(4);
    new DataView(data.buffer).setUint32(0, seconds);
    message.notify(NOTIFY.authLifetime, data);
  }

  process(message: Incoming): void {
    const { askedFirst, timers, state } = this.#sa;
    if (message.exchangeType === EXCHANGE.ikeSaInit || state !== "established") return;
    this.done = true;
    // Section 2: it is the original responder that says it.
    const data = message.notify(NOTIFY.authLifetime)?.data;
    if (!askedFirst || data === undefined) return;
    timers.limitAuthentication(readUint32(data, 0) * 1000);
  }

  abort(): void {}
}
