/**
 * Certificate Request payload (RFC 7296, section 3.7).
 *
 * ```text
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * | Cert Encoding |                                               |
 * +-+-+-+-+-+-+-+-+          Certification Authority              ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */

import type { PayloadBase, PayloadCodec } from "../payload_codec.ts";

/** A CERTREQ payload. */
export interface CertreqPayload extends PayloadBase {
  /** Notation: CERTREQ. */
  readonly kind: "CERTREQ";
  /** Certificate encoding. */
  readonly encoding: number;
  /** For X.509: SHA-1 digests of the authorities' public keys, one behind the other. */
  readonly data: Uint8Array;
}

/** Reads and writes CERTREQ payloads. */
export const CERTREQ_CODEC: PayloadCodec<CertreqPayload> = {
  type: 38,
  parse(reader) {
    const encoding = reader.uint8("Cert Encoding");
    return { kind: "CERTREQ", encoding, data: reader.rest() };
  },
  size: ({ data }) => 1 + data.length,
  emit({ encoding, data }, writer) {
    writer.uint8(encoding);
    writer.bytes(data);
  },
};
