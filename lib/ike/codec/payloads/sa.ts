/**
 * Security Association payload (RFC 7296, section 3.3): proposals, their transforms, and the transforms' attributes.
 *
 * ```text
 *                      1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * | Last Substruc |   RESERVED    |         Proposal Length       |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * | Proposal Num  |  Protocol ID  |    SPI Size   |Num  Transforms|
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~                        SPI (variable)                         ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * | Last Substruc |   RESERVED    |        Transform Length       |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |Transform Type |   RESERVED    |          Transform ID         |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |A|       Attribute Type        |    Attribute Length or Value  |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ~               Attribute Value, unless A is set                ~
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */

import type { ByteWriter } from "../../../bytes/mod.ts";
import type { PayloadBase, PayloadCodec } from "../payload_codec.ts";
import type { PayloadReader } from "../payload_reader.ts";

/** An attribute other than Key Length; nobody knows one, so a transform with one cannot be chosen (section 3.3.6). */
export interface TransformAttribute {
  /** Attribute type, 15 bits. */
  readonly type: number;
  /** A number of 16 bits where the attribute is in the short form, else octets. */
  readonly value: number | Uint8Array;
}

/** A transform. */
export interface Transform {
  /** Transform type: 1 ENCR, 2 PRF, 3 INTEG, 4 KE, 5 ESN. */
  readonly type: number;
  /** Transform ID of that type. */
  readonly id: number;
  /** Key Length attribute, in bits. */
  readonly keyLength?: number;
  /** Other attributes, and a Key Length in a form that it may not have. */
  readonly attributes?: readonly TransformAttribute[];
}

/** A proposal. */
export interface Proposal {
  /** Its number, which the answer repeats. */
  readonly number: number;
  /** Protocol: 1 IKE, 2 AH, 3 ESP. */
  readonly protocol: number;
  /** The sender's SPI: 4 octets for AH and ESP, 8 for the rekey of an IKE SA, none for the first one. */
  readonly spi: Uint8Array;
  /** Transforms; of one type they are alternatives. */
  readonly transforms: readonly Transform[];
}

/** An SA payload. */
export interface SaPayload extends PayloadBase {
  /** Notation: SA. */
  readonly kind: "SA";
  /** Proposals, the preferred one first; in an answer the accepted one. */
  readonly proposals: readonly Proposal[];
}

/** Protocol IDs (section 3.3.1). */
export const PROTOCOL: Readonly<Record<"ike" | "ah" | "esp", number>> = { ike: 1, ah: 2, esp: 3 };

/** Transform types (section 3.3.2). */
export const TRANSFORM_TYPE: Readonly<
  Record<"encryption" | "prf" | "integrity" | "keyExchange" | "esn", number>
> = { encryption: 1, prf: 2, integrity: 3, keyExchange: 4, esn: 5 };

/** Reads and writes SA payloads. */
export const SA_CODEC: PayloadCodec<SaPayload> = {
  type: 33,
  parse: parseSa,
  size: ({ proposals }) => proposals.reduce((sum, proposal) => sum + proposalSize(proposal), 0),
  emit({ proposals }, writer) {
    proposals.forEach((proposal, i) => emitProposal(proposal, i === proposals.length - 1, writer));
  },
};

const PROPOSAL_HEADER_SIZE = 8;
const TRANSFORM_HEADER_SIZE = 8;
/** Last Substruc says what follows: a proposal, a transform, or nothing (sections 3.3.1 and 3.3.2). */
const MORE_PROPOSALS = 2;
const MORE_TRANSFORMS = 3;
/** Attribute Format: the value has 16 bits and stands where the length would (section 3.3.5). */
const SHORT_FORM = 0x8000;
const KEY_LENGTH = 14;

function parseSa(reader: PayloadReader): SaPayload {
  const proposals: Proposal[] = [];
  let transforms = 0;
  if (reader.left === 0) reader.fail("a proposal", "none");
  while (reader.left > 0) {
    reader.checkCount("proposals", proposals.length + 1);
    const proposal = parseProposal(reader);
    proposals.push(proposal);
    transforms += proposal.transforms.length;
    reader.checkCount("transforms", transforms);
  }
  return { kind: "SA", proposals };
}

function parseProposal(sa: PayloadReader): Proposal {
  const { reader, last } = parseSubstructure(sa, "proposal", MORE_PROPOSALS, PROPOSAL_HEADER_SIZE);
  const number = reader.uint8("Proposal Num");
  const protocol = reader.uint8("Protocol ID");
  const spiSize = reader.uint8("SPI Size");
  const count = reader.uint8("Num Transforms");
  const spi = reader.bytes(spiSize, "SPI");
  const transforms: Transform[] = [];
  // The count and the proposal's length must say the same, or one of them lies.
  while (reader.left > 0) {
    if (transforms.length === count) reader.fail(`${count} transforms`, `${reader.left} octets more`);
    transforms.push(parseTransform(reader));
  }
  if (transforms.length < count) reader.fail(`${count} transforms`, transforms.length);
  if (last !== (sa.left === 0)) failLast(reader, "proposal", sa.left);
  return { number, protocol, spi, transforms };
}

