/** The providers of algorithms that this runtime has, in the order in which they are to be asked. */

import { ConfigError } from "../errors.ts";
import { nobleProvider } from "../crypto/noble/provider.ts";
import { CryptoProviders, type UnavailableProvider } from "../crypto/providers.ts";
import type { CryptoProvider } from "../crypto/types.ts";
import { environment } from "./_process.ts";
import { runtimeName } from "./detect.ts";
import { nodeCryptoProvider } from "./node_crypto.ts";
import { OPENSSL_FFI, opensslProvider } from "./openssl_ffi.ts";

/** Which provider is asked first: OpenSSL through foreign functions, `node:crypto`, or plain JavaScript alone. */
export type CryptoPreference = "ffi" | "node" | "noble";

/** The environment variable that chooses when the program does not. */
export const CRYPTO_VARIABLE: string = "IKETCP_CRYPTO";

/** What {@linkcode runtimeCrypto} takes. */
export interface RuntimeCryptoOptions {
  /** Which provider is asked first (default: the environment variable `IKETCP_CRYPTO`, else `node`). */
  readonly prefer?: CryptoPreference;
  /** Told in one line why a provider that was asked for is not used (default: `console.warn`). */
  readonly onNotice?: (line: string) => void;
}

const PREFERENCES: readonly string[] = ["ffi", "node", "noble"];

const made = new Map<CryptoPreference, CryptoProviders>();

/**
 * The providers of this runtime. What the first one lacks the next one serves: Bun's `node:crypto` has no
 * ChaCha20-Poly1305, Deno's neither AES-192-GCM nor AES-192-CBC, and neither has AES-CCM.
 *
 * `ffi` reaches OpenSSL without `node:crypto` between: several times faster in Node and Deno, and as safe as the
 * arithmetic in front of each call. It needs `node:ffi` (Node 26) or the package `koffi`, Deno's `--allow-ffi`, or Bun; and
 * a system libcrypto of OpenSSL 3 on Deno and Bun. Without them `node:crypto` serves, and `onNotice` is told why.
 *
 * @example Which provider serves what
 * ```ts
 * import { runtimeCrypto } from "iketcp/runtime";
 * import { ok } from "node:assert";
 *
 * const { algorithms } = runtimeCrypto({ prefer: "node" }).capabilities();
 * ok(algorithms.every(({ provider }) => provider !== null));
 * ```
 */
export function runtimeCrypto(options: RuntimeCryptoOptions = {}): CryptoProviders {
  const preference = options.prefer ?? preferenceOfEnvironment();
  let providers = made.get(preference);
  if (providers === undefined) {
    providers = makeProviders(preference, options.onNotice ?? console.warn);
    made.set(preference, providers);
  }
  return providers;
}

function makeProviders(preference: CryptoPreference, onNotice: (line: string) => void): CryptoProviders {
  const providers: CryptoProvider[] = [];
  const unavailable: UnavailableProvider[] = [];
  if (preference === "ffi") {
    const openssl = opensslProvider();
    if (typeof openssl === "string") {
      unavailable.push({ provider: OPENSSL_FFI, reason: openssl });
      onNotice(`OpenSSL is not used through foreign functions: ${openssl}`);
    } else providers.push(openssl);
  } else {
    unavailable.push({ provider: OPENSSL_FFI, reason: `not asked for (${CRYPTO_VARIABLE}=ffi)` });
  }
  if (preference !== "noble") {
    const node = nodeCryptoProvider();
    if (node !== null) providers.push(node);
    else unavailable.push({ provider: "node:crypto", reason: "this runtime does not have it" });
  } else unavailable.push({ provider: "node:crypto", reason: "noble alone was asked for" });
  providers.push(nobleProvider());
  return new CryptoProviders(providers, unavailable, `in ${runtimeName()}`);
}

function preferenceOfEnvironment(): CryptoPreference {
  const value = environment(CRYPTO_VARIABLE);
  if (value === undefined || value === "") return "node";
  if (!PREFERENCES.includes(value)) {
    throw new ConfigError(
      "ERR_CONFIG_OPTION",
      `Cannot choose a crypto provider: expected ${CRYPTO_VARIABLE} to be ffi, node or noble, got "${value}"`,
    );
  }
  return value as CryptoPreference;
}
