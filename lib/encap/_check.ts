/** What several stages do with what callers pass in. */

import { CodedRangeError, CodedTypeError } from "../errors.ts";
import type { MessageChunk } from "./transducer.ts";

/** Throws unless `value` is octets; `name` says what it was to be. */
export function checkOctets(value: unknown, name: string): asserts value is Uint8Array {
  if (value instanceof Uint8Array) return;
  throw new CodedTypeError(
    "ERR_ENCAP_CHUNK",
    `Cannot use ${name}: expected a Uint8Array, got ${typeof value}`,
  );
}

/** Throws unless a message is octets, and as many as can be sent. */
export function checkMessage(message: unknown, name: string, least: number, most: number): void {
  checkOctets(message, name);
  const { byteLength } = message;
  if (byteLength >= least && byteLength <= most) return;
  throw new CodedRangeError(
    "ERR_ENCAP_MESSAGE_LENGTH",
    `Cannot send ${name}: expected ${least} to ${most} octets, got ${byteLength}`,
  );
}

/** The messages of a chunk, one or many. */
export function messagesOf(chunk: MessageChunk): readonly Uint8Array[] {
  return Array.isArray(chunk) ? chunk : [chunk];
}

/** The value of an option, a whole number from `least` to `most`. */
export function checkOption(
  name: string,
  value: number,
  least: number,
  most: number = Infinity,
): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new CodedRangeError(
    "ERR_OPTION_RANGE",
    `Cannot use ${name}: expected an integer from ${least} to ${most}, got ${value}`,
  );
}
