/** An ordered list of providers: for each algorithm the first that knows its known answer serves it. */

import { CodedRangeError, CodedTypeError, CryptoError } from "../errors.ts";
import { AeadOpener, AeadSealer } from "./aead_cipher.ts";
import { CRYPTO_ALGORITHMS, HASHES, HMACS } from "./algorithms.ts";
import { checkKnownAnswer } from "./known_answers.ts";
import { MacOpener, MacSealer } from "./mac_cipher.ts";
import { createMac } from "./macs.ts";
import { CheckedKeyExchange, type KeyExchange, type RandomSource } from "./dh/key_exchange.ts";
import type { KeyExchangeTransform } from "./dh/transforms.ts";
import { HmacPrf } from "./prf/hmac_prf.ts";
import { MacPrf, type Prf } from "./prf/prf.ts";
import type { PrfTransform } from "./prf/transforms.ts";
import type { SignatureSchemeName } from "./signature/schemes.ts";
import { signWith, verifyWith } from "./signature/signature.ts";
import type { EncryptionTransform, IntegrityTransform } from "./transforms.ts";
import type { HashAlgorithm, HmacAlgorithm, MacAlgorithm } from "./algorithm_names.ts";
import type { AeadAlgorithm, CipherAlgorithm } from "./ciphers/table.ts";
import type {
  CipherDirection,
  CipherSpec,
  CryptoAlgorithm,
  CryptoProvider,
  HandshakeProvider,
  MacPrimitive,
  MessageOpener,
  MessageSealer,
} from "./types.ts";

/** Who serves an algorithm here. */
export interface AlgorithmCapability {
  /** The algorithm. */
  readonly algorithm: CryptoAlgorithm;
  /** Name of the provider that serves it; null when none does. */
  readonly provider: string | null;
  /** Providers that would have come before, or all when none serves it, each with the reason why it does not. */
  readonly passedOver: readonly { readonly provider: string; readonly reason: string }[];
}

/** A provider that is not on the list at all, and why. */
export interface UnavailableProvider {
  /** Its name. */
  readonly provider: string;
  /** Why it is not there, in words. */
  readonly reason: string;
}

/** What {@linkcode CryptoProviders.capabilities} reports. */
export interface CryptoCapabilities {
  /** Names of the providers, in the order in which they are asked. */
  readonly providers: readonly string[];
  /** Providers that are not asked. */
  readonly unavailable: readonly UnavailableProvider[];
  /** One row for each algorithm. */
  readonly algorithms: readonly AlgorithmCapability[];
}

/** What is known of a provider: null for an algorithm that it serves, else the reason why not. */
const found = new WeakMap<CryptoProvider, Map<CryptoAlgorithm, string | null>>();

/**
 * Makes ciphers of what the providers on its list can do. A provider is tried against a known answer when it is first
 * asked for an algorithm; where it lacks it, or does it wrong, the next one is asked.
 *
 * @example Seal and open a message with the portable provider
 * ```ts
 * import { CryptoProviders, encryptionTransform, nobleProvider } from "iketcp/crypto";
 * import { deepStrictEqual, strictEqual } from "node:assert";
 *
 * const crypto = new CryptoProviders([nobleProvider()]);
 * const spec = {
 *   encryption: encryptionTransform("chacha20poly1305")!,
 *   encryptionKey: globalThis.crypto.getRandomValues(new Uint8Array(36)), // key and salt
 * };
 * const sealer = crypto.createSealer(spec);
 * const message = new Uint8Array(8 + sealer.ivSize + 5 + sealer.icvSize); // header, IV, body, ICV
 * message.set([1, 2, 3, 4, 5], 16);
 * sealer.seal(message);
 *
 * const opener = crypto.createOpener(spec);
 * strictEqual(opener.open(message), true);
 * deepStrictEqual([...message.subarray(16, 21)], [1, 2, 3, 4, 5]);
 * sealer.dispose();
 * opener.dispose();
 * ```
 */
export class CryptoProviders {
  readonly #providers: readonly CryptoProvider[];
  readonly #unavailable: readonly UnavailableProvider[];
  readonly #place: string;
  /** They have no state, and each SA wants one. */
  readonly #prfs: WeakMap<PrfTransform, Prf> = new WeakMap();

  /**
   * Takes providers, the preferred one first, what is to be reported of those that are not there, and where this is, for errors: `here`,
   * `in Node 22.18.0`.
   */
  constructor(
    providers: readonly CryptoProvider[],
    unavailable: readonly UnavailableProvider[] = [],
    place: string = "here",
  ) {
    this.#providers = [...providers];
    this.#unavailable = [...unavailable];
    this.#place = place;
  }

