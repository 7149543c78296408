/**
 * Delete payload (RFC 7296, section 3.11).
 *
 * ```text
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * | Protocol ID   |   SPI Size    |          Num of SPIs          |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~               Security Parameter Index(es) (SPI)              ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */

import type { PayloadBase, PayloadCodec } from "../payload_codec.ts";

/** A D payload. */
export interface DeletePayload extends PayloadBase {
  /** Notation: D. */
  readonly kind: "D";
  /** Protocol: 1 for this IKE SA, 2 AH, 3 ESP. */
  readonly protocol: number;
  /** The sender's inbound SPIs, all of one size; none for the IKE SA. */
  readonly spis: readonly Uint8Array[];
}

/** Reads and writes D payloads. */
export const DELETE_CODEC: PayloadCodec<DeletePayload> = {
  type: 42,
  parse(reader) {
    const protocol = reader.uint8("Protocol ID");
    const size = reader.uint8("SPI Size");
    const count = reader.uint16("Num of SPIs");
    // Before anything is made of the count: octets must stand for each SPI, so 65535 of none are no list.
    if (count > 0 && size === 0) reader.fail("SPIs of at least one octet", 0);
    if (count * size !== reader.left) {
      reader.fail(`${count} SPIs of ${size} octets`, `${reader.left} octets`);
    }
    reader.checkCount("spis", count);
    const spis: Uint8Array[] = [];
    for (let i = 0; i < count; i++) spis.push(reader.bytes(size, "SPI"));
    return { kind: "D", protocol, spis };
  },
  size: ({ spis }) => spis.reduce((sum, spi) => sum + spi.length, 4),
  emit({ protocol, spis }, writer) {
    writer.uint8(protocol);
    writer.uint8(spis[0]?.length ?? 0);
    writer.uint16(spis.length);
    for (const spi of spis) writer.bytes(spi);
  },
};
