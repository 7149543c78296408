/**
 * Key Exchange payload (RFC 7296, section 3.4).
 *
 * ```text
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |   Diffie-Hellman Group Num    |           RESERVED            |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                       Key Exchange Data                       ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */

import type { PayloadBase, PayloadCodec } from "../payload_codec.ts";

/** A KE payload. */
export interface KePayload extends PayloadBase {
  /** Notation: KE. */
  readonly kind: "KE";
  /** Transform ID of type 4. */
  readonly group: number;
  /** Public value; its size is checked by the group that it belongs to. */
  readonly data: Uint8Array;
}

/** Reads and writes KE payloads. */
export const KE_CODEC: PayloadCodec<KePayload> = {
  type: 34,
  parse(reader) {
    const group = reader.uint16("group");
    reader.skip(2, "RESERVED");
    if (reader.left === 0) reader.fail("Key Exchange Data", "none");
    return { kind: "KE", group, data: reader.rest() };
  },
  size: ({ data }) => 4 + data.length,
  emit({ group, data }, writer) {
    writer.uint16(group);
    writer.zeros(2);
    writer.bytes(data);
  },
};