  /** The provider that serves an algorithm; throws a `CryptoError` that says why none does. */
  providerOf(algorithm: CryptoAlgorithm): CryptoProvider {
    const provider = this.#providers.find((candidate) => reasonAgainst(candidate, algorithm) === null);
    if (provider !== undefined) return provider;
    const reasons = this.#providers.map((other) => `${other.name}: ${reasonAgainst(other, algorithm)}`);
    throw new CryptoError(
      "ERR_CRYPTO_UNSUPPORTED",
      `Cannot use ${algorithm}: no provider ${this.#place} has it (${
        reasons.join("; ") || "the list is empty"
      })`,
    );
  }

  /** Whether some provider serves an algorithm. */
  has(algorithm: CryptoAlgorithm): boolean {
    return this.#providers.some((provider) => reasonAgainst(provider, algorithm) === null);
  }

  /** Whether some provider serves all that a pair of transforms needs. */
  supports(encryption: EncryptionTransform, integrity: IntegrityTransform | null = null): boolean {
    return [encryption.algorithm, integrity?.algorithm ?? null].every((algorithm) =>
      algorithm === null || this.has(algorithm)
    );
  }

  /** Which provider serves which algorithm, and why others do not. */
  capabilities(): CryptoCapabilities {
    return {
      providers: this.#providers.map(({ name }) => name),
      unavailable: this.#unavailable,
      algorithms: CRYPTO_ALGORITHMS.map((algorithm) => this.#capability(algorithm)),
    };
  }

  #capability(algorithm: CryptoAlgorithm): AlgorithmCapability {
    const passedOver: { provider: string; reason: string }[] = [];
    for (const provider of this.#providers) {
      const reason = reasonAgainst(provider, algorithm);
      if (reason === null) return { algorithm, provider: provider.name, passedOver };
      passedOver.push({ provider: provider.name, reason });
    }
    return { algorithm, provider: null, passedOver };
  }

