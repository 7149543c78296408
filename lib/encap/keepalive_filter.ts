/** Drops NAT keepalives (RFC 9329, section 6.6) and messages too short to be IKE or ESP. */

import { checkOctets, messagesOf } from "./_check.ts";
import { NAT_KEEPALIVE } from "./constants.ts";
import type { Emit, MessageChunk, Transducer } from "./transducer.ts";

/** What a {@linkcode KeepaliveFilter} has dropped. */
export interface KeepaliveFilterCounters {
  /** Messages of the single octet 0xFF. */
  keepalives: number;
  /** Other messages of less than 4 octets, which hold neither a marker nor an SPI. */
  runts: number;
}

/** Passes messages of 4 octets and more; answers in kind, and a batch without anything to drop as the same array. */
export class KeepaliveFilter<C extends MessageChunk = Uint8Array[]> implements Transducer<C, C> {
  /** What was dropped so far. */
  readonly counters: KeepaliveFilterCounters = { keepalives: 0, runts: 0 };

  /** Passes on what is long enough; nothing at all when nothing is. */
  handle(chunk: C, emit: Emit<C>): void {
    const messages = messagesOf(chunk);
    let kept = messages.length;
    for (const message of messages) if (this.#drops(message)) kept--;
    if (kept === 0) return;
    if (kept === messages.length) emit(chunk);
    else emit(messages.filter((message) => message.byteLength >= SHORTEST_MESSAGE) as MessageChunk as C);
  }

  /** Nothing is left. */
  handleEnd(): void {}

  #drops(message: Uint8Array): boolean {
    if (message.byteLength >= SHORTEST_MESSAGE) return false;
    checkOctets(message, "message");
    if (message.byteLength === 1 && message[0] === NAT_KEEPALIVE) this.counters.keepalives++;
    else this.counters.runts++;
    return true;
  }
}

/** A marker or an SPI. */
const SHORTEST_MESSAGE = 4;
