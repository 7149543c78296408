/**
 * Identification payloads (RFC 7296, section 3.5).
 *
 * ```text
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |   ID Type     |                 RESERVED                      |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                   Identification Data                         ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */

import { concat } from "../../../bytes/mod.ts";
import type { PayloadBase, PayloadCodec } from "../payload_codec.ts";

/** An IDi or IDr payload. */
export interface IdPayload<Kind extends "IDi" | "IDr" = "IDi" | "IDr"> extends PayloadBase {
  /** Notation: IDi or IDr. */
  readonly kind: Kind;
  /** ID type. */
  readonly type: number;
  /** Identification data. */
  readonly data: Uint8Array;
  /** The whole body as it was received or will be sent: these octets AUTH covers, reserved ones too (section 2.15). */
  readonly body: Uint8Array;
}

/**
 * An ID payload of a type and its data.
 *
 * @example
 * ```ts
 * import { idPayload } from "iketcp/ike/codec";
 * import { strictEqual } from "node:assert";
 *
 * const id = idPayload("IDi", 2, new TextEncoder().encode("gw.example")); // ID_FQDN
 * strictEqual(id.body.length, 14);
 * ```
 */
export function idPayload<Kind extends "IDi" | "IDr">(
  kind: Kind,
  type: number,
  data: Uint8Array,
): IdPayload<Kind> {
  return { kind, type, data, body: concat([new Uint8Array([type, 0, 0, 0]), data]) };
}

/** Reads and writes IDi payloads. */
export const IDI_CODEC: PayloadCodec<IdPayload<"IDi">> = idCodec("IDi", 35);

/** Reads and writes IDr payloads. */
export const IDR_CODEC: PayloadCodec<IdPayload<"IDr">> = idCodec("IDr", 36);

function idCodec<Kind extends "IDi" | "IDr">(kind: Kind, type: number): PayloadCodec<IdPayload<Kind>> {
  return {
    type,
    parse(reader) {
      if (reader.left < 4) reader.fail("4 octets of ID Type and RESERVED", reader.left);
      const body = reader.rest();
      return { kind, type: body[0]!, data: body.subarray(4), body };
    },
    size: ({ body }) => body.length,
    emit: ({ body }, writer) => writer.bytes(body),
  };
}
