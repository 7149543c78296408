/**
 * Certification paths (RFC 5280, section 6; RFC 4945, section 5 for IKE): from a certificate through intermediates to an
 * authority that is trusted, bounded, with a reason where there is none.
 *
 * @module
 */

import type { CryptoProviders } from "../../crypto/mod.ts";
import { type Certificate, describeCertificate, sameCertificate } from "./certificate.ts";
import type { Crl } from "./crl.ts";
import { formatDistinguishedName, nameAttributes, sameDistinguishedName } from "./distinguished_name.ts";
import { formatIdentity, ID_TYPE, type Identity, sameIdentity } from "./identity.ts";
import { reasonAgainstNames } from "./name_constraints.ts";
import { reasonAgainstStatus, type Revocation } from "./revocation.ts";
import { verifySignedBy } from "./_signed_by.ts";
import { toHex } from "../../bytes/mod.ts";

/** Bounds of the search: a peer chooses the certificates that are searched. */
export interface ChainLimits {
  /** Certificates of a path, both ends counted (default: 8). */
  readonly pathLength: number;
  /** Signatures that are checked in one search (default: 32). */
  readonly signatures: number;
  /** The smallest RSA modulus that counts, in bits (default: 2048; RFC 8247, section 4). */
  readonly rsaBits: number;
}

/** The default bounds. */
export const DEFAULT_CHAIN_LIMITS: ChainLimits = { pathLength: 8, signatures: 32, rsaBits: 2048 };

/** What a path is searched with. */
export interface ChainOptions {
  /** Authorities that are trusted. A path ends at the first of them. */
  readonly authorities: readonly Certificate[];
  /** Other certificates that may stand in between, the peer's included. */
  readonly intermediates: readonly Certificate[];
  /** Revocation lists; each counts when it is signed by the authority it speaks for. */
  readonly crls?: readonly Crl[];
  /** What happens when the status of a certificate is not known (default: `relaxed`). */
  readonly revocation?: Revocation;
  /** Signatures. */
  readonly crypto: CryptoProviders;
  /** The wall clock, in milliseconds since 1970. */
  readonly now: number;
  /** Bounds. */
  readonly limits?: Partial<ChainLimits>;
}

/** A path that holds, or why there is none. */
export type ChainResult =
  | {
    readonly valid: true; /** From the certificate to the authority. */
    readonly path: readonly Certificate[];
  }
  | { readonly valid: false; /** A sentence for people. */ readonly reason: string };

/** Finds a path from a certificate to a trusted authority that holds in every respect. */
export function validateChain(certificate: Certificate, options: ChainOptions): ChainResult {
  const limits = { ...DEFAULT_CHAIN_LIMITS, ...options.limits };
  const wrong = reasonAgainstUse(certificate) ?? reasonAgainstEach(certificate, options.now, limits);
  if (wrong !== null) return { valid: false, reason: wrong };
  const search = new PathSearch(options, limits);
  const path = search.extend([certificate]);
  return path === null ? { valid: false, reason: search.reason } : { valid: true, path };
}

/** Whether a certificate speaks for an identity: its subject, one of its alternative names, or its key. */
export function certifies(certificate: Certificate, identity: Identity): boolean {
  if (identity.type === ID_TYPE.dn) {
    // A certificate without a subject speaks for its alternative names alone, not for everybody without a name.
    return nameAttributes(certificate.subject).length > 0 &&
      sameIdentity({ type: ID_TYPE.dn, data: certificate.subject }, identity);
  }
  if (identity.type === ID_TYPE.keyId) {
    const id = toHex(identity.data);
    return [certificate.subjectKeyId, certificate.keyHash].some((key) => key !== null && toHex(key) === id);
  }
  return certificate.alternativeNames.some((name) => sameIdentity(name, identity));
}

/** Why a certificate does not speak for an identity, with the names that it has. */
export function reasonAgainstIdentity(certificate: Certificate, identity: Identity): string | null {
  if (certifies(certificate, identity)) return null;
  const names = certificate.alternativeNames.map(formatIdentity).join(", ");
  return `its certificate ${describeCertificate(certificate)} is not for ${
    formatIdentity(identity)
  }; it is for ${names === "" ? "its subject alone" : names}`;
}

