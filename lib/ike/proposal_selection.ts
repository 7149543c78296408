/**
 * What two ends agree on: our proposals as an SA payload, the responder's choice from an offer, and the initiator's check
 * that the answer is something it offered (RFC 7296, sections 2.7 and 3.3.6).
 */

import { IkeError } from "../errors.ts";
import type {
  EncryptionTransform,
  IntegrityTransform,
  KeyExchangeTransform,
  PrfTransform,
} from "../crypto/mod.ts";
import { type Proposal, PROTOCOL, type SaPayload, type Transform, TRANSFORM_TYPE } from "./codec/mod.ts";
import type { ConfiguredProposal } from "./proposals.ts";

/** What was chosen: one transform of each type. */
export interface SelectedProposal {
  /** Number of the proposal, which the answer repeats. */
  readonly number: number;
  /** Protocol: 1 IKE, 3 ESP. */
  readonly protocol: number;
  /** The peer's SPI as its proposal has it; empty for the first IKE SA. */
  readonly spi: Uint8Array;
  /** Encryption. */
  readonly encryption: EncryptionTransform;
  /** Pseudorandom function; null for ESP. */
  readonly prf: PrfTransform | null;
  /** Integrity; null beside a cipher that authenticates by itself. */
  readonly integrity: IntegrityTransform | null;
  /** Key exchange; null for none. */
  readonly keyExchange: KeyExchangeTransform | null;
  /** Whether sequence numbers have 64 bits; null for IKE. */
  readonly esn: boolean | null;
  /** The same as transforms, for the answer: one of each type that was offered. */
  readonly transforms: readonly Transform[];
}

/** How an SA payload is used. */
export interface NegotiationOptions {
  /** Octets of SPI that a proposal must have: 0 for the first IKE SA, 8 for its rekey, 4 for ESP. */
  readonly spiSize: number;
  /**
   * Whether a key exchange belongs to it: not in IKE_AUTH, where nothing is offered and what a peer offers all the same
   * is passed over (RFC 7296, section 1.2; default: true).
   */
  readonly keyExchange?: boolean;
}

/** How a responder chooses. */
export interface SelectionOptions extends NegotiationOptions {
  /** Whose order counts (default: `local`). */
  readonly prefer?: "local" | "remote";
  /** The group of the KE payload that came along: taken where it is as good as any, because it saves a round trip. */
  readonly group?: number;
}

/** What the proposals of a configuration look like in an SA payload. `spi` is ours, in every one of them. */
export function toSaPayload(
  proposals: readonly ConfiguredProposal[],
  { spi = new Uint8Array(0), keyExchange = true }: {
    readonly spi?: Uint8Array;
    readonly keyExchange?: boolean;
  } = {},
): SaPayload {
  return {
    kind: "SA",
    proposals: proposals.map((proposal, i) => ({
      number: i + 1,
      protocol: proposal.protocol,
      spi,
      transforms: offeredTransforms(proposal, keyExchange),
    })),
  };
}

/** What each proposal of a configuration offers, with and without key exchange: the same for every SA. */
const offers: WeakMap<ConfiguredProposal, Map<boolean, readonly Transform[]>> = new WeakMap();

function offeredTransforms(proposal: ConfiguredProposal, keyExchange: boolean): readonly Transform[] {
  let known = offers.get(proposal);
  if (known === undefined) offers.set(proposal, known = new Map());
  let transforms = known.get(keyExchange);
  if (transforms === undefined) {
    transforms = [
      ...proposal.encryption.map(encryptionToTransform),
      ...proposal.integrity.map(integrityToTransform),
      ...proposal.prf.map(prfToTransform),
      ...(keyExchange ? keyExchangeTransforms(proposal.keyExchange) : []),
      ...proposal.esn.map(esnToTransform),
    ];
    known.set(keyExchange, transforms);
  }
  return transforms;
}

/** The SA payload that says what was chosen. `spi` is ours. */
export function toAnswer(selected: SelectedProposal, spi: Uint8Array = new Uint8Array(0)): SaPayload {
  const { number, protocol, transforms } = selected;
  return { kind: "SA", proposals: [{ number, protocol, spi, transforms }] };
}

/**
 * The first proposal that both ends accept; undefined for NO_PROPOSAL_CHOSEN. A proposal with a type of transform that is
 * not known, or without a mandatory one, cannot be chosen, and neither can a transform with an attribute that is not known
 * (section 3.3.6).
 *
 * @example
 * ```ts
 * import { formatProposal, parseIkeProposals, selectProposal, toSaPayload } from "iketcp/ike";
 * import { ok, strictEqual } from "node:assert";
 *
 * const offer = toSaPayload(parseIkeProposals("aes128-aes256-sha256-modp2048-x25519"));
 * const selected = selectProposal(offer, parseIkeProposals("default"), { spiSize: 0 });
 * ok(selected !== undefined);
 * strictEqual(formatProposal(selected), "aes256-sha256-prfsha256-x25519");
 * ```
 */
