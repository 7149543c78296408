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

import { viewOf } from "../../bytes/mod.ts";
import { IkeError, type IkeErrorCode } from "../../errors.ts";
import { IKE_HEADER_LENGTH, type IkeHeader } from "./header.ts";
import { DEFAULT_IKE_CODEC_LIMITS } from "./limits.ts";
import { NOTIFY, notifyName } from "./notify_types.ts";
import { PAYLOAD, payloadName } from "./payload_types.ts";

/** Payloads that one message may have unless told otherwise; more are `ERR_IKE_LIMIT`. */
export const MAX_PAYLOADS: number = DEFAULT_IKE_CODEC_LIMITS.payloads;

/** Octets of the generic payload header. */
export const GENERIC_HEADER_LENGTH = 4;

/** One payload as the chain has it. */
export interface RawPayload {
  /** Its type. */
  readonly type: number;
  /** Whether a receiver that does not know the type must refuse the message. */
  readonly critical: boolean;
  /** The Next Payload field: the type of the payload behind it, or of the first one inside SK and SKF. */
  readonly nextPayload: number;
  /** What follows the generic header, as a view into the message. */
  readonly body: Uint8Array;
  /** Where `body` begins in the message. */
  readonly offset: number;
}

/** Where a chain of payloads lies, and how it is read. */
export interface PayloadChain {
  /** Type of the first payload; 0 when there is none. */
  readonly firstType: number;
  /** Where the first payload begins in the octets (default: 0). */
  readonly start?: number;
  /** What is added to offsets in errors and payloads, when the octets are not a whole message (default: 0). */
  readonly base?: number;
  /** How many there may be (default: {@linkcode MAX_PAYLOADS}). */
  readonly maxPayloads?: number;
  /** Major version whose payload types these are (default: 2). */
  readonly majorVersion?: number;
}

/**
 * Walks over the payloads of a message whose header was read before. Ends behind SK and SKF, which are the last and whose
 * Next Payload field belongs to what they hold (section 3.14), and at once for an encrypted IKEv1 message.
 *
 * Every payload that fits is given before the throw of one that does not: `ERR_IKE_HEADER` when the header's length is not
 * the message's, `ERR_IKE_PAYLOAD` when the chain does not fill the message, `ERR_IKE_LIMIT` when it is too long.
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
  maxPayloads: number = MAX_PAYLOADS,
): Generator<RawPayload, void, undefined> {
  const { majorVersion, flags } = header;
  if (majorVersion !== 1 || (flags & IKEV1_ENCRYPTION_FLAG) === 0) {
    const end = Math.min(header.length, message.length);
    yield* walkChain(end === message.length ? message : viewOf(message, 0, end), {
      firstType: header.nextPayload,
      start: IKE_HEADER_LENGTH,
      maxPayloads,
      majorVersion,
    });
  }
  checkMessageLength(message, header);
}

/** Walks over a chain of payloads that fills the octets, as `walkPayloads` does for those of a message: the inside of SK. */
export function* walkChain(octets: Uint8Array, chain: PayloadChain): Generator<RawPayload, void, undefined> {
  const cursor = new PayloadCursor(octets, chain);
  while (cursor.next()) {
    const { type, critical, nextPayload, offset, start, end } = cursor;
    yield { type, critical, nextPayload, body: viewOf(octets, start, end), offset };
  }
}

/** A place in a chain of payloads, for those who read many messages: it makes nothing for a payload. */
export class PayloadCursor {
  /** The octets that the chain fills. */
  readonly octets: Uint8Array;
  /** Type of the payload. */
  type = 0;
  /** Whether a receiver that does not know the type must refuse the message. */
  critical = false;
  /** The Next Payload field, see {@linkcode RawPayload}. */
  nextPayload = 0;
  /** Where its body begins in the octets. */
  start = 0;
  /** Where its body ends in the octets. */
  end: number;
  readonly #base: number;
  readonly #maxPayloads: number;
  readonly #majorVersion: number;
  #nextType: number;
  #count = 0;

