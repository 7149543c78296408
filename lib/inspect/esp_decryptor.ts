/**
 * ESP packets of a capture, opened with keys that are at hand. What a table does not say (the size of the ICV, whether
 * sequence numbers have 64 bits and how far they have come) is tried; the ICV decides.
 */

import {
  type CipherAlgorithm,
  type CryptoProviders,
  type EncryptionTransform,
  ESP_HEADER_SIZE,
  type MessageOpener,
} from "../crypto/mod.ts";
import { describeInnerPacket } from "./_inner_packet.ts";
import type { EspSaKeys } from "./key_log.ts";

/** What keys make of an ESP packet. */
export type OpenedEsp =
  | { readonly decrypted: true; readonly nextHeader: number; readonly inner: string }
  /** There are keys for its SPI, and with none of them is it authentic. */
  | { readonly decrypted: false };

/** Holds the ESP SAs of key tables. */
export class EspDecryptor {
  readonly #bySpi: Map<number, EspSa[]> = new Map();
  /** SAs for any SPI. */
  readonly #any: EspSa[] = [];

  /** Takes keys; ciphers are made when they are first needed. */
  constructor(crypto: CryptoProviders, keys: readonly EspSaKeys[]) {
    for (const row of keys) {
      const sa = new EspSa(crypto, row);
      if (row.spi === null) this.#any.push(sa);
      else this.#bySpi.set(row.spi, [...this.#bySpi.get(row.spi) ?? [], sa]);
    }
  }

