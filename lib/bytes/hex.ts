/** Octets as lower-case hexadecimal text, and back. */

const PAIRS: readonly string[] = Array.from(
  { length: 256 },
  (_, octet) => octet.toString(16).padStart(2, "0"),
);

/** Lower-case hexadecimal, with an optional separator between octets. */
export function toHex(octets: Uint8Array, separator = ""): string {
  let text = "";
  for (let i = 0; i < octets.length; i++) text += (i === 0 ? "" : separator) + PAIRS[octets[i]!]!;
  return text;
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
