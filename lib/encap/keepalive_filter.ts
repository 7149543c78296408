/** Drops NAT keepalives (RFC 9329, section 6.6) and messages too short to be IKE or ESP. */

import { checkOctets } from "./_check.ts";
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
    if (!Array.isArray(chunk)) {
      if (this.#keeps(chunk as Uint8Array)) emit(chunk);
      return;
    }
    for (let i = 0; i < chunk.length; i++) {
      if (chunk[i]!.byteLength >= SHORTEST_MESSAGE) continue;
      const kept = chunk.slice(0, i);
      for (; i < chunk.length; i++) if (this.#keeps(chunk[i]!)) kept.push(chunk[i]!);
      if (kept.length > 0) emit(kept as Uint8Array[] as C);
      return;
    }
    if (chunk.length > 0) emit(chunk);
  }

  /** Nothing is left. */
  handleEnd(): void {}

  #keeps(message: Uint8Array): boolean {
    checkOctets(message, "KeepaliveFilter");
    if (message.byteLength >= SHORTEST_MESSAGE) return true;
    if (message.byteLength === 1 && message[0] === NAT_KEEPALIVE) this.counters.keepalives++;
    else this.counters.runts++;
    return false;
  }
}

/** A marker or an SPI. */
const SHORTEST_MESSAGE = 4;
