/**
 * Memory for octets that come in: small pieces are carved from a slab that all connections of the process share, since
 * allocating 1400 octets takes some fifty times as long as copying them.
 *
 * A view keeps its whole slab alive. So slabs are as small as the pieces allow: one octet that a slow reader holds on to
 * keeps at most 8 KiB, a piece of more than 512 octets at most 64 KiB, and larger pieces have memory of their own.
 */

const SMALL_PIECE = 512;
const SMALL_SLAB = 8192;
const LARGE_PIECE = 16384;
const LARGE_SLAB = 65536;

class Slab {
  readonly #size: number;
  #buffer: ArrayBuffer = new ArrayBuffer(0);
  #offset = 0;

  constructor(size: number) {
    this.#size = size;
  }

  carve(length: number): Uint8Array<ArrayBuffer> {
    if (this.#offset + length > this.#buffer.byteLength) {
      this.#buffer = new ArrayBuffer(this.#size);
      this.#offset = 0;
    }
    const piece = new Uint8Array(this.#buffer, this.#offset, length);
    this.#offset += length;
    return piece;
  }
}

const small = new Slab(SMALL_SLAB);
const large = new Slab(LARGE_SLAB);

/** Copies the first octets of a buffer that will be used again. */
export function copyOut(source: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const copy = length <= SMALL_PIECE
    ? small.carve(length)
    : length <= LARGE_PIECE
    ? large.carve(length)
    : new Uint8Array(length);
  copy.set(length === source.byteLength ? source : new Uint8Array(source.buffer, source.byteOffset, length));
  return copy;
}
