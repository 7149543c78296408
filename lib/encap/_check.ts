/** Checks of what callers write to a stage. */

import { CodedRangeError, CodedTypeError } from "../errors.ts";

/** Throws unless `chunk` is octets. `stage` names who complains. */
export function checkOctets(chunk: unknown, stage: string): asserts chunk is Uint8Array {
  if (!(chunk instanceof Uint8Array)) throw wrongChunk(stage, "a Uint8Array", chunk);
}

/** The error for a chunk of the wrong kind. */
export function wrongChunk(stage: string, expected: string, chunk: unknown): CodedTypeError {
  return new CodedTypeError(
    "ERR_ENCAP_CHUNK",
    `Cannot handle chunk in ${stage}: expected ${expected}, got ${kindOf(chunk)}`,
  );
}

/** An option that must be a whole number from `least` to `most`. */
export function checkRange(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new CodedRangeError(
    "ERR_OPTION_RANGE",
    `Cannot use ${name}: expected a whole number from ${least} to ${most}, got ${value}`,
  );
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object" ? value.constructor?.name ?? "an object" : typeof value;
}