  /** Opens a packet, which stays as it is; undefined when there are no keys for its SPI. */
  open(packet: Uint8Array): OpenedEsp | undefined {
    if (packet.length < ESP_HEADER_SIZE) return undefined;
    const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
    const [spi, sequence] = [view.getUint32(0), view.getUint32(4)];
    const sas = [...this.#bySpi.get(spi) ?? [], ...this.#any];
    if (sas.length === 0) return undefined;
    for (const sa of sas) {
      const body = sa.open(packet, sequence);
      if (body !== null) return describe(body);
    }
    return { decrypted: false };
  }

  /** Wipes keys as far as the runtime allows. */
  dispose(): void {
    for (const sa of [...this.#bySpi.values()].flat().concat(this.#any)) sa.dispose();
    this.#bySpi.clear();
    this.#any.length = 0;
  }
}

/** Pad length and next header (RFC 4303, section 2). */
const TRAILER_SIZE = 2;

function describe(body: Uint8Array): OpenedEsp {
  const nextHeader = body.at(-1) ?? 0;
  const payloadSize = body.length - TRAILER_SIZE - (body.at(-2) ?? 0);
  // An authentic packet may still be nonsense.
  const payload = body.subarray(0, Math.max(0, payloadSize));
  return { decrypted: true, nextHeader, inner: describeInnerPacket(payload, nextHeader) };
}

/** One way to open packets of an SA; gives the body, or null where it is not authentic. */
interface Attempt {
  readonly esn: boolean;
  open(packet: Uint8Array, sequenceHigh: number): Uint8Array | null;
  dispose(): void;
}

class EspSa {
  readonly #crypto: CryptoProviders;
  #keys: EspSaKeys | null;
  /** The likeliest first: the one that opened the last packet. */
  #attempts: Attempt[] | undefined;
  /** The highest sequence number of an authentic packet, in both halves. */
  #high: number;
  #low = 0;

  constructor(crypto: CryptoProviders, keys: EspSaKeys) {
    this.#crypto = crypto;
    this.#keys = keys;
    this.#high = keys.sequenceHigh;
  }

  open(packet: Uint8Array, sequence: number): Uint8Array | null {
    const attempts = this.#attempts ??= makeAttempts(this.#crypto, this.#keys!);
    for (const attempt of attempts) {
      for (const high of attempt.esn ? this.#upperHalves(sequence) : [0]) {
        const body = attempt.open(packet, high);
        if (body === null) continue;
        if (attempts[0] !== attempt) {
          this.#attempts = [
            attempt,
            ...attempts.filter((other) => other !== attempt),
          ];
        }
        if (high > this.#high || high === this.#high && sequence > this.#low) {
          this.#high = high;
          this.#low = sequence;
        }
        return body;
      }
    }
    return null;
  }

  dispose(): void {
    for (const attempt of this.#attempts ?? []) attempt.dispose();
    this.#attempts = [];
    this.#keys = null;
  }

  /** As a receiver guesses them (RFC 4303, appendix A2.2), and the two beside the guess: captures have holes. */
  #upperHalves(sequence: number): number[] {
    const [high, low] = [this.#high, this.#low];
    const halves = sequence < low ? [high + 1, high] : [high, high - 1];
    if (sequence < low && low - sequence < 2 ** 31) halves.reverse();
    return halves.filter((half) => half >= 0 && half <= 0xffffffff);
  }
}

function makeAttempts(crypto: CryptoProviders, keys: EspSaKeys): Attempt[] {
  const { encryption, integrity, esn } = keys;
  const authenticated = encryption[0]!.icvSize > 0 || integrity !== null;
  if (!authenticated) return encryption.map((row) => new UncheckedAttempt(crypto, row, keys));
  const modes = esn === null ? [false, true] : [esn];
  return encryption.flatMap((row) => modes.map((mode) => new CheckedAttempt(crypto, row, keys, mode)));
}

/** With an ICV. */
class CheckedAttempt implements Attempt {
  readonly esn: boolean;
  readonly #opener: MessageOpener;

  constructor(crypto: CryptoProviders, encryption: EncryptionTransform, keys: EspSaKeys, esn: boolean) {
    const { encryptionKey, integrity, integrityKey } = keys;
    this.esn = esn;
    this.#opener = crypto.createOpener({ encryption, encryptionKey, integrity, integrityKey, esn });
  }

  open(packet: Uint8Array, sequenceHigh: number): Uint8Array | null {
    const copy = packet.slice();
    const { ivSize, icvSize } = this.#opener;
    if (!this.#opener.open(copy, { sequenceHigh })) return null;
    return copy.subarray(ESP_HEADER_SIZE + ivSize, copy.length - icvSize);
  }

  dispose(): void {
    this.#opener.dispose();
  }
}

/**
 * Without one, because there is none or nobody has named its algorithm. Padding that is as RFC 4303, section 2.4, wants it
 * must do as a sign that the key was right.
 */
class UncheckedAttempt implements Attempt {
  readonly esn = false;
  readonly #crypto: CryptoProviders;
  readonly #encryption: EncryptionTransform;
  readonly #key: Uint8Array;
  readonly #icvSize: number;

  constructor(crypto: CryptoProviders, encryption: EncryptionTransform, keys: EspSaKeys) {
    this.#crypto = crypto;
    this.#encryption = encryption;
    this.#key = keys.encryptionKey.slice();
    this.#icvSize = keys.uncheckedIcvSize;
  }

  open(packet: Uint8Array): Uint8Array | null {
    const { ivSize, blockSize } = this.#encryption;
    const bodyStart = ESP_HEADER_SIZE + ivSize;
    const body = packet.slice(bodyStart, packet.length - this.#icvSize);
    if (packet.length - this.#icvSize < bodyStart + TRAILER_SIZE || body.length % blockSize !== 0) {
      return null;
    }
    this.#decrypt(packet.subarray(ESP_HEADER_SIZE, bodyStart), body);
    return isPadded(body) ? body : null;
  }

  dispose(): void {
    this.#key.fill(0);
  }

  #decrypt(iv: Uint8Array, body: Uint8Array): void {
    const { mode, algorithm, keySize } = this.#encryption;
    if (mode === "null") return;
    const cipherAlgorithm = algorithm as CipherAlgorithm;
    const cipher = this.#crypto.providerOf(cipherAlgorithm)
      .createCipher(cipherAlgorithm, this.#key.subarray(0, keySize), { direction: "open" });
    if (mode === "ctr") {
      // RFC 3686, section 4: nonce, IV, and a block counter that begins at one.
      cipher.iv.set(this.#key.subarray(keySize));
      cipher.iv.set(iv, this.#key.length - keySize);
      cipher.iv.set([0, 0, 0, 1], 12);
    } else cipher.iv.set(iv);
    cipher.bind(body);
    cipher.apply(0, body.length);
    cipher.dispose();
  }
}

function isPadded(body: Uint8Array): boolean {
  const padLength = body.at(-2)!;
  const start = body.length - TRAILER_SIZE - padLength;
  return start >= 0 && body.subarray(start, start + padLength).every((octet, i) => octet === i + 1);
}
