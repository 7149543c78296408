/**
 * Seals IKE messages into SK and SKF payloads and opens them (RFC 7296, section 3.14; RFC 5282 for AEADs; RFC 7383 for
 * fragments). The ciphers come from the `crypto` room; which keys they have is `keymat.ts`' matter, what a message may hold
 * that of `exchange_rules.ts`, and how fragments become a message again that of `fragments.ts`.
 *
 * ```text
 * | IKE header | SK header | IV            | payloads, padding, pad length | ICV            |
 * |            | (SKF: number and total)   |                               |                |
 * | authenticated          | authenticated | authenticated, encrypted      |                |
 * ```
 */

import { ByteWriter, viewOf, writeUint32 } from "../bytes/mod.ts";
import { CodedRangeError, CodedTypeError, IkeError } from "../errors.ts";
import type { MessageOpener, MessageSealer } from "../crypto/mod.ts";
import {
  DEFAULT_IKE_CODEC_LIMITS,
  emitGenericHeader,
  emitIkeHeader,
  emitPayloads,
  firstPayloadType,
  FRAGMENT_HEADER_SIZE,
  GENERIC_HEADER_LENGTH,
  IKE_HEADER_LENGTH,
  type IkeCodecLimits,
  type IkeMessage,
  NOTIFY,
  parsePayloads,
  type Payload,
  PAYLOAD_CODECS,
  type SkfPayload,
  type SkPayload,
} from "./codec/mod.ts";

/** Fills a buffer with octets that nobody can guess. */
export type IkeRandomSource = (octets: Uint8Array<ArrayBuffer>) => void;

/** What an {@linkcode IkeProtection} takes. */
export interface IkeProtectionOptions {
  /** The cipher with our key: SK_e and SK_a of this end's role. The protection ends it. */
  readonly sealer: MessageSealer;
  /** The cipher with the peer's key. The protection ends it. */
  readonly opener: MessageOpener;
  /** Where IVs of CBC come from; needed with CBC only. */
  readonly random?: IkeRandomSource;
  /** How much an opened message may hold (default: the table's). */
  readonly limits?: IkeCodecLimits;
}

/** A fragment that is authentic, still a part of a message. */
export interface OpenedFragment {
  /** Its number, from 1 on. */
  readonly number: number;
  /** How many there are. */
  readonly total: number;
  /** In the first fragment the type of the first payload of the whole; of no meaning in others. */
  readonly nextPayload: number;
  /** Its part of the payloads. */
  readonly data: Uint8Array;
}

/**
 * Both directions of an IKE SA. One for each set of keys and no second one, because it counts IVs from 0.
 *
 * @example One message there, and what the peer makes of it
 * ```ts
 * import { CryptoProviders, encryptionTransform, nobleProvider } from "iketcp/crypto";
 * import { IkeProtection } from "iketcp/ike";
 * import { notifyPayload, parseIkeMessage } from "iketcp/ike/codec";
 * import { deepStrictEqual, ok } from "node:assert";
 *
 * const crypto = new CryptoProviders([nobleProvider()]);
 * const [ei, er] = [1, 2].map((octet) => ({
 *   encryption: encryptionTransform("chacha20poly1305")!,
 *   encryptionKey: new Uint8Array(36).fill(octet),
 * }));
 * const ours = new IkeProtection({ sealer: crypto.createSealer(ei!), opener: crypto.createOpener(er!) });
 * const theirs = new IkeProtection({ sealer: crypto.createSealer(er!), opener: crypto.createOpener(ei!) });
 *
 * const octets = ours.seal({
 *   spiI: new Uint8Array(8).fill(1),
 *   spiR: new Uint8Array(8).fill(2),
 *   exchangeType: 37,
 *   initiator: true,
 *   response: false,
 *   messageId: 2,
 *   payloads: [notifyPayload(16384)],
 * });
 * const payloads = theirs.open(octets, parseIkeMessage(octets));
 * ok(payloads !== "not_authentic");
 * deepStrictEqual(payloads.map(({ kind }) => kind), ["N"]);
 * ours.dispose();
 * theirs.dispose();
 * ```
 */
export class IkeProtection {
  readonly #sealer: MessageSealer;
  readonly #opener: MessageOpener;
  readonly #random: IkeRandomSource | undefined;
  readonly #limits: IkeCodecLimits;
  /** What the next IV of an AEAD or of counter mode will be. An IV that came twice would give the key away. */
  #counter = 0;

