/** A part of octets, in the same memory. `subarray` does the same and takes three times as long: it asks for the species of its result. */
export function viewOf(octets: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(octets.buffer, octets.byteOffset + start, end - start);
}
