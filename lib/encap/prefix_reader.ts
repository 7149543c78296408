/** Checks that a stream begins with the prefix (RFC 9329, sections 4 and 6.1), as a TCP Responder does. */

import { concat } from "../bytes/concat.ts";
import { EncapError } from "../errors.ts";
import { checkOctets } from "./_check.ts";
import { matchPrefix } from "./_prefix.ts";
import { STREAM_PREFIX } from "./constants.ts";
import type { Emit, Transducer } from "./transducer.ts";

/** Takes `IKETCP` off the stream, whatever its cuts, and fails at the first wrong octet; then passes bytes on. */
export class PrefixReader implements Transducer<Uint8Array, Uint8Array> {
  #matched = 0;

  /** Whether the whole prefix has been read. */
  get complete(): boolean {
    return this.#matched === STREAM_PREFIX.length;
  }

  /** Takes the prefix off the first chunks, passes all later ones on as they are. */
  handle(chunk: Uint8Array, emit: Emit<Uint8Array>): void {
    if (this.complete) return emit(chunk);
    checkOctets(chunk, "chunk");
    const count = matchPrefix(chunk, this.#matched);
    const matched = this.#matched + count;
    if (count < chunk.length) {
      if (matched < STREAM_PREFIX.length) {
        const octets = concat([STREAM_PREFIX.subarray(0, this.#matched), chunk]).slice(0, SHOWN);
        throw new EncapError(
          "ERR_ENCAP_PREFIX",
          `Cannot read stream: expected the prefix IKETCP, got ${hex(octets)}`,
          octets,
        );
      }
      emit(chunk.subarray(count));
    }
    this.#matched = matched;
  }

  /** A stream must not end before its prefix is complete. */
  handleEnd(): void {
    if (this.complete) return;
    throw new EncapError(
      "ERR_ENCAP_PREFIX_INCOMPLETE",
      `Cannot read stream: expected the prefix IKETCP, got ${this.#matched} octets`,
    );
  }
}

/** Octets of a wrong opening that the error shows. */
const SHOWN = 16;

/** Without the table of `toHex`, which a page would have to load for this one line. */
function hex(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join(" ");
}
