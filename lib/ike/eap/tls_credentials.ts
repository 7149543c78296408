/** EAP-TLS with the credentials of IKE: our certificate, and the other side's held against authorities and names. */

import {
  certifies,
  type ChainLimits,
  type Credentials,
  formatIdentity,
  type Identity,
  parseIdentity,
  reasonAgainstIdentity,
  type Revocation,
  validateChain,
} from "../auth/mod.ts";
import type { Certificate } from "../auth/mod.ts";
import type { CryptoProviders } from "../../crypto/mod.ts";
import type { EapTlsCredentials } from "./types.ts";

/** What EAP-TLS is held against. */
export interface EapTlsSettings {
  /** Our certificates and keys, the authorities and CRLs. */
  readonly credentials: Credentials;
  /** Signatures. */
  readonly crypto: CryptoProviders;
  /** Who we are: one of our certificates must be for it. */
  readonly localId: Identity;
  /**
   * Whom the other side's certificate must be for, asked when it has come; null: an EAP peer, for the name that it gives
   * itself.
   */
  readonly remoteId: () => Identity | null;
  /** The only authorities that count; default: all that are trusted. */
  readonly authorities?: readonly Certificate[];
  /** What happens when the status of a certificate is not known (default: `relaxed`). */
  readonly revocation?: Revocation;
  /** Bounds of the search for a path. */
  readonly limits?: Partial<ChainLimits>;
  /** The highest version of TLS (default: the highest that the runtime has). */
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3";
  /** The wall clock, in milliseconds since 1970. */
  readonly now: number;
}

/** Certificates sent by the other side that are looked at. */
const MAX_CERTIFICATES = 16;

/** The credentials of EAP-TLS; a sentence where we have none. */
export function eapTlsCredentials(settings: EapTlsSettings): EapTlsCredentials | string {
  const { credentials, crypto, localId } = settings;
  const own = credentials.findOwnCertificate(localId, { crypto });
  if (typeof own === "string") return `Cannot use eap-tls as ${formatIdentity(localId)}: ${own}`;
  if (!("pkcs8" in own.key)) {
    return `Cannot use eap-tls as ${
      formatIdentity(localId)
    }: its key is outside, where TLS cannot sign with it`;
  }
  return {
    certificates: [own.certificate, ...own.intermediates].map(({ der }) => der),
    pkcs8: own.key.pkcs8,
    maxVersion: settings.maxVersion,
    reasonAgainst: (certificates, identity) => reasonAgainst(settings, certificates, identity),
  };
}

function reasonAgainst(
  settings: EapTlsSettings,
  received: readonly Uint8Array[],
  identity: string,
): string | null {
  if (received.length > MAX_CERTIFICATES) {
    return `${received.length} certificates came; ${MAX_CERTIFICATES} are looked at`;
  }
  const { credentials, crypto, now, authorities = credentials.authorities, revocation, limits } = settings;
  try {
    const [certificate, ...intermediates] = received.map((der) => credentials.readPeerCertificate(der)) as [
      Certificate,
      ...Certificate[],
    ];
    const who = settings.remoteId() ?? parseIdentity(identity);
    if (!certifies(certificate, who)) return reasonAgainstIdentity(certificate, who);
    const result = validateChain(certificate, {
      authorities,
      intermediates: [...intermediates, ...credentials.certificates],
      crls: credentials.crls,
      revocation,
      limits,
      crypto,
      now,
    });
    return result.valid ? null : result.reason;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
