/**
 * The contracts of the room. What others use is a {@linkcode MessageSealer} or {@linkcode MessageOpener}: a cipher with its
 * key for one direction, whatever it is made of. What a provider of algorithms writes is a primitive of one of three kinds.
 *
 * Everything is synchronous and works inside the caller's buffer, the slab. All messages have one shape, which is that of
 * an ESP packet (RFC 4303, section 2) and of an IKE message with its SK payload (RFC 7296, section 3.14):
 *
 * ```text
 *  | header        | IV            | body                       | ICV            |
 *  | authenticated | authenticated | authenticated, encrypted   |                |
 * ```
 *
 * @module
 */

import type { HashAlgorithm, HmacAlgorithm, MacAlgorithm } from "./algorithm_names.ts";
import type { AeadAlgorithm, CipherAlgorithm } from "./ciphers/table.ts";
import type { KeyExchange, RandomSource } from "./dh/key_exchange.ts";
import type { KeyExchangeAlgorithm } from "./dh/transforms.ts";
import type { SignatureAlgorithm, SigningAlgorithm } from "./signature/algorithms.ts";
import type { EncryptionTransform, IntegrityTransform } from "./transforms.ts";
import type { MessageBatch } from "./message_batch.ts";

/** Everything that a provider may be asked for. */
export type CryptoAlgorithm =
  | AeadAlgorithm
  | CipherAlgorithm
  | MacAlgorithm
  | HashAlgorithm
  | KeyExchangeAlgorithm
  | SignatureAlgorithm
  | SigningAlgorithm;

/** Which way a cipher works: SAs have one direction, and a key has one use. */
export type CipherDirection = "seal" | "open";

/** What a cipher is made of; keys as the key material of RFC 7296, section 2.17, gives them. */
export interface CipherSpec {
  /** A row of the table. */
  readonly encryption: EncryptionTransform;
  /** The key with its salt behind it; empty for `null`. It is copied: the caller wipes its own. */
  readonly encryptionKey: Uint8Array;
  /** Needed by, and only by, a transform that does not authenticate by itself. */
  readonly integrity?: IntegrityTransform | null;
  /** The key of `integrity`; copied. */
  readonly integrityKey?: Uint8Array;
  /** Whether sequence numbers have 64 bits, the upper half of which is authenticated and not sent (default: false). */
  readonly esn?: boolean;
}

/** Sizes of what a cipher adds to a message. */
export interface CipherSizes {
  /** Octets of IV between header and body. */
  readonly ivSize: number;
  /** Octets of ICV behind the body. */
  readonly icvSize: number;
  /** The body's size is a multiple of it. */
  readonly blockSize: number;
}

/** Encrypts and authenticates messages where they lie. */
export interface MessageSealer extends CipherSizes {
  /**
   * Seals every message of the batch: bodies become ciphertext, ICVs are written. The caller has written header, IV and
   * body and left room for the ICV. An IV must never come again under one key, and must be unpredictable for CBC.
   *
   * A message outside the slab, or without the room, is the caller's `RangeError`; nothing has been sealed then.
   */
  sealBatch(slab: Uint8Array, batch: MessageBatch): void;
  /** Seals one message, which fills the buffer from its first octet to its last. */
  seal(message: Uint8Array, options?: MessageOptions): void;
  /** Wipes the key as far as the runtime allows; the sealer is of no use afterwards. */
  dispose(): void;
}

/** Verifies and decrypts messages where they lie. */
export interface MessageOpener extends CipherSizes {
  /**
   * Opens every message of the batch and tells how many are authentic; `batch.accepted` says which. Bodies of authentic
   * messages become plaintext, **bodies of all others are zero**: nobody gets to see what was not authenticated.
   * Messages that are too short, or not a whole number of blocks, are refused as they are.
   *
   * A message outside the slab is the caller's `RangeError`; nothing has been opened then.
   */
  openBatch(slab: Uint8Array, batch: MessageBatch): number;
  /** Opens one message, which fills the buffer from its first octet to its last; tells whether it is authentic. */
  open(message: Uint8Array, options?: MessageOptions): boolean;
  /** Wipes the key as far as the runtime allows; the opener is of no use afterwards. */
  dispose(): void;
}

/** What a cipher must know of a message besides its octets. */
export interface MessageOptions {
  /** Octets in front of the IV (default: 8, the SPI and sequence number of ESP). */
  readonly headerSize?: number;
  /** The upper half of a 64-bit sequence number (default: 0). */
  readonly sequenceHigh?: number;
}

