/**
 * Memory that ESP packets are written to, again and again: new slabs of 64 KiB cost a fast sender as much as a third of its
 * encryption, for zeros, page faults and collections. Whoever sends knows when a slab is free: when its octets have left.
 */

import type { PacketChunk } from "./packet.ts";

/** Octets of a slab: a read of 64 KiB becomes ESP packets of somewhat more. Larger batches get memory of their own. */
const SLAB_SIZE = 131_072;

/** Slabs that wait, at most: as many as chunks are on their way from an encryptor to a socket. */
const MOST_FREE = 8;

/**
 * Slabs for an `EspEncryptor`, and their way back.
 *
 * @example From an encryptor to a connection and back
 * ```ts
 * import { returnSlabs, SlabPool } from "iketcp/esp";
 * import { strictEqual } from "node:assert";
 *
 * const slabs = new SlabPool();
 * const connection = new WritableStream<Uint8Array>(); // the `writable` of a Connection
 * const writer = returnSlabs(connection, slabs).getWriter();
 * const first = slabs.take(1000); // what `new EspEncryptStream({ table, room: 2, slabs })` does
 * await writer.write(first.subarray(0, 1000));
 * strictEqual(slabs.take(2000).buffer, first.buffer);
 * ```
 */
export class SlabPool {
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  /** Weak: a slab that never comes back is nobody's. */
  readonly #lent: WeakSet<ArrayBufferLike> = new WeakSet();

  /** At least so many octets, with anything in them. */
  take(size: number): Uint8Array<ArrayBuffer> {
    if (size > SLAB_SIZE) return new Uint8Array(size);
    const slab = this.#free.pop() ?? new Uint8Array(SLAB_SIZE);
    this.#lent.add(slab.buffer);
    return slab;
  }

  /** Takes back the slab that octets lie in, which nobody must look at any more; octets of other memory are left alone. */
  give({ buffer }: Uint8Array): void {
    if (!this.#lent.delete(buffer)) return;
    if (this.#free.length < MOST_FREE) this.#free.push(new Uint8Array(buffer as ArrayBuffer));
  }
}

/**
 * A writable in front of a connection's: gives slabs back once the connection has taken their octets, which is when its write
 * settles. For bytes that were framed in place, or the packets themselves on their way into an `EncapsulatedConnection`, and
 * for connections that keep nothing of what was written, as all of `iketcp/transport` do.
 */
export function returnSlabs<C extends PacketChunk>(
  writable: WritableStream<C>,
  slabs: SlabPool,
): WritableStream<C> {
  const writer = writable.getWriter();
  return new WritableStream<C>({
    start(controller) {
      writer.closed.catch((reason) => controller.error(reason));
    },
    write: (chunk) => {
      const octets: Uint8Array | undefined = Array.isArray(chunk) ? chunk[0] : chunk; // a batch lies in one slab
      return writer.write(chunk).then(() => octets && slabs.give(octets));
    },
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  });
}
