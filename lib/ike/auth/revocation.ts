/** Whether a certificate has been revoked, as far as the lists at hand tell (RFC 5280, section 6.3). */

import type { CryptoProviders } from "../../crypto/mod.ts";
import { verifySignedBy } from "./_signed_by.ts";
import { type Certificate, describeCertificate } from "./certificate.ts";
import type { Crl } from "./crl.ts";
import { sameDistinguishedName } from "./distinguished_name.ts";

/**
 * What happens when no valid list tells about a certificate, in swanctl's words: `relaxed` accepts it, `ifuri` refuses it
 * when it names a place where its list is to be had, `strict` refuses it.
 */
export type Revocation = "relaxed" | "ifuri" | "strict";

/** Why a certificate is not accepted by its status; null when it is. The issuer's own path need not be complete yet. */
export function reasonAgainstStatus(
  certificate: Certificate,
  issuer: Certificate,
  options: {
    readonly crls?: readonly Crl[];
    readonly revocation?: Revocation;
    readonly crypto: CryptoProviders;
    readonly now: number;
  },
): string | null {
  const who = () => `certificate ${describeCertificate(certificate)}`;
  const { crls = [], revocation = "relaxed", crypto, now } = options;
  let known = false;
  let missing = "no CRL of its issuer is at hand";
  for (const crl of crls) {
    if (!sameDistinguishedName(crl.issuer, certificate.issuer)) continue;
    const wrong = reasonAgainstCrl(crl, issuer, crypto, now);
    if (wrong !== null) {
      missing = wrong;
      continue;
    }
    const time = crl.revoked.get(certificate.serial);
    if (time !== undefined) {
      return `${who()} (serial ${certificate.serial}) was revoked on ${
        new Date(time).toISOString().slice(0, 10)
      }`;
    }
    // An old list still tells who was revoked, but no longer who was not.
    if (crl.nextUpdate !== null && now <= crl.nextUpdate) known = true;
    else missing = "the CRL of its issuer is out of date";
  }
  if (known) return null;
  const needed = revocation === "strict" || (revocation === "ifuri" && certificate.hasCrlLocation);
  return needed ? `${who()} is of unknown status: ${missing}` : null;
}

/** Why a list tells nothing. */
function reasonAgainstCrl(
  crl: Crl,
  issuer: Certificate,
  crypto: CryptoProviders,
  now: number,
): string | null {
  if (crl.unknownCriticalExtensions.length > 0) {
    return `the CRL of its issuer has a critical extension that is not understood: ${
      crl.unknownCriticalExtensions.join(", ")
    }`;
  }
  if (issuer.keyUsage !== null && !issuer.keyUsage.includes("cRLSign")) {
    return "its issuer must not sign CRLs: its key usage lacks cRLSign";
  }
  if (!(now >= crl.thisUpdate)) return "the CRL of its issuer is of the future";
  const signature = verifySignedBy(crl, issuer.publicKey, crypto);
  return signature === null ? null : `the CRL of its issuer does not count: ${signature}`;
}
