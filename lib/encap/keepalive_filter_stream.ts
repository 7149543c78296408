import { KeepaliveFilter } from "./keepalive_filter.ts";
import { StageStream } from "./stage_stream.ts";
import type { MessageChunk } from "./transducer.ts";

/**
 * Messages to messages, in kind: drops the single octet 0xFF in silence (RFC 9329, section 6.6), and other messages of 1 to
 * 3 octets; both are counted in `core.counters`, neither is an error.
 *
 * @example
 * ```ts
 * import { KeepaliveFilterStream } from "iketcp/encap";
 * import { strictEqual } from "node:assert";
 *
 * const stage = new KeepaliveFilterStream();
 * stage.writable.getWriter().write([new Uint8Array([0xff]), new Uint8Array(8)]);
 * const { value } = await stage.readable.getReader().read();
 * strictEqual(value!.length, 1);
 * strictEqual(stage.core.counters.keepalives, 1);
 * ```
 */
export class KeepaliveFilterStream<C extends MessageChunk = Uint8Array[]>
  extends StageStream<C, C, KeepaliveFilter<C>> {
  /** Makes the stage. */
  constructor() {
    super(new KeepaliveFilter<C>());
  }
}
