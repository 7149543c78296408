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

  /** As `take` for somebody who needs the octets only until `use` returns: the same memory serves the next read. */
  lend(length: number, use: (chunk: Uint8Array) => void): void {
    const space = this.#space;
    use(head(space, length));
    if (space.byteLength !== HOT) {
      if (length === space.byteLength) this.#space = hot.pop() ?? new Uint8Array(HOT);
    } else if (length < LEAST_HOT) {
      if (hot.length < MOST_HOT) hot.push(space);
      this.#space = this.#small;
    }
  }
}

/** Buffers for connections that are read in lent memory, and how many of them wait for the next busy one. */
const HOT = 65536;
const MOST_HOT = 16;
const hot: Uint8Array[] = [];
/** A connection that brings less at a time is not busy. */
const LEAST_HOT = 16384;

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

  /** As `take` for somebody who needs the octets only in this turn: everybody's memory serves, and stays hot. */
  lend(length: number): Uint8Array {
    if (this.#space === this.#scratch) return head(this.#scratch, length);
    const chunk = this.take(length);
    this.#space = this.#scratch;
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