export function selectProposal(
  offer: SaPayload,
  configured: readonly ConfiguredProposal[],
  options: SelectionOptions,
): SelectedProposal | undefined {
  const { proposals } = offer;
  const remoteFirst = options.prefer === "remote";
  for (const outer of remoteFirst ? proposals : configured) {
    for (const inner of remoteFirst ? configured : proposals) {
      const [offered, ours] = (remoteFirst ? [outer, inner] : [inner, outer]) as [
        Proposal,
        ConfiguredProposal,
      ];
      const selected = match(offered, ours, options);
      if (selected !== undefined) return selected;
    }
  }
  return undefined;
}

/**
 * Holds the responder's answer to what was offered with {@linkcode toSaPayload}: one proposal, one of ours by its number, one
 * transform of each type, each of them offered there. Anything else is an `IkeError`: "the initiator of an exchange MUST
 * check that the accepted offer is consistent with one of its proposals, and if not MUST terminate the exchange".
 */
export function checkAnswer(
  answer: SaPayload,
  configured: readonly ConfiguredProposal[],
  options: NegotiationOptions,
): SelectedProposal {
  const [proposal, second] = answer.proposals;
  if (proposal === undefined || second !== undefined) {
    return refuseAnswer("one proposal", `${answer.proposals.length} proposals`);
  }
  const ours = configured[proposal.number - 1];
  if (ours === undefined) {
    return refuseAnswer(`a proposal from 1 to ${configured.length}`, `number ${proposal.number}`);
  }
  const types = proposal.transforms.map(({ type }) => type);
  if (new Set(types).size < types.length) {
    return refuseAnswer("one transform of each type", `transforms of types ${types.join(", ")}`);
  }
  const selected = match(proposal, ours, { ...options, answer: true });
  if (selected === undefined) {
    return refuseAnswer(
      `transforms of proposal ${proposal.number} that was made`,
      describeTransforms(proposal),
    );
  }
  return selected;
}

/** Transform IDs that stand for nothing (sections 3.3.2). */
const NONE = 0;

/** Types that a proposal may have; a proposal with any other "MUST" be passed over. */
const TYPES: Readonly<Record<number, readonly number[]>> = {
  [PROTOCOL.ike]: [
    TRANSFORM_TYPE.encryption,
    TRANSFORM_TYPE.prf,
    TRANSFORM_TYPE.integrity,
    TRANSFORM_TYPE.keyExchange,
  ],
  [PROTOCOL.esp]: [
    TRANSFORM_TYPE.encryption,
    TRANSFORM_TYPE.integrity,
    TRANSFORM_TYPE.keyExchange,
    TRANSFORM_TYPE.esn,
  ],
};

/**
 * A pseudorandom function means nothing in ESP, but strongSwan writes one into its offers when its configuration does, and then
 * misses it in the answer: so it is given back.
 */
const TYPES_OF_OFFERS: Readonly<Record<number, readonly number[]>> = {
  ...TYPES,
  [PROTOCOL.esp]: [...TYPES[PROTOCOL.esp]!, TRANSFORM_TYPE.prf],
};

/** A choice among the transforms of one type: what it is, and how the answer says so; null where nothing needs saying. */
interface Choice<Row> {
  readonly row: Row;
  readonly transform: Transform | null;
}

/** What an offered proposal and one of ours have in common, as one transform of each type. */
function match(
  offered: Proposal,
  ours: ConfiguredProposal,
  options: SelectionOptions & { readonly answer?: boolean },
): SelectedProposal | undefined {
  const { number, protocol, spi } = offered;
  if (protocol !== ours.protocol || spi.length !== options.spiSize) return undefined;
  const answer = options.answer === true;
  const types = answer ? TYPES : TYPES_OF_OFFERS;
  if (offered.transforms.some(({ type }) => !types[protocol]!.includes(type))) return undefined;
  const { transforms } = offered;
  const { encryption: ciphers, integrity: macs, prf: prfs, esn: numbers } = ours;
  const { prefer } = options;
  const encryption = firstInCommon(ofType(transforms, "encryption"), ciphers, encryptionToTransform, prefer);
  const offeredMacs = ofType(transforms, "integrity");
  const integrity = encryption === undefined || encryption.row.icvSize === 0
    ? firstInCommon(offeredMacs, macs, integrityToTransform, prefer)
    : noIntegrity(offeredMacs, answer);
  const offeredPrfs = ofType(transforms, "prf");
  const prf = protocol === PROTOCOL.ike
    ? firstInCommon(offeredPrfs, prfs, prfToTransform, prefer)
    : { row: null, transform: offeredPrfs[0] ?? null };
  const offeredGroups = ofType(transforms, "keyExchange");
  const keyExchange = options.keyExchange === false
    ? { row: null, transform: none(offeredGroups) }
    : chooseKeyExchange(offeredGroups, ours, options);
  const esn = protocol === PROTOCOL.esp
    ? firstInCommon(ofType(transforms, "esn"), numbers, esnToTransform, prefer)
    : { row: null, transform: null };
  if (!encryption || !integrity || !prf || !keyExchange || !esn) return undefined;

  return {
    number,
    protocol,
    spi,
    encryption: encryption.row,
    prf: prf.row,
    integrity: integrity.row,
    keyExchange: keyExchange.row,
    esn: esn.row,
    transforms: [encryption, integrity, prf, keyExchange, esn].map(({ transform }) => transform)
      .filter((transform) => transform !== null),
  };
}

