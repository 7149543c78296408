/**
 * The IKE header (RFC 7296, section 3.1), which IKEv1 shares (RFC 2408, section 3.1).
 *
 * ```text
 *                      1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                       IKE SA Initiator's SPI                  |
 * |                                                               |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                       IKE SA Responder's SPI                  |
 * |                                                               |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |  Next Payload | MjVer | MnVer | Exchange Type |     Flags     |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                          Message ID                           |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                            Length                             |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */

import { readUint32, viewOf } from "../../bytes/mod.ts";
import { IkeError } from "../../errors.ts";

/** Octets of the header. */
export const IKE_HEADER_LENGTH = 28;

/** The flags of IKEv2. */
export const IKE_FLAGS: Readonly<Record<"initiator" | "version" | "response", number>> = {
  /** The sender began this IKE SA. */
  initiator: 0x08,
  /** The sender can speak a higher major version. */
  version: 0x10,
  /** The message answers one with the same message ID. */
  response: 0x20,
};

/** The fields of an IKE header. */
export interface IkeHeader {
  /** The initiator's SPI, 8 octets. */
  readonly spiI: Uint8Array;
  /** The responder's SPI, 8 octets; zeros in the first message. */
  readonly spiR: Uint8Array;
  /** Type of the first payload. */
  readonly nextPayload: number;
  /** Major version: 2, or 1 for IKEv1. */
  readonly majorVersion: number;
  /** Minor version. */
  readonly minorVersion: number;
  /** Exchange type, see `exchangeName`. */
  readonly exchangeType: number;
  /** Flags, see {@linkcode IKE_FLAGS}. */
  readonly flags: number;
  /** Message ID. */
  readonly messageId: number;
  /** Octets of the whole message as the header has it; whether they are there is for the caller to see. */
  readonly length: number;
}

/**
 * Reads the header of a message (behind the non-ESP marker, where there is one); throws `ERR_IKE_HEADER` when the octets
 * end before it does. The SPIs are views into `message`.
 *
 * @example The exchange of a message
 * ```ts
 * import { exchangeName, parseIkeHeader } from "iketcp/ike/codec";
 * import { strictEqual } from "node:assert";
 *
 * const message = new Uint8Array(28);
 * message.set([0x20, 37, 0x08], 17);
 * const header = parseIkeHeader(message);
 * strictEqual(exchangeName(header.exchangeType), "INFORMATIONAL");
 * strictEqual(header.majorVersion, 2);
 * ```
 */
export function parseIkeHeader(message: Uint8Array): IkeHeader {
  if (message.length < IKE_HEADER_LENGTH) {
    throw new IkeError(
      "ERR_IKE_HEADER",
      `Cannot read IKE message: expected a header of ${IKE_HEADER_LENGTH} octets, got ${message.length}`,
      { offset: 0 },
    );
  }
  const version = message[17]!;
  return {
    spiI: viewOf(message, 0, 8),
    spiR: viewOf(message, 8, 16),
    nextPayload: message[16]!,
    majorVersion: version >>> 4,
    minorVersion: version & 0x0f,
    exchangeType: message[18]!,
    flags: message[19]!,
    messageId: readUint32(message, 20),
    length: readUint32(message, 24),
  };
}
