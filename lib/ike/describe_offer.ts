/** What a peer offers, for people: where nothing of it is acceptable, they have to find out what to change. */

import {
  encryptionTransformById,
  integrityTransformById,
  keyExchangeTransformById,
  prfTransformById,
} from "../crypto/mod.ts";
import { type SaPayload, type Transform, TRANSFORM_TYPE } from "./codec/mod.ts";

/** Offers are as long as their maker likes: of the longer ones the beginning is told. */
const MAX_DESCRIBED_OFFER = 400;

/** An offer in the notation of proposals; transforms that are not known as numbers. */
export function describeOffer({ proposals }: SaPayload): string {
  const text = proposals.map(({ transforms }) => transforms.map(describeTransform).join("-")).join(", ");
  return text.length <= MAX_DESCRIBED_OFFER ? text : `${text.slice(0, MAX_DESCRIBED_OFFER)}…`;
}

function describeTransform({ type, id, keyLength }: Transform): string {
  const keyword = type === TRANSFORM_TYPE.encryption
    ? encryptionTransformById(id, keyLength)?.keyword
    : type === TRANSFORM_TYPE.integrity
    ? integrityTransformById(id)?.keyword
    : type === TRANSFORM_TYPE.prf
    ? prfTransformById(id)?.keyword
    : type === TRANSFORM_TYPE.keyExchange
    ? keyExchangeTransformById(id)?.keyword
    : type === TRANSFORM_TYPE.esn
    ? (["noesn", "esn"] as const)[id]
    : undefined;
  return keyword ?? `(type ${type}, ID ${id}${keyLength === undefined ? "" : `, ${keyLength} bits`})`;
}
