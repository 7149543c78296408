/**
 * The provider on `node:crypto`, which Node, Deno and Bun all have; what theirs lacks is found out by known answers.
 * Keys are `KeyObject`s from the start: Node 24 needs 6 µs more for every packet whose key is plain octets.
 *
 * A `KeyObject` cannot be wiped: `dispose` lets go of it, and the runtime clears it when it collects it.
 */

import type { CipherGCM, CipherGCMTypes, DecipherGCM, KeyObject } from "node:crypto";
import { concat } from "../bytes/concat.ts";
import { CryptoError } from "../errors.ts";
import { AEADS, HMACS } from "../crypto/algorithms.ts";
import type { HmacAlgorithm } from "../crypto/algorithm_names.ts";
import type { AeadAlgorithm, CipherAlgorithm } from "../crypto/ciphers/table.ts";
import type {
  AeadPrimitive,
  CipherDirection,
  CipherPrimitive,
  CryptoProvider,
  MacPrimitive,
} from "../crypto/types.ts";
import { builtinModule } from "./_process.ts";
import { nodeHandshake } from "./node_handshake.ts";

type NodeCrypto = typeof import("node:crypto");

const NO_OCTETS = new Uint8Array(0);

let provider: CryptoProvider | null | undefined;

/** The provider on `node:crypto`; null where the runtime has no such module. Asked for when first used, never imported. */
export function nodeCryptoProvider(): CryptoProvider | null {
  if (provider === undefined) {
    const crypto = builtinModule("node:crypto") as NodeCrypto | undefined;
    provider = crypto === undefined ? null : {
      name: "node:crypto",
      createAead: (algorithm, key, { direction, icvSize }) =>
        new NodeAead(crypto, algorithm, key, direction, icvSize),
      createCipher: (algorithm, key, { direction }) => new NodeCipher(crypto, algorithm, key, direction),
      createMac: (algorithm, key) => new NodeMac(crypto, algorithm, key),
      handshake: nodeHandshake(crypto),
    };
  }
  return provider;
}

/**
 * Where callers write what the next call needs. Shared, as the contract lets it be: an SA has four primitives, and each of these
 * arrays would cost it 200 octets.
 */
const SCRATCH = {
  nonces: new Map<number, Uint8Array>(),
  prefix: new Uint8Array(12),
  iv: new Uint8Array(16),
} as const;

/** One for each size of ICV. */
const aeadOptions: Map<number, { authTagLength: number }> = new Map();

function optionsOf(authTagLength: number): { authTagLength: number } {
  let options = aeadOptions.get(authTagLength);
  if (options === undefined) aeadOptions.set(authTagLength, options = { authTagLength });
  return options;
}

function nonceOf(size: number): Uint8Array {
  let nonce = SCRATCH.nonces.get(size);
  if (nonce === undefined) SCRATCH.nonces.set(size, nonce = new Uint8Array(size));
  return nonce;
}

class NodeAead implements AeadPrimitive {
  readonly nonce: Uint8Array;
  readonly prefix: Uint8Array = SCRATCH.prefix;
  readonly #crypto: NodeCrypto;
  readonly #algorithm: AeadAlgorithm;
  readonly #options: { authTagLength: number };
  readonly #sizeFirst: boolean;
  readonly #direction: CipherDirection;
  #key: KeyObject | null;
  #slab: Uint8Array = NO_OCTETS;

  constructor(
    crypto: NodeCrypto,
    algorithm: AeadAlgorithm,
    key: Uint8Array,
    direction: CipherDirection,
    icvSize: number,
  ) {
    this.#crypto = crypto;
    this.#algorithm = algorithm;
    this.#options = optionsOf(icvSize);
    this.#sizeFirst = AEADS[algorithm].sizeFirst;
    this.#direction = direction;
    this.nonce = nonceOf(AEADS[algorithm].nonceSize);
    this.#key = crypto.createSecretKey(key);
  }

  bind(slab: Uint8Array): void {
    this.#slab = slab;
  }

