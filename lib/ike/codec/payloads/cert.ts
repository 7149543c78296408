/**
 * Certificate payload (RFC 7296, section 3.6).
 *
 * ```text
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * | Cert Encoding |                                               |
 * +-+-+-+-+-+-+-+-+              Certificate Data                 ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */

import type { PayloadBase, PayloadCodec } from "../payload_codec.ts";

/** A CERT payload. */
export interface CertPayload extends PayloadBase {
  /** Notation: CERT. */
  readonly kind: "CERT";
  /** Certificate encoding: 4 for an X.509 certificate. */
  readonly encoding: number;
  /** One certificate, or what the encoding says. */
  readonly data: Uint8Array;
}

/** Reads and writes CERT payloads. */
export const CERT_CODEC: PayloadCodec<CertPayload> = {
  type: 37,
  parse(reader) {
    const encoding = reader.uint8("Cert Encoding");
    return { kind: "CERT", encoding, data: reader.rest() };
  },
  size: ({ data }) => 1 + data.length,
  emit({ encoding, data }, writer) {
    writer.uint8(encoding);
    writer.bytes(data);
  },
};
