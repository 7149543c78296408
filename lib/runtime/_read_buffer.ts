/**
 * Memory for reads that are begun before anybody knows how much will come. An idle connection waits in a small buffer;
 * a read that fills it shows that more is there, and goes on in a large one. Each read leaves the rest of its buffer to
 * later ones.
 */

const SMALL = 4096;
const LARGE = 262144;
/** A rest is used as long as it is this part of a whole buffer. */
const SMALL_REST = SMALL / 2;
const LARGE_REST = LARGE / 8;

/** The buffers of one connection: 4 KiB while it is idle, whatever it did before. */
export class ReadBuffer {
  #small: Uint8Array = new Uint8Array(SMALL);
  /** Weak, so that a connection that has gone idle does not hold 256 KiB. */
  #large: WeakRef<Uint8Array> | undefined;
  #space: Uint8Array = this.#small;

  /** Where the next read goes. */
  get space(): Uint8Array {
    return this.#space;
  }

  /** The first `length` octets of the space were filled: gives them, and never touches them again. */
  take(length: number): Uint8Array {
    const space = this.#space;
    const chunk = new Uint8Array(space.buffer, space.byteOffset, length);
    const rest = new Uint8Array(space.buffer, space.byteOffset + length, space.byteLength - length);
    if (space === this.#small) {
      this.#small = rest.byteLength >= SMALL_REST ? rest : new Uint8Array(SMALL);
    } else {
      this.#large = rest.byteLength >= LARGE_REST ? new WeakRef(rest) : undefined;
    }
    this.#space = rest.byteLength > 0 ? this.#small : this.#large?.deref() ?? new Uint8Array(LARGE);
    return chunk;
  }
}