  seal(prefixSize: number, aadStart: number, aadEnd: number, bodyStart: number, bodyEnd: number): void {
    const slab = this.#slab;
    const cipher = this.#create() as CipherGCM;
    this.#authenticate(cipher, prefixSize, aadStart, aadEnd, bodyEnd - bodyStart);
    if (bodyStart < bodyEnd) {
      const body = cipher.update(view(slab, bodyStart, bodyEnd));
      if (body.length !== bodyEnd - bodyStart) failed(this.#algorithm);
      slab.set(body, bodyStart);
    } else if (this.#sizeFirst) cipher.update(NO_OCTETS);
    cipher.final();
    slab.set(cipher.getAuthTag(), bodyEnd);
  }

  open(
    prefixSize: number,
    aadStart: number,
    aadEnd: number,
    bodyStart: number,
    bodyEnd: number,
  ): boolean {
    const slab = this.#slab;
    const cipher = this.#create() as DecipherGCM;
    cipher.setAuthTag(view(slab, bodyEnd, bodyEnd + this.#options.authTagLength));
    this.#authenticate(cipher, prefixSize, aadStart, aadEnd, bodyEnd - bodyStart);
    let body: Uint8Array = NO_OCTETS;
    try {
      if (bodyStart < bodyEnd) body = cipher.update(view(slab, bodyStart, bodyEnd));
      else if (this.#sizeFirst) cipher.update(NO_OCTETS);
      cipher.final();
    } catch {
      // Key, nonce and sizes have been taken before: what is left to fail is the ICV.
      return false;
    }
    if (body.length !== bodyEnd - bodyStart) failed(this.#algorithm);
    slab.set(body, bodyStart);
    return true;
  }

  dispose(): void {
    this.#key = null;
  }

  #create(): CipherGCM | DecipherGCM {
    // The types know each algorithm by a signature of its own; they are alike for what is used here.
    const name = this.#algorithm as CipherGCMTypes;
    return this.#direction === "seal"
      ? this.#crypto.createCipheriv(name, this.#key!, this.nonce, this.#options)
      : this.#crypto.createDecipheriv(name, this.#key!, this.nonce, this.#options);
  }

  #authenticate(
    cipher: CipherGCM | DecipherGCM,
    prefixSize: number,
    start: number,
    end: number,
    bodySize: number,
  ): void {
    const octets = view(this.#slab, start, end);
    // Not every runtime lets authenticated data come in two pieces.
    const aad = prefixSize === 0
      ? octets
      : start === end
      ? view(this.prefix, 0, prefixSize)
      : concat([this.prefix.subarray(0, prefixSize), octets]);
    if (this.#sizeFirst) cipher.setAAD(aad, { plaintextLength: bodySize });
    else cipher.setAAD(aad);
  }
}

class NodeCipher implements CipherPrimitive {
  readonly iv: Uint8Array = SCRATCH.iv;
  readonly #crypto: NodeCrypto;
  readonly #algorithm: CipherAlgorithm;
  readonly #direction: CipherDirection;
  #key: KeyObject | null;
  #slab: Uint8Array = NO_OCTETS;

  constructor(crypto: NodeCrypto, algorithm: CipherAlgorithm, key: Uint8Array, direction: CipherDirection) {
    this.#crypto = crypto;
    this.#algorithm = algorithm;
    this.#direction = direction;
    this.#key = crypto.createSecretKey(key);
  }

  bind(slab: Uint8Array): void {
    this.#slab = slab;
  }

  apply(start: number, end: number): void {
    if (start === end) return;
    const cipher = this.#direction === "seal"
      ? this.#crypto.createCipheriv(this.#algorithm, this.#key!, this.iv)
      : this.#crypto.createDecipheriv(this.#algorithm, this.#key!, this.iv);
    cipher.setAutoPadding(false);
    const octets = cipher.update(view(this.#slab, start, end));
    this.#slab.set(octets, start);
    // Even where nothing is left: Deno holds on to a cipher until its end.
    const rest = cipher.final();
    if (octets.length + rest.length !== end - start) failed(this.#algorithm);
    this.#slab.set(rest, start + octets.length);
  }

  dispose(): void {
    this.#key = null;
  }
}

class NodeMac implements MacPrimitive {
  readonly suffix: Uint8Array = new Uint8Array(4);
  readonly digest: Uint8Array;
  readonly #crypto: NodeCrypto;
  readonly #hash: string;
  #key: KeyObject | null;
  #slab: Uint8Array = NO_OCTETS;

  constructor(crypto: NodeCrypto, algorithm: HmacAlgorithm, key: Uint8Array) {
    this.#crypto = crypto;
    this.#hash = HMACS[algorithm].hash;
    this.digest = new Uint8Array(HMACS[algorithm].digestSize);
    this.#key = crypto.createSecretKey(key);
  }

  bind(slab: Uint8Array): void {
    this.#slab = slab;
  }

  compute(start: number, end: number, suffixSize: number): void {
    const mac = this.#crypto.createHmac(this.#hash, this.#key!);
    mac.update(view(this.#slab, start, end));
    if (suffixSize > 0) mac.update(view(this.suffix, 0, suffixSize));
    this.digest.set(mac.digest());
  }

  dispose(): void {
    this.#key = null;
    this.digest.fill(0);
  }
}

/** Cheaper than `subarray`, which asks for the species of its result. */
function view(octets: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(octets.buffer, octets.byteOffset + start, end - start);
}

function failed(algorithm: string): never {
  throw new CryptoError(
    "ERR_CRYPTO_FAILED",
    `Cannot use ${algorithm} of node:crypto: its output is not as long as its input`,
  );
}
