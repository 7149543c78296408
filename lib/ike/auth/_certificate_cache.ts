/** Certificates that were read before: peers come back, and reading one costs more than checking a signature. */

import { type Certificate, parseCertificate } from "./certificate.ts";

/** Certificates that are kept; each takes some 5 KiB. */
const MAX_CERTIFICATES = 128;

/** Longer ones are read anew each time, so that what is kept has a bound in octets too. */
const MAX_KEPT_SIZE = 4096;

/** Keeps the certificates that were used last. */
export class CertificateCache {
  /** By all octets, since anything less could be made to collide; the one used last stands last. */
  readonly #kept: Map<string, Certificate> = new Map();

  /** Certificates that are kept. */
  get size(): number {
    return this.#kept.size;
  }

  /** Reads a certificate, or remembers it; throws an `IkeError` where it is none. */
  read(der: Uint8Array): Certificate {
    if (der.length > MAX_KEPT_SIZE) return parseCertificate(der);
    const key = String.fromCharCode(...der);
    const certificate = this.#kept.get(key) ?? parseCertificate(der);
    this.#kept.delete(key);
    this.#kept.set(key, certificate);
    if (this.#kept.size > MAX_CERTIFICATES) this.#kept.delete(this.#kept.keys().next().value!);
    return certificate;
  }
}
