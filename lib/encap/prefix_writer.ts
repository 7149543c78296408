/** Begins a stream with the prefix (RFC 9329, section 4), as only a TCP Originator does. */

import { STREAM_PREFIX } from "./constants.ts";
import type { Emit, Transducer } from "./transducer.ts";

/** Emits `IKETCP` as one chunk before anything else, without waiting for a first message; then passes bytes on. */
export class PrefixWriter implements Transducer<Uint8Array, Uint8Array> {
  /** The six octets, at once and in one chunk: some responders want them in one read (section 6.1). */
  handleStart(emit: Emit<Uint8Array>): void {
    emit(STREAM_PREFIX.slice());
  }

  /** Passes a chunk on as it is. */
  handle(chunk: Uint8Array, emit: Emit<Uint8Array>): void {
    emit(chunk);
  }

  /** Nothing is left. */
  handleEnd(): void {}
}
