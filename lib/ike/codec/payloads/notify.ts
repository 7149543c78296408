/**
 * Notify payload (RFC 7296, section 3.10).
 *
 * ```text
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |  Protocol ID  |   SPI Size    |      Notify Message Type      |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                Security Parameter Index (SPI)                 ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                       Notification Data                       ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */

import { NOTIFY_DATA_SIZES, notifyName } from "../notify_types.ts";
import type { PayloadBase, PayloadCodec } from "../payload_codec.ts";

/** An N payload. */
export interface NotifyPayload extends PayloadBase {
  /** Notation: N. */
  readonly kind: "N";
  /** Notify message type, see `NOTIFY` and `notifyName`. */
  readonly type: number;
  /** Protocol of the SPI; 0 where there is none. */
  readonly protocol: number;
  /** SPI of the SA that it is about; empty where it is about none, or about this IKE SA. */
  readonly spi: Uint8Array;
  /** Notification data, of a size that the type allows (`NOTIFY_DATA_SIZES`). */
  readonly data: Uint8Array;
}

const NO_OCTETS = new Uint8Array(0);

/**
 * An N payload of a type, with data and SPI where it has them.
 *
 * @example
 * ```ts
 * import { NOTIFY, notifyPayload, notifyName } from "iketcp/ike/codec";
 * import { strictEqual } from "node:assert";
 *
 * const notify = notifyPayload(NOTIFY.invalidKePayload, new Uint8Array([0, 19]));
 * strictEqual(notifyName(notify.type), "INVALID_KE_PAYLOAD");
 * ```
 */
export function notifyPayload(
  type: number,
  data: Uint8Array = NO_OCTETS,
  sa: { readonly protocol: number; readonly spi: Uint8Array } = { protocol: 0, spi: NO_OCTETS },
): NotifyPayload {
  return { kind: "N", type, protocol: sa.protocol, spi: sa.spi, data };
}

/** Reads and writes N payloads. */
export const NOTIFY_CODEC: PayloadCodec<NotifyPayload> = {
  type: 41,
  parse(reader) {
    const protocol = reader.uint8("Protocol ID");
    const spiSize = reader.uint8("SPI Size");
    const type = reader.uint16("Notify Message Type");
    const spi = reader.bytes(spiSize, "SPI");
    const size = Object.hasOwn(NOTIFY_DATA_SIZES, type) ? NOTIFY_DATA_SIZES[type] : undefined;
    const odd = size?.even === true && reader.left % 2 !== 0;
    if (size !== undefined && (reader.left < size.least || reader.left > size.most || odd)) {
      const range = size.least === size.most ? size.least : `${size.least} to ${size.most}`;
      reader.fail(
        `${size.even === true ? "an even number of" : range} octets of data in N(${notifyName(type)})`,
        reader.left,
      );
    }
    return { kind: "N", type, protocol, spi, data: reader.rest() };
  },
  size: ({ spi, data }) => 4 + spi.length + data.length,
  emit({ type, protocol, spi, data }, writer) {
    writer.uint8(protocol);
    writer.uint8(spi.length);
    writer.uint16(type);
    writer.bytes(spi);
    writer.bytes(data);
  },
};
