/** CERTREQ: which authorities a side trusts, by the SHA-1 of their keys (RFC 7296, section 3.7). */

import { concat } from "../../bytes/mod.ts";
import type { Certificate } from "./certificate.ts";
import { CERTIFICATE_ENCODING } from "./certificate_encoding.ts";
import type { CertificateData } from "./types.ts";

const HASH_SIZE = 20;

/** More than anybody trusts; a peer's list is cut there. */
const MAX_AUTHORITIES = 256;

/** CERTREQ contents that ask for a certificate below one of these authorities; null when there are none. */
export function buildCertificateRequest(authorities: readonly Certificate[]): CertificateData | null {
  if (authorities.length === 0) return null;
  return { encoding: CERTIFICATE_ENCODING.x509, data: concat(authorities.map(({ keyHash }) => keyHash)) };
}

/**
 * The hashes out of all CERTREQ payloads of a message; null when there is no CERTREQ of a kind that we can honour. An empty
 * list means that any certificate will do.
 */
export function parseCertificateRequests(requests: readonly CertificateData[]): readonly Uint8Array[] | null {
  const x509 = requests.filter(({ encoding }) => encoding === CERTIFICATE_ENCODING.x509);
  if (x509.length === 0) return null;
  const hashes: Uint8Array[] = [];
  for (const { data } of x509) {
    // Octets at the end that make no whole hash tell nothing.
    for (let at = 0; at + HASH_SIZE <= data.length && hashes.length < MAX_AUTHORITIES; at += HASH_SIZE) {
      hashes.push(data.slice(at, at + HASH_SIZE));
    }
  }
  return hashes;
}