  /** Makes a cipher that seals messages. */
  createSealer(spec: CipherSpec): MessageSealer {
    const { encryption, key, salt, integrity, esn } = checked(spec);
    if (isAead(encryption)) {
      const options = { direction: "seal" as const, icvSize: encryption.icvSize };
      const aead = this.#aead(encryption.algorithm, key, options);
      return new AeadSealer(encryption, salt, esn, aead);
    }
    return new MacSealer({ encryption, integrity: integrity!, salt, esn, ...this.#pair(spec, key, "seal") });
  }

  /** Makes a cipher that opens messages. */
  createOpener(spec: CipherSpec): MessageOpener {
    const { encryption, key, salt, integrity, esn } = checked(spec);
    if (isAead(encryption)) {
      const options = { direction: "open" as const, icvSize: encryption.icvSize };
      const aead = this.#aead(encryption.algorithm, key, options);
      return new AeadOpener(encryption, salt, esn, aead);
    }
    return new MacOpener({ encryption, integrity: integrity!, salt, esn, ...this.#pair(spec, key, "open") });
  }

  /** Makes a pseudorandom function. */
  createPrf(transform: PrfTransform): Prf {
    let prf = this.#prfs.get(transform);
    if (prf === undefined) this.#prfs.set(transform, prf = this.#makePrf(transform));
    return prf;
  }

  /**
   * Draws a private value and makes one side of a key exchange. Public values of peers are checked as RFC 6989 asks for.
   *
   * @example Two sides with one secret
   * ```ts
   * import { CryptoProviders, keyExchangeTransform, nobleProvider } from "iketcp/crypto";
   * import { deepStrictEqual } from "node:assert";
   *
   * const crypto = new CryptoProviders([nobleProvider()]);
   * const random = (octets: Uint8Array) => void globalThis.crypto.getRandomValues(octets);
   * const ours = crypto.createKeyExchange(keyExchangeTransform("x25519")!, random);
   * const theirs = crypto.createKeyExchange(keyExchangeTransform("x25519")!, random);
   * deepStrictEqual(
   *   ours.computeSharedSecret(theirs.publicValue),
   *   theirs.computeSharedSecret(ours.publicValue),
   * );
   * ours.dispose();
   * theirs.dispose();
   * ```
   */
  createKeyExchange(transform: KeyExchangeTransform, random: RandomSource): KeyExchange {
    const { algorithm } = transform;
    return new CheckedKeyExchange(
      transform,
      this.#handshakeOf(algorithm).createKeyExchange(algorithm, random),
    );
  }

  /** Hashes octets. */
  hash(algorithm: HashAlgorithm, data: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.#handshakeOf(algorithm).hash(algorithm, data);
  }

  /** SHA-1, which IKEv2 detects NATs and names authorities with (RFC 7296, sections 2.23 and 3.7). */
  sha1(data: Uint8Array): Uint8Array<ArrayBuffer> {
    return this.hash("sha1", data);
  }

  /**
   * Signs with a private key, PKCS#8 in DER. Throws a `CryptoError`: `ERR_CRYPTO_KEY` where the key cannot be read or is of
   * another kind than the scheme's, `ERR_CRYPTO_UNSUPPORTED` where nobody here signs so.
   */
  sign(scheme: SignatureSchemeName, pkcs8: Uint8Array, data: Uint8Array): Uint8Array<ArrayBuffer> {
    return signWith((algorithm) => this.#handshakeOf(algorithm), scheme, pkcs8, data);
  }

  /**
   * Verifies a signature with a public key, SubjectPublicKeyInfo in DER. A signature that makes no sense is a wrong one;
   * a key that cannot be read, or is of another kind than the scheme's, is a `CryptoError` `ERR_CRYPTO_KEY`.
   */
  verify(
    scheme: SignatureSchemeName,
    spki: Uint8Array,
    data: Uint8Array,
    signature: Uint8Array,
  ): boolean {
    return verifyWith((algorithm) => this.#handshakeOf(algorithm), { scheme, spki }, data, signature);
  }

  #makePrf(transform: PrfTransform): Prf {
    const { algorithm } = transform;
    const hash = isHmac(algorithm) ? HMACS[algorithm].hash : null;
    if (hash !== null && this.has(hash)) {
      const provider = this.#handshakeOf(hash);
      return new HmacPrf(transform, { ...HASHES[hash], hash: (data) => provider.hash(hash, data) });
    }
    const provider = this.providerOf(algorithm);
    return new MacPrf(transform, (key) => createMac(provider, algorithm, key));
  }

  /** The provider of an algorithm has that part, else it would not have known its known answer. */
  #handshakeOf(algorithm: CryptoAlgorithm): HandshakeProvider {
    return this.providerOf(algorithm).handshake!;
  }

  #aead(
    algorithm: AeadAlgorithm,
    key: Uint8Array,
    options: { direction: CipherDirection; icvSize: number },
  ) {
    return this.providerOf(algorithm).createAead(algorithm, key, options);
  }

  /** Cipher and MAC, which need not come from one provider. */
  #pair(spec: CipherSpec, key: Uint8Array, direction: CipherDirection) {
    const mac = this.#mac(spec.integrity!.algorithm, spec.integrityKey!);
    try {
      const algorithm = spec.encryption.algorithm as CipherAlgorithm | null;
      const cipher = algorithm === null
        ? null
        : this.providerOf(algorithm).createCipher(algorithm, key, { direction });
      return { cipher, mac };
    } catch (error) {
      mac.dispose();
      throw error;
    }
  }

  #mac(algorithm: MacAlgorithm, key: Uint8Array): MacPrimitive {
    return createMac(this.providerOf(algorithm), algorithm, key);
  }
}

/** Why a provider does not serve an algorithm; null when it does. Tried once. */
function reasonAgainst(provider: CryptoProvider, algorithm: CryptoAlgorithm): string | null {
  let reasons = found.get(provider);
  if (reasons === undefined) found.set(provider, reasons = new Map());
  let reason = reasons.get(algorithm);
  if (reason === undefined) {
    try {
      checkKnownAnswer(provider, algorithm);
      reason = null;
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    reasons.set(algorithm, reason);
  }
  return reason;
}

type AeadTransform = EncryptionTransform & { readonly algorithm: AeadAlgorithm };

function isHmac(algorithm: MacAlgorithm): algorithm is HmacAlgorithm {
  return Object.hasOwn(HMACS, algorithm);
}

function isAead(transform: EncryptionTransform): transform is AeadTransform {
  return transform.mode === "aead" || transform.mode === "gmac";
}

/** Refuses transforms that do not go together and keys of the wrong size, and takes the salt off the key. */
function checked(spec: CipherSpec) {
  const { encryption, encryptionKey, integrity = null, integrityKey = new Uint8Array(0), esn = false } = spec;
  if (isAead(encryption) !== (integrity === null)) {
    throw new CodedTypeError(
      "ERR_CRYPTO_TRANSFORM",
      `Cannot make a cipher of ${encryption.keyword}: expected ${
        integrity === null ? "an integrity transform beside it" : "no integrity transform beside it"
      }, got ${integrity?.keyword ?? "none"}`,
    );
  }
  const { keySize, saltSize } = encryption;
  checkKeySize(encryption.keyword, encryptionKey, keySize + saltSize, saltSize);
  checkKeySize(integrity?.keyword ?? encryption.keyword, integrityKey, integrity?.keySize ?? 0, 0);
  return {
    encryption,
    integrity,
    esn,
    key: encryptionKey.subarray(0, keySize),
    salt: encryptionKey.subarray(keySize),
  };
}

function checkKeySize(keyword: string, key: Uint8Array, expected: number, saltSize: number): void {
  if (key.length === expected) return;
  throw new CodedRangeError(
    "ERR_CRYPTO_KEY_SIZE",
    `Cannot make a cipher of ${keyword}: expected a key of ${expected} octets${
      saltSize > 0 ? `, the last ${saltSize} of them salt` : ""
    }, got ${key.length}`,
  );
}
