/**
 * Primitives on OpenSSL's EVP and HMAC: one context for each key, made once and used for every message, in place and
 * without an allocation of ours. Callers have checked that every range lies inside the slab that was bound.
 */

import { CryptoError } from "../errors.ts";
import type {
  AeadAlgorithm,
  AeadPrimitive,
  CipherAlgorithm,
  CipherDirection,
  CipherPrimitive,
  MacAlgorithm,
  MacPrimitive,
} from "../crypto/types.ts";
import { type Base, type Integer, type OpensslBinding, ownedOctets, type Pointer } from "./_openssl.ts";

/** Commands of `EVP_CIPHER_CTX_ctrl`. */
const SET_IV_SIZE = 0x9;
const GET_TAG = 0x10;
const SET_TAG = 0x11;

/** Every function called returns 1 when it has done its work. */
const DONE = 1;

const NO_OCTETS = new Uint8Array(0);

/** Where things lie in the scratch memory of a primitive. */
const SCRATCH = { nonce: 0, prefix: 16, length: 32, rest: 48, size: 128 } as const;

const DIGEST_SIZES: Readonly<Record<MacAlgorithm, number>> = {
  "hmac-sha1": 20,
  "hmac-sha256": 32,
  "hmac-sha384": 48,
  "hmac-sha512": 64,
};

/** Frees contexts whose primitive went away without `dispose`; OpenSSL wipes the keys in them. */
const orphans = new FinalizationRegistry<() => void>((free) => free());

/** A cipher context, with the functions of its direction. */
class CipherContext {
  readonly scratch: Base;
  readonly octets: Uint8Array = ownedOctets(SCRATCH.size);
  readonly nonce: Pointer;
  readonly length: Pointer;
  readonly rest: Pointer;
  readonly update: OpensslBinding["functions"]["EVP_EncryptUpdate"];
  readonly final: OpensslBinding["functions"]["EVP_EncryptFinal_ex"];
  readonly #init: OpensslBinding["functions"]["EVP_EncryptInit_ex"];
  readonly #binding: OpensslBinding;
  readonly #free: () => void;
  #pointer: Pointer;

