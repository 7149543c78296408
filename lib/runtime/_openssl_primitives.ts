/**
 * Primitives on OpenSSL's EVP and HMAC: one context for each key, made once and used for every message, in place and
 * without an allocation of ours. Callers have checked that every range lies inside the slab that was bound.
 */

import { CryptoError } from "../errors.ts";
import { AEADS, HMACS } from "../crypto/algorithms.ts";
import type { HmacAlgorithm } from "../crypto/algorithm_names.ts";
import type { AeadAlgorithm, CipherAlgorithm } from "../crypto/ciphers/table.ts";
import type { AeadPrimitive, CipherDirection, CipherPrimitive, MacPrimitive } from "../crypto/types.ts";
import { type Base, type Integer, type OpensslBinding, ownedOctets, type Pointer } from "./_openssl.ts";

/** Commands of `EVP_CIPHER_CTX_ctrl`. */
const SET_IV_SIZE = 0x9;
const GET_TAG = 0x10;
const SET_TAG = 0x11;

/** Every function called returns 1 when it has done its work. */
const DONE = 1;

const NO_OCTETS = new Uint8Array(0);

/** Where things lie in scratch memory: what is small is copied there, to have one address for ever. */
const SCRATCH = { nonce: 0, length: 16, rest: 32, header: 96, size: 160 } as const;

/** The most octets of authenticated data that fit into the scratch memory. */
const HEADER_SIZE = SCRATCH.size - SCRATCH.header;

/** Octets of a prefix: the header of a message with a 64-bit sequence number. */
const PREFIX_SIZE = 12;

/** Frees contexts whose primitive went away without `dispose`; OpenSSL wipes the keys in them. */
const orphans = new FinalizationRegistry<() => void>((free) => free());

/**
 * The scratch memory of all ciphers of a binding, which take turns: each writes what it needs right before a call. One for each
 * of ten thousand SAs would be cold when its turn comes.
 */
class Scratch {
  readonly octets: Uint8Array = ownedOctets(SCRATCH.size);
  readonly base: Base;
  readonly nonce: Pointer;
  readonly length: Pointer;
  readonly rest: Pointer;
  readonly header: Pointer;
  readonly prefix: Uint8Array;
  readonly #nonces: Map<number, Uint8Array> = new Map();

  constructor(binding: OpensslBinding) {
    this.base = binding.base(this.octets);
    this.nonce = binding.at(this.base, SCRATCH.nonce, SCRATCH.length - SCRATCH.nonce);
    this.length = binding.at(this.base, SCRATCH.length, SCRATCH.rest - SCRATCH.length);
    this.rest = binding.at(this.base, SCRATCH.rest, SCRATCH.header - SCRATCH.rest);
    this.header = binding.at(this.base, SCRATCH.header, HEADER_SIZE);
    this.prefix = this.octets.subarray(SCRATCH.header, SCRATCH.header + PREFIX_SIZE);
  }

  /** The octets of a nonce or IV of a size. */
  nonceOf(size: number): Uint8Array {
    let nonce = this.#nonces.get(size);
    if (nonce === undefined) {
      this.#nonces.set(size, nonce = this.octets.subarray(SCRATCH.nonce, SCRATCH.nonce + size));
    }
    return nonce;
  }
}

const scratches = new WeakMap<OpensslBinding, Scratch>();

function scratchOf(binding: OpensslBinding): Scratch {
  let scratch = scratches.get(binding);
  if (scratch === undefined) scratches.set(binding, scratch = new Scratch(binding));
  return scratch;
}

/** A cipher context with its key. */
class CipherContext {
  /** Null after `dispose`, and then not to be given to OpenSSL, which would follow it. */
  pointer: Pointer;
  readonly scratch: Scratch;
  readonly #none: Pointer;
  readonly #free: () => void;

