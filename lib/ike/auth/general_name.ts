/** GeneralName (RFC 5280, section 4.2.1.6) as IKE needs it: identities of alternative names, and the bases of name constraints. */

import { AsnSerializer } from "@peculiar/asn1-schema";
import type { GeneralName, Name } from "@peculiar/asn1-x509";
import { parseIpAddress } from "../../ip/mod.ts";
import { nameAttributes } from "./distinguished_name.ts";
import { ID_TYPE, type Identity, parseIdentity } from "./identity.ts";

/** What a name constraint speaks of. */
export type ConstrainedName =
  /** A domain, or the mailboxes of one. */
  | { readonly kind: "dns" | "mail"; readonly text: string }
  /** A range of addresses. */
  | { readonly kind: "address"; readonly range: Identity }
  /** A distinguished name in DER. */
  | { readonly kind: "directory"; readonly name: Uint8Array }
  /** A kind of name that is not understood here. */
  | { readonly kind: "unknown"; readonly text: string };

/** An alternative name as an identity of IKE; null for kinds that IKE has no identity of. */
export function generalNameIdentity(name: GeneralName): Identity | null {
  const text = (type: number, value: string) => ({ type, data: new TextEncoder().encode(value) });
  if (name.dNSName !== undefined) return text(ID_TYPE.fqdn, name.dNSName);
  if (name.rfc822Name !== undefined) return text(ID_TYPE.rfc822, name.rfc822Name);
  if (name.directoryName !== undefined) {
    return { type: ID_TYPE.dn, data: readName(name.directoryName) };
  }
  const address = parseIpAddress(name.iPAddress ?? "");
  if (address === undefined) return null;
  return { type: address.length === 4 ? ID_TYPE.ipv4 : ID_TYPE.ipv6, data: address };
}

/** The base of a name constraint. */
export function constrainedName(name: GeneralName): ConstrainedName {
  if (name.dNSName !== undefined) return { kind: "dns", text: name.dNSName };
  if (name.rfc822Name !== undefined) return { kind: "mail", text: name.rfc822Name };
  if (name.directoryName !== undefined) {
    return { kind: "directory", name: readName(name.directoryName) };
  }
  // Eight or 32 octets are an address and a mask, which the library writes with a slash.
  if (name.iPAddress?.includes("/")) return { kind: "address", range: parseRange(name.iPAddress) };
  const kind = Object.entries(name).find(([, value]) => value !== undefined)?.[0];
  return { kind: "unknown", text: kind ?? "of no kind" };
}

/** `0.0.0.0/0` reads as a range like any other: a prefix keeps it from meaning "whoever". */
function parseRange(text: string): Identity {
  return parseIdentity(`${text.includes(":") ? "ipv6net" : "ipv4net"}:${text}`);
}

/** A name in DER that is known to be readable. */
function readName(name: Name): Uint8Array {
  const der = new Uint8Array(AsnSerializer.serialize(name));
  nameAttributes(der);
  return der;
}