  constructor(
    binding: OpensslBinding,
    algorithm: AeadAlgorithm | CipherAlgorithm,
    key: Uint8Array,
    direction: CipherDirection,
    prepare: (context: Pointer) => void,
  ) {
    const { functions, none } = binding;
    const seals = direction === "seal";
    this.#binding = binding;
    this.#init = seals ? functions.EVP_EncryptInit_ex : functions.EVP_DecryptInit_ex;
    this.update = seals ? functions.EVP_EncryptUpdate : functions.EVP_DecryptUpdate;
    this.final = seals ? functions.EVP_EncryptFinal_ex : functions.EVP_DecryptFinal_ex;
    this.scratch = binding.base(this.octets);
    this.nonce = binding.at(this.scratch, SCRATCH.nonce, 16);
    this.length = binding.at(this.scratch, SCRATCH.length, 16);
    this.rest = binding.at(this.scratch, SCRATCH.rest, SCRATCH.size - SCRATCH.rest);

    const cipher = fetchCipher(binding, algorithm);
    const context = functions.EVP_CIPHER_CTX_new();
    if (isNull(context)) failed(algorithm, "EVP_CIPHER_CTX_new");
    this.#pointer = context;
    this.#free = () => void functions.EVP_CIPHER_CTX_free(context);
    orphans.register(this, this.#free, this);
    const copy = ownedOctets(key.length);
    copy.set(key);
    try {
      done(this.#init(context, cipher, none, none, none), algorithm, "init");
      prepare(context);
      const keyPointer = binding.at(binding.base(copy), 0, copy.length);
      done(this.#init(context, none, none, keyPointer, this.nonce), algorithm, "init");
    } catch (error) {
      this.dispose();
      throw error;
    } finally {
      copy.fill(0);
    }
  }

  get pointer(): Pointer {
    return this.#pointer;
  }

  /** Starts a message with the nonce or IV in the scratch memory. */
  begin(): boolean {
    const { none } = this.#binding;
    // OpenSSL would follow a null pointer.
    if (isNull(this.#pointer)) return false;
    return this.#init(this.#pointer, none, none, none, this.nonce) === DONE;
  }

  dispose(): void {
    if (isNull(this.#pointer)) return;
    orphans.unregister(this);
    this.#pointer = this.#binding.none;
    this.#free();
    this.octets.fill(0);
  }
}

/** GCM, CCM and ChaCha20-Poly1305. */
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
    this.#sizeFirst = algorithm.endsWith("ccm");
    this.#icvSize = icvSize;
    this.#icv = binding.integer(icvSize);
    this.#getTag = binding.integer(GET_TAG);
    this.#setTag = binding.integer(SET_TAG);
    this.#slab = binding.base(NO_OCTETS);
    const nonceSize = this.#sizeFirst ? 11 : 12;
    this.#context = new CipherContext(binding, algorithm, key, direction, (context) => {
      const control = functions.EVP_CIPHER_CTX_ctrl;
      const size = control(context, binding.integer(SET_IV_SIZE), binding.integer(nonceSize), none);
      done(size, algorithm, "size of the nonce");
      if (this.#sizeFirst) {
        done(control(context, this.#setTag, this.#icv, none), algorithm, "size of the ICV");
      }
    });
    this.nonce = this.#context.octets.subarray(SCRATCH.nonce, SCRATCH.nonce + nonceSize);
    this.prefix = this.#context.octets.subarray(SCRATCH.prefix, SCRATCH.prefix + 12);
  }

  bind(slab: Uint8Array): void {
    this.#slab = this.#binding.base(slab);
  }

  seal(prefixSize: number, aadStart: number, aadEnd: number, bodyStart: number, bodyEnd: number): void {
    const context = this.#context;
    const tag = this.#binding.at(this.#slab, bodyEnd, this.#icvSize);
    const ok = context.begin() &&
      this.#authenticate(prefixSize, aadStart, aadEnd, bodyEnd - bodyStart) &&
      this.#crypt(bodyStart, bodyEnd, tag) &&
      context.final(context.pointer, context.rest, context.length) === DONE &&
      this.#binding.functions.EVP_CIPHER_CTX_ctrl(context.pointer, this.#getTag, this.#icv, tag) === DONE;
    if (!ok) failed(this.#algorithm, "seal");
  }

  open(
    prefixSize: number,
    aadStart: number,
    aadEnd: number,
    bodyStart: number,
    bodyEnd: number,
  ): boolean {
    const context = this.#context;
    const tag = this.#binding.at(this.#slab, bodyEnd, this.#icvSize);
    if (this.#sizeFirst) {
      const ready = this.#expect(tag) && context.begin() &&
        this.#authenticate(prefixSize, aadStart, aadEnd, bodyEnd - bodyStart);
      if (!ready) failed(this.#algorithm, "open");
      return this.#crypt(bodyStart, bodyEnd, tag);
    }
    const ready = context.begin() &&
      this.#authenticate(prefixSize, aadStart, aadEnd, bodyEnd - bodyStart) &&
      this.#crypt(bodyStart, bodyEnd, tag) &&
      this.#expect(tag);
    if (!ready) failed(this.#algorithm, "open");
    return context.final(context.pointer, context.rest, context.length) === DONE;
  }

  dispose(): void {
    this.#context.dispose();
  }

  /** Says which ICV the message must have. */
  #expect(tag: Pointer): boolean {
    const { pointer } = this.#context;
    if (isNull(pointer)) return false;
    return this.#binding.functions.EVP_CIPHER_CTX_ctrl(pointer, this.#setTag, this.#icv, tag) === DONE;
  }

  #authenticate(prefixSize: number, start: number, end: number, bodySize: number): boolean {
    const { integer, at, none } = this.#binding;
    const { pointer, update, length, scratch } = this.#context;
    if (this.#sizeFirst && update(pointer, none, length, none, integer(bodySize)) !== DONE) return false;
    if (prefixSize > 0) {
      const prefix = at(scratch, SCRATCH.prefix, prefixSize);
      if (update(pointer, none, length, prefix, integer(prefixSize)) !== DONE) return false;
    }
    if (start === end) return true;
    return update(pointer, none, length, at(this.#slab, start, end - start), integer(end - start)) === DONE;
  }

  #crypt(start: number, end: number, behind: Pointer): boolean {
    const { integer, at } = this.#binding;
    const { pointer, update, length, rest } = this.#context;
    if (start < end) {
      const body = at(this.#slab, start, end - start);
      return update(pointer, body, length, body, integer(end - start)) === DONE;
    }
    // CCM makes or checks its ICV here, even when there is nothing to encrypt.
    return !this.#sizeFirst || update(pointer, rest, length, behind, integer(0)) === DONE;
  }
}

/** CBC without padding, and CTR. */
export class OpensslCipher implements CipherPrimitive {
  readonly iv: Uint8Array;
  readonly #binding: OpensslBinding;
  readonly #algorithm: CipherAlgorithm;
  readonly #context: CipherContext;
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
    this.#slab = binding.base(NO_OCTETS);
    this.#context = new CipherContext(binding, algorithm, key, direction, (context) => {
      const off = binding.functions.EVP_CIPHER_CTX_set_padding(context, binding.integer(0));
      done(off, algorithm, "padding");
    });
    this.iv = this.#context.octets.subarray(SCRATCH.nonce, SCRATCH.nonce + 16);
  }

  bind(slab: Uint8Array): void {
    this.#slab = this.#binding.base(slab);
  }

  apply(start: number, end: number): void {
    if (start === end) return;
    const { integer, at } = this.#binding;
    const context = this.#context;
    const octets = at(this.#slab, start, end - start);
    const ok = context.begin() &&
      context.update(context.pointer, octets, context.length, octets, integer(end - start)) === DONE;
    if (!ok) failed(this.#algorithm, "update");
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
  readonly #algorithm: MacAlgorithm;
  readonly #octets: Uint8Array = ownedOctets(SCRATCH.size);
  readonly #scratch: Base;
  readonly #digest: Pointer;
  readonly #length: Pointer;
  readonly #free: () => void;
  #context: Pointer;
  #slab: Base;

  /** Copies what the key leads to into OpenSSL's memory. */
  constructor(binding: OpensslBinding, algorithm: MacAlgorithm, key: Uint8Array) {
    const { functions, none, integer } = binding;
    this.#binding = binding;
    this.#algorithm = algorithm;
    this.#scratch = binding.base(this.#octets);
    this.#slab = binding.base(NO_OCTETS);
    const digestSize = DIGEST_SIZES[algorithm];
    this.suffix = this.#octets.subarray(SCRATCH.prefix, SCRATCH.prefix + 4);
    this.digest = this.#octets.subarray(SCRATCH.rest, SCRATCH.rest + digestSize);
    this.#digest = binding.at(this.#scratch, SCRATCH.rest, digestSize);
    this.#length = binding.at(this.#scratch, SCRATCH.length, 16);

    const hash = functions.EVP_get_digestbyname(name(binding, algorithm.slice("hmac-".length).toUpperCase()));
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
      const suffix = at(this.#scratch, SCRATCH.prefix, suffixSize);
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