  /** Takes the ciphers over: `dispose` ends them. */
  constructor({ sealer, opener, random, limits = DEFAULT_IKE_CODEC_LIMITS }: IkeProtectionOptions) {
    this.#sealer = sealer;
    this.#opener = opener;
    this.#random = random;
    this.#limits = limits;
    // RFC 3602, section 3: an IV of CBC must be unpredictable. All other ciphers of the table want one that is new.
    if (sealer.ivSize > COUNTER_SIZE && random === undefined) {
      throw new CodedTypeError(
        "ERR_CRYPTO_TRANSFORM",
        `Cannot protect IKE messages: expected a source of randomness for IVs of ${sealer.ivSize} octets, got none`,
      );
    }
  }

  /** Octets of the message that `seal` makes of payloads of so many octets. */
  sizeOf(payloadsSize: number): number {
    return this.#sealedSize(SK_HEADERS_SIZE, payloadsSize);
  }

  /** Seals the payloads of a message into one SK payload. */
  seal(message: IkeMessage): Uint8Array<ArrayBuffer> {
    return this.#sealAs(message, "SK", {
      nextPayload: firstPayloadType(message.payloads),
      content: emitPayloads(message.payloads),
    });
  }

  /**
   * Seals the payloads of a message into as few messages of at most `maxSize` octets as can be: one with SK where that
   * fits, else SKF payloads (RFC 7383, section 2.5). `maxSize` counts from the IKE header on; what lies below is the
   * caller's to take off.
   */
  sealFragments(message: IkeMessage, maxSize: number): Uint8Array<ArrayBuffer>[] {
    const content = emitPayloads(message.payloads);
    const nextPayload = firstPayloadType(message.payloads);
    if (this.sizeOf(content.length) <= maxSize) {
      return [this.#sealAs(message, "SK", { nextPayload, content })];
    }
    const room = this.#contentRoom(maxSize);
    const total = room < 1 ? Infinity : Math.ceil(content.length / room);
    if (total > this.#limits.fragments) {
      throw new CodedRangeError(
        "ERR_IKE_SIZE",
        `Cannot write fragments: expected at most ${this.#limits.fragments} of ${maxSize} octets, got ${total}`,
      );
    }
    const fragments: Uint8Array<ArrayBuffer>[] = [];
    for (let number = 1; number <= total; number++) {
      fragments.push(this.#sealAs(message, "SKF", {
        // "This field is set to the type of the first payload in the first fragment, and to zero in the rest."
        nextPayload: number === 1 ? nextPayload : 0,
        content: content.subarray((number - 1) * room, number * room),
        number,
        total,
      }));
    }
    return fragments;
  }

  /**
   * Opens the SK payload at the end of a message that `parseIkeMessage` gave. The octets stay as they are: the payloads
   * are views into a copy. What is authentic and cannot be read is an `IkeError`, as in `parsePayloads`.
   */
  open(octets: Uint8Array, outer: IkeMessage): Payload[] | "not_authentic" {
    const sk = sealedPayload(outer, "SK");
    const content = this.#unseal(octets, sk);
    if (content === "not_authentic") return content;
    return parsePayloads(sk.nextPayload, content, {
      limits: this.#limits,
      base: sk.offset + this.#opener.ivSize,
    });
  }

  /** Opens the SKF payload at the end of a message, as `open` does; its content goes into a `FragmentReassembly`. */
  openFragment(octets: Uint8Array, outer: IkeMessage): OpenedFragment | "not_authentic" {
    const skf = sealedPayload(outer, "SKF");
    const content = this.#unseal(octets, skf);
    if (content === "not_authentic") return content;
    const { number, total, nextPayload } = skf;
    return { number, total, nextPayload, data: content };
  }

  /**
   * Opens the SK or SKF payload at the end of a message and gives what was sealed, without its padding: for those who want
   * octets, as RFC 9242 signs them.
   */
  openContent(octets: Uint8Array, outer: IkeMessage): Uint8Array | "not_authentic" {
    const last = outer.payloads.at(-1);
    return this.#unseal(octets, sealedPayload(outer, last?.kind === "SKF" ? "SKF" : "SK"));
  }

  /** Wipes the keys as far as the runtime allows. */
  dispose(): void {
    this.#sealer.dispose();
    this.#opener.dispose();
  }

  #sealAs(message: IkeMessage, kind: "SK" | "SKF", part: SealedPart): Uint8Array<ArrayBuffer> {
    const { nextPayload, content } = part;
    const { ivSize, icvSize } = this.#sealer;
    const fragment = kind === "SKF";
    const headersSize = SK_HEADERS_SIZE + (fragment ? FRAGMENT_HEADER_SIZE : 0);
    const octets = new Uint8Array(this.#sealedSize(headersSize, content.length));
    const writer = new ByteWriter(octets);
    emitIkeHeader(message, PAYLOAD_CODECS[kind].type, octets.length, writer);
    const bodySize = octets.length - SK_HEADERS_SIZE;
    emitGenericHeader(kind, { nextPayload, critical: false, bodySize }, writer);
    if (fragment) {
      writer.uint16(part.number!);
      writer.uint16(part.total!);
    }
    this.#writeIv(octets, headersSize, ivSize);
    octets.set(content, headersSize + ivSize);
    // Section 3.14: padding may be anything, here zeros; Pad Length counts it without itself.
    const bodyEnd = octets.length - icvSize;
    octets[bodyEnd - 1] = bodyEnd - 1 - (headersSize + ivSize + content.length);
    this.#sealer.seal(octets, { headerSize: headersSize });
    return octets;
  }

  #sealedSize(headersSize: number, contentSize: number): number {
    const { ivSize, icvSize, blockSize } = this.#sealer;
    return headersSize + ivSize + Math.ceil((contentSize + PAD_LENGTH_SIZE) / blockSize) * blockSize +
      icvSize;
  }

  /** How much content an SKF message of at most so many octets has room for. */
  #contentRoom(maxSize: number): number {
    const { ivSize, icvSize, blockSize } = this.#sealer;
    const room = Math.min(maxSize, 0xffff) - SK_HEADERS_SIZE - FRAGMENT_HEADER_SIZE - ivSize - icvSize;
    return Math.floor(room / blockSize) * blockSize - PAD_LENGTH_SIZE;
  }

  /** RFC 5282, section 3.1: a counter is one way to never use an IV twice; it starts anew with each key. */
  #writeIv(octets: Uint8Array<ArrayBuffer>, at: number, size: number): void {
    if (size > COUNTER_SIZE) return this.#random!(octets.subarray(at, at + size));
    if (size === 0) return;
    writeUint32(octets, at, Math.floor(this.#counter / 2 ** 32));
    writeUint32(octets, at + 4, this.#counter >>> 0);
    this.#counter++;
  }

  /** Verifies and decrypts a copy of the message; gives the content of its last payload without the padding. */
  #unseal(octets: Uint8Array, sealed: SkPayload | SkfPayload): Uint8Array | "not_authentic" {
    const { kind, offset } = sealed;
    const { ivSize, icvSize } = this.#opener;
    const copy = octets.slice();
    if (!this.#opener.open(copy, { headerSize: offset })) return "not_authentic";
    const start = offset + ivSize;
    const bodySize = copy.length - icvSize - start;
    const padding = bodySize > 0 ? copy[start + bodySize - 1]! : undefined;
    if (padding === undefined || padding >= bodySize) {
      throw new IkeError(
        "ERR_IKE_PAYLOAD",
        `Cannot read ${kind} payload at offset ${offset}: expected Pad Length below ${bodySize}, got ${
          padding ?? "none"
        }`,
        { payload: kind, offset, notify: NOTIFY.invalidSyntax },
      );
    }
    return viewOf(copy, start, start + bodySize - PAD_LENGTH_SIZE - padding);
  }
}

/** What goes into one sealed payload. */
interface SealedPart {
  readonly nextPayload: number;
  readonly content: Uint8Array;
  readonly number?: number;
  readonly total?: number;
}

/** IKE header and the generic header of SK, in front of the IV. */
const SK_HEADERS_SIZE = IKE_HEADER_LENGTH + GENERIC_HEADER_LENGTH;
const PAD_LENGTH_SIZE = 1;
/** Octets of IV that a counter fills: all AEADs and AES-CTR have 8 (RFC 5282, section 3.1; RFC 5930, section 2.1). */
const COUNTER_SIZE = 8;

function sealedPayload<Kind extends "SK" | "SKF">(
  outer: IkeMessage,
  kind: Kind,
): Kind extends "SK" ? SkPayload : SkfPayload {
  const last = outer.payloads.at(-1);
  if (last?.kind !== kind) {
    throw new CodedTypeError(
      "ERR_IKE_SEALED",
      `Cannot open IKE message: expected ${kind} as its last payload, got ${last?.kind ?? "none"}`,
    );
  }
  return last as Kind extends "SK" ? SkPayload : SkfPayload;
}
