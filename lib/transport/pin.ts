/** Fingerprints of certificates as people copy them from other tools. */

import { ConfigError } from "../errors.ts";

const LABEL = /^sha-?256(?: fingerprint)?[:=]/i;

/**
 * Reads the SHA-256 fingerprint of a certificate; gives it as lower-case hex. It may be written as 64 hex digits, with
 * colons or without, as `openssl x509 -fingerprint -sha256` prints it, or in base64 (also base64url); `sha256:` may stand
 * before it. Throws a {@linkcode ConfigError}.
 *
 * @example
 * ```ts
 * import { parsePin } from "iketcp/transport";
 * import { strictEqual } from "node:assert";
 *
 * strictEqual(parsePin("sha256:" + "AB:".repeat(31) + "CD"), "ab".repeat(31) + "cd");
 * ```
 */
export function parsePin(text: string): string {
  const bare = text.trim().replace(LABEL, "");
  const hex = bare.replaceAll(":", "").toLowerCase();
  if (/^[0-9a-f]{64}$/.test(hex)) return hex;
  const base64 = bare.replaceAll("-", "+").replaceAll("_", "/");
  if (/^[0-9A-Za-z+/]{43}=?$/.test(base64)) {
    return Array.from(atob(base64), (each) => each.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  }
  // What curl calls a pin is the hash of a public key, `sha256//…`: it would never match, so it is refused by name.
  const actual = bare.includes("//") ? "the hash of a public key" : JSON.stringify(text);
  throw new ConfigError(
    "ERR_CONFIG_OPTION",
    `Cannot read pin: expected the SHA-256 fingerprint of a certificate in hex or base64, got ${actual}`,
  );
}
