/**
 * Encrypted Fragment payload (RFC 7383, section 2.5).
 *
 * ```text
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |        Fragment Number        |        Total Fragments        |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~         Initialization Vector, content, padding, ICV          ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */

import { IkeError } from "../../../errors.ts";
import type { PayloadBase, PayloadCodec } from "../payload_codec.ts";

/** An SKF payload, still sealed. */
export interface SkfPayload extends PayloadBase {
  /** Notation: SKF. */
  readonly kind: "SKF";
  /** Type of the first payload of the whole in the first fragment; 0 in all others. */
  readonly nextPayload: number;
  /** Number of this fragment, from 1 on. */
  readonly number: number;
  /** How many there are. */
  readonly total: number;
  /** IV, ciphertext and ICV. */
  readonly body: Uint8Array;
  /** Where `body` begins in the message. */
  readonly offset: number;
}

/** Octets of fragment number and total, in front of `body`. */
export const FRAGMENT_HEADER_SIZE = 4;

/** Reads and writes SKF payloads. */
export const SKF_CODEC: PayloadCodec<SkfPayload> = {
  type: 53,
  parse(reader, nextPayload) {
    const start = reader.offset;
    const number = reader.uint16("Fragment Number");
    const total = reader.uint16("Total Fragments");
    // "This field MUST be less than or equal to Total Fragments", and it starts from 1. So neither can be 0.
    // Section 2.6: such a message "MUST be silently discarded", so there is no notify to answer with.
    if (number === 0 || number > total) {
      throw new IkeError(
        "ERR_IKE_PAYLOAD",
        `Cannot read SKF payload at offset ${start}: expected a Fragment Number from 1 to Total Fragments, got ${number} of ${total}`,
        { payload: "SKF", offset: start },
      );
    }
    const { offset } = reader;
    return { kind: "SKF", nextPayload, number, total, body: reader.rest(), offset };
  },
  size: ({ body }) => FRAGMENT_HEADER_SIZE + body.length,
  emit({ number, total, body }, writer) {
    writer.uint16(number);
    writer.uint16(total);
    writer.bytes(body);
  },
};
