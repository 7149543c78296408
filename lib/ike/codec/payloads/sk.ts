/**
 * Encrypted payload (RFC 7296, section 3.14; with an AEAD RFC 5282, section 3). What is inside needs keys: `IkeProtection`.
 *
 * ```text
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                     Initialization Vector                     ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                    Encrypted IKE Payloads                     ~
 * +               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |               |             Padding (0-255 octets)            |
 * +-+-+-+-+-+-+-+-+                               +-+-+-+-+-+-+-+-+
 * |                                               |  Pad Length   |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                    Integrity Checksum Data                    ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */

import type { PayloadBase, PayloadCodec } from "../payload_codec.ts";

/** An SK payload, still sealed. */
export interface SkPayload extends PayloadBase {
  /** Notation: SK. */
  readonly kind: "SK";
  /** Type of the first payload inside; 0 when there is none. */
  readonly nextPayload: number;
  /** IV, ciphertext and ICV. */
  readonly body: Uint8Array;
  /** Where `body` begins in the message. */
  readonly offset: number;
}

/** Reads and writes SK payloads. */
export const SK_CODEC: PayloadCodec<SkPayload> = {
  type: 46,
  parse(reader, nextPayload) {
    const { offset } = reader;
    return { kind: "SK", nextPayload, body: reader.rest(), offset };
  },
  size: ({ body }) => body.length,
  emit: ({ body }, writer) => writer.bytes(body),
};
