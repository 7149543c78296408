/**
 * Nonce payload (RFC 7296, section 3.9).
 *
 * ```text
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                            Nonce Data                         ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */

import type { PayloadBase, PayloadCodec } from "../payload_codec.ts";

/** A Nonce payload: Ni or Nr, by who sent it. */
export interface NoncePayload extends PayloadBase {
  /** Notation: Nonce. */
  readonly kind: "Nonce";
  /** Random octets, 16 to 256 of them. */
  readonly data: Uint8Array;
}

/** Reads and writes Nonce payloads. */
export const NONCE_CODEC: PayloadCodec<NoncePayload> = {
  type: 40,
  parse(reader) {
    // "The size of the Nonce Data MUST be between 16 and 256 octets, inclusive."
    if (reader.left < 16 || reader.left > 256) reader.fail("16 to 256 octets of Nonce Data", reader.left);
    return { kind: "Nonce", data: reader.rest() };
  },
  size: ({ data }) => data.length,
  emit: ({ data }, writer) => writer.bytes(data),
};
