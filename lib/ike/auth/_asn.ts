/** The one place where octets of a peer meet the ASN.1 library: with limits, and with one kind of error. */

import { AsnParser } from "@peculiar/asn1-schema";
import { type BaseBlock, fromBER, type FromBerResult } from "asn1js";
import { IkeError } from "../../errors.ts";

/** Deeper than any certificate; the library's own limit is 100. */
const MAX_DEPTH = 32;

/** Certificates have some 2 KiB, CRLs some more; messages are no longer than this. */
export const MAX_DER_SIZE: number = 1 << 20;

/** A certificate has some 150 elements. What is made to have many costs a microsecond each, before anything is known of its sender. */
const MAX_NODES = 4000;

/** Octets as the tree of the library; throws an `IkeError` where they are not exactly one element. */
export function decodeAsn(octets: Uint8Array, what: string, maxNodes: number = MAX_NODES): BaseBlock {
  if (octets.length > MAX_DER_SIZE) {
    throw new IkeError(
      "ERR_IKE_CERTIFICATE",
      `Cannot read ${what}: expected at most ${MAX_DER_SIZE} octets, got ${octets.length}`,
    );
  }
  let decoded: FromBerResult;
  try {
    // A copy, since the tree keeps views and the octets may lie in a buffer that is used again.
    decoded = fromBER(octets.slice().buffer, { maxDepth: MAX_DEPTH, maxNodes });
  } catch (error) {
    throw notAsn(what, error instanceof Error ? error.message : String(error));
  }
  if (decoded.offset === -1) throw notAsn(what, decoded.result.error);
  if (decoded.offset !== octets.length) {
    throw notAsn(what, `${octets.length - decoded.offset} octets are left over`);
  }
  return decoded.result;
}

/** Octets as a type of the library's schemas. */
export function parseAsn<T>(octets: Uint8Array, type: new () => T, what: string): T {
  return interpretAsn(decodeAsn(octets, what), type, what);
}

/** A decoded tree as a type of the library's schemas. */
export function interpretAsn<T>(tree: BaseBlock, type: new () => T, what: string): T {
  try {
    return AsnParser.fromASN(tree, type) as T;
  } catch (error) {
    throw notAsn(what, error instanceof Error ? error.message : String(error));
  }
}

/** The elements inside an element. */
export function childrenOf(block: BaseBlock): readonly BaseBlock[] {
  return (block.valueBlock as unknown as { value: readonly BaseBlock[] }).value;
}

/** An element as it came, header and all. */
export function rawOf(block: BaseBlock): Uint8Array<ArrayBuffer> {
  return block.valueBeforeDecodeView.slice() as Uint8Array<ArrayBuffer>;
}

function notAsn(what: string, reason: string): IkeError {
  return new IkeError("ERR_IKE_CERTIFICATE", `Cannot read ${what}: ${reason}`);
}