/** Purposes that let a key authenticate IKE (RFC 4945, section 5.1.3.12; servers and clients by usage of the field). */
const IKE_PURPOSES: ReadonlySet<string> = new Set([
  "2.5.29.37.0", // any
  "1.3.6.1.5.5.7.3.17", // IPsec IKE
  "1.3.6.1.5.5.8.2.2", // IKE intermediate, which macOS asks for
  "1.3.6.1.5.5.7.3.1", // server authentication, which Windows and iOS ask for
  "1.3.6.1.5.5.7.3.2", // client authentication
  "1.3.6.1.5.5.7.3.5", // IPsec end system, tunnel, user: deprecated
  "1.3.6.1.5.5.7.3.6",
  "1.3.6.1.5.5.7.3.7",
]);

/** Why a key must not authenticate IKE (RFC 4945, sections 5.1.3.2 and 5.1.3.12). */
function reasonAgainstUse(certificate: Certificate): string | null {
  const { keyUsage, extendedKeyUsage } = certificate;
  if (keyUsage !== null && !keyUsage.includes("digitalSignature") && !keyUsage.includes("nonRepudiation")) {
    return `certificate ${
      describeCertificate(certificate)
    } is not for signatures: its key usage lacks digitalSignature`;
  }
  if (extendedKeyUsage !== null && !extendedKeyUsage.some((purpose) => IKE_PURPOSES.has(purpose))) {
    return `certificate ${describeCertificate(certificate)} is not for IKE: its extended key usage is ${
      extendedKeyUsage.join(", ")
    }`;
  }
  return null;
}

/** What is asked of every certificate of a path. */
function reasonAgainstEach(certificate: Certificate, now: number, limits: ChainLimits): string | null {
  const { notBefore, notAfter, unknownCriticalExtensions, publicKey } = certificate;
  const reason = (text: string) => `certificate ${describeCertificate(certificate)} ${text}`;
  if (!(now >= notBefore)) return reason(`is not valid before ${dateOf(notBefore)}`);
  if (!(now <= notAfter)) return reason(`expired on ${dateOf(notAfter)}`);
  if (unknownCriticalExtensions.length > 0) {
    return reason(`has a critical extension that is not understood: ${unknownCriticalExtensions.join(", ")}`);
  }
  if (publicKey.kind === null) return reason(`has a key of a kind that is not supported: ${publicKey.name}`);
  if (publicKey.kind === "rsa" && publicKey.bits < limits.rsaBits) {
    return reason(`has an RSA key of ${publicKey.bits} bits; at least ${limits.rsaBits} are expected`);
  }
  return null;
}

/** Depth first, trusted authorities before others; remembers the reason that came closest to an authority. */
class PathSearch {
  reason = "";
  readonly #options: ChainOptions;
  readonly #limits: ChainLimits;
  #reasonDepth = 0;
  #signatures = 0;

  constructor(options: ChainOptions, limits: ChainLimits) {
    this.#options = options;
    this.#limits = limits;
  }

