/**
 * The provider on OpenSSL 3 through foreign functions: `node:ffi` or koffi in Node, `bun:ffi`, `Deno.dlopen`. It is used only
 * where it was asked for, and for each algorithm only after it knew the known answer.
 *
 * Foreign functions believe every address and size. Sealers and openers check each range against its slab before a call,
 * a primitive holds its slab during it, and nothing else in this project calls these functions.
 */

import type { CryptoProvider } from "../crypto/types.ts";
import { checkKnownAnswer } from "../crypto/known_answers.ts";
import { detectRuntime } from "./detect.ts";
import type { OpensslBinding } from "./_openssl.ts";
import { bindKoffi, bindNodeFfi } from "./_openssl_node.ts";
import { bindBun, bindDeno } from "./_openssl_system.ts";
import { OpensslAead, OpensslCipher, OpensslMac } from "./_openssl_primitives.ts";

/** What the provider is called where it is not there. */
export const OPENSSL_FFI: string = "OpenSSL through foreign functions";

/** The version of OpenSSL whose functions these are. */
const MAJOR_VERSION = 3;

let provider: CryptoProvider | string | undefined;

/** The provider, or why there is none. Tried once. */
export function opensslProvider(): CryptoProvider | string {
  provider ??= makeProvider();
  return provider;
}

function makeProvider(): CryptoProvider | string {
  try {
    const binding = bindRuntime();
    return typeof binding === "string" ? binding : provenProvider(binding);
  } catch (error) {
    return firstLine(error);
  }
}

/** The provider on one way of calling OpenSSL, if that leads to OpenSSL 3 and it knows its known answer; else why not. */
export function provenProvider(binding: OpensslBinding): CryptoProvider | string {
  try {
    const version = Number(binding.functions.OPENSSL_version_major());
    if (version !== MAJOR_VERSION) return `expected OpenSSL ${MAJOR_VERSION}, got version ${version}`;
    const made = providerOn(binding);
    checkKnownAnswer(made, "aes-256-gcm");
    return made;
  } catch (error) {
    return firstLine(error);
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
}

function providerOn(binding: OpensslBinding): CryptoProvider {
  return {
    name: `OpenSSL (${binding.name})`,
    createAead: (algorithm, key, { direction, icvSize }) =>
      new OpensslAead(binding, algorithm, key, direction, icvSize),
    createCipher: (algorithm, key, { direction }) => new OpensslCipher(binding, algorithm, key, direction),
    createMac: (algorithm, key) => new OpensslMac(binding, algorithm, key),
  };
}

function bindRuntime(): OpensslBinding | string {
  const { name } = detectRuntime();
  if (name === "bun") return bindBun();
  if (name === "deno") return bindDeno();
  if (name !== "node") return "this runtime has no foreign functions";
  return bindNodeFfi(globalThis.process.arch) ?? bindKoffi() ??
    "expected node:ffi (Node 26.1 or newer, x64 or arm64) or the package koffi, found neither";
}
