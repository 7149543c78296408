/**
 * Sealer and opener of transforms that authenticate by themselves: AES-GCM (RFC 4106), AES-CCM (RFC 4309),
 * ChaCha20-Poly1305 (RFC 7634), their variants without an IV (RFC 8750), and AES-GMAC (RFC 4543). They make nonces and
 * authenticated data; the algorithm itself is the provider's.
 */

import { writeUint32 } from "../bytes/mod.ts";
import type { EncryptionTransform } from "./transforms.ts";
import type { AeadPrimitive, MessageOpener, MessageOptions, MessageSealer } from "./types.ts";
import type { MessageBatch } from "./message_batch.ts";
import { checkRanges, disposed, NO_OCTETS, single } from "./_messages.ts";

/** Octets of a header with a 64-bit sequence number: SPI, upper half, lower half (RFC 4106, section 5). */
const EXTENDED_HEADER_SIZE = 12;

/** What sealer and opener have in common. */
class AeadMessages {
  readonly ivSize: number;
  readonly icvSize: number;
  readonly blockSize: number;
  readonly overhead: number;
  readonly #saltSize: number;
  /** The salt, its last octet the lowest: a number, of which thousands of SAs have one each. */
  #salt = 0;
  readonly #implicitIv: boolean;
  readonly #authenticatesOnly: boolean;
  readonly #esn: boolean;
  #primitive: AeadPrimitive | null;

  constructor(transform: EncryptionTransform, salt: Uint8Array, esn: boolean, primitive: AeadPrimitive) {
    this.ivSize = transform.ivSize;
    this.icvSize = transform.icvSize;
    this.blockSize = transform.blockSize;
    this.overhead = transform.ivSize + transform.icvSize;
    this.#saltSize = transform.saltSize;
    this.#implicitIv = transform.implicitIv;
    this.#authenticatesOnly = transform.mode === "gmac";
    this.#esn = esn;
    this.#primitive = primitive;
    for (const octet of salt) this.#salt = this.#salt << 8 | octet;
  }

  /** Whether the header must be that of ESP, because its octets are taken apart. */
  get needsEspHeader(): boolean {
    return this.#esn || this.#implicitIv;
  }

  get primitive(): AeadPrimitive {
    return this.#primitive ?? disposed();
  }

  /** Writes the nonce of a message, and the prefix of its authenticated data where there is one. */
  prepare(primitive: AeadPrimitive, slab: Uint8Array, start: number, ivStart: number, high: number): void {
    const { nonce, prefix } = primitive;
    const saltSize = this.#saltSize;
    for (let i = 0; i < saltSize; i++) nonce[i] = this.#salt >>> 8 * (saltSize - 1 - i);
    if (this.#implicitIv) {
      // RFC 8750, section 4: the sequence number as 64 bits, the upper half zero without ESN.
      writeUint32(nonce, saltSize, this.#esn ? high : 0);
      for (let i = 0; i < 4; i++) nonce[saltSize + 4 + i] = slab[start + 4 + i]!;
    } else {
      for (let i = 0; i < 8; i++) nonce[saltSize + i] = slab[ivStart + i]!;
    }
    if (this.#esn) {
      for (let i = 0; i < 4; i++) {
        prefix[i] = slab[start + i]!;
        prefix[8 + i] = slab[start + 4 + i]!;
      }
      writeUint32(prefix, 4, high);
    }
  }

  /** Octets of the prefix that are authenticated. */
  get prefixSize(): number {
    return this.#esn ? EXTENDED_HEADER_SIZE : 0;
  }

  /** Where the authenticated data begins in the slab. */
  aadStart(start: number, ivStart: number): number {
    return this.#esn ? ivStart : start;
  }

  /** Where it ends: RFC 4543, section 3.3, authenticates IV and payload too, and encrypts nothing. */
  aadEnd(ivStart: number, bodyEnd: number): number {
    return this.#authenticatesOnly ? bodyEnd : ivStart;
  }

  /** Where the encrypted octets begin. */
  bodyStart(ivStart: number, bodyEnd: number): number {
    return this.#authenticatesOnly ? bodyEnd : ivStart + this.ivSize;
  }

  dispose(): void {
    this.#primitive?.nonce.fill(0);
    this.#primitive?.dispose();
    this.#primitive = null;
    this.#salt = 0;
  }
}

/** Seals with an AEAD. */
export class AeadSealer implements MessageSealer {
  readonly #messages: AeadMessages;

  /** Takes the primitive over: `dispose` ends it. */
  constructor(transform: EncryptionTransform, salt: Uint8Array, esn: boolean, primitive: AeadPrimitive) {
    this.#messages = new AeadMessages(transform, salt, esn, primitive);
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
    const { primitive, prefixSize, icvSize } = messages;
    checkRanges(slab, batch, messages, messages.needsEspHeader, true);
    primitive.bind(slab);
    try {
      for (let i = 0; i < batch.count; i++) {
        const start = batch.starts[i]!;
        const ivStart = start + batch.headerSizes[i]!;
        const bodyEnd = start + batch.sizes[i]! - icvSize;
        messages.prepare(primitive, slab, start, ivStart, batch.sequenceHighs[i]!);
        primitive.seal(
          prefixSize,
          messages.aadStart(start, ivStart),
          messages.aadEnd(ivStart, bodyEnd),
          messages.bodyStart(ivStart, bodyEnd),
          bodyEnd,
        );
      }
    } finally {
      primitive.bind(NO_OCTETS);
    }
  }

  seal(message: Uint8Array, options?: MessageOptions): void {
    this.sealBatch(message, single(message, options));
  }

  dispose(): void {
    this.#messages.dispose();
  }
}

/** Opens with an AEAD. */
export class AeadOpener implements MessageOpener {
  readonly #messages: AeadMessages;

  /** Takes the primitive over: `dispose` ends it. */
  constructor(transform: EncryptionTransform, salt: Uint8Array, esn: boolean, primitive: AeadPrimitive) {
    this.#messages = new AeadMessages(transform, salt, esn, primitive);
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
    const { primitive, prefixSize, icvSize, ivSize, overhead } = messages;
    checkRanges(slab, batch, messages, messages.needsEspHeader, false);
    let accepted = 0;
    primitive.bind(slab);
    try {
      for (let i = 0; i < batch.count; i++) {
        const start = batch.starts[i]!;
        const ivStart = start + batch.headerSizes[i]!;
        const bodyEnd = start + batch.sizes[i]! - icvSize;
        batch.accepted[i] = 0;
        if (batch.sizes[i]! < batch.headerSizes[i]! + overhead) continue;
        messages.prepare(primitive, slab, start, ivStart, batch.sequenceHighs[i]!);
        const authentic = primitive.open(
          prefixSize,
          messages.aadStart(start, ivStart),
          messages.aadEnd(ivStart, bodyEnd),
          messages.bodyStart(ivStart, bodyEnd),
          bodyEnd,
        );
        if (authentic) {
          batch.accepted[i] = 1;
          accepted++;
        } else slab.fill(0, ivStart + ivSize, bodyEnd);
      }
    } finally {
      primitive.bind(NO_OCTETS);
    }
    return accepted;
  }

  open(message: Uint8Array, options?: MessageOptions): boolean {
    return this.openBatch(message, single(message, options)) === 1;
  }

  dispose(): void {
    this.#messages.dispose();
  }
}
