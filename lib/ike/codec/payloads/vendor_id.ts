/**
 * Vendor ID payload (RFC 7296, section 3.12).
 *
 * ```text
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                        Vendor ID (VID)                        ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */

import type { PayloadBase, PayloadCodec } from "../payload_codec.ts";

/** A V payload. */
export interface VendorIdPayload extends PayloadBase {
  /** Notation: V. */
  readonly kind: "V";
  /** What a vendor chose, often a digest of a sentence. */
  readonly data: Uint8Array;
}

/** Reads and writes V payloads. */
export const VENDOR_ID_CODEC: PayloadCodec<VendorIdPayload> = {
  type: 43,
  parse: (reader) => ({ kind: "V", data: reader.rest() }),
  size: ({ data }) => data.length,
  emit: ({ data }, writer) => writer.bytes(data),
};