/**
 * An AEAD with its key, for one direction. The caller writes the whole of `nonce`, and of `prefix` what it uses, right before each
 * call: their memory may be that of other primitives, too. It names the slab once with `bind`, and then gives offsets,
 * which it has checked.
 */
export interface AeadPrimitive {
  /** Salt and IV. */
  readonly nonce: Uint8Array;
  /** Octets that are authenticated in front of those of the slab: the header of a message with a 64-bit sequence number. */
  readonly prefix: Uint8Array;
  /** Says which buffer the offsets mean, until the next call. */
  bind(slab: Uint8Array): void;
  /** Encrypts the body where it lies and writes the ICV behind it. */
  seal(prefixSize: number, aadStart: number, aadEnd: number, bodyStart: number, bodyEnd: number): void;
  /** Decrypts the body where it lies, and tells whether the ICV behind it was right. If not, the body holds anything. */
  open(prefixSize: number, aadStart: number, aadEnd: number, bodyStart: number, bodyEnd: number): boolean;
  /** Wipes the key as far as possible. */
  dispose(): void;
}

/** A cipher without authentication, with its key, for one direction. */
export interface CipherPrimitive {
  /**
   * The 16 octets that the next call starts from: CBC's IV or CTR's first counter block. The caller writes all of them right
   * before each call: their memory may be that of other primitives, too.
   */
  readonly iv: Uint8Array;
  /** Says which buffer the offsets mean, until the next call. */
  bind(slab: Uint8Array): void;
  /** Encrypts or decrypts where the octets lie; for CBC a whole number of blocks. */
  apply(start: number, end: number): void;
  /** Wipes the key as far as possible. */
  dispose(): void;
}

/** A MAC with its key. */
export interface MacPrimitive {
  /** Octets that are authenticated behind those of the slab: the upper half of a 64-bit sequence number. */
  readonly suffix: Uint8Array;
  /** Where `compute` writes the whole MAC, untruncated. */
  readonly digest: Uint8Array;
  /** Says which buffer the offsets mean, until the next call. */
  bind(slab: Uint8Array): void;
  /** Authenticates the octets of the slab and those of `suffix`. */
  compute(start: number, end: number, suffixSize: number): void;
  /** Wipes the key as far as possible. */
  dispose(): void;
}

/**
 * A source of algorithms. It makes what it can and throws where it cannot; whether it can, and does it right, is found
 * out by known answers before it is used ({@linkcode CryptoProviders}).
 */
export interface CryptoProvider {
  /** As people know it: `node:crypto`, `noble`. */
  readonly name: string;
  /** Makes an AEAD; ICVs of 8, 12 and 16 octets for GCM and CCM, 16 for the others. */
  createAead(
    algorithm: AeadAlgorithm,
    key: Uint8Array,
    options: { readonly direction: CipherDirection; readonly icvSize: number },
  ): AeadPrimitive;
  /** Makes a cipher without authentication. */
  createCipher(
    algorithm: CipherAlgorithm,
    key: Uint8Array,
    options: { readonly direction: CipherDirection },
  ): CipherPrimitive;
  /** Makes a MAC. */
  createMac(algorithm: HmacAlgorithm, key: Uint8Array): MacPrimitive;
  /** What IKE needs besides; absent from a provider that is there for packets alone. */
  readonly handshake?: HandshakeProvider;
}

/** The part of a provider that works once for each handshake: hashes, key exchanges, signatures. */
export interface HandshakeProvider {
  /** Hashes octets. */
  hash(algorithm: HashAlgorithm, data: Uint8Array): Uint8Array<ArrayBuffer>;
  /**
   * Draws a private value and makes one side of a key exchange. Public values that it is given have the right size, and are
   * in range or on the curve.
   */
  createKeyExchange(algorithm: KeyExchangeAlgorithm, random: RandomSource): KeyExchange;
  /** Signs with a private key of the right kind, PKCS#8 in DER. ECDSA signatures are r and s one after the other. */
  sign(algorithm: SignatureAlgorithm, pkcs8: Uint8Array, data: Uint8Array): Uint8Array<ArrayBuffer>;
  /**
   * Verifies a signature with a public key of the right kind, SubjectPublicKeyInfo in DER. ECDSA signatures are r and s one
   * after the other, and have the right size.
   */
  verify(algorithm: SignatureAlgorithm, spki: Uint8Array, data: Uint8Array, signature: Uint8Array): boolean;
}
