/** The two ways of writing an ECDSA signature: a SEQUENCE of two INTEGERs (RFC 3279, section 2.2.3), or r and s in full. */

import { concat } from "../../bytes/concat.ts";
import { derElement, DerError, DerReader, derUnsigned, TAG } from "./der.ts";

/** From r and s in full to the SEQUENCE. */
export function ecdsaToDer(raw: Uint8Array): Uint8Array<ArrayBuffer> {
  const half = raw.length / 2;
  return derElement(TAG.sequence, derUnsigned(raw.subarray(0, half)), derUnsigned(raw.subarray(half)));
}

/**
 * From the SEQUENCE to r and s of `size` octets each; null for anything but DER. Several writings of one signature would
 * let somebody on the way make many signatures of one.
 */
export function ecdsaFromDer(der: Uint8Array, size: number): Uint8Array<ArrayBuffer> | null {
  try {
    const outer = new DerReader(der);
    const sequence = outer.readSequence();
    outer.end();
    const r = sequence.readUnsigned();
    const s = sequence.readUnsigned();
    sequence.end();
    if (r.length > size || s.length > size) return null;
    return concat([new Uint8Array(size - r.length), r, new Uint8Array(size - s.length), s]);
  } catch (error) {
    if (error instanceof DerError) return null;
    throw error;
  }
}
