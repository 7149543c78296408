/** What every sealer and opener does before its own work: ranges checked, one message as a batch. */

import { CodedRangeError, CodedTypeError } from "../errors.ts";
import { ESP_HEADER_SIZE, MessageBatch } from "./message_batch.ts";
import type { MessageOptions } from "./types.ts";

/** What a primitive is bound to between batches, so that no slab is kept alive. */
export const NO_OCTETS: Uint8Array = new Uint8Array(0);

/** The batch for single messages: work is synchronous and never nested, so one is enough for all ciphers. */
const one = new MessageBatch(1);

/** One message that fills its buffer, as a batch. */
export function single(message: Uint8Array, options: MessageOptions | undefined): MessageBatch {
  one.clear();
  one.add(0, message.length, options);
  return one;
}

/** Throws what every use after `dispose` throws. */
export function disposed(): never {
  throw new CodedTypeError("ERR_CRYPTO_DISPOSED", "Cannot use the cipher: it has been disposed of");
}

/** What a cipher adds to a message. */
interface Overhead {
  readonly ivSize: number;
  readonly icvSize: number;
  readonly blockSize: number;
}

/**
 * Throws a `RangeError` unless every message lies inside the slab; when sealing, also unless header, IV, whole blocks
 * and ICV fit into it (a peer decides about that when opening, so it is no mistake there).
 */
export function checkRanges(
  slab: Uint8Array,
  batch: MessageBatch,
  { ivSize, icvSize, blockSize }: Overhead,
  needsEspHeader: boolean,
  sealing: boolean,
): void {
  const { starts, sizes, headerSizes } = batch;
  const overhead = ivSize + icvSize;
  for (let i = 0; i < batch.count; i++) {
    const start = starts[i]!;
    const size = sizes[i]!;
    const header = headerSizes[i]!;
    // Written so that what is no number fails, too: foreign code believes what has passed here.
    if (!(start >= 0 && size >= 0 && start + size <= slab.length)) {
      throw new CodedRangeError(
        "ERR_CRYPTO_MESSAGE_RANGE",
        `Cannot use message ${i}: expected it inside a slab of ${slab.length} octets, got ${size} octets at ${start}`,
      );
    }
    if (needsEspHeader ? header !== ESP_HEADER_SIZE : !(header >= 0)) {
      throw new CodedRangeError(
        "ERR_CRYPTO_MESSAGE_RANGE",
        `Cannot use message ${i}: expected a header of ${
          needsEspHeader ? `${ESP_HEADER_SIZE} octets, SPI and sequence number` : "0 or more octets"
        }, got ${header}`,
      );
    }
    if (!sealing) continue;
    const body = size - header - overhead;
    if (body < 0 || body % blockSize !== 0) {
      throw new CodedRangeError(
        "ERR_CRYPTO_MESSAGE_RANGE",
        `Cannot seal message ${i}: expected ${header} octets of header, ${ivSize} of IV, ` +
          `${
            blockSize === 1 ? "a body" : `blocks of ${blockSize}`
          } and ${icvSize} of ICV, got ${size} octets`,
      );
    }
  }
}
