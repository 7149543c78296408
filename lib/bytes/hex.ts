/** Octets as lower-case hexadecimal text, and back. */

const PAIRS: readonly string[] = Array.from(
  { length: 256 },
  (_, octet) => octet.toString(16).padStart(2, "0"),
);

/** Lower-case hexadecimal, with an optional separator between octets. */
export function toHex(octets: Uint8Array, separator = ""): string {
  const pairs = new Array<string>(octets.length);
  for (let i = 0; i < pairs.length; i++) pairs[i] = PAIRS[octets[i]!]!;
  return pairs.join(separator);
}

/** Octets from hexadecimal text of either case; throws a `TypeError` on anything else. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  if (text.length % 2 !== 0 || /[^0-9a-fA-F]/.test(text)) {
    throw new TypeError(
      `Cannot read hexadecimal text: got ${text.length} characters that are not pairs of digits`,
    );
  }
  const octets = new Uint8Array(text.length / 2);
  for (let i = 0; i < octets.length; i++) octets[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return octets;
}
