/** Shows a responder under load that we receive at our address: its cookie comes back as the first payload (RFC 7296, section 2.6). */

import { EXCHANGE, NOTIFY, notifyPayload } from "../codec/mod.ts";
import type { IkeSa } from "../ike_sa.ts";
import type { Incoming, Outgoing } from "../messages.ts";
import type { Task } from "./task.ts";

/** Only the initiator has this task: cookies are given and checked before there is an SA ({@linkcode Cookies}). */
export class IkeCookieTask implements Task {
  readonly name = "ike_cookie";
  readonly #sa: IkeSa;
  #cookie: Uint8Array | null = null;
  done = false;

  /** Takes the SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  build(message: Outgoing): void {
    if (message.exchangeType !== EXCHANGE.ikeSaInit) this.done = true;
    // Kept for all retries: a responder that wants another group then needs no second cookie (section 2.6.1).
    else if (this.#cookie !== null) message.add(notifyPayload(NOTIFY.cookie!, this.#cookie));
  }

  process(message: Incoming): void {
    const cookie = message.notify(NOTIFY.cookie!);
    if (cookie === undefined) return;
    this.#cookie = cookie.data.slice();
    this.#sa.requestRestart();
  }

  abort(): void {}
}
