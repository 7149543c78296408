/**
 * Name constraints (RFC 5280, section 4.2.1.10): which names a certificate below an authority may have. Domain names, mail
 * addresses, IP addresses and distinguished names are understood; an authority that constrains another kind of name has
 * nothing below it that is accepted, since nobody could tell.
 *
 * @module
 */

import type { Certificate, NameConstraints } from "./certificate.ts";
import { isBelowDistinguishedName, nameAttributes } from "./distinguished_name.ts";
import type { ConstrainedName } from "./general_name.ts";
import { formatIdentity, ID_TYPE, type Identity, matchIdentity } from "./identity.ts";

/** Why a certificate's names break the constraints; null when they keep them. */
export function reasonAgainstNames(constraints: NameConstraints, certificate: Certificate): string | null {
  const unknown = [...constraints.permitted, ...constraints.excluded].find(({ kind }) => kind === "unknown");
  if (unknown?.kind === "unknown") {
    return `constraints on names of the kind ${unknown.text} are not understood`;
  }
  for (const name of namesOf(certificate)) {
    const kind = kindOf(name);
    const permitted = constraints.permitted.filter((base) => base.kind === kind);
    if (permitted.length > 0 && !permitted.some((base) => isBelow(name, base))) {
      return `its name ${formatIdentity(name)} is not among the permitted ones`;
    }
    if (constraints.excluded.some((base) => base.kind === kind && isBelow(name, base))) {
      return `its name ${formatIdentity(name)} is excluded`;
    }
  }
  return null;
}

const OID_MAIL = "1.2.840.113549.1.9.1";

/** All names: the subject, its mail addresses, the alternative names. */
function namesOf(certificate: Certificate): Identity[] {
  const levels = nameAttributes(certificate.subject);
  const mails = levels.flat().filter(({ type }) => type === OID_MAIL);
  return [
    ...levels.length > 0 ? [{ type: ID_TYPE.dn, data: certificate.subject }] : [],
    ...mails.map(({ value }) => ({ type: ID_TYPE.rfc822, data: new TextEncoder().encode(value) })),
    ...certificate.alternativeNames,
  ];
}

function kindOf({ type }: Identity): ConstrainedName["kind"] {
  if (type === ID_TYPE.fqdn) return "dns";
  if (type === ID_TYPE.rfc822) return "mail";
  return type === ID_TYPE.dn ? "directory" : "address";
}

function isBelow(name: Identity, base: ConstrainedName): boolean {
  switch (base.kind) {
    case "dns":
      return isBelowDomain(textOf(name), base.text);
    case "mail":
      return isMailBelow(textOf(name), base.text);
    case "directory":
      return isBelowDistinguishedName(name.data, base.name);
    case "address":
      return matchIdentity(base.range, name) !== null;
    case "unknown":
      return false;
  }
}

/** Labels may be added to the left. */
function isBelowDomain(name: string, base: string): boolean {
  const [host, domain] = [name.toLowerCase(), base.toLowerCase().replace(/^\./, "")];
  return domain === "" || host === domain || host.endsWith(`.${domain}`);
}

/** One mailbox, all mailboxes of a host, or with a leading dot of all hosts below a domain. */
function isMailBelow(mail: string, base: string): boolean {
  if (base.includes("@")) return mail.toLowerCase() === base.toLowerCase();
  const host = mail.slice(mail.lastIndexOf("@") + 1).toLowerCase();
  const domain = base.toLowerCase();
  return domain.startsWith(".") ? host.endsWith(domain) : host === domain;
}

function textOf({ data }: Identity): string {
  return new TextDecoder().decode(data);
}
