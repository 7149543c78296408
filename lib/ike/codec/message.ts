/**
 * A whole IKEv2 message as a value, and back (RFC 7296, section 3). What is sealed in SK and SKF stays sealed: keys are
 * `IkeProtection`'s. Which payloads belong into which exchange is said by `exchange_rules.ts`.
 */

import { CodedRangeError, IkeError } from "../../errors.ts";
import { ByteWriter, toHex, viewOf } from "../../bytes/mod.ts";
import { formatIkeDescription, type IkeDescription } from "./describe.ts";
import { exchangeName } from "./exchange_types.ts";
import { IKE_FLAGS, IKE_HEADER_LENGTH, type IkeHeader, parseIkeHeader } from "./header.ts";
import { DEFAULT_IKE_CODEC_LIMITS, type IkeCodecLimits } from "./limits.ts";
import { NOTIFY, notifyName } from "./notify_types.ts";
import { checkMessageLength, CRITICAL_BIT, GENERIC_HEADER_LENGTH, PayloadCursor } from "./payload_chain.ts";
import { PayloadReader } from "./payload_reader.ts";
import { PAYLOAD, payloadName } from "./payload_types.ts";
import { parseUnknown } from "./payloads/unknown.ts";
import { emitPayloadBody, type Payload, payloadBodySize, payloadCodec, payloadType } from "./registry.ts";

/** The fields of an IKEv2 header that are anybody's choice. */
export interface IkeMessageHeader {
  /** The initiator's SPI, 8 octets. */
  readonly spiI: Uint8Array;
  /** The responder's SPI, 8 octets; zeros in the first message. */
  readonly spiR: Uint8Array;
  /** Exchange type, see `EXCHANGE` and `exchangeName`. */
  readonly exchangeType: number;
  /** Whether the sender began this IKE SA. */
  readonly initiator: boolean;
  /** Whether the message answers one with the same message ID. */
  readonly response: boolean;
  /** Message ID. */
  readonly messageId: number;
}

/** An IKEv2 message. */
export interface IkeMessage extends IkeMessageHeader {
  /** Its payloads: those outside, or those inside SK, as its maker says. */
  readonly payloads: readonly Payload[];
}

/** How messages are read. */
export interface ParseOptions {
  /** How much a message may hold (default: the table's). */
  readonly limits?: IkeCodecLimits;
  /**
   * Whether a critical payload of unknown type is kept like any other, for those who only look on (default: false, which
   * refuses the message as RFC 7296, section 2.5 asks).
   */
  readonly keepCritical?: boolean;
  /** The message's header, where it was read before. */
  readonly header?: IkeHeader;
}

/** Where the octets given to {@linkcode parsePayloads} come from. */
export interface ParsePayloadsOptions extends ParseOptions {
  /** What is added to the offsets in errors (default: 0). */
  readonly base?: number;
}

/** The version of IKE that is written: 2.0. */
const VERSION = 0x20;
const VERSION_OFFSET = 17;

/**
 * Reads a message (behind the non-ESP marker, where there is one) whose octets are all there and no more. Octets in the
 * result are views. Anything else is an `IkeError` that names payload, offset and the notify to answer with; what that
 * costs is bounded by the octets and the limits.
 *
 * @example
 * ```ts
 * import { emitIkeMessage, notifyPayload, parseIkeMessage } from "iketcp/ike/codec";
 * import { strictEqual } from "node:assert";
 *
 * const octets = emitIkeMessage({
 *   spiI: new Uint8Array(8).fill(1),
 *   spiR: new Uint8Array(8),
 *   exchangeType: 34,
 *   initiator: false,
 *   response: true,
 *   messageId: 0,
 *   payloads: [notifyPayload(14)],
 * });
 * const [payload] = parseIkeMessage(octets).payloads;
 * strictEqual(payload?.kind === "N" && payload.type, 14); // NO_PROPOSAL_CHOSEN
 * ```
 */
