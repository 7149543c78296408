/**
 * Providers that add up how long they work: what of a handshake is its own cryptographic operations, where and when it does
 * them. In a loop of their own, with everything in the caches, the same operations take up to a third less.
 */

import {
  type CipherSpec,
  CryptoProviders,
  type KeyExchange,
  type MessageOpener,
  type MessageSealer,
  type Prf,
} from "../lib/crypto/mod.ts";

/** Providers with a stop watch. */
export class TimedCrypto extends CryptoProviders {
  /** Milliseconds spent in public-key operations, pseudorandom functions and ciphers. */
  spent = 0;
  readonly #crypto: CryptoProviders;

  /** Does its work with other providers. */
  constructor(crypto: CryptoProviders) {
    super([]);
    this.#crypto = crypto;
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
    const { size, keySize } = prf;
    return {
      transform,
      size,
      keySize,
      compute: (key, ...data) => this.#time(() => prf.compute(key, ...data)),
    };
  }

  override createKeyExchange(...args: Parameters<CryptoProviders["createKeyExchange"]>): KeyExchange {
    const exchange = this.#time(() => this.#crypto.createKeyExchange(...args));
    return {
      publicValue: exchange.publicValue,
      computeSharedSecret: (peer) => this.#time(() => exchange.computeSharedSecret(peer)),
      dispose: () => exchange.dispose(),
    };
  }

  override createSealer(spec: CipherSpec): MessageSealer {
    const sealer = this.#time(() => this.#crypto.createSealer(spec));
    const seal = sealer.seal.bind(sealer);
    sealer.seal = (message, options) => this.#time(() => seal(message, options));
    return sealer;
  }

  override createOpener(spec: CipherSpec): MessageOpener {
    const opener = this.#time(() => this.#crypto.createOpener(spec));
    const open = opener.open.bind(opener);
    opener.open = (message, options) => this.#time(() => open(message, options));
    return opener;
  }

  /** Not timed: SHA-1 for NAT detection is neither public-key cryptography, nor a PRF, nor an AEAD. */
  override hash(...args: Parameters<CryptoProviders["hash"]>): Uint8Array<ArrayBuffer> {
    return this.#crypto.hash(...args);
  }

  override sign(...args: Parameters<CryptoProviders["sign"]>): Uint8Array<ArrayBuffer> {
    return this.#time(() => this.#crypto.sign(...args));
  }

  override verify(...args: Parameters<CryptoProviders["verify"]>): boolean {
    return this.#time(() => this.#crypto.verify(...args));
  }

  #time<Result>(work: () => Result): Result {
    const before = performance.now();
    const result = work();
    this.spent += performance.now() - before;
    return result;
  }
}
