/** A key exchange as IKE sees it: public values are checked before they are used, shared secrets before they are given out. */

import { CodedTypeError, CryptoError } from "../../errors.ts";
import { checkPublicValue } from "./public_value.ts";
import type { KeyExchangeTransform } from "./transforms.ts";

/** One side of a Diffie-Hellman exchange, with its private value. */
export interface KeyExchange {
  /** What the peer gets: the Key Exchange Data of a KE payload. */
  readonly publicValue: Uint8Array;
  /**
   * The shared secret with a peer, with its leading zeros (RFC 7296, section 2.14); the caller's to wipe. A public value
   * that RFC 6989 tells to refuse, or one that leads to zero, is a `CryptoError` `ERR_CRYPTO_PUBLIC_VALUE`.
   */
  computeSharedSecret(peerPublicValue: Uint8Array): Uint8Array<ArrayBuffer>;
  /** Wipes the private value as far as the runtime allows. */
  dispose(): void;
}

/** Fills octets with randomness that nobody can foretell, as `crypto.getRandomValues` does. */
export type RandomSource = (octets: Uint8Array) => void;

/** A provider's exchange with the checks around it: no provider needs to be trusted with them. */
export class CheckedKeyExchange implements KeyExchange {
  readonly #transform: KeyExchangeTransform;
  #exchange: KeyExchange | null;
  readonly #publicValue: Uint8Array;

  /** Takes a row of the table and a provider's exchange. */
  constructor(transform: KeyExchangeTransform, exchange: KeyExchange) {
    this.#transform = transform;
    this.#exchange = exchange;
    this.#publicValue = exchange.publicValue;
  }

  get publicValue(): Uint8Array {
    return this.#publicValue;
  }

  computeSharedSecret(peerPublicValue: Uint8Array): Uint8Array<ArrayBuffer> {
    const { algorithm, keyword, sharedSize } = this.#transform;
    if (this.#exchange === null) {
      throw new CodedTypeError(
        "ERR_CRYPTO_DISPOSED",
        `Cannot compute the shared secret of ${keyword}: expected a private value, got one that is wiped`,
      );
    }
    checkPublicValue(this.#transform, peerPublicValue);
    let secret: Uint8Array<ArrayBuffer>;
    try {
      secret = this.#exchange.computeSharedSecret(peerPublicValue);
    } catch (cause) {
      // The private value is ours and has worked before: what is left to be wrong is the peer's value.
      throw new CryptoError(
        "ERR_CRYPTO_PUBLIC_VALUE",
        `Cannot use the peer's public value of ${keyword}: ${cause instanceof Error ? cause.message : cause}`,
      );
    }
    if (secret.length !== sharedSize) {
      throw new CryptoError(
        "ERR_CRYPTO_FAILED",
        `Cannot use ${algorithm}: expected a shared secret of ${sharedSize} octets, got ${secret.length}`,
      );
    }
    // RFC 7748, section 6, and RFC 8031, section 3: a point of small order must not decide the secret.
    if (isZero(secret)) {
      throw new CryptoError(
        "ERR_CRYPTO_PUBLIC_VALUE",
        `Cannot use the peer's public value of ${keyword}: the shared secret would be zero`,
      );
    }
    return secret;
  }

  dispose(): void {
    this.#exchange?.dispose();
    this.#exchange = null;
  }
}

/** Without a stop at the first octet that is not zero. */
function isZero(octets: Uint8Array): boolean {
  let sum = 0;
  for (const octet of octets) sum |= octet;
  return sum === 0;
}
