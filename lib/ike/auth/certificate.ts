/**
 * X.509 certificates (RFC 5280, section 4) as plain values: what path validation and IKE must know of one. ASN.1 and its
 * schemas are the library's; the octets that the signature covers, and names, are kept as they came.
 *
 * @module
 */

import type { AsnArray } from "@peculiar/asn1-schema";
import {
  BasicConstraints,
  Certificate as AsnCertificate,
  ExtendedKeyUsage,
  type Extension,
  type GeneralName,
  KeyUsage,
  KeyUsageFlags,
  NameConstraints as AsnNameConstraints,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
} from "@peculiar/asn1-x509";
import { AuthorityKeyIdentifier, CRLDistributionPoints } from "@peculiar/asn1-x509";
import type { BaseBlock } from "asn1js";
import { sha1 } from "@noble/hashes/legacy.js";
import { toHex } from "../../bytes/mod.ts";
import { IkeError } from "../../errors.ts";
import { childrenOf, decodeAsn, interpretAsn, parseAsn, rawOf } from "./_asn.ts";
import { formatDistinguishedName, nameAttributes } from "./distinguished_name.ts";
import { type ConstrainedName, constrainedName, generalNameIdentity } from "./general_name.ts";
import type { Identity } from "./identity.ts";
import { parsePublicKey, type PublicKey } from "./public_key.ts";
import { parseSignatureAlgorithm, type SignatureAlgorithm } from "./signature_algorithm.ts";

/** A certificate, read once. */
export interface Certificate {
  /** All of it, as it travels. */
  readonly der: Uint8Array;
  /** The octets that its signature covers. */
  readonly signedOctets: Uint8Array;
  /** How it is signed. */
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** The signature. */
  readonly signature: Uint8Array;
  /** Serial number in hexadecimal. */
  readonly serial: string;
  /** Name of the subject in DER; may be the empty sequence. */
  readonly subject: Uint8Array;
  /** Name of the issuer in DER. */
  readonly issuer: Uint8Array;
  /** First moment of its life, in milliseconds since 1970. */
  readonly notBefore: number;
  /** Last moment of its life. */
  readonly notAfter: number;
  /** The subject's key. */
  readonly publicKey: PublicKey;
  /** SHA-1 of the whole SubjectPublicKeyInfo: how CERTREQ names an authority (RFC 7296, section 3.7). */
  readonly keyHash: Uint8Array;
  /** Subject alternative names, as far as IKE has identities of their kind. */
  readonly alternativeNames: readonly Identity[];
  /** Whether it may issue certificates: basic constraints with CA:TRUE. */
  readonly isAuthority: boolean;
  /** How many authorities may stand below it; null where it does not say. */
  readonly pathLength: number | null;
  /** What its key may be used for; null where it does not say. */
  readonly keyUsage: readonly KeyUsageName[] | null;
  /** Purposes, as object identifiers; null where it does not say. */
  readonly extendedKeyUsage: readonly string[] | null;
  /** Names that certificates below it may have; null where it does not say. */
  readonly nameConstraints: NameConstraints | null;
  /** Identifies its key. */
  readonly subjectKeyId: Uint8Array | null;
  /** Identifies the key that signed it. */
  readonly authorityKeyId: Uint8Array | null;
  /** Whether it names a place where its CRL is to be had. */
  readonly hasCrlLocation: boolean;
  /** Critical extensions that are not understood here: object identifiers. Such a certificate is of no use. */
  readonly unknownCriticalExtensions: readonly string[];
}

/** The uses of a key that matter here (RFC 5280, section 4.2.1.3). */
export type KeyUsageName = "digitalSignature" | "nonRepudiation" | "keyCertSign" | "cRLSign";

/** Names below an authority (RFC 5280, section 4.2.1.10). */
export interface NameConstraints {
  /** Names of a kind listed here must lie below one of them. */
  readonly permitted: readonly ConstrainedName[];
  /** Names that lie below one of these are refused. */
  readonly excluded: readonly ConstrainedName[];
}

const OID_SUBJECT_KEY_ID = "2.5.29.14";
const OID_KEY_USAGE = "2.5.29.15";
const OID_ALTERNATIVE_NAME = "2.5.29.17";
const OID_BASIC_CONSTRAINTS = "2.5.29.19";
const OID_NAME_CONSTRAINTS = "2.5.29.30";
const OID_CRL_LOCATIONS = "2.5.29.31";
const OID_POLICIES = "2.5.29.32";
const OID_AUTHORITY_KEY_ID = "2.5.29.35";
const OID_EXTENDED_KEY_USAGE = "2.5.29.37";

/** Understood: policies too, since none is asked for here and every one will do (RFC 5280, section 6.1.1). */
const KNOWN_EXTENSIONS: ReadonlySet<string> = new Set([
  OID_SUBJECT_KEY_ID,
  OID_KEY_USAGE,
  OID_ALTERNATIVE_NAME,
  OID_BASIC_CONSTRAINTS,
  OID_NAME_CONSTRAINTS,
  OID_CRL_LOCATIONS,
  OID_POLICIES,
  OID_AUTHORITY_KEY_ID,
  OID_EXTENDED_KEY_USAGE,
]);