function ofType(transforms: readonly Transform[], name: keyof typeof TRANSFORM_TYPE): readonly Transform[] {
  const type = TRANSFORM_TYPE[name];
  return transforms.filter((transform) => transform.type === type);
}

/** The first row that is offered, in our order or in the peer's. */
function firstInCommon<Row>(
  offered: readonly Transform[],
  rows: readonly Row[],
  transformOf: (row: Row) => Transform,
  prefer: "local" | "remote" = "local",
): Choice<Row> | undefined {
  if (offered.length === 0) return undefined;
  let best: Choice<Row> | undefined;
  let place = Infinity;
  for (const row of rows) {
    const transform = transformOf(row);
    const at = offered.findIndex((theirs) => isSame(theirs, transform));
    if (at < 0 || at >= place) continue;
    best = { row, transform };
    place = at;
    if (prefer === "local") break;
  }
  return best;
}

/** Key lengths are honoured, and an attribute that nobody knows makes a transform unacceptable (section 3.3.6). */
function isSame(offered: Transform, ours: Transform): boolean {
  return offered.id === ours.id && offered.keyLength === ours.keyLength && offered.attributes === undefined;
}

/**
 * No integrity beside a cipher that authenticates by itself (RFC 5282, section 8). In an offer that names some all the same
 * they are passed over; an answer may name none.
 */
function noIntegrity(offered: readonly Transform[], answer: boolean): Choice<null> | undefined {
  if (answer && offered.some(({ id }) => id !== NONE)) return undefined;
  return { row: null, transform: none(offered) };
}

/** The transform NONE where it was offered: an answer has one transform of each type of the offer. */
function none(offered: readonly Transform[]): Transform | null {
  return offered.find(({ id }) => id === NONE) ?? null;
}

/** A group, or none where both ends can do without; "no transform of this type" and NONE mean the same (section 3.3.6). */
function chooseKeyExchange(
  offered: readonly Transform[],
  ours: ConfiguredProposal,
  options: SelectionOptions,
): Choice<KeyExchangeTransform | null> | undefined {
  const mandatory = ours.protocol === PROTOCOL.ike;
  const rows = ours.keyExchange.length > 0 || mandatory ? ours.keyExchange : [null];
  const theirs = offered.length > 0 || mandatory ? offered : [keyExchangeToTransform(null)];
  const favourite = rows.filter((row) => row !== null && row.id === options.group);
  const choice = firstInCommon(theirs, favourite, keyExchangeToTransform) ??
    firstInCommon(theirs, rows, keyExchangeToTransform, options.prefer);
  return choice?.row === null ? { row: null, transform: none(offered) } : choice;
}

function encryptionToTransform({ id, keySize, keyLengthAttribute }: EncryptionTransform): Transform {
  const type = TRANSFORM_TYPE.encryption;
  return keyLengthAttribute ? { type, id, keyLength: keySize * 8 } : { type, id };
}

function integrityToTransform({ id }: IntegrityTransform): Transform {
  return { type: TRANSFORM_TYPE.integrity, id };
}

function prfToTransform({ id }: PrfTransform): Transform {
  return { type: TRANSFORM_TYPE.prf, id };
}

function keyExchangeToTransform(row: KeyExchangeTransform | null): Transform {
  return { type: TRANSFORM_TYPE.keyExchange, id: row?.id ?? NONE };
}

function esnToTransform(esn: boolean): Transform {
  return { type: TRANSFORM_TYPE.esn, id: esn ? 1 : 0 };
}

/** NONE is left out where it is the only choice. */
function keyExchangeTransforms(rows: readonly (KeyExchangeTransform | null)[]): Transform[] {
  return rows.some((row) => row !== null) ? rows.map(keyExchangeToTransform) : [];
}

function describeTransforms({ protocol, spi, transforms }: Proposal): string {
  const list = transforms.map(({ type, id, keyLength }) =>
    `${type}/${id}${keyLength === undefined ? "" : `/${keyLength}`}`
  );
  return `protocol ${protocol}, SPI of ${spi.length} octets, transforms ${
    list.slice(0, 8).join(" ") || "none"
  }`;
}

function refuseAnswer(expected: string, got: string): never {
  throw new IkeError("ERR_IKE_PROPOSAL", `Cannot accept SA payload: expected ${expected}, got ${got}`, {
    payload: "SA",
  });
}
