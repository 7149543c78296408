/** What the room does with options and chunks that callers pass in. */

import { CodedRangeError, CodedTypeError } from "../errors.ts";

/** The value of an option, a whole number from `least` to `most`. */
export function checkInteger(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new CodedRangeError(
    "ERR_OPTION_RANGE",
    `Cannot use ${name}: expected an integer from ${least} to ${most}, got ${value}`,
  );
}

/** Throws unless `value` is octets. */
export function checkOctets(value: unknown, name: string): asserts value is Uint8Array {
  if (value instanceof Uint8Array) return;
  throw new CodedTypeError(
    "ERR_ESP_CHUNK",
    `Cannot use ${name}: expected a Uint8Array, got ${typeof value}`,
  );
}
