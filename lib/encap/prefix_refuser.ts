/** Refuses a responder that begins with the prefix, which only the TCP Originator may send (RFC 9329, section 4). */

import { EncapError } from "../errors.ts";
import { STREAM_PREFIX } from "./constants.ts";
import type { Emit, Transducer } from "./transducer.ts";

/**
 * Passes bytes on, unless the first six are `IKETCP`: then two originators talk to each other, or a port echoes, and a
 * deframer would wait in vain for a message of 18763 octets. Octets that match so far are held back until the next one
 * decides.
 */
export class PrefixRefuser implements Transducer<Uint8Array, Uint8Array> {
  #matched = 0;
  #decided = false;

  /** Passes a chunk on, together with what was held back. */
  handle(chunk: Uint8Array, emit: Emit<Uint8Array>): void {
    if (this.#decided) return emit(chunk);
    const held = this.#matched;
    for (let offset = 0; offset < chunk.length; offset++) {
      if (chunk[offset] !== STREAM_PREFIX[this.#matched]) {
        this.#decided = true;
        if (held > 0) emit(STREAM_PREFIX.slice(0, held));
        return emit(chunk);
      }
      if (++this.#matched === STREAM_PREFIX.length) {
        throw new EncapError(
          "ERR_ENCAP_PREFIX_ECHO",
          "Cannot read stream: expected messages from the responder, got the prefix IKETCP that only the originator sends" +
            " (does the port echo, or does another originator answer there?)",
        );
      }
    }
  }

  /** Gives out what was held back. */
  handleEnd(emit: Emit<Uint8Array>): void {
    if (!this.#decided && this.#matched > 0) emit(STREAM_PREFIX.slice(0, this.#matched));
  }
}
