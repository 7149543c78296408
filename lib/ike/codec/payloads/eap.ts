/**
 * Extensible Authentication Protocol payload (RFC 7296, section 3.16).
 *
 * ```text
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |     Code      | Identifier    |           Length              |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |     Type      | Type_Data...
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-
 * ```
 */

import type { PayloadBase, PayloadCodec } from "../payload_codec.ts";

/** An EAP payload. */
export interface EapPayload extends PayloadBase {
  /** Notation: EAP. */
  readonly kind: "EAP";
  /** The whole EAP packet. */
  readonly data: Uint8Array;
}

/** Reads and writes EAP payloads. */
export const EAP_CODEC: PayloadCodec<EapPayload> = {
  type: 48,
  parse(reader) {
    const start = reader.offset;
    if (reader.left < 4) reader.fail("4 octets of EAP header", reader.left);
    const data = reader.rest();
    // "The length of this message MUST be four less than the Payload Length of the encapsulating payload."
    const length = data[2]! << 8 | data[3]!;
    if (length !== data.length) reader.fail(`an EAP Length of ${data.length}`, length, start);
    return { kind: "EAP", data };
  },
  size: ({ data }) => data.length,
  emit: ({ data }, writer) => writer.bytes(data),
};
