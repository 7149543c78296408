/** Chooses what a capture holds of a connection, message by message, where all of it would be large and tell nothing new. */

import { Deframer, Framer, hasNonEspMarker, PrefixReader, STREAM_PREFIX } from "../encap/mod.ts";
import type { TcpCapture } from "../inspect/mod.ts";

/** Says whether a message, without its Length, goes into the capture. */
export type KeepMessage = (message: Uint8Array) => boolean;

/** Keeps all but long ESP packets, and of those the first of each SA. */
export function withoutBulk(count: number): KeepMessage {
  return (message) => {
    if (hasNonEspMarker(message) || message.length < LONG) return true;
    // RFC 4303, section 2: the sequence number stands behind the SPI.
    const sequence = (message[4]! << 24 | message[5]! << 16 | message[6]! << 8 | message[7]!) >>> 0;
    return sequence <= count;
  };
}

/** Octets of a message that is part of bulk rather than somebody's ping. */
const LONG = 512;

/** What records a connection. */
type Tap = Pick<TcpCapture, "opened" | "sent" | "received" | "closed">;

/** A capture of a connection that this end has opened, from which messages are left out as if they had never crossed. */
export class SievedCapture implements Tap {
  readonly #capture: Tap;
  readonly #keep: KeepMessage;
  readonly #prefix = new PrefixReader();
  readonly #outgoing = new Deframer();
  readonly #incoming = new Deframer();
  readonly #framer = new Framer();

  /** Records what `keep` chooses. */
  constructor(capture: Tap, keep: KeepMessage) {
    this.#capture = capture;
    this.#keep = keep;
  }

  opened(): void {
    this.#capture.opened();
  }

  sent(octets: Uint8Array): void {
    const begun = this.#prefix.complete;
    let rest: Uint8Array | undefined;
    this.#prefix.handle(octets, (behind) => rest = behind);
    if (!begun && this.#prefix.complete) this.#capture.sent(STREAM_PREFIX);
    if (rest !== undefined) this.#sieve(this.#outgoing, rest, (kept) => this.#capture.sent(kept));
  }

  received(octets: Uint8Array): void {
    this.#sieve(this.#incoming, octets, (kept) => this.#capture.received(kept));
  }

  closed(): void {
    this.#capture.closed();
  }

  #sieve(deframer: Deframer, octets: Uint8Array, record: (kept: Uint8Array) => void): void {
    deframer.handle(octets, (messages) => {
      const kept = messages.filter(this.#keep);
      if (kept.length > 0) this.#framer.handle(kept, record);
    });
  }
}
