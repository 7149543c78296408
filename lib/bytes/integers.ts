/** Integers in network byte order, without a DataView, which takes some runtimes longer to make than to read from. */

/** 32 bits, unsigned. */
export function readUint32(octets: Uint8Array, at: number): number {
  return (octets[at]! << 24 | octets[at + 1]! << 16 | octets[at + 2]! << 8 | octets[at + 3]!) >>> 0;
}

/** Writes 32 bits. */
export function writeUint32(octets: Uint8Array, at: number, value: number): void {
  octets[at] = value >>> 24;
  octets[at + 1] = value >>> 16;
  octets[at + 2] = value >>> 8;
  octets[at + 3] = value;
}
