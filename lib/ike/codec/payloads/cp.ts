/**
 * Configuration payload (RFC 7296, section 3.15), and below it one attribute.
 *
 * ```text
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |   CFG Type    |                    RESERVED                   |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                   Configuration Attributes                    ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |R|         Attribute Type      |            Length             |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                             Value                             ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */

import type { PayloadBase, PayloadCodec } from "../payload_codec.ts";

/** A configuration attribute. */
export interface ConfigurationAttribute {
  /** Attribute type, 15 bits. */
  readonly type: number;
  /** Its value, of a size that its type allows ({@linkcode CONFIGURATION_ATTRIBUTE_SIZES}). */
  readonly value: Uint8Array;
}

/** A CP payload. */
export interface CpPayload extends PayloadBase {
  /** Notation: CP. */
  readonly kind: "CP";
  /** CFG type: 1 REQUEST, 2 REPLY, 3 SET, 4 ACK. */
  readonly type: number;
  /** Attributes. */
  readonly attributes: readonly ConfigurationAttribute[];
}

/**
 * Sizes that the value of an attribute may have (section 3.15.1, table). A wrong one is INVALID_SYNTAX, so that nobody reads
 * what is not there. INTERNAL_IP6_ADDRESS without its prefix length is sent by some, and read as one of 128.
 */
export const CONFIGURATION_ATTRIBUTE_SIZES: Readonly<Record<number, readonly number[]>> = {
  1: [0, 4], // INTERNAL_IP4_ADDRESS
  2: [0, 4], // INTERNAL_IP4_NETMASK
  3: [0, 4], // INTERNAL_IP4_DNS
  4: [0, 4], // INTERNAL_IP4_NBNS
  6: [0, 4], // INTERNAL_IP4_DHCP
  8: [0, 16, 17], // INTERNAL_IP6_ADDRESS
  10: [0, 16], // INTERNAL_IP6_DNS
  12: [0, 16], // INTERNAL_IP6_DHCP
  13: [0, 8], // INTERNAL_IP4_SUBNET
  15: [0, 17], // INTERNAL_IP6_SUBNET: 17; empty in requests of some
};

/** The R bit: "MUST be ignored on receipt". */
const RESERVED_BIT = 0x8000;

/** Reads and writes CP payloads. */
export const CP_CODEC: PayloadCodec<CpPayload> = {
  type: 47,
  parse(reader) {
    const type = reader.uint8("CFG Type");
    reader.skip(3, "RESERVED");
    const attributes: ConfigurationAttribute[] = [];
    while (reader.left > 0) {
      reader.checkCount("configuration_attributes", attributes.length + 1);
      const start = reader.offset;
      const attribute = reader.uint16("Attribute Type") & ~RESERVED_BIT;
      const length = reader.uint16("attribute length");
      const sizes = CONFIGURATION_ATTRIBUTE_SIZES[attribute];
      if (sizes !== undefined && !sizes.includes(length)) {
        reader.fail(`attribute ${attribute} to have ${sizes.join(" or ")} octets`, length, start);
      }
      attributes.push({ type: attribute, value: reader.bytes(length, "attribute value") });
    }
    return { kind: "CP", type, attributes };
  },
  size: ({ attributes }) => attributes.reduce((sum, { value }) => sum + 4 + value.length, 4),
  emit({ type, attributes }, writer) {
    writer.uint8(type);
    writer.zeros(3);
    for (const attribute of attributes) {
      writer.uint16(attribute.type);
      writer.uint16(attribute.value.length);
      writer.bytes(attribute.value);
    }
  },
};
