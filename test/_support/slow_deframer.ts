/** The slow, obvious twin of `Deframer`: it keeps the whole stream and begins again from its first octet each time. */

/** What a stream of bytes holds, by the letter of RFC 9329, section 3. */
export interface Deframed {
  /** Messages of at least one octet. */
  readonly messages: readonly (readonly number[])[];
  /** Messages of no octets. */
  readonly empty: number;
  /** The Length that is fatal, if there is one; nothing behind it counts. */
  readonly fatal: number | undefined;
  /** Octets of a message that is not complete, with its Length. */
  readonly rest: number;
}

/** Reads a stream from its first octet to its last. */
export function deframeSlowly(octets: readonly number[], maxMessageLength = 65533): Deframed {
  const messages: number[][] = [];
  let empty = 0;
  let rest = [...octets];
  while (rest.length >= 2) {
    const length = rest[0]! * 256 + rest[1]!;
    if (length === 0 || length === 1 || length - 2 > maxMessageLength) {
      return { messages, empty, fatal: length, rest: 0 };
    }
    if (rest.length < length) break;
    if (length === 2) empty++;
    else messages.push(rest.slice(2, length));
    rest = rest.slice(length);
  }
  return { messages, empty, fatal: undefined, rest: rest.length };
}
