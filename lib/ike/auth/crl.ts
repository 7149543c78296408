/** Certificate revocation lists (RFC 5280, section 5) as plain values. */

import { CertificateList } from "@peculiar/asn1-x509";
import { toHex } from "../../bytes/mod.ts";
import { childrenOf, decodeAsn, interpretAsn, rawOf } from "./_asn.ts";
import { parseSignatureAlgorithm, type SignatureAlgorithm } from "./signature_algorithm.ts";

/** A CRL, read once. */
export interface Crl {
  /** The octets that its signature covers. */
  readonly signedOctets: Uint8Array;
  /** How it is signed. */
  readonly signatureAlgorithm: SignatureAlgorithm;
  /** The signature. */
  readonly signature: Uint8Array;
  /** Name of the issuer in DER. */
  readonly issuer: Uint8Array;
  /** When it was made, in milliseconds since 1970. */
  readonly thisUpdate: number;
  /** When there will be a newer one; null where it does not say. */
  readonly nextUpdate: number | null;
  /** When each certificate was revoked, by serial number in hexadecimal. */
  readonly revoked: ReadonlyMap<string, number>;
  /** Critical extensions that are not understood here, such as those of partial and delta lists: it is of no use then. */
  readonly unknownCriticalExtensions: readonly string[];
}

/** Each revoked certificate has some five elements. */
const MAX_NODES = 1_000_000;

/** Reads a CRL in DER; throws an `IkeError` where it is none. One of a peer may have fewer elements (`maxNodes`) than one of ours. */
export function parseCrl(octets: Uint8Array, maxNodes: number = MAX_NODES): Crl {
  const tree = decodeAsn(octets, WHAT, maxNodes);
  const { tbsCertList: body, signatureAlgorithm, signature } = interpretAsn(tree, CertificateList, WHAT);
  const bodyTree = childrenOf(tree)[0]!;
  const fields = childrenOf(bodyTree);
  // The version is the only optional field in front, an integer before the sequence of the signature algorithm.
  const issuer = fields[fields[0]!.idBlock.tagNumber === 2 ? 2 : 1]!;
  const entries = body.revokedCertificates ?? [];
  const critical = [
    ...body.crlExtensions ?? [],
    ...entries.flatMap((entry) => entry.crlEntryExtensions ?? []),
  ]
    .filter((extension) => extension.critical);
  return {
    signedOctets: rawOf(bodyTree),
    signatureAlgorithm: parseSignatureAlgorithm(signatureAlgorithm),
    signature: new Uint8Array(signature),
    issuer: rawOf(issuer),
    thisUpdate: body.thisUpdate.getTime().getTime(),
    nextUpdate: body.nextUpdate?.getTime().getTime() ?? null,
    revoked: new Map(entries.map((entry) => [
      toHex(new Uint8Array(entry.userCertificate)),
      entry.revocationDate.getTime().getTime(),
    ])),
    unknownCriticalExtensions: [...new Set(critical.map(({ extnID }) => extnID))],
  };
}

const WHAT = "CRL";