export function parseIkeMessage(octets: Uint8Array, options: ParseOptions = {}): IkeMessage {
  const limits = options.limits ?? DEFAULT_IKE_CODEC_LIMITS;
  checkMessageSize(octets.length, limits);
  const header = options.header ?? parseIkeHeader(octets);
  checkVersion(header);
  const end = Math.min(header.length, octets.length);
  const cursor = new PayloadCursor(end === octets.length ? octets : viewOf(octets, 0, end), {
    firstType: header.nextPayload,
    start: IKE_HEADER_LENGTH,
    maxPayloads: limits.payloads,
  });
  const payloads: Payload[] = [];
  while (cursor.next()) payloads.push(parsePayload(cursor, options));
  checkMessageLength(octets, header);
  const { spiI, spiR, exchangeType, flags, messageId } = header;
  return {
    spiI,
    spiR,
    exchangeType,
    initiator: (flags & IKE_FLAGS.initiator) !== 0,
    response: (flags & IKE_FLAGS.response) !== 0,
    messageId,
    payloads,
  };
}

/**
 * Reads a chain of payloads that fills its octets: the inside of an SK payload, whose first type is the Next Payload of
 * SK's own header. SK and SKF do not nest.
 */
export function parsePayloads(
  firstType: number,
  octets: Uint8Array,
  options: ParsePayloadsOptions = {},
): Payload[] {
  const limits = options.limits ?? DEFAULT_IKE_CODEC_LIMITS;
  const { base = 0 } = options;
  checkMessageSize(octets.length, limits);
  const payloads: Payload[] = [];
  const cursor = new PayloadCursor(octets, { firstType, base, maxPayloads: limits.payloads });
  while (cursor.next()) {
    const { type } = cursor;
    if (type === PAYLOAD.encrypted || type === PAYLOAD.encryptedFragment) refuseNested(cursor);
    payloads.push(parsePayload(cursor, options));
  }
  return payloads;
}

/** Octets of a message. */
export function ikeMessageSize(message: IkeMessage): number {
  return IKE_HEADER_LENGTH + payloadsSize(message.payloads);
}

/** Octets of a chain of payloads. */
export function payloadsSize(payloads: readonly Payload[]): number {
  let size = 0;
  for (const payload of payloads) size += GENERIC_HEADER_LENGTH + payloadBodySize(payload);
  return size;
}

/** Writes a message. A `RangeError` says that a payload does not fit its length field, or an SPI is none. */
export function emitIkeMessage(message: IkeMessage): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(ikeMessageSize(message));
  const writer = new ByteWriter(octets);
  emitIkeHeader(message, firstPayloadType(message.payloads), octets.length, writer);
  emitPayloadChain(message.payloads, writer);
  return octets;
}

/** Writes a chain of payloads, as it goes into SK. */
export function emitPayloads(payloads: readonly Payload[]): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(payloadsSize(payloads));
  emitPayloadChain(payloads, new ByteWriter(octets));
  return octets;
}

/** The type of the first of these payloads; 0 when there is none. */
export function firstPayloadType(payloads: readonly Payload[]): number {
  return payloads.length === 0 ? PAYLOAD.none! : payloadType(payloads[0]!);
}

/** Writes an IKE header. */
export function emitIkeHeader(
  header: IkeMessageHeader,
  nextPayload: number,
  length: number,
  writer: ByteWriter,
): void {
  emitSpi("initiator", header.spiI, writer);
  emitSpi("responder", header.spiR, writer);
  writer.uint8(nextPayload);
  writer.uint8(VERSION);
  writer.uint8(header.exchangeType);
  writer.uint8(
    (header.initiator ? IKE_FLAGS.initiator : 0) | (header.response ? IKE_FLAGS.response : 0),
  );
  writer.uint32(header.messageId);
  writer.uint32(length);
}

function emitSpi(owner: string, spi: Uint8Array, writer: ByteWriter): void {
  if (spi.length !== 8) sizeError(`IKE message: expected 8 octets of ${owner}'s SPI, got ${spi.length}`);
  writer.bytes(spi);
}

/** Writes a generic payload header for a body of so many octets. */
export function emitGenericHeader(
  payload: Payload | "SK" | "SKF",
  { nextPayload, critical, bodySize }: { nextPayload: number; critical: boolean; bodySize: number },
  writer: ByteWriter,
): void {
  const length = GENERIC_HEADER_LENGTH + bodySize;
  if (length > 0xffff) {
    const name = typeof payload === "string" ? payload : payloadNotation(payload);
    sizeError(`${name} payload: expected at most 65535 octets, got ${length}`);
  }
  writer.uint8(nextPayload);
  writer.uint8(critical ? CRITICAL_BIT : 0);
  writer.uint16(length);
}

