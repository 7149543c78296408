/**
 * Providers that remember everything they were asked for, so that exactly the same cryptographic operations can be run again
 * without what is around them: what a handshake would cost if messages, states and timers were free.
 */

import {
  type CipherSpec,
  CryptoProviders,
  type KeyExchange,
  type MessageOpener,
  type MessageOptions,
  type MessageSealer,
  type Prf,
} from "../lib/crypto/mod.ts";

/** Does one operation again. */
type Operation = () => void;

/** Providers that remember. */
export class RecordedCrypto extends CryptoProviders {
  readonly #crypto: CryptoProviders;
  readonly #operations: Operation[] = [];

  /** Does its work with other providers. */
  constructor(crypto: CryptoProviders) {
    super([]);
    this.#crypto = crypto;
  }

  /** Forgets everything so far: what is done once, such as looking at our own certificate, is not part of a handshake. */
  forget(): void {
    this.#operations.length = 0;
  }

  /** Does all of them again. */
  replay(): void {
    for (const operation of this.#operations) operation();
  }

  override providerOf(
    ...args: Parameters<CryptoProviders["providerOf"]>
  ): ReturnType<CryptoProviders["providerOf"]> {
    return this.#crypto.providerOf(...args);
  }

  override has(...args: Parameters<CryptoProviders["has"]>): boolean {
    return this.#crypto.has(...args);
  }

  override supports(...args: Parameters<CryptoProviders["supports"]>): boolean {
    return this.#crypto.supports(...args);
  }

  override createPrf(transform: Parameters<CryptoProviders["createPrf"]>[0]): Prf {
    const prf = this.#crypto.createPrf(transform);
    return {
      transform,
      size: prf.size,
      keySize: prf.keySize,
      compute: (key, ...data) => {
        const [again, pieces] = [key.slice(), data.map((piece) => piece.slice())];
        this.#operations.push(() => prf.compute(again, ...pieces));
        return prf.compute(key, ...data);
      },
    };
  }

  override createKeyExchange(...args: Parameters<CryptoProviders["createKeyExchange"]>): KeyExchange {
    // Both halves are one operation: a private value is used once.
    const exchange = this.#crypto.createKeyExchange(...args);
    return {
      publicValue: exchange.publicValue,
      computeSharedSecret: (peer) => {
        const again = peer.slice();
        this.#operations.push(() => {
          const other = this.#crypto.createKeyExchange(...args);
          other.computeSharedSecret(again);
          other.dispose();
        });
        return exchange.computeSharedSecret(peer);
      },
      dispose: () => exchange.dispose(),
    };
  }

  override createSealer(spec: CipherSpec): MessageSealer {
    const kept = copyOf(spec);
    let again: MessageSealer | undefined;
    this.#operations.push(() => again = this.#crypto.createSealer(kept));
    const sealer = this.#crypto.createSealer(spec);
    const record = sealer.seal.bind(sealer);
    sealer.seal = (message: Uint8Array, options?: MessageOptions) => {
      const plain = message.slice();
      this.#operations.push(() => again!.seal(plain.slice(), options));
      record(message, options);
    };
    return sealer;
  }

  override createOpener(spec: CipherSpec): MessageOpener {
    const kept = copyOf(spec);
    let again: MessageOpener | undefined;
    this.#operations.push(() => again = this.#crypto.createOpener(kept));
    const opener = this.#crypto.createOpener(spec);
    const record = opener.open.bind(opener);
    opener.open = (message: Uint8Array, options?: MessageOptions) => {
      const sealed = message.slice();
      this.#operations.push(() => again!.open(sealed.slice(), options));
      return record(message, options);
    };
    return opener;
  }

  /** Not remembered: SHA-1 for NAT detection is neither public-key cryptography, nor a PRF, nor an AEAD. */
  override hash(...args: Parameters<CryptoProviders["hash"]>): Uint8Array<ArrayBuffer> {
    return this.#crypto.hash(...args);
  }

  override sign(...args: Parameters<CryptoProviders["sign"]>): Uint8Array<ArrayBuffer> {
    this.#operations.push(() => this.#crypto.sign(...args));
    return this.#crypto.sign(...args);
  }

  override verify(...args: Parameters<CryptoProviders["verify"]>): boolean {
    this.#operations.push(() => this.#crypto.verify(...args));
    return this.#crypto.verify(...args);
  }
}

function copyOf(spec: CipherSpec): CipherSpec {
  const { encryptionKey, integrityKey } = spec;
  return { ...spec, encryptionKey: encryptionKey.slice(), integrityKey: integrityKey?.slice() };
}
