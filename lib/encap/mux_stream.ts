import { Join } from "./_join.ts";
import { Chain, type MessageChunk } from "./transducer.ts";

/**
 * Two streams to one of messages: IKE, which gets its marker, and ESP (RFC 9329, section 3). When both wait, IKE goes first.
 * The output ends when both inputs have closed; an error of either is one of the whole. A write settles when its chunk was
 * read.
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
export class MuxStream<C extends MessageChunk = Uint8Array[]> {
  /** Messages of both kinds. */
  readonly readable: ReadableStream<C>;
  /** Takes IKE messages. */
  readonly ike: WritableStream<C>;
  /** Takes ESP packets. */
  readonly esp: WritableStream<C>;

  /** Makes the stage. */
  constructor() {
    const join = new Join<C, C>(new Chain<C, C>([]));
    this.readable = join.readable;
    this.ike = join.ike.writable;
    this.esp = join.esp.writable;
  }
}