  constructor(
    binding: OpensslBinding,
    algorithm: AeadAlgorithm | CipherAlgorithm,
    key: Uint8Array,
    direction: CipherDirection,
    prepare: (context: Pointer) => void,
  ) {
    const { functions, none } = binding;
    this.#none = none;
    this.scratch = scratchOf(binding);

    const cipher = fetchCipher(binding, algorithm);
    const context = functions.EVP_CIPHER_CTX_new();
    if (isNull(context)) failed(algorithm, "EVP_CIPHER_CTX_new");
    this.pointer = context;
    this.#free = () => void functions.EVP_CIPHER_CTX_free(context);
    orphans.register(this, this.#free, this);
    const copy = ownedOctets(key.length);
    copy.set(key);
    const init = direction === "seal" ? functions.EVP_EncryptInit_ex : functions.EVP_DecryptInit_ex;
    try {
      done(init(context, cipher, none, none, none), algorithm, "init");
      prepare(context);
      const keyPointer = binding.at(binding.base(copy), 0, copy.length);
      done(init(context, none, none, keyPointer, this.scratch.nonce), algorithm, "init");
    } catch (error) {
      this.dispose();
      throw error;
    } finally {
      copy.fill(0);
    }
  }

  dispose(): void {
    if (isNull(this.pointer)) return;
    orphans.unregister(this);
    this.pointer = this.#none;
    this.#free();
    this.scratch.octets.fill(0);
  }
}

/**
 * GCM, CCM and ChaCha20-Poly1305. Sealing and opening are written out apart, though they look alike: V8 takes the short
 * way into foreign code only from a line that always calls the same function.
 */
export class OpensslAead implements AeadPrimitive {
  readonly nonce: Uint8Array;
  readonly prefix: Uint8Array;
  readonly #binding: OpensslBinding;
  readonly #algorithm: AeadAlgorithm;
  readonly #context: CipherContext;
  readonly #icvSize: number;
  readonly #icv: Integer;
  readonly #getTag: Integer;
  readonly #setTag: Integer;
  /** CCM wants to know the body's size, and the ICV, before anything else. */
  readonly #sizeFirst: boolean;
  #slab: Base;

  /** Copies the key into OpenSSL's memory. */
  constructor(
    binding: OpensslBinding,
    algorithm: AeadAlgorithm,
    key: Uint8Array,
    direction: CipherDirection,
    icvSize: number,
  ) {
    const { functions, none } = binding;
    this.#binding = binding;
    this.#algorithm = algorithm;
    this.#sizeFirst = AEADS[algorithm].sizeFirst;
    this.#icvSize = icvSize;
    this.#icv = binding.integer(icvSize);
    this.#getTag = binding.integer(GET_TAG);
    this.#setTag = binding.integer(SET_TAG);
    this.#slab = binding.base(NO_OCTETS);
    const { nonceSize } = AEADS[algorithm];
    this.#context = new CipherContext(binding, algorithm, key, direction, (context) => {
      const control = functions.EVP_CIPHER_CTX_ctrl;
      const size = control(context, binding.integer(SET_IV_SIZE), binding.integer(nonceSize), none);
      done(size, algorithm, "size of the nonce");
      if (this.#sizeFirst) {
        done(control(context, this.#setTag, this.#icv, none), algorithm, "size of the ICV");
      }
    });
    this.nonce = this.#context.scratch.nonceOf(nonceSize);
    this.prefix = this.#context.scratch.prefix;
  }

  bind(slab: Uint8Array): void {
    this.#slab = this.#binding.base(slab);
  }

