/**
 * The little of DER that keys and ECDSA signatures need: a reader that takes nothing but the one right way of writing each
 * value, and a writer for signatures. Certificates are read elsewhere, by a library.
 */

/** Tags of X.690, section 8. */
export const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  sequence: 0x30,
} as const;

/** Thrown by the reader; whoever reads says in which thing it was. */
export class DerError extends Error {}

/** Reads elements one after the other. All octets that it gives are views. */
export class DerReader {
  readonly #octets: Uint8Array;
  #offset = 0;

  /** Reads what lies in a buffer. */
  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  /** Whether everything has been read. */
  get atEnd(): boolean {
    return this.#offset === this.#octets.length;
  }

  /** The tag of the next element; undefined at the end. */
  get nextTag(): number | undefined {
    return this.#octets[this.#offset];
  }

  /** The content of the next element, which must have a certain tag. */
  read(tag: number): Uint8Array {
    const found = this.#octets[this.#offset];
    if (found !== tag) {
      throw new DerError(`expected an element with the tag ${tag}, got ${found ?? "the end"}`);
    }
    this.#offset++;
    const length = this.#readLength();
    const end = this.#offset + length;
    if (end > this.#octets.length) throw new DerError("an element is longer than what it lies in");
    const content = this.#octets.subarray(this.#offset, end);
    this.#offset = end;
    return content;
  }

  /** A reader of the elements of the next element, a SEQUENCE. */
  readSequence(): DerReader {
    return new DerReader(this.read(TAG.sequence));
  }

  /** The next element, an INTEGER that is not negative, without leading zeros; zero has no octets. */
  readUnsigned(): Uint8Array {
    const content = this.read(TAG.integer);
    if (content.length === 0) throw new DerError("an integer has no octets");
    if (content[0]! >= 0x80) throw new DerError("an integer is negative");
    // The first nine bits are not all alike (X.690, section 8.3.2).
    if (content[0] === 0 && content.length > 1 && content[1]! < 0x80) {
      throw new DerError("an integer has more octets than it needs");
    }
    return content[0] === 0 ? content.subarray(1) : content;
  }

  /** The octets of the next element, a BIT STRING whose bits fill them. */
  readBitOctets(): Uint8Array {
    const content = this.read(TAG.bitString);
    if (content[0] !== 0) throw new DerError("a bit string does not fill its octets");
    return content.subarray(1);
  }

  /** Throws where something is left. */
  end(): void {
    if (!this.atEnd) throw new DerError("octets are left behind the last element");
  }

  /** Definite, in as few octets as can be (X.690, section 10.1). */
  #readLength(): number {
    const first = this.#octets[this.#offset++];
    if (first === undefined) throw new DerError("an element ends in front of its length");
    if (first < 0x80) return first;
    const size = first & 0x7f;
    if (size === 0 || size > 4 || this.#offset + size > this.#octets.length) {
      throw new DerError("a length is written in a wrong way");
    }
    let length = 0;
    for (let i = 0; i < size; i++) length = length * 256 + this.#octets[this.#offset++]!;
    if (length < 0x80 || length < 256 ** (size - 1)) {
      throw new DerError("a length has more octets than it needs");
    }
    return length;
  }
}

/** An element; contents of keys and signatures have less than 64 KiB. */
export function derElement(tag: number, ...content: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const size = content.reduce((sum, { length }) => sum + length, 0);
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  const element = new Uint8Array(1 + length.length + size);
  element.set([tag, ...length]);
  let offset = 1 + length.length;
  for (const part of content) {
    element.set(part, offset);
    offset += part.length;
  }
  return element;
}

/** An INTEGER that is not negative. */
export function derUnsigned(octets: Uint8Array): Uint8Array<ArrayBuffer> {
  let start = 0;
  while (start < octets.length - 1 && octets[start] === 0) start++;
  const digits = octets.subarray(start);
  const sign = digits.length === 0 || digits[0]! >= 0x80 ? new Uint8Array(1) : new Uint8Array(0);
  return derElement(TAG.integer, sign, digits);
}
