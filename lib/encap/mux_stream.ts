import { Join } from "./_join.ts";
import { passOn } from "./transducer.ts";
import type { MessageChunk } from "./transducer.ts";

/**
 * Two streams to one of messages: IKE, which gets its marker, and ESP (RFC 9329, section 3). When both wait, IKE goes first.
 * The output ends when both inputs have closed; aborting either is an error of the whole.
 *
 * A message that cannot be sent (too long, or an ESP packet whose SPI is 0) is the caller's `RangeError`.
 *
 * @example
 * ```ts
 * import { MuxStream } from "iketcp/encap";
 * import { deepStrictEqual } from "node:assert";
 *
 * const mux = new MuxStream();
 * mux.ike.getWriter().write([new Uint8Array([42])]);
 * const { value } = await mux.readable.getReader().read();
 * deepStrictEqual(value, [new Uint8Array([0, 0, 0, 0, 42])]);
 * ```
 */
export class MuxStream<C extends MessageChunk = Uint8Array[]> extends Join<C, C> {
  /** Makes the stage. */
  constructor() {
    super(passOn<C>());
  }
}
