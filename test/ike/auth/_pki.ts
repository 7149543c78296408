/** The certificates and keys of `test/_support/fixtures/pki`, which `make.sh` there makes with OpenSSL. */

import { readFileSync } from "node:fs";
import { type Certificate, readCertificates } from "../../../lib/ike/auth/mod.ts";

const folder = new URL("../../_support/fixtures/pki/", import.meta.url);

/** A moment inside the life of nearly all of them. */
export const NOW: number = Date.UTC(2026, 5, 1);

/** A file, PEM, by its name without `.pem`. */
export function pem(name: string): string {
  return readFileSync(new URL(`${name}.pem`, folder), "utf8");
}

/** The path of a file, for tools that read it. */
export function pemPath(name: string): string {
  return new URL(`${name}.pem`, folder).pathname;
}

/** A certificate. */
export function certificate(name: string): Certificate {
  return readCertificates(pem(name))[0]!;
}
