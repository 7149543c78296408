/**
 * SET_WINDOW_SIZE (RFC 7296, section 2.3): "the sending endpoint is capable of keeping state for multiple outstanding exchanges". Each
 * end tells its own, if it is more than one, in IKE_AUTH; after a rekey, which begins with one again, in an INFORMATIONAL exchange.
 */

import { readUint32 } from "../../bytes/mod.ts";
import { EXCHANGE, NOTIFY } from "../codec/mod.ts";
import type { IkeSa } from "../ike_sa.ts";
import type { Incoming, Outgoing } from "../messages.ts";
import { isEstablished } from "../state.ts";
import type { Task } from "./task.ts";

/** Tells the window of this end, and learns that of the peer. */
export class IkeWindowTask implements Task {
  readonly name = "ike_window";
  readonly #sa: IkeSa;
  #told = false;
  done = false;

  /** Takes the SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  build(message: Outgoing): void {
    const { role, state, services, exchanges } = this.#sa;
    if (message.exchangeType === EXCHANGE.ikeSaInit || this.#told) return;
    // As responder of IKE_AUTH only to somebody who is authenticated.
    if (role === "responder" && !isEstablished(state)) return;
    this.#told = true;
    const { window_size } = services.limits;
    if (window_size > 1) {
      message.notify(NOTIFY.setWindowSize!, sizeOctets(window_size));
      exchanges.widen(window_size);
    }
    if (role === "responder" && message.exchangeType === EXCHANGE.ikeAuth) this.done = true;
  }

  process(message: Incoming): void {
    if (message.exchangeType === EXCHANGE.ikeSaInit) return;
    learnWindow(this.#sa, message);
    // A task of ours is over with the answer; in IKE_AUTH with the last one.
    if (this.#told && isEstablished(this.#sa.state)) this.done = true;
  }

  abort(): void {}
}

/** Learns the window of the peer from an INFORMATIONAL request. */
export class PeerWindowTask implements Task {
  readonly name = "ike_window";
  readonly #sa: IkeSa;
  done = false;

  /** Takes the SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  process(message: Incoming): void {
    learnWindow(this.#sa, message);
  }

  build(): void {
    this.done = true;
  }

  abort(): void {}
}

/** A window that the peer has told; the codec has seen to its four octets. */
function learnWindow(sa: IkeSa, message: Incoming): void {
  const data = message.notify(NOTIFY.setWindowSize!)?.data;
  if (data === undefined) return;
  sa.exchanges.growWindow(readUint32(data, 0));
}

function sizeOctets(size: number): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(4);
  new DataView(octets.buffer).setUint32(0, size);
  return octets;
}
