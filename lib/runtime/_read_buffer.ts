/**
 * Memory for reads that are begun before anybody knows how much will come. An idle connection waits in a small buffer;
 * a read that fills it shows that more is there, and goes on in a large one, where nothing is copied. Each read leaves
 * the rest of its buffer to later ones, and one that does not fill it goes back to the small buffer.
 */

import { copyOut } from "./_slab.ts";

const SMALL = 4096;
const LARGE = 262144;
/** A rest is used as long as it is this part of a whole buffer. */
const SMALL_REST = SMALL / 2;
const LARGE_REST = LARGE / 8;

/** The buffers of one connection that reads into them when it likes: 4 KiB while it is idle, whatever it did before. */
export class ReadBuffer {
  readonly #large: LargeBuffer = new LargeBuffer((length) => new ArrayBuffer(length));
  #small: Uint8Array = new Uint8Array(SMALL);
  #space: Uint8Array = this.#small;

  /** Where the next read goes. */
  get space(): Uint8Array {
    return this.#space;
  }

  /** The first `length` octets of the space were filled: gives them, and never touches them again. */
  take(length: number): Uint8Array {
    const space = this.#space;
    const filled = length === space.byteLength;
    const chunk = head(space, length);
    if (space !== this.#small) this.#large.keep(space, length);
    else this.#small = space.byteLength - length >= SMALL_REST ? tail(space, length) : new Uint8Array(SMALL);
    this.#space = filled ? this.#large.space() : this.#small;
    return chunk;
  }
}

/**
 * The buffers of one connection whose reads are seen in the same turn, so that all connections share the small buffer:
 * an idle one holds nothing.
 */
export class SharedReadBuffer {
  readonly #scratch: Uint8Array;
  readonly #large: LargeBuffer;
  #space: Uint8Array;

  /** `scratch` is everybody's; `allocate` makes memory that will be written before it is read. */
  constructor(scratch: Uint8Array, allocate: (length: number) => ArrayBuffer) {
    this.#scratch = scratch;
    this.#space = scratch;
    this.#large = new LargeBuffer(allocate);
  }

  /** Where the next read goes. */
  get space(): Uint8Array {
    return this.#space;
  }

  /** The first `length` octets of the space were filled: gives them, and never touches them again. */
  take(length: number): Uint8Array {
    const space = this.#space;
    this.#space = this.#scratch;
    let chunk: Uint8Array;
    if (space === this.#scratch) {
      chunk = copyOut(space, length);
    } else {
      chunk = head(space, length);
      this.#large.keep(space, length);
    }
    if (length === space.byteLength) this.#space = this.#large.space();
    return chunk;
  }
}

/** Large buffers, one after the other; the rest of one is kept weakly, so that an idle connection does not hold it. */
class LargeBuffer {
  readonly #allocate: (length: number) => ArrayBuffer;
  #rest: WeakRef<Uint8Array> | undefined;

  constructor(allocate: (length: number) => ArrayBuffer) {
    this.#allocate = allocate;
  }

  space(): Uint8Array {
    return this.#rest?.deref() ?? new Uint8Array(this.#allocate(LARGE));
  }

  keep(space: Uint8Array, length: number): void {
    this.#rest = space.byteLength - length >= LARGE_REST ? new WeakRef(tail(space, length)) : undefined;
  }
}

function head(space: Uint8Array, length: number): Uint8Array {
  return new Uint8Array(space.buffer, space.byteOffset, length);
}

function tail(space: Uint8Array, length: number): Uint8Array {
  return new Uint8Array(space.buffer, space.byteOffset + length, space.byteLength - length);
}
