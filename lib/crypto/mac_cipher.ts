/**
 * Sealer and opener of transforms that need a MAC beside them: encrypt, then authenticate (RFC 4303, section 3.3.2), with
 * AES-CBC (RFC 3602), AES-CTR (RFC 3686) or nothing (RFC 2410), and HMAC (RFC 2404, RFC 4868).
 */

import type { EncryptionTransform, IntegrityTransform } from "./transforms.ts";
import type { CipherPrimitive, MacPrimitive, MessageOpener, MessageOptions, MessageSealer } from "./types.ts";
import type { MessageBatch } from "./message_batch.ts";
import { equalOctets } from "./constant_time.ts";
import { checkRanges, disposed, NO_OCTETS, single } from "./_messages.ts";

/** Octets of one AES block, of a CBC IV and of a CTR counter block. */
const BLOCK_SIZE = 16;

/**
 * The most octets of ciphertext that are gathered for one call of a CBC decryption: 256 KiB, four reads of 64 KiB.
 * One such buffer serves all openers, since work is synchronous and never nested.
 */
export const MAX_GATHERED_SIZE: number = 262_144;

/** Where ciphertexts of CBC are gathered; grows to what was needed, up to its limit. All zero between batches. */
let gathered: Uint8Array = NO_OCTETS;

/** The parts of an encrypt-then-MAC cipher. */
export interface MacCipherParts {
  /** A row of type 1 whose mode is `cbc`, `ctr` or `null`. */
  readonly encryption: EncryptionTransform;
  /** A row of type 3. */
  readonly integrity: IntegrityTransform;
  /** The nonce of AES-CTR; else empty. */
  readonly salt: Uint8Array;
  /** Whether the upper half of a 64-bit sequence number is authenticated behind the message (RFC 4303, section 2.2.1). */
  readonly esn: boolean;
  /** The cipher in the right direction; null where nothing is encrypted. */
  readonly cipher: CipherPrimitive | null;
  /** The MAC. */
  readonly mac: MacPrimitive;
}

/** What sealer and opener have in common. */
class MacMessages {
  readonly ivSize: number;
  readonly icvSize: number;
  readonly blockSize: number;
  readonly chained: boolean;
  readonly #salt: Uint8Array;
  readonly #suffixSize: number;
  readonly #cipher: CipherPrimitive | null;
  readonly #mac: MacPrimitive;
  #disposed = false;

  constructor({ encryption, integrity, salt, esn, cipher, mac }: MacCipherParts) {
    this.ivSize = encryption.ivSize;
    this.icvSize = integrity.icvSize;
    this.blockSize = encryption.blockSize;
    this.chained = encryption.mode === "cbc";
    this.#salt = salt.slice();
    this.#suffixSize = esn ? 4 : 0;
    this.#cipher = cipher;
    this.#mac = mac;
  }

