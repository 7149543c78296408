/** Unpacks gzip as it comes, and gives of a damaged file what lies before the damage. */

import { createGunzip } from "node:zlib";
import { InspectError } from "../errors.ts";

/** How a gzip file of the only method there is begins (RFC 1952, section 2.3.1). */
export const GZIP_MAGIC: readonly number[] = [0x1f, 0x8b, 8];

/**
 * Unpacked octets, in chunks of at most a few MiB. Throws `ERR_INSPECT_RECORD` behind what could be unpacked of a damaged
 * file.
 */
export async function* gunzip(
  packed: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const unpacker = createGunzip({ chunkSize: OUTPUT_CHUNK });
  let unpacked: Uint8Array[] = [];
  let failure: Error | undefined;
  let settle: () => void = () => {};
  // Takes each chunk as it is made: an error throws away what waits inside.
  unpacker.on("data", (chunk: Uint8Array) => unpacked.push(chunk));
  unpacker.on("end", () => settle());
  unpacker.on("error", (error) => {
    failure ??= error;
    settle();
  });
  const run = (step: () => void) =>
    new Promise<void>((resolve) => {
      settle = resolve;
      step();
    });
  const takeUnpacked = () => {
    const taken = unpacked;
    unpacked = [];
    return taken;
  };
  try {
    for await (const piece of inPieces(packed)) {
      await run(() => unpacker.write(piece, () => settle()));
      yield* takeUnpacked();
      if (failure !== undefined) throw damaged(failure);
    }
    if (!unpacker.readableEnded) await run(() => unpacker.end());
    yield* takeUnpacked();
    if (failure !== undefined) throw damaged(failure);
  } finally {
    unpacker.destroy();
  }
}

/**
 * What one call of the library unpacks at most: when it meets damage it keeps back what it has unpacked in that call.
 */
const OUTPUT_CHUNK = 4096;

/** Octets given to the library at a time: they unpack to at most a thousand times as many. */
const INPUT_PIECE = 4096;

/** Checksum and length at the end (RFC 1952, section 2.3.1). */
const TRAILER_LENGTH = 8;

/** The octets in short pieces, the trailer on its own, so that a wrong checksum keeps nothing back. */
async function* inPieces(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let held = new Uint8Array(0);
  for await (const chunk of packed) {
    const all = new Uint8Array(held.length + chunk.length);
    all.set(held);
    all.set(chunk, held.length);
    const end = Math.max(0, all.length - TRAILER_LENGTH);
    for (let offset = 0; offset < end; offset += INPUT_PIECE) {
      yield all.subarray(offset, Math.min(end, offset + INPUT_PIECE));
    }
    held = all.subarray(end);
  }
  yield held;
}

function damaged(failure: Error): InspectError {
  return new InspectError(
    "ERR_INSPECT_RECORD",
    `Cannot unpack capture: expected whole gzip data, got "${failure.message}"`,
  );
}