  /** Stands before the first payload. */
  constructor(
    octets: Uint8Array,
    { firstType, start = 0, base = 0, maxPayloads = MAX_PAYLOADS, majorVersion = 2 }: PayloadChain,
  ) {
    this.octets = octets;
    this.end = start;
    this.#nextType = firstType;
    this.#base = base;
    this.#maxPayloads = maxPayloads;
    this.#majorVersion = majorVersion;
  }

  /** What is added to places in the octets to make them offsets in the message. */
  get base(): number {
    return this.#base;
  }

  /** Where the body begins in the message. */
  get offset(): number {
    return this.#base + this.start;
  }

  /** Goes to the next payload; false behind the last one. Throws as `walkPayloads` does. */
  next(): boolean {
    const { octets, end: begin } = this;
    const left = octets.length - begin;
    const type = this.#nextType;
    if (type === PAYLOAD.none) {
      if (left > 0) this.#refuse("the last payload to end the message", `${left} octets more`);
      return false;
    }
    if (this.#count === this.#maxPayloads) {
      this.#refuse(`at most ${this.#maxPayloads} payloads`, "more", "ERR_IKE_LIMIT");
    }
    if (left < GENERIC_HEADER_LENGTH) {
      this.#refuse(`${this.#name} at offset ${this.#base + begin}`, `${Math.max(0, left)} octets`);
    }
    const length = octets[begin + 2]! << 8 | octets[begin + 3]!;
    if (length < GENERIC_HEADER_LENGTH || length > left) {
      this.#refuse(
        `${this.#name} at offset ${this.#base + begin} to have 4 to ${left} octets`,
        String(length),
      );
    }
    this.#count++;
    this.type = type;
    this.critical = (octets[begin + 1]! & CRITICAL_BIT) !== 0;
    this.nextPayload = octets[begin]!;
    this.start = begin + GENERIC_HEADER_LENGTH;
    this.end = begin + length;
    const isLast = this.#majorVersion !== 1 &&
      (type === PAYLOAD.encrypted || type === PAYLOAD.encryptedFragment);
    this.#nextType = isLast ? PAYLOAD.none! : this.nextPayload;
    return true;
  }

  get #name(): string {
    return payloadName(this.#nextType, this.#majorVersion);
  }

  #refuse(expected: string, got: string, code: IkeErrorCode = "ERR_IKE_PAYLOAD"): never {
    throw new IkeError(code, `Cannot read IKE payloads: expected ${expected}, got ${got}`, {
      offset: this.#base + this.end,
      notify: NOTIFY.invalidSyntax,
      ...(this.#nextType === PAYLOAD.none ? {} : { payload: this.#name }),
    });
  }
}

/** The header's length must be the message's: the payloads that are there are read before this is said. */
export function checkMessageLength(message: Uint8Array, header: IkeHeader): void {
  if (header.length === message.length) return;
  throw new IkeError(
    "ERR_IKE_HEADER",
    `Cannot read IKE message: expected the ${header.length} octets of its header, got ${message.length}`,
    { offset: LENGTH_OFFSET, notify: NOTIFY.invalidSyntax },
  );
}

/** A payload in the notation of the RFC, with the type of a notification: `SA`, `N(COOKIE)`, `N(40960)`, `payload 77`. */
export function describePayload(payload: Pick<RawPayload, "type" | "body">, majorVersion = 2): string {
  const name = payloadName(payload.type, majorVersion);
  if (majorVersion === 1 || payload.type !== PAYLOAD.notify || payload.body.length < 4) return name;
  // Protocol ID, SPI Size, Notify Message Type (section 3.10)
  return `${name}(${notifyName(payload.body[2]! << 8 | payload.body[3]!)})`;
}

/** The critical bit of a generic payload header (section 3.2). */
export const CRITICAL_BIT = 0x80;

/** Where the Length field lies in the IKE header. */
const LENGTH_OFFSET = 24;
/** All behind the header of an IKEv1 message is encrypted (RFC 2408, section 3.1). */
const IKEV1_ENCRYPTION_FLAG = 0x01;