  bind(slab: Uint8Array): void {
    if (this.#disposed) disposed();
    this.#cipher?.bind(slab);
    this.#mac.bind(slab);
  }

  /** Lets go of the slab. */
  release(): void {
    if (this.#disposed) return;
    this.#cipher?.bind(NO_OCTETS);
    this.#mac.bind(NO_OCTETS);
  }

  /** Encrypts or decrypts one body by the IV in front of it. */
  apply(slab: Uint8Array, bodyStart: number, bodyEnd: number): void {
    const cipher = this.#cipher;
    if (cipher === null || bodyStart === bodyEnd) return;
    const { iv } = cipher;
    if (this.chained) {
      for (let i = 0; i < BLOCK_SIZE; i++) iv[i] = slab[bodyStart - BLOCK_SIZE + i]!;
    } else {
      // RFC 3686, section 4: nonce, IV, and a block counter that starts at one.
      for (let i = 0; i < 4; i++) iv[i] = this.#salt[i]!;
      for (let i = 0; i < 8; i++) iv[4 + i] = slab[bodyStart - 8 + i]!;
      iv[12] = iv[13] = iv[14] = 0;
      iv[15] = 1;
    }
    cipher.apply(bodyStart, bodyEnd);
  }

  /** The MAC of header, IV and body; lies in the primitive until the next one. */
  authenticate(start: number, bodyEnd: number, high: number): Uint8Array {
    const mac = this.#mac;
    if (this.#suffixSize > 0) {
      const { suffix } = mac;
      suffix[0] = high >>> 24;
      suffix[1] = high >>> 16;
      suffix[2] = high >>> 8;
      suffix[3] = high;
    }
    mac.compute(start, bodyEnd, this.#suffixSize);
    return mac.digest;
  }

  /** Decrypts gathered ciphertexts, each behind its IV, in one call: every IV is in the place of the block before. */
  applyGathered(size: number): void {
    const cipher = this.#cipher!;
    cipher.iv.fill(0);
    cipher.bind(gathered);
    cipher.apply(0, size);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#salt.fill(0);
    this.#cipher?.iv.fill(0);
    this.#cipher?.dispose();
    this.#mac.dispose();
  }
}

/** Encrypts, then authenticates. */
export class MacSealer implements MessageSealer {
  readonly #messages: MacMessages;

  /** Takes the primitives over: `dispose` ends them. */
  constructor(parts: MacCipherParts) {
    this.#messages = new MacMessages(parts);
  }

  get ivSize(): number {
    return this.#messages.ivSize;
  }

  get icvSize(): number {
    return this.#messages.icvSize;
  }

  get blockSize(): number {
    return this.#messages.blockSize;
  }

  sealBatch(slab: Uint8Array, batch: MessageBatch): void {
    const messages = this.#messages;
    const { ivSize, icvSize } = messages;
    messages.bind(slab);
    try {
      checkRanges(slab, batch, messages, false, true);
      for (let i = 0; i < batch.count; i++) {
        const start = batch.starts[i]!;
        const bodyEnd = start + batch.sizes[i]! - icvSize;
        messages.apply(slab, start + batch.headerSizes[i]! + ivSize, bodyEnd);
        const digest = messages.authenticate(start, bodyEnd, batch.sequenceHighs[i]!);
        for (let j = 0; j < icvSize; j++) slab[bodyEnd + j] = digest[j]!;
      }
    } finally {
      messages.release();
    }
  }

  seal(message: Uint8Array, options?: MessageOptions): void {
    this.sealBatch(message, single(message, options));
  }

  dispose(): void {
    this.#messages.dispose();
  }
}

/** Verifies, then decrypts: no octet is decrypted of a message that is not authentic. */
export class MacOpener implements MessageOpener {
  readonly #messages: MacMessages;

  /** Takes the primitives over: `dispose` ends them. */
  constructor(parts: MacCipherParts) {
    this.#messages = new MacMessages(parts);
  }

  get ivSize(): number {
    return this.#messages.ivSize;
  }

  get icvSize(): number {
    return this.#messages.icvSize;
  }

  get blockSize(): number {
    return this.#messages.blockSize;
  }

  openBatch(slab: Uint8Array, batch: MessageBatch): number {
    const messages = this.#messages;
    messages.bind(slab);
    try {
      checkRanges(slab, batch, messages, false, false);
      const accepted = verify(messages, slab, batch);
      if (messages.chained && accepted > 1) decryptGathered(messages, slab, batch);
      else if (accepted > 0) decryptEach(messages, slab, batch);
      return accepted;
    } finally {
      messages.release();
    }
  }

  open(message: Uint8Array, options?: MessageOptions): boolean {
    return this.openBatch(message, single(message, options)) === 1;
  }

  dispose(): void {
    this.#messages.dispose();
  }
}

/** Writes the verdict on every message into the batch, and zeros over the bodies of those refused. */
function verify(messages: MacMessages, slab: Uint8Array, batch: MessageBatch): number {
  const { ivSize, icvSize, blockSize } = messages;
  let accepted = 0;
  for (let i = 0; i < batch.count; i++) {
    const start = batch.starts[i]!;
    const bodyStart = start + batch.headerSizes[i]! + ivSize;
    const bodyEnd = start + batch.sizes[i]! - icvSize;
    batch.accepted[i] = 0;
    if (bodyEnd < bodyStart || (bodyEnd - bodyStart) % blockSize !== 0) continue;
    const digest = messages.authenticate(start, bodyEnd, batch.sequenceHighs[i]!);
    if (equalOctets(digest, 0, slab, bodyEnd, icvSize)) {
      batch.accepted[i] = 1;
      accepted++;
    } else slab.fill(0, bodyStart, bodyEnd);
  }
  return accepted;
}

function decryptEach(messages: MacMessages, slab: Uint8Array, batch: MessageBatch): void {
  for (let i = 0; i < batch.count; i++) {
    if (batch.accepted[i] === 0) continue;
    const start = batch.starts[i]!;
    messages.apply(
      slab,
      start + batch.headerSizes[i]! + messages.ivSize,
      start + batch.sizes[i]! - messages.icvSize,
    );
  }
}

/**
 * Decrypts the authentic messages in as few calls as the buffer allows: a call costs more than a packet's octets do.
 * A message that is larger than the buffer goes by itself.
 */
function decryptGathered(messages: MacMessages, slab: Uint8Array, batch: MessageBatch): void {
  const { icvSize } = messages;
  let first = 0;
  while (first < batch.count) {
    let size = 0;
    let next = first;
    for (; next < batch.count; next++) {
      if (batch.accepted[next] === 0) continue;
      const more = batch.sizes[next]! - batch.headerSizes[next]! - icvSize;
      if (size > 0 && size + more > MAX_GATHERED_SIZE) break;
      size += more;
    }
    if (size > MAX_GATHERED_SIZE) {
      // `next` is behind exactly one message of this size, with refused ones around it.
      messages.bind(slab);
      for (let i = first; i < next; i++) {
        if (batch.accepted[i] === 0) continue;
        const ivStart = batch.starts[i]! + batch.headerSizes[i]!;
        messages.apply(slab, ivStart + BLOCK_SIZE, batch.starts[i]! + batch.sizes[i]! - icvSize);
      }
    } else if (size > 0) {
      if (gathered.length < size) gathered = new Uint8Array(Math.min(MAX_GATHERED_SIZE, 2 * size));
      copyMessages(slab, batch, first, next, icvSize, true);
      messages.applyGathered(size);
      copyMessages(slab, batch, first, next, icvSize, false);
      gathered.fill(0, 0, size);
    }
    first = next;
  }
}

/** Copies IVs and bodies together, or bodies back to where they came from. */
function copyMessages(
  slab: Uint8Array,
  batch: MessageBatch,
  first: number,
  next: number,
  icvSize: number,
  gather: boolean,
): void {
  let offset = 0;
  for (let i = first; i < next; i++) {
    if (batch.accepted[i] === 0) continue;
    const ivStart = batch.starts[i]! + batch.headerSizes[i]!;
    const size = batch.sizes[i]! - batch.headerSizes[i]! - icvSize;
    if (gather) gathered.set(slab.subarray(ivStart, ivStart + size), offset);
    else slab.set(gathered.subarray(offset + BLOCK_SIZE, offset + size), ivStart + BLOCK_SIZE);
    offset += size;
  }
}
