/**
 * The functions of OpenSSL 3's libcrypto that are called, and what a way of calling them looks like. Which form of
 * argument is fast differs: `node:ffi` wants addresses as BigInts in every place, koffi as numbers, Deno and Bun want typed
 * arrays.
 */

/** An address as the runtime writes it: a BigInt, a number, an object, or a typed array that lies there. */
export type Pointer = unknown;

/** A number as the runtime wants it passed. */
export type Integer = number | bigint;

/** Kinds of arguments and results. `b` points to octets of ours, `p` to something of OpenSSL's. */
export type Kind = "p" | "b" | "int" | "size" | "void";

/** Name of a function that is called. */
export type OpensslFunction =
  | "OPENSSL_version_major"
  | "EVP_CIPHER_fetch"
  | "EVP_CIPHER_CTX_new"
  | "EVP_CIPHER_CTX_free"
  | "EVP_CIPHER_CTX_ctrl"
  | "EVP_CIPHER_CTX_set_padding"
  | "EVP_EncryptInit_ex"
  | "EVP_EncryptUpdate"
  | "EVP_EncryptFinal_ex"
  | "EVP_DecryptInit_ex"
  | "EVP_DecryptUpdate"
  | "EVP_DecryptFinal_ex"
  | "EVP_get_digestbyname"
  | "HMAC_CTX_new"
  | "HMAC_CTX_free"
  | "HMAC_Init_ex"
  | "HMAC_Update"
  | "HMAC_Final";

/** Each function with the kinds of its arguments and of its result. */
export const OPENSSL_FUNCTIONS: Readonly<Record<OpensslFunction, readonly [readonly Kind[], Kind]>> = {
  OPENSSL_version_major: [[], "int"],
  EVP_CIPHER_fetch: [["p", "b", "p"], "p"],
  EVP_CIPHER_CTX_new: [[], "p"],
  EVP_CIPHER_CTX_free: [["p"], "void"],
  EVP_CIPHER_CTX_ctrl: [["p", "int", "int", "b"], "int"],
  EVP_CIPHER_CTX_set_padding: [["p", "int"], "int"],
  EVP_EncryptInit_ex: [["p", "p", "p", "b", "b"], "int"],
  EVP_EncryptUpdate: [["p", "b", "b", "b", "int"], "int"],
  EVP_EncryptFinal_ex: [["p", "b", "b"], "int"],
  EVP_DecryptInit_ex: [["p", "p", "p", "b", "b"], "int"],
  EVP_DecryptUpdate: [["p", "b", "b", "b", "int"], "int"],
  EVP_DecryptFinal_ex: [["p", "b", "b"], "int"],
  EVP_get_digestbyname: [["b"], "p"],
  HMAC_CTX_new: [[], "p"],
  HMAC_CTX_free: [["p"], "void"],
  HMAC_Init_ex: [["p", "b", "int", "p", "p"], "int"],
  HMAC_Update: [["p", "b", "size"], "int"],
  HMAC_Final: [["p", "b", "b"], "int"],
};

/** The functions as the runtime made them. */
export type OpensslFunctions = Readonly<
  Record<OpensslFunction, (...args: (Pointer | Integer)[]) => Pointer | Integer>
>;

/** One way of calling OpenSSL. */
export interface OpensslBinding {
  /** As people know it: `node:ffi`. */
  readonly name: string;
  /** The functions. */
  readonly functions: OpensslFunctions;
  /** The null pointer. */
  readonly none: Pointer;
  /** Prepares a buffer for `at`; keeps it from being moved as long as the result is kept. */
  base(octets: Uint8Array): Base;
  /** The address of some octets of a buffer; `size` is at least 1 and has been checked. */
  at(base: Base, offset: number, size: number): Pointer;
  /** A number as an argument. */
  integer(value: number): Integer;
}

/** A buffer, and its address where the runtime deals in addresses. */
export interface Base {
  /** The octets, kept alive by this. */
  readonly octets: Uint8Array;
  /** The address of the first of them, in the form in which `at` gives addresses; 0 where it gives typed arrays. */
  readonly address: bigint | number;
}

/** The functions as a foreign function interface wants them described. */
export function describeFunctions<Description>(
  describe: (args: readonly Kind[], result: Kind) => Description,
): Record<OpensslFunction, Description> {
  return Object.fromEntries(
    Object.entries(OPENSSL_FUNCTIONS).map(([name, [args, result]]) => [name, describe(args, result)]),
  ) as Record<OpensslFunction, Description>;
}

/** The part of a binding that deals in typed arrays, as Deno and Bun want it. */
export const VIEWS: Pick<OpensslBinding, "none" | "base" | "at" | "integer"> = {
  none: null,
  base: (octets) => ({ octets, address: 0 }),
  at: ({ octets }, offset, size) => new Uint8Array(octets.buffer, octets.byteOffset + offset, size),
  integer: (value) => value,
};

/** Buffers that foreign code gets have a memory of their own from the start: small typed arrays may be moved by V8. */
export function ownedOctets(size: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(Math.max(size, 128)), 0, size);
}