/** Reads a certificate in DER; throws an `IkeError` where it is none. */
export function parseCertificate(octets: Uint8Array): Certificate {
  const der = octets.slice();
  const tree = decodeAsn(der, WHAT);
  const { tbsCertificate: body, signatureAlgorithm, signatureValue } = interpretAsn(
    tree,
    AsnCertificate,
    WHAT,
  );
  const fields = fieldsOf(tree);
  if (!signatureAlgorithm.isEqual(body.signature)) {
    throw wrong("it names two signature algorithms"); // RFC 5280, section 4.1.1.2
  }
  // Read now, so that a name that cannot be read is a fault of the certificate and not of whoever compares it later.
  nameAttributes(fields.subject);
  nameAttributes(fields.issuer);
  const extensions = new Extensions(body.extensions ?? []);
  const constraints = extensions.read(OID_BASIC_CONSTRAINTS, BasicConstraints);
  return {
    der,
    signedOctets: fields.body,
    signatureAlgorithm: parseSignatureAlgorithm(signatureAlgorithm),
    signature: new Uint8Array(signatureValue),
    serial: toHex(new Uint8Array(body.serialNumber)),
    subject: fields.subject,
    issuer: fields.issuer,
    notBefore: body.validity.notBefore.getTime().getTime(),
    notAfter: body.validity.notAfter.getTime().getTime(),
    publicKey: parsePublicKey(fields.spki, body.subjectPublicKeyInfo),
    keyHash: sha1(fields.spki),
    alternativeNames: [...extensions.read(OID_ALTERNATIVE_NAME, SubjectAlternativeName) ?? []]
      .map(generalNameIdentity)
      .filter((identity) => identity !== null),
    isAuthority: constraints?.cA ?? false,
    pathLength: constraints?.pathLenConstraint ?? null,
    keyUsage: usesOf(extensions.read(OID_KEY_USAGE, KeyUsage)),
    extendedKeyUsage: listOf(extensions.read(OID_EXTENDED_KEY_USAGE, ExtendedKeyUsage)),
    nameConstraints: constraintsOf(extensions.read(OID_NAME_CONSTRAINTS, AsnNameConstraints)),
    subjectKeyId: octetsOf(extensions.read(OID_SUBJECT_KEY_ID, SubjectKeyIdentifier)?.buffer),
    authorityKeyId: octetsOf(
      extensions.read(OID_AUTHORITY_KEY_ID, AuthorityKeyIdentifier)?.keyIdentifier?.buffer,
    ),
    hasCrlLocation: (extensions.read(OID_CRL_LOCATIONS, CRLDistributionPoints)?.length ?? 0) > 0,
    unknownCriticalExtensions: extensions.unknownCritical(),
  };
}

/** How people know a certificate: its subject, or its first alternative name where it has no subject. */
export function describeCertificate(certificate: Certificate): string {
  const subject = formatDistinguishedName(certificate.subject);
  return subject === "" ? `serial ${certificate.serial}` : `"${subject}"`;
}

/** Whether two are the same certificate. */
export function sameCertificate(a: Certificate, b: Certificate): boolean {
  return a.der.length === b.der.length && a.der.every((octet, i) => octet === b.der[i]);
}

const WHAT = "X.509 certificate";

/** Octets as they came: the signed body, and the names in it. */
function fieldsOf(tree: BaseBlock): Record<"body" | "subject" | "issuer" | "spki", Uint8Array> {
  const body = childrenOf(tree)[0]!;
  const fields = childrenOf(body);
  // The version is the only optional field in front, and has a tag of its own: [0].
  const first = fields[0]!.idBlock.tagClass === 3 ? 1 : 0;
  // serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo
  const [, , issuer, , subject, spki] = fields.slice(first);
  return { body: rawOf(body), issuer: rawOf(issuer!), subject: rawOf(subject!), spki: rawOf(spki!) };
}

/** Extensions by object identifier; one that comes twice makes the certificate unreadable (RFC 5280, section 4.2). */
class Extensions {
  readonly #byId: Map<string, Extension> = new Map();

  constructor(extensions: Iterable<Extension>) {
    for (const extension of extensions) {
      if (this.#byId.has(extension.extnID)) throw wrong(`the extension ${extension.extnID} comes twice`);
      this.#byId.set(extension.extnID, extension);
    }
  }

  read<T>(id: string, type: new () => T): T | null {
    const extension = this.#byId.get(id);
    if (extension === undefined) return null;
    return parseAsn(new Uint8Array(extension.extnValue.buffer), type, `extension ${id} of a certificate`);
  }

  unknownCritical(): string[] {
    return [...this.#byId.values()]
      .filter(({ critical, extnID }) => critical && !KNOWN_EXTENSIONS.has(extnID))
      .map(({ extnID }) => extnID);
  }
}

const USES: readonly (readonly [KeyUsageName, number])[] = [
  ["digitalSignature", KeyUsageFlags.digitalSignature],
  ["nonRepudiation", KeyUsageFlags.nonRepudiation],
  ["keyCertSign", KeyUsageFlags.keyCertSign],
  ["cRLSign", KeyUsageFlags.cRLSign],
];

function usesOf(usage: KeyUsage | null): KeyUsageName[] | null {
  if (usage === null) return null;
  const flags = usage.toNumber();
  return USES.filter(([, flag]) => (flags & flag) !== 0).map(([name]) => name);
}

function listOf(list: AsnArray<string> | null): string[] | null {
  return list === null ? null : [...list];
}

function constraintsOf(constraints: AsnNameConstraints | null): NameConstraints | null {
  if (constraints === null) return null;
  const names = (trees: Iterable<{ base: GeneralName }> | undefined) =>
    [...trees ?? []].map(({ base }) => constrainedName(base));
  return { permitted: names(constraints.permittedSubtrees), excluded: names(constraints.excludedSubtrees) };
}

function octetsOf(buffer: ArrayBuffer | undefined): Uint8Array | null {
  return buffer === undefined ? null : new Uint8Array(buffer);
}

function wrong(reason: string): IkeError {
  return new IkeError("ERR_IKE_CERTIFICATE", `Cannot read ${WHAT}: ${reason}`);
}