function parseTransform(proposal: PayloadReader): Transform {
  const { reader, last } = parseSubstructure(
    proposal,
    "transform",
    MORE_TRANSFORMS,
    TRANSFORM_HEADER_SIZE,
  );
  const type = reader.uint8("Transform Type");
  reader.skip(1, "RESERVED");
  const id = reader.uint16("Transform ID");
  const transform: { type: number; id: number; keyLength?: number; attributes?: TransformAttribute[] } = {
    type,
    id,
  };
  while (reader.left > 0) {
    const attribute = parseAttribute(reader);
    const { value } = attribute;
    if (attribute.type === KEY_LENGTH && typeof value === "number" && transform.keyLength === undefined) {
      transform.keyLength = value;
    } else (transform.attributes ??= []).push(attribute);
  }
  if (last !== (proposal.left === 0)) failLast(reader, "transform", proposal.left);
  return transform;
}

/** Last Substruc, RESERVED and length, and a reader for what the length covers behind them. */
function parseSubstructure(
  outer: PayloadReader,
  name: string,
  more: number,
  least: number,
): { reader: PayloadReader; last: boolean } {
  const start = outer.offset;
  const left = outer.left;
  const lastSubstructure = outer.uint8(`${name} header`);
  if (lastSubstructure !== 0 && lastSubstructure !== more) {
    outer.fail(`Last Substruc of a ${name} to be 0 or ${more}`, lastSubstructure, start);
  }
  outer.skip(1, `${name} header`);
  const length = outer.uint16(`${name} length`);
  if (length < least || length > left) {
    outer.fail(`a ${name} of ${least} to ${left} octets`, length, start);
  }
  return { reader: outer.part(length - 4, name), last: lastSubstructure === 0 };
}

function failLast(reader: PayloadReader, name: string, left: number): never {
  reader.fail(
    `Last Substruc to say whether a ${name} follows`,
    left === 0 ? "more where the octets end" : `the last one with ${left} octets behind it`,
  );
}

function parseAttribute(reader: PayloadReader): TransformAttribute {
  const head = reader.uint16("Attribute Type");
  const value = reader.uint16("Attribute Length or Value");
  if ((head & SHORT_FORM) !== 0) return { type: head & ~SHORT_FORM, value };
  return { type: head, value: reader.bytes(value, "Attribute Value") };
}

function proposalSize({ spi, transforms }: Proposal): number {
  return transforms.reduce(
    (sum, transform) => sum + transformSize(transform),
    PROPOSAL_HEADER_SIZE + spi.length,
  );
}

function transformSize({ keyLength, attributes = [] }: Transform): number {
  return attributes.reduce(
    (sum, { value }) => sum + 4 + (typeof value === "number" ? 0 : value.length),
    TRANSFORM_HEADER_SIZE + (keyLength === undefined ? 0 : 4),
  );
}

function emitProposal(proposal: Proposal, last: boolean, writer: ByteWriter): void {
  const { spi, transforms } = proposal;
  writer.uint8(last ? 0 : MORE_PROPOSALS);
  writer.zeros(1);
  writer.uint16(proposalSize(proposal));
  writer.uint8(proposal.number);
  writer.uint8(proposal.protocol);
  writer.uint8(spi.length);
  writer.uint8(transforms.length);
  writer.bytes(spi);
  transforms.forEach((transform, i) => emitTransform(transform, i === transforms.length - 1, writer));
}

function emitTransform(transform: Transform, last: boolean, writer: ByteWriter): void {
  const { type, id, keyLength, attributes = [] } = transform;
  writer.uint8(last ? 0 : MORE_TRANSFORMS);
  writer.zeros(1);
  writer.uint16(transformSize(transform));
  writer.uint8(type);
  writer.zeros(1);
  writer.uint16(id);
  if (keyLength !== undefined) emitAttribute({ type: KEY_LENGTH, value: keyLength }, writer);
  for (const attribute of attributes) emitAttribute(attribute, writer);
}

function emitAttribute({ type, value }: TransformAttribute, writer: ByteWriter): void {
  if (typeof value === "number") {
    writer.uint16(SHORT_FORM | type);
    writer.uint16(value);
  } else {
    writer.uint16(type);
    writer.uint16(value.length);
    writer.bytes(value);
  }
}