  seal(prefixSize: number, aadStart: number, aadEnd: number, bodyStart: number, bodyEnd: number): void {
    const { functions, none, integer, at } = this.#binding;
    const { pointer, scratch } = this.#context;
    const { nonce, length, rest, header, octets } = scratch;
    if (isNull(pointer)) failed(this.#algorithm, "sealing after the end");
    const bodySize = integer(bodyEnd - bodyStart);
    let ok = functions.EVP_EncryptInit_ex(pointer, none, none, none, nonce) === DONE;
    if (this.#sizeFirst) ok &&= functions.EVP_EncryptUpdate(pointer, none, length, none, bodySize) === DONE;

    const headerSize = this.#gather(prefixSize, aadStart, aadEnd);
    if (headerSize > 0) {
      ok &&= functions.EVP_EncryptUpdate(pointer, none, length, header, integer(headerSize)) === DONE;
    }
    if (headerSize < prefixSize + aadEnd - aadStart) {
      const aad = at(this.#slab, aadStart, aadEnd - aadStart);
      ok &&= functions.EVP_EncryptUpdate(pointer, none, length, aad, integer(aadEnd - aadStart)) === DONE;
    }

    if (bodyStart < bodyEnd) {
      const body = at(this.#slab, bodyStart, bodyEnd - bodyStart);
      ok &&= functions.EVP_EncryptUpdate(pointer, body, length, body, bodySize) === DONE;
    } else if (this.#sizeFirst) {
      // CCM makes its ICV here, even when there is nothing to encrypt.
      ok &&= functions.EVP_EncryptUpdate(pointer, rest, length, rest, bodySize) === DONE;
    }
    ok &&= functions.EVP_EncryptFinal_ex(pointer, rest, length) === DONE;
    ok &&= functions.EVP_CIPHER_CTX_ctrl(pointer, this.#getTag, this.#icv, rest) === DONE;
    if (!ok) failed(this.#algorithm, "sealing");
    const slab = this.#slab.octets;
    for (let i = 0; i < this.#icvSize; i++) slab[bodyEnd + i] = octets[SCRATCH.rest + i]!;
  }

  open(
    prefixSize: number,
    aadStart: number,
    aadEnd: number,
    bodyStart: number,
    bodyEnd: number,
  ): boolean {
    const { functions, none, integer, at } = this.#binding;
    const { pointer, scratch } = this.#context;
    const { nonce, length, rest, header, octets } = scratch;
    if (isNull(pointer)) failed(this.#algorithm, "opening after the end");
    const slab = this.#slab.octets;
    for (let i = 0; i < this.#icvSize; i++) octets[SCRATCH.rest + i] = slab[bodyEnd + i]!;
    const bodySize = integer(bodyEnd - bodyStart);
    let ok = functions.EVP_CIPHER_CTX_ctrl(pointer, this.#setTag, this.#icv, rest) === DONE;
    ok &&= functions.EVP_DecryptInit_ex(pointer, none, none, none, nonce) === DONE;
    if (this.#sizeFirst) ok &&= functions.EVP_DecryptUpdate(pointer, none, length, none, bodySize) === DONE;

    const headerSize = this.#gather(prefixSize, aadStart, aadEnd);
    if (headerSize > 0) {
      ok &&= functions.EVP_DecryptUpdate(pointer, none, length, header, integer(headerSize)) === DONE;
    }
    if (headerSize < prefixSize + aadEnd - aadStart) {
      const aad = at(this.#slab, aadStart, aadEnd - aadStart);
      ok &&= functions.EVP_DecryptUpdate(pointer, none, length, aad, integer(aadEnd - aadStart)) === DONE;
    }
    if (!ok) failed(this.#algorithm, "opening");

    if (bodyStart < bodyEnd) {
      const body = at(this.#slab, bodyStart, bodyEnd - bodyStart);
      ok = functions.EVP_DecryptUpdate(pointer, body, length, body, bodySize) === DONE;
    } else if (this.#sizeFirst) {
      ok = functions.EVP_DecryptUpdate(pointer, rest, length, rest, bodySize) === DONE;
    }
    // CCM has judged the ICV with the body, and has no end.
    if (this.#sizeFirst) return ok;
    return ok && functions.EVP_DecryptFinal_ex(pointer, rest, length) === DONE;
  }

  dispose(): void {
    this.#context.dispose();
  }

  /** Puts authenticated data of the slab behind the prefix, if it fits; tells how much lies there now. */
  #gather(prefixSize: number, start: number, end: number): number {
    if (prefixSize + end - start > HEADER_SIZE) return prefixSize;
    const { octets } = this.#context.scratch;
    const slab = this.#slab.octets;
    let to = SCRATCH.header + prefixSize;
    for (let i = start; i < end; i++) octets[to++] = slab[i]!;
    return to - SCRATCH.header;
  }
}

/** CBC without padding, and CTR. */
export class OpensslCipher implements CipherPrimitive {
  readonly iv: Uint8Array;
  readonly #binding: OpensslBinding;
  readonly #algorithm: CipherAlgorithm;
  readonly #context: CipherContext;
  readonly #encrypts: boolean;
  #slab: Base;

  /** Copies the key into OpenSSL's memory. */
  constructor(
    binding: OpensslBinding,
    algorithm: CipherAlgorithm,
    key: Uint8Array,
    direction: CipherDirection,
  ) {
    this.#binding = binding;
    this.#algorithm = algorithm;
    this.#encrypts = direction === "seal";
    this.#slab = binding.base(NO_OCTETS);
    this.#context = new CipherContext(binding, algorithm, key, direction, (context) => {
      const off = binding.functions.EVP_CIPHER_CTX_set_padding(context, binding.integer(0));
      done(off, algorithm, "padding");
    });
    this.iv = this.#context.scratch.nonceOf(16);
  }

  bind(slab: Uint8Array): void {
    this.#slab = this.#binding.base(slab);
  }

  apply(start: number, end: number): void {
    if (start === end) return;
    const { functions, none, integer, at } = this.#binding;
    const { pointer, scratch } = this.#context;
    const { nonce, length } = scratch;
    if (isNull(pointer)) failed(this.#algorithm, "work after the end");
    const octets = at(this.#slab, start, end - start);
    const size = integer(end - start);
    // One line for each direction: see above.
    const ok = this.#encrypts
      ? functions.EVP_EncryptInit_ex(pointer, none, none, none, nonce) === DONE &&
        functions.EVP_EncryptUpdate(pointer, octets, length, octets, size) === DONE
      : functions.EVP_DecryptInit_ex(pointer, none, none, none, nonce) === DONE &&
        functions.EVP_DecryptUpdate(pointer, octets, length, octets, size) === DONE;
    if (!ok) failed(this.#algorithm, "the cipher");
  }

  dispose(): void {
    this.#context.dispose();
  }
}

/** HMAC, whose context keeps the state after the key. */
export class OpensslMac implements MacPrimitive {
  readonly suffix: Uint8Array;
  readonly digest: Uint8Array;
  readonly #binding: OpensslBinding;
  readonly #algorithm: HmacAlgorithm;
  readonly #octets: Uint8Array = ownedOctets(SCRATCH.size);
  readonly #scratch: Base;
  readonly #digest: Pointer;
  readonly #length: Pointer;
  readonly #free: () => void;
  #context: Pointer;
  #slab: Base;

  /** Copies what the key leads to into OpenSSL's memory. */
  constructor(binding: OpensslBinding, algorithm: HmacAlgorithm, key: Uint8Array) {
    const { functions, none, integer } = binding;
    this.#binding = binding;
    this.#algorithm = algorithm;
    this.#scratch = binding.base(this.#octets);
    this.#slab = binding.base(NO_OCTETS);
    const { hash: hashName, digestSize } = HMACS[algorithm];
    this.suffix = this.#octets.subarray(SCRATCH.header, SCRATCH.header + 4);
    this.digest = this.#octets.subarray(SCRATCH.rest, SCRATCH.rest + digestSize);
    this.#digest = binding.at(this.#scratch, SCRATCH.rest, digestSize);
    this.#length = binding.at(this.#scratch, SCRATCH.length, SCRATCH.rest - SCRATCH.length);

    const hash = functions.EVP_get_digestbyname(name(binding, hashName));
    if (isNull(hash)) failed(algorithm, "EVP_get_digestbyname");
    const context = functions.HMAC_CTX_new();
    if (isNull(context)) failed(algorithm, "HMAC_CTX_new");
    this.#context = context;
    this.#free = () => void functions.HMAC_CTX_free(context);
    orphans.register(this, this.#free, this);
    const copy = ownedOctets(key.length);
    copy.set(key);
    try {
      const keyPointer = binding.at(binding.base(copy), 0, copy.length);
      const set = functions.HMAC_Init_ex(context, keyPointer, integer(copy.length), hash, none);
      done(set, algorithm, "HMAC_Init_ex");
    } catch (error) {
      this.dispose();
      throw error;
    } finally {
      copy.fill(0);
    }
  }

  bind(slab: Uint8Array): void {
    this.#slab = this.#binding.base(slab);
  }

  compute(start: number, end: number, suffixSize: number): void {
    const { functions, none, integer, at } = this.#binding;
    const context = this.#context;
    // OpenSSL would follow a null pointer.
    let ok = !isNull(context) && functions.HMAC_Init_ex(context, none, integer(0), none, none) === DONE;
    if (ok && start < end) {
      const octets = at(this.#slab, start, end - start);
      ok = functions.HMAC_Update(context, octets, integer(end - start)) === DONE;
    }
    if (ok && suffixSize > 0) {
      const suffix = at(this.#scratch, SCRATCH.header, suffixSize);
      ok = functions.HMAC_Update(context, suffix, integer(suffixSize)) === DONE;
    }
    if (!ok || functions.HMAC_Final(context, this.#digest, this.#length) !== DONE) {
      failed(this.#algorithm, "compute");
    }
  }

  dispose(): void {
    if (isNull(this.#context)) return;
    orphans.unregister(this);
    this.#context = this.#binding.none;
    this.#free();
    this.#octets.fill(0);
  }
}

/** Ciphers once fetched, which are never freed: there are few, and all contexts use them. */
const fetched = new WeakMap<OpensslBinding, Map<string, Pointer>>();

function fetchCipher(binding: OpensslBinding, algorithm: AeadAlgorithm | CipherAlgorithm): Pointer {
  let ciphers = fetched.get(binding);
  if (ciphers === undefined) fetched.set(binding, ciphers = new Map());
  let cipher = ciphers.get(algorithm);
  if (cipher === undefined) {
    const { functions, none } = binding;
    cipher = functions.EVP_CIPHER_fetch(none, name(binding, algorithm.toUpperCase()), none);
    if (isNull(cipher)) failed(algorithm, "EVP_CIPHER_fetch");
    ciphers.set(algorithm, cipher);
  }
  return cipher;
}

/** A name as C wants it, with a zero behind it. It must be used before the next call of this. */
function name(binding: OpensslBinding, text: string): Pointer {
  nameOctets.fill(0);
  nameOctets.set(new TextEncoder().encode(text));
  return binding.at(binding.base(nameOctets), 0, nameOctets.length);
}

const nameOctets = ownedOctets(64);

function isNull(pointer: Pointer): boolean {
  return pointer === null || pointer === 0n || pointer === 0;
}

function done(result: Pointer | Integer, algorithm: string, what: string): void {
  if (result !== DONE) failed(algorithm, what);
}

function failed(algorithm: string, what: string): never {
  throw new CryptoError("ERR_CRYPTO_FAILED", `Cannot use ${algorithm} of OpenSSL: ${what} failed`);
}
