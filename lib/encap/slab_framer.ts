/**
 * A framer whose slabs are used again: new memory for each 64 KiB costs a sender more than the copy into it. For whoever
 * knows when a chunk has left, as `MessageLink` does.
 */

import { Framer } from "./framer.ts";

/** Octets of a slab; more than that is framed into memory of its own. */
const SLAB_LENGTH = 131072;

/** How many slabs wait for the next write, of all framers together. */
const MOST_SLABS = 16;

const slabs: Uint8Array[] = [];

/** A slab of at least so many octets, with whatever was in it last. */
export function borrowSlab(size: number): Uint8Array {
  return size > SLAB_LENGTH ? new Uint8Array(size) : slabs.pop() ?? new Uint8Array(SLAB_LENGTH);
}

/** Gives a slab back that nobody reads any more. */
export function returnSlab(slab: Uint8Array): void {
  if (slab.length === SLAB_LENGTH && slabs.length < MOST_SLABS) slabs.push(slab);
}

/** Frames messages into slabs that all framers of the process share. */
export class SlabFramer extends Framer {
  #slab: Uint8Array | undefined;

  protected override slab(size: number): Uint8Array {
    this.#slab = borrowSlab(size);
    return new Uint8Array(this.#slab.buffer, 0, size);
  }

  /** Takes the slab of the chunk that was emitted last, if it has one; `returnSlab` is due when the chunk has left. */
  takeSlab(): Uint8Array | undefined {
    const slab = this.#slab;
    this.#slab = undefined;
    return slab;
  }
}
