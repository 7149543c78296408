/** Writes numbers in network byte order, and octets, one behind the other. */

/**
 * A place in a buffer that moves on with what is written. Whoever makes one has reckoned the size before: beyond the end
 * of the buffer numbers vanish and octets are a `RangeError`.
 */
export class ByteWriter {
  /** The buffer. */
  readonly octets: Uint8Array;
  /** Where the next octet goes. */
  offset: number;

  /** Writes into `octets` from `offset` on. */
  constructor(octets: Uint8Array, offset = 0) {
    this.octets = octets;
    this.offset = offset;
  }

  /** Writes an integer of 8 bits. */
  uint8(value: number): void {
    this.octets[this.offset++] = value;
  }

  /** Writes an integer of 16 bits. */
  uint16(value: number): void {
    this.octets[this.offset++] = value >>> 8;
    this.octets[this.offset++] = value;
  }

  /** Writes an integer of 32 bits. */
  uint32(value: number): void {
    this.uint16(value >>> 16);
    this.uint16(value);
  }

  /** Copies octets. */
  bytes(value: Uint8Array): void {
    this.octets.set(value, this.offset);
    this.offset += value.length;
  }

  /** Writes zeros: fields that are reserved. */
  zeros(count: number): void {
    this.octets.fill(0, this.offset, this.offset + count);
    this.offset += count;
  }
}
