/**
 * Authentication payload (RFC 7296, section 3.8).
 *
 * ```text
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * | Auth Method   |                RESERVED                       |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                      Authentication Data                      ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */

import type { PayloadBase, PayloadCodec } from "../payload_codec.ts";

/** An AUTH payload. */
export interface AuthPayload extends PayloadBase {
  /** Notation: AUTH. */
  readonly kind: "AUTH";
  /** Authentication method. */
  readonly method: number;
  /** Authentication data, which may be empty here: every method must look at its size before it believes it. */
  readonly data: Uint8Array;
}

/** Reads and writes AUTH payloads. */
export const AUTH_CODEC: PayloadCodec<AuthPayload> = {
  type: 39,
  parse(reader) {
    const method = reader.uint8("Auth Method");
    reader.skip(3, "RESERVED");
    return { kind: "AUTH", method, data: reader.rest() };
  },
  size: ({ data }) => 4 + data.length,
  emit({ method, data }, writer) {
    writer.uint8(method);
    writer.zeros(3);
    writer.bytes(data);
  },
};
