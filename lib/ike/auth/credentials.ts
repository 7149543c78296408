/**
 * What a host has to authenticate itself and others with: pre-shared keys, certificates, private keys, authorities, CRLs and
 * the passwords of EAP users. Files are read by others; octets come in here.
 *
 * @module
 */

import type { CryptoProviders } from "../../crypto/mod.ts";
import { ConfigError } from "../../errors.ts";
import { CertificateCache } from "./_certificate_cache.ts";
import { type Certificate, describeCertificate, parseCertificate, sameCertificate } from "./certificate.ts";
import { certifies } from "./chain.ts";
import { type Crl, parseCrl } from "./crl.ts";
import { sameDistinguishedName } from "./distinguished_name.ts";
import { type Identity, IDENTITY_MATCH_ANY, matchIdentity } from "./identity.ts";
import { parsePem } from "./pem.ts";
import { parsePrivateKey, type PrivateKey } from "./private_key.ts";
import { type SigningKey, signsFor } from "./signing_key.ts";
import { toHex } from "../../bytes/mod.ts";

/** A secret that several hosts share. */
export interface PreSharedKey {
  /** The secret. Never printed. */
  readonly secret: Uint8Array;
  /** Who shares it: patterns are allowed. None means everybody. */
  readonly owners: readonly Identity[];
}

/** A user that authenticates with a password by EAP. */
export interface EapUser {
  /** As the user says in EAP-Identity; a pattern is allowed. */
  readonly identity: Identity;
  /** The password. Never printed. */
  readonly password: string;
}

/** A certificate, the key that goes with it, and what stands above it. */
export interface OwnCertificate {
  /** The certificate. */
  readonly certificate: Certificate;
  /** Its key. */
  readonly key: SigningKey;
  /** Intermediates to send with it: from its issuer up, the root left out (RFC 4945, section 3.3). */
  readonly intermediates: readonly Certificate[];
}

/** Own intermediates that are sent at most. */
const MAX_SENT_INTERMEDIATES = 8;

/**
 * A store of credentials. Nothing in it is ever written to a message for people.
 *
 * @example The pre-shared key of a pair of hosts
 * ```ts
 * import { Credentials, parseIdentity } from "iketcp/ike/auth";
 * import { strictEqual } from "node:assert";
 *
 * const credentials = new Credentials();
 * const secret = new TextEncoder().encode("correct horse");
 * credentials.addPreSharedKey({ secret, owners: [parseIdentity("gw.example")] });
 * const [carol, gw] = [parseIdentity("carol@example"), parseIdentity("gw.example")];
 * strictEqual(credentials.findPreSharedKey(carol, gw), secret);
 * strictEqual(credentials.findPreSharedKey(carol, carol), null);
 * ```
 */
export class Credentials {
  readonly #preSharedKeys: PreSharedKey[] = [];
  readonly #certificates: Certificate[] = [];
  readonly #keys: SigningKey[] = [];
  readonly #authorities: Certificate[] = [];
  readonly #crls: Crl[] = [];
  readonly #eapUsers: EapUser[] = [];

  readonly #cache: CertificateCache = new CertificateCache();

  /** Certificates of others and of ours: ends and intermediates. */
  get certificates(): readonly Certificate[] {
    return this.#certificates;
  }

  /** Authorities that are trusted. */
  get authorities(): readonly Certificate[] {
    return this.#authorities;
  }

  /** Revocation lists. */
  get crls(): readonly Crl[] {
    return this.#crls;
  }

  /** Adds a secret; one of no octets is refused. */
  addPreSharedKey(key: PreSharedKey): void {
    if (key.secret.length === 0) throw wrong("add a pre-shared key", "it has no octets");
    this.#preSharedKeys.push(key);
  }

  /** Adds a user of EAP. */
  addEapUser(user: EapUser): void {
    this.#eapUsers.push(user);
  }

  /** Adds all certificates of a file, PEM or one in DER, ours or intermediates. They are not trusted by that. */
  addCertificates(file: string | Uint8Array): readonly Certificate[] {
    const added = readCertificates(file);
    this.#certificates.push(...added);
    return added;
  }

  /** Adds all certificates of a file as authorities that are trusted. */
  addAuthorities(file: string | Uint8Array): readonly Certificate[] {
    const added = readCertificates(file);
    for (const authority of added) {
      if (!authority.isAuthority) {
        throw wrong(`trust ${describeCertificate(authority)}`, "it is no authority: CA:TRUE is missing");
      }
    }
    this.#authorities.push(...added);
    return added;
  }

  /** Adds the private key of a file: PEM or DER; PKCS#8, PKCS#1 or SEC1. */
  addPrivateKey(file: string | Uint8Array): PrivateKey {
    const key = parsePrivateKey(file);
    this.#keys.push(key);
    return key;
  }

  /** Adds a key that the outside signs with; `AuthNeed` names it by `external`. */
  addSigningKey(key: SigningKey): void {
    this.#keys.push(key);
  }

  /** Adds all revocation lists of a file, PEM or one in DER. */
  addCrls(file: string | Uint8Array): readonly Crl[] {
    const added = readBlocks(file, ["X509 CRL"], "CRL").map((der) => parseCrl(der));
    this.#crls.push(...added);
    return added;
  }