/** Writes a chain of payloads where the writer stands. */
export function emitPayloadChain(payloads: readonly Payload[], writer: ByteWriter): void {
  for (let i = 0; i < payloads.length; i++) {
    const payload = payloads[i]!;
    const last = payload.kind === "SK" || payload.kind === "SKF";
    if (last && i < payloads.length - 1) sizeError(`${payload.kind} payload: expected it to be the last one`);
    const next = payloads[i + 1];
    const header = {
      nextPayload: last ? payload.nextPayload : next === undefined ? PAYLOAD.none : payloadType(next),
      critical: payload.critical === true,
      bodySize: payloadBodySize(payload),
    };
    emitGenericHeader(payload, header, writer);
    emitPayloadBody(payload, writer);
  }
}

/** A payload in the notation of RFC 7296: `SA`, `N(COOKIE)`, `payload 77`. Never what is in it. */
export function payloadNotation(payload: Payload): string {
  if (payload.kind === "unknown") return payloadName(payload.type);
  return payload.kind === "N" ? `N(${notifyName(payload.type)})` : payload.kind;
}

/**
 * A message on one line in the notation of RFC 7296, never with keys or what is sealed: `IKE_AUTH request 1 { IDi, AUTH, SA,
 * TSi, TSr }`.
 */
export function describeMessage(message: IkeMessage): string {
  return formatIkeDescription(messageDescription(message));
}

/** The fields of a message for people and for JSON. */
export function messageDescription(message: IkeMessage): IkeDescription {
  const flags = [...(message.initiator ? ["initiator"] : []), ...(message.response ? ["response"] : [])];
  return {
    spiI: toHex(message.spiI),
    spiR: toHex(message.spiR),
    version: "2.0",
    exchange: exchangeName(message.exchangeType),
    flags,
    messageId: message.messageId,
    payloads: message.payloads.map(payloadNotation),
  };
}

/** Reads one payload of a chain. */
function parsePayload(cursor: PayloadCursor, { limits, keepCritical = false }: ParseOptions): Payload {
  const { type, critical, nextPayload, octets } = cursor;
  const name = payloadName(type);
  const reader = new PayloadReader(name, octets, cursor, limits ?? DEFAULT_IKE_CODEC_LIMITS);
  const codec = payloadCodec(type);
  if (codec === undefined) {
    if (critical && !keepCritical) refuseCritical(name, cursor);
    return parseUnknown(reader, type, critical);
  }
  const payload = codec.parse(reader, nextPayload);
  return critical ? { ...payload, critical } : payload;
}

function refuseNested(cursor: PayloadCursor): never {
  const payload = payloadName(cursor.type);
  const offset = cursor.offset - GENERIC_HEADER_LENGTH;
  throw new IkeError(
    "ERR_IKE_PAYLOAD",
    `Cannot read IKE payloads: expected no encrypted payload inside another, got ${payload} at offset ${offset}`,
    { payload, offset, notify: NOTIFY.invalidSyntax },
  );
}

function refuseCritical(payload: string, cursor: PayloadCursor): never {
  const offset = cursor.offset - GENERIC_HEADER_LENGTH;
  throw new IkeError(
    "ERR_IKE_CRITICAL_PAYLOAD",
    `Cannot read IKE message: expected to know every critical payload, got ${payload} at offset ${offset}`,
    {
      payload,
      offset,
      notify: NOTIFY.unsupportedCriticalPayload,
      notifyData: new Uint8Array([cursor.type]),
    },
  );
}

/** RFC 7296, section 2.5: only a higher major version is answered, with the highest that is spoken. The minor one is ignored. */
function checkVersion({ majorVersion, minorVersion }: IkeHeader): void {
  if (majorVersion === 2) return;
  throw new IkeError(
    "ERR_IKE_VERSION",
    `Cannot read IKE message: expected major version 2, got ${majorVersion}.${minorVersion}`,
    {
      offset: VERSION_OFFSET,
      ...(majorVersion > 2
        ? { notify: NOTIFY.invalidMajorVersion, notifyData: new Uint8Array([VERSION]) }
        : {}),
    },
  );
}

function checkMessageSize(size: number, limits: IkeCodecLimits): void {
  if (size <= limits.message_size) return;
  throw new IkeError(
    "ERR_IKE_LIMIT",
    `Cannot read IKE message: expected at most ${limits.message_size} octets, got ${size}`,
  );
}

function sizeError(what: string): never {
  throw new CodedRangeError("ERR_IKE_SIZE", `Cannot write ${what}`);
}
