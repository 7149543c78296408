/** OpenSSL through `bun:ffi` and `Deno.dlopen`: the system's libcrypto, since neither runtime carries an OpenSSL. */

import {
  describeFunctions,
  type Kind,
  type OpensslBinding,
  type OpensslFunctions,
  VIEWS,
} from "./_openssl.ts";
import { builtinModule, environment, platform } from "./_process.ts";

/** The environment variable that names a libcrypto. */
export const LIBCRYPTO_VARIABLE = "IKETCP_LIBCRYPTO";

/** Where OpenSSL 3 usually is, by operating system. */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  linux: ["libcrypto.so.3"],
  freebsd: ["libcrypto.so.30", "libcrypto.so.3"],
  darwin: [
    "/opt/homebrew/opt/openssl@3/lib/libcrypto.3.dylib",
    "/usr/local/opt/openssl@3/lib/libcrypto.3.dylib",
    "libcrypto.3.dylib",
  ],
  win32: ["libcrypto-3-x64.dll", "libcrypto-3.dll"],
};

interface BunFfi {
  dlopen(
    path: string,
    functions: Record<string, { readonly args: readonly string[]; readonly returns: string }>,
  ): { readonly symbols: OpensslFunctions };
}

const BUN_KINDS: Readonly<Record<Kind, string>> = {
  p: "ptr",
  b: "ptr",
  int: "i32",
  size: "usize",
  void: "void",
};

/** Binds by `bun:ffi`; throws when there is no libcrypto of OpenSSL 3. */
export function bindBun(): OpensslBinding {
  const ffi = builtinModule("bun:ffi") as BunFfi;
  const functions = describeFunctions((args, result) => ({
    args: args.map((kind) => BUN_KINDS[kind]),
    returns: BUN_KINDS[result],
  }));
  const { symbols } = firstOf((library) => ffi.dlopen(library, functions));
  return { ...VIEWS, name: "bun:ffi", functions: symbols };
}

interface DenoFfi {
  dlopen(
    path: string,
    functions: Record<string, { readonly parameters: readonly string[]; readonly result: string }>,
  ): { readonly symbols: OpensslFunctions };
}

const DENO_KINDS: Readonly<Record<Kind, string>> = {
  p: "pointer",
  b: "buffer",
  int: "i32",
  size: "usize",
  void: "void",
};

/** Binds by `Deno.dlopen`; throws without `--allow-ffi`, and when there is no libcrypto of OpenSSL 3. */
export function bindDeno(): OpensslBinding {
  const ffi = (globalThis as unknown as { Deno: DenoFfi }).Deno;
  const functions = describeFunctions((args, result) => ({
    parameters: args.map((kind) => DENO_KINDS[kind]),
    result: DENO_KINDS[result],
  }));
  const { symbols } = firstOf((library) => ffi.dlopen(library, functions));
  return { ...VIEWS, name: "Deno.dlopen", functions: symbols };
}

/** What comes of the first library that loads; throws what the last one threw. */
function firstOf<T>(load: (library: string) => T): T {
  const named = environment(LIBCRYPTO_VARIABLE);
  const libraries = named !== undefined && named !== ""
    ? [named]
    : LIBRARIES[platform()] ?? ["libcrypto.so.3"];
  let last: unknown;
  for (const library of libraries) {
    try {
      return load(library);
    } catch (error) {
      last = error;
    }
  }
  throw last;
}
