/**
 * OpenSSL through `node:ffi` (Node 26.1 and newer) or koffi, bound to the OpenSSL that Node itself carries: a second one,
 * loaded from the system, would mix its symbols with Node's and crash.
 */

import { describeFunctions, type Kind, type OpensslBinding, type OpensslFunctions } from "./_openssl.ts";
import { builtinModule } from "./_process.ts";

/** The part of `node:ffi` that is used. */
interface NodeFfi {
  dlopen(
    path: null,
    functions: Record<string, { readonly arguments: readonly string[]; readonly return: string }>,
  ): { readonly functions: OpensslFunctions };
  getRawPointer(buffer: ArrayBufferLike): bigint;
}

/** Results of `node:ffi`; arguments are all `pointer`, which alone V8 passes without a detour, and so are BigInts. */
const NODE_RESULTS: Readonly<Record<Kind, string>> = {
  p: "pointer",
  b: "pointer",
  int: "i32",
  size: "u64",
  void: "void",
};

/**
 * Binds by `node:ffi`; null where Node has none. Integers travel in the place of addresses, which one register holds as
 * well as the other on 64-bit machines; on others this is refused.
 */
export function bindNodeFfi(architecture: string): OpensslBinding | null {
  const ffi = builtinModule("node:ffi") as NodeFfi | undefined;
  if (ffi === undefined || !["x64", "arm64"].includes(architecture)) return null;
  const { functions } = ffi.dlopen(
    null,
    describeFunctions((args, result) => ({
      arguments: args.map(() => "pointer"),
      return: NODE_RESULTS[result],
    })),
  );
  const bigInteger = bigIntegers();
  return {
    name: "node:ffi",
    functions,
    none: 0n,
    base: (octets) => ({
      octets,
      // `buffer` gives a typed array a memory that stays where it is.
      address: octets.length === 0 ? 0n : ffi.getRawPointer(octets.buffer) + BigInt(octets.byteOffset),
    }),
    at: ({ address }, offset) => address as bigint + bigInteger(offset),
    integer: bigInteger,
  };
}

/** The BigInts that are kept: offsets and sizes inside a slab of 64 KiB. */
const KEPT_BIG_INTEGERS = 65_537;

/** Makes BigInts of numbers, each once: three are needed for a packet, and making one takes as long as sealing 100 octets. */
function bigIntegers(): (value: number) => bigint {
  const kept = new Array<bigint | undefined>(KEPT_BIG_INTEGERS);
  return (value) => value < KEPT_BIG_INTEGERS ? kept[value] ??= BigInt(value) : BigInt(value);
}

/** The part of koffi that is used. */
interface Koffi {
  load(path: null): { func(name: string, result: string, args: readonly string[]): unknown };
  address(octets: Uint8Array): bigint;
}

/** Addresses travel as integers: koffi takes half the time for a number that it takes for a typed array or a pointer. */
const KOFFI_KINDS: Readonly<Record<Kind, string>> = {
  p: "uintptr_t",
  b: "uintptr_t",
  int: "int",
  size: "size_t",
  void: "void",
};

/** Binds by the package koffi; null where it is not installed. */
export function bindKoffi(): OpensslBinding | null {
  const nodeModule = builtinModule("node:module") as typeof import("node:module") | undefined;
  if (nodeModule === undefined) return null;
  let koffi: Koffi;
  try {
    koffi = nodeModule.createRequire(import.meta.url)("koffi");
  } catch {
    return null;
  }
  const library = koffi.load(null);
  const descriptions = describeFunctions((args, result) => ({ args, result }));
  const functions = Object.fromEntries(
    Object.entries(descriptions).map(([name, { args, result }]) => [
      name,
      library.func(name, KOFFI_KINDS[result], args.map((kind) => KOFFI_KINDS[kind])),
    ]),
  );
  return {
    name: "koffi",
    functions: functions as unknown as OpensslFunctions,
    none: 0,
    base: (octets) => ({ octets, address: octets.length === 0 ? 0 : numericAddress(koffi, octets) }),
    at: ({ address }, offset) => address as number + offset,
    integer: (value) => value,
  };
}

/** The address of octets as a number, which holds what user space has of addresses: 47 bits, or 52 on some machines. */
function numericAddress(koffi: Koffi, octets: Uint8Array): number {
  // `buffer` gives a typed array a memory that stays where it is.
  const address = Number(koffi.address(new Uint8Array(octets.buffer, octets.byteOffset, octets.length)));
  if (Number.isSafeInteger(address)) return address;
  throw new RangeError("expected an address below 2^53");
}