  /** The whole path, where one exists that begins with `path`. */
  extend(path: readonly Certificate[]): readonly Certificate[] | null {
    const last = path.at(-1)!;
    const { authorities, intermediates } = this.#options;
    // An authority's own certificate may be what the peer authenticates with: it is trusted as it is.
    if (authorities.some((authority) => sameCertificate(authority, last))) return path;
    if (path.length === this.#limits.pathLength) {
      return this.#refuse(
        path,
        `the certification path is longer than ${this.#limits.pathLength} certificates`,
      );
    }
    const candidates = [
      ...authorities.filter((issuer) => mayHaveIssued(issuer, last)).map((issuer) => ({
        issuer,
        trusted: true,
      })),
      ...intermediates
        .filter((issuer) =>
          mayHaveIssued(issuer, last) && !path.some((other) => sameCertificate(other, issuer))
        )
        .map((issuer) => ({ issuer, trusted: false })),
    ];
    if (candidates.length === 0) {
      return this.#refuse(path, noIssuer(last, [...authorities, ...intermediates]));
    }
    for (const { issuer, trusted } of candidates) {
      const wrong = this.#reasonAgainstIssuer(issuer, path);
      if (wrong !== null) {
        this.#refuse(path, wrong, trusted);
        continue;
      }
      const longer = [...path, issuer];
      const found = trusted ? longer : this.extend(longer);
      if (found !== null) return found;
    }
    return null;
  }

  /** Why the last certificate of a path was not, or must not have been, issued by this one. */
  #reasonAgainstIssuer(issuer: Certificate, path: readonly Certificate[]): string | null {
    const last = path.at(-1)!;
    const who = () => `certificate ${describeCertificate(issuer)}`;
    if (!issuer.isAuthority) return `${who()} must not issue others: it is no authority (CA:TRUE is missing)`;
    if (issuer.keyUsage !== null && !issuer.keyUsage.includes("keyCertSign")) {
      return `${who()} must not issue others: its key usage lacks keyCertSign`;
    }
    // Authorities below it, those not counted that issued themselves a new key (RFC 5280, section 6.1.4 (l)).
    const below =
      path.slice(1).filter(({ subject, issuer }) => !sameDistinguishedName(subject, issuer)).length;
    if (issuer.pathLength !== null && below > issuer.pathLength) {
      return `${who()} allows ${issuer.pathLength} authorities below it, but there are ${below}`;
    }
    const each = reasonAgainstEach(issuer, this.#options.now, this.#limits);
    if (each !== null) return each;
    if (issuer.nameConstraints !== null) {
      for (const [i, certificate] of path.entries()) {
        if (i > 0 && sameDistinguishedName(certificate.subject, certificate.issuer)) continue;
        const names = reasonAgainstNames(issuer.nameConstraints, certificate);
        if (names !== null) {
          return `${who()} does not allow the names of certificate ${
            describeCertificate(certificate)
          }: ${names}`;
        }
      }
    }
    if (this.#signatures++ >= this.#limits.signatures) {
      return `more than ${this.#limits.signatures} signatures would have to be checked`;
    }
    const signature = verifySignedBy(last, issuer.publicKey, this.#options.crypto);
    if (signature !== null) return `certificate ${describeCertificate(last)}: ${signature}`;
    return reasonAgainstStatus(last, issuer, this.#options);
  }

  /** Keeps the reason if it came at least as far as the one before. A trusted authority comes furthest. */
  #refuse(path: readonly Certificate[], reason: string, trusted = false): null {
    const depth = path.length + (trusted ? this.#limits.pathLength : 0);
    if (depth > this.#reasonDepth) {
      this.reason = reason;
      this.#reasonDepth = depth;
    }
    return null;
  }
}

/** Names and, where both sides have one, key identifiers agree. */
function mayHaveIssued(issuer: Certificate, certificate: Certificate): boolean {
  if (!sameDistinguishedName(issuer.subject, certificate.issuer)) return false;
  const { authorityKeyId } = certificate;
  return authorityKeyId === null || issuer.subjectKeyId === null ||
    toHex(authorityKeyId) === toHex(issuer.subjectKeyId);
}

function noIssuer(certificate: Certificate, known: readonly Certificate[]): string {
  const who = `certificate ${describeCertificate(certificate)}`;
  const others = known.filter(({ subject }) => sameDistinguishedName(subject, certificate.issuer));
  if (others.length > 0 && !others.some((other) => sameCertificate(other, certificate))) {
    return `${who} was issued by an authority "${
      formatDistinguishedName(certificate.issuer)
    }" with another key than the one that goes by that name here`;
  }
  return sameDistinguishedName(certificate.subject, certificate.issuer)
    ? `${who} is self-signed and not among the trusted authorities`
    : `${who} was issued by "${
      formatDistinguishedName(certificate.issuer)
    }", which is neither among the trusted authorities nor among the certificates that the peer sent`;
}

function dateOf(time: number): string {
  return Number.isFinite(time) ? new Date(time).toISOString().replace(".000Z", "Z") : "an unreadable date";
}
