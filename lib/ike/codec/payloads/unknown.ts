/** A payload of a type that is not known here: passed over, unless its sender wants it understood (RFC 7296, section 2.5). */

import type { ByteWriter } from "../../../bytes/mod.ts";
import type { PayloadReader } from "../payload_reader.ts";

/** A payload that is kept as it is. */
export interface UnknownPayload {
  /** No notation. */
  readonly kind: "unknown";
  /** Its payload type. */
  readonly type: number;
  /** Whether a receiver that does not know the type must refuse the message. */
  readonly critical: boolean;
  /** Its body. */
  readonly data: Uint8Array;
}

/** Reads the body of a payload of any type. */
export function parseUnknown(reader: PayloadReader, type: number, critical: boolean): UnknownPayload {
  return { kind: "unknown", type, critical, data: reader.rest() };
}

/** Writes the body. */
export function emitUnknown({ data }: UnknownPayload, writer: ByteWriter): void {
  writer.bytes(data);
}