  /** Reads a certificate of a peer; those that came before are remembered, up to a bound, and trusted no more for it. */
  readPeerCertificate(der: Uint8Array): Certificate {
    return this.#cache.read(der);
  }

  /** The secret of two identities: the one whose owners fit best, the peer's identity first; null when there is none. */
  findPreSharedKey(local: Identity, remote: Identity): Uint8Array | null {
    let best: { secret: Uint8Array; rank: number } | null = null;
    for (const { secret, owners } of this.#preSharedKeys) {
      const ofRemote = bestMatch(owners, remote);
      const ofLocal = bestMatch(owners, local);
      if (ofRemote === 0 && ofLocal === 0) continue;
      const rank = 100 * ofRemote + ofLocal;
      if (best === null || rank > best.rank) best = { secret, rank };
    }
    return best?.secret ?? null;
  }

  /** The password of a user; null when nobody is known by that name. */
  findEapPassword(identity: Identity): string | null {
    let best: { password: string; match: number } | null = null;
    for (const user of this.#eapUsers) {
      const match = matchIdentity(user.identity, identity);
      if (match !== null && match > (best?.match ?? 0)) best = { password: user.password, match };
    }
    return best?.password ?? null;
  }

  /**
   * The certificate of ours that speaks for an identity and has its key here. One below an authority that the peer asks for
   * comes before others. A sentence tells why there is none.
   */
  findOwnCertificate(
    identity: Identity,
    options: {
      readonly crypto: CryptoProviders;
      /** Only these, in this order: the `certs` of a connection. */
      readonly certificates?: readonly Certificate[];
      /** Hashes of keys of authorities (CERTREQ). */
      readonly peerAuthorities?: readonly Uint8Array[] | null;
      /** Whether a kind of key may be used. */
      readonly accepts?: (certificate: Certificate) => boolean;
    },
  ): OwnCertificate | string {
    const { crypto, peerAuthorities, accepts = () => true } = options;
    const wanted = (options.certificates ?? this.#certificates).filter((certificate) =>
      certifies(certificate, identity)
    );
    if (wanted.length === 0) return "there is no certificate of ours for it";
    const own: OwnCertificate[] = [];
    for (const certificate of wanted.filter(accepts)) {
      const key = this.#keys.find((candidate) => signsFor(candidate, certificate.publicKey, crypto));
      if (key !== undefined) own.push({ certificate, key, intermediates: this.#above(certificate) });
    }
    const asked = new Set(peerAuthorities?.map((hash) => toHex(hash)));
    const first = own.find((candidate) => this.#isBelowOneOf(candidate, asked)) ?? own[0];
    if (first !== undefined) return first;
    return wanted.some(accepts)
      ? `the private key of certificate ${describeCertificate(wanted[0]!)} is missing`
      : `its certificate ${describeCertificate(wanted[0]!)} has a key that must not be used: ${
        wanted[0]!.publicKey.name
      }`;
  }

  /** Intermediates above a certificate, by name alone: the peer checks them. */
  #above(certificate: Certificate): Certificate[] {
    const above: Certificate[] = [];
    for (let last = certificate; above.length < MAX_SENT_INTERMEDIATES;) {
      const issuer = this.#certificates.find((candidate) =>
        candidate.isAuthority && sameDistinguishedName(candidate.subject, last.issuer)
      );
      if (
        issuer === undefined || sameDistinguishedName(issuer.subject, issuer.issuer) ||
        above.some((other) => sameCertificate(other, issuer))
      ) break;
      above.push(issuer);
      last = issuer;
    }
    return above;
  }

  #isBelowOneOf({ certificate, intermediates }: OwnCertificate, hashes: ReadonlySet<string>): boolean {
    const path = [certificate, ...intermediates];
    if (path.some(({ keyHash }) => hashes.has(toHex(keyHash)))) return true;
    const top = path.at(-1)!;
    return [...this.#authorities, ...this.#certificates].some((authority) =>
      hashes.has(toHex(authority.keyHash)) && sameDistinguishedName(authority.subject, top.issuer)
    );
  }
}

/** All certificates of a file: the blocks of PEM, or one in DER. */
export function readCertificates(file: string | Uint8Array): Certificate[] {
  return readBlocks(file, ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"], "certificate").map((
    der,
  ) => parseCertificate(der));
}

function readBlocks(file: string | Uint8Array, labels: readonly string[], what: string): Uint8Array[] {
  const blocks = parsePem(file);
  const found = blocks.filter(({ label }) => labels.includes(label)).map(({ der }) => der);
  if (found.length > 0) return found;
  if (typeof file !== "string" && blocks.length === 0) return [file];
  const labelsFound = blocks.map(({ label }) => label).join(", ");
  throw wrong(
    `read a ${what}`,
    `expected PEM with ${labels[0]}, got ${labelsFound === "" ? "no PEM" : labelsFound}`,
  );
}

/** How well an identity fits the best of some owners; 0 when it fits none. */
function bestMatch(owners: readonly Identity[], identity: Identity): number {
  if (owners.length === 0) return IDENTITY_MATCH_ANY;
  return owners.reduce((best, owner) => Math.max(best, matchIdentity(owner, identity) ?? 0), 0);
}

function wrong(action: string, reason: string): ConfigError {
  return new ConfigError("ERR_CONFIG_CREDENTIAL", `Cannot ${action}: ${reason}`);
}
