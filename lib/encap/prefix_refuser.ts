/** Refuses a responder that begins with the prefix, which only the TCP Originator may send (RFC 9329, section 4). */

import { EncapError } from "../errors.ts";
import { checkOctets } from "./_check.ts";
import { matchPrefix } from "./_prefix.ts";
import { STREAM_PREFIX } from "./constants.ts";
import type { Emit, Transducer } from "./transducer.ts";

/**
 * Passes bytes on, unless the first six are `IKETCP`: then two originators talk to each other, or a port echoes, and a
 * deframer would wait in vain for a message of 18761 octets. Nothing is held back: a deframer can make nothing of the first
 * five octets either.
 */
export class PrefixRefuser implements Transducer<Uint8Array, Uint8Array> {
  #matched = 0;
  #decided = false;

  /** Passes a chunk on; throws when it completes the prefix. */
  handle(chunk: Uint8Array, emit: Emit<Uint8Array>): void {
    if (!this.#decided) {
      checkOctets(chunk, "chunk");
      const count = matchPrefix(chunk, this.#matched);
      this.#matched += count;
      this.#decided = count < chunk.length;
      if (this.#matched === STREAM_PREFIX.length) {
        throw new EncapError(
          "ERR_ENCAP_PREFIX_ECHO",
          "Cannot read stream: expected a Length, got the prefix IKETCP",
        );
      }
    }
    emit(chunk);
  }

  /** Nothing is left. */
  handleEnd(): void {}
}
