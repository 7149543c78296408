/**
 * The chain of payloads behind the IKE header (RFC 7296, section 3.2): each generic header names the type of the next
 * payload and the length of its own.
 *
 * ```text
 *                      1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * | Next Payload  |C|  RESERVED   |         Payload Length        |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */

import { IkeError } from "../../errors.ts";
import { IKE_HEADER_LENGTH, type IkeHeader } from "./header.ts";
import { notifyName } from "./notify_types.ts";
import { PAYLOAD, payloadName } from "./payload_types.ts";

/** Payloads that one message may have; more are `ERR_IKE_PAYLOAD`. */
export const MAX_PAYLOADS = 128;

/** One payload as the chain has it. */
export interface RawPayload {
  /** Its type. */
  readonly type: number;
  /** Whether a receiver that does not know the type must refuse the message. */
  readonly critical: boolean;
  /** What follows the generic header, as a view into the message. */
  readonly body: Uint8Array;
}

/**
 * Walks over the payloads of a message whose header was read before. Ends behind SK and SKF, which are the last and whose
 * Next Payload field belongs to what they hold (section 3.14), and at once for an encrypted IKEv1 message.
 *
 * Every payload that fits is given before the throw of one that does not: `ERR_IKE_HEADER` when the header's length is not
 * the message's, `ERR_IKE_PAYLOAD` when the chain does not fill the message.
 *
 * @example The payloads of a message
 * ```ts
 * import { describePayload, parseIkeHeader, walkPayloads } from "iketcp/ike/codec";
 * import { deepStrictEqual } from "node:assert";
 *
 * const message = new Uint8Array(36);
 * message.set([41, 0x20, 34, 0x08], 16);
 * message.set([36], 27);
 * message.set([0, 0, 0, 8, 0, 0, 0x40, 0x2e], 28);
 * const names = Array.from(walkPayloads(message, parseIkeHeader(message)), (payload) => describePayload(payload));
 * deepStrictEqual(names, ["N(IKEV2_FRAGMENTATION_SUPPORTED)"]);
 * ```
 */
export function* walkPayloads(
  message: Uint8Array,
  header: IkeHeader,
): Generator<RawPayload, void, undefined> {
  const end = Math.min(header.length, message.length);
  if (header.majorVersion !== 1 || (header.flags & IKEV1_ENCRYPTION_FLAG) === 0) {
    yield* walkChain(message.subarray(0, end), header);
  }
  if (header.length !== message.length) {
    throw new IkeError(
      "ERR_IKE_HEADER",
      `Cannot read IKE message: expected the ${header.length} octets of its header, got ${message.length}`,
    );
  }
}

function* walkChain(message: Uint8Array, header: IkeHeader): Generator<RawPayload, void, undefined> {
  let type = header.nextPayload;
  let offset = IKE_HEADER_LENGTH;
  for (let count = 1; type !== PAYLOAD.none; count++) {
    if (count > MAX_PAYLOADS) throw chainError(`at most ${MAX_PAYLOADS} payloads`, "more");
    const left = message.length - offset;
    if (left < GENERIC_HEADER_LENGTH) {
      throw chainError(
        `${payloadName(type, header.majorVersion)} at offset ${offset}`,
        `${Math.max(0, left)} octets`,
      );
    }
    const length = message[offset + 2]! << 8 | message[offset + 3]!;
    if (length < GENERIC_HEADER_LENGTH || length > left) {
      const name = payloadName(type, header.majorVersion);
      throw chainError(`${name} at offset ${offset} to have 4 to ${left} octets`, String(length));
    }
    yield {
      type,
      critical: (message[offset + 1]! & CRITICAL_BIT) !== 0,
      body: message.subarray(offset + GENERIC_HEADER_LENGTH, offset + length),
    };
    if (header.majorVersion !== 1 && (type === PAYLOAD.encrypted || type === PAYLOAD.encryptedFragment)) {
      type = PAYLOAD.none;
    } else {
      type = message[offset]!;
    }
    offset += length;
  }
  if (offset < message.length) {
    throw chainError("the last payload to end the message", `${message.length - offset} octets more`);
  }
}

/** A payload in the notation of the RFC, with the type of a notification: `SA`, `N(COOKIE)`, `N(40960)`, `payload 77`. */
export function describePayload(payload: RawPayload, majorVersion = 2): string {
  const name = payloadName(payload.type, majorVersion);
  if (majorVersion === 1 || payload.type !== PAYLOAD.notify || payload.body.length < 4) return name;
  // Protocol ID, SPI Size, Notify Message Type (section 3.10)
  return `${name}(${notifyName(payload.body[2]! << 8 | payload.body[3]!)})`;
}

const GENERIC_HEADER_LENGTH = 4;
const CRITICAL_BIT = 0x80;
/** All behind the header of an IKEv1 message is encrypted (RFC 2408, section 3.1). */
const IKEV1_ENCRYPTION_FLAG = 0x01;

function chainError(expected: string, got: string): IkeError {
  return new IkeError("ERR_IKE_PAYLOAD", `Cannot read IKE payloads: expected ${expected}, got ${got}`);
}
