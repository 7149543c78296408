/** Both proofs of IKE_AUTH, seen from an IKE SA: what each side signs, and with which words of the configuration. */

import { type IdPayload, idPayload } from "./codec/mod.ts";
import {
  ANY_IDENTITY,
  type AuthContext,
  authKind,
  authMethodName,
  buildAuth,
  buildCertificateRequest,
  type BuildOutcome,
  buildSharedKeyAuth,
  type BuiltAuth,
  checkSharedKeyAuth,
  failed,
  formatIdentity,
  hasWildcards,
  ID_TYPE,
  type Identity,
  identityBody,
  signedOctets,
  verifyAuth,
  type VerifyOutcome,
} from "./auth/mod.ts";
import type { Connection } from "./connection.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { Incoming, Outgoing } from "./messages.ts";
import type { IkePath } from "./path.ts";
import type { IkeServices } from "./services.ts";

/** A distinguished name without attributes. */
const EMPTY_NAME_SIZE = 2;

/** Whether a word of `auth` stands for EAP. */
export function isEap(auth: string): boolean {
  return auth === "eap" || auth.startsWith("eap-");
}

/**
 * What we cannot prove or verify without, where the configuration alone shows that it is missing: nothing has to be sent to find out.
 * Null where nothing is, or where it depends on the peer.
 */
export function missingCredential(
  connection: Connection,
  { credentials, crypto }: Pick<IkeServices, "credentials" | "crypto">,
  path: IkePath,
): string | null {
  const { local, remote } = connection;
  const [ours, theirs] = [ownIdentity({ connection, path }), expectedRemote(connection)];
  // Before the peer has said who it is, our secret is looked for with what is known of it; its own with its name.
  const needsSecret = local.auth === "psk" || (remote.auth === "psk" && theirs !== null);
  if (needsSecret && credentials.findPreSharedKey(ours, theirs ?? ANY_IDENTITY) === null) {
    return `there is no pre-shared key for ${formatIdentity(ours)} and ${
      formatIdentity(theirs ?? ANY_IDENTITY)
    }`;
  }
  if (isEap(local.auth) || local.auth === "any" || authKind(local.auth) !== "pubkey") return null;
  const { certificates } = local;
  const own = credentials.findOwnCertificate(ours, {
    crypto,
    ...(certificates.length === 0 ? {} : { certificates }),
  });
  return typeof own === "string" ? `as ${formatIdentity(ours)}, ${own}` : null;
}

/** Whom an initiator wants, where that is one peer. */
export function expectedRemote({ remote: { id } }: Connection): Identity | null {
  return id === null || hasWildcards(id) ? null : id;
}

/** Who we say we are: the configured identity, the subject of the certificate that is named, or the address that we send from. */
export function ownIdentity({ connection, path }: Pick<IkeSa, "connection" | "path">): Identity {
  const { id } = connection.local;
  if (id !== null && !hasWildcards(id)) return id;
  if (connection.local.auth === "null") return { type: ID_TYPE.null, data: new Uint8Array(0) };
  const [certificate] = connection.local.certificates;
  if (id === null && certificate !== undefined) {
    const [name] = certificate.alternativeNames;
    const hasSubject = certificate.subject.length > EMPTY_NAME_SIZE;
    if (hasSubject || name === undefined) return { type: ID_TYPE.dn, data: certificate.subject };
    return name;
  }
  const { address } = path.local;
  return { type: address.length === 4 ? ID_TYPE.ipv4 : ID_TYPE.ipv6, data: address };
}

/** An identity as IDi or IDr. */
export function identityPayload(kind: "IDi" | "IDr", { type, data }: Identity): IdPayload {
  return idPayload(kind, type, data);
}

/** What both proofs need; `bodies` are the ID payloads as sent and as received, which AUTH covers to the octet. */
function contextOf(sa: IkeSa, bodies: { local: Uint8Array; remote: Uint8Array }): AuthContext {
  const { services, keys, prf, role, peer } = sa;
  const { skPi, skPr } = keys!;
  const initiator = {
    message: sa.initRequest!,
    nonce: sa.nonceR,
    prf: prf!,
    key: skPi,
    identity: role === "initiator" ? bodies.local : bodies.remote,
  };
  const responder = {
    message: sa.initResponse!,
    nonce: sa.nonceI,
    prf: prf!,
    key: skPr,
    identity: role === "initiator" ? bodies.remote : bodies.local,
  };
  const [ours, theirs] = role === "initiator" ? [initiator, responder] : [responder, initiator];
  return {
    prf: prf!,
    crypto: services.crypto,
    localId: sa.localId!,
    // An initiator proves itself before the peer has said who it is.
    remoteId: sa.remoteId ?? expectedRemote(sa.connection) ?? ANY_IDENTITY,
    // Made when they are asked for: each proof needs those of one end.
    get localOctets() {
      return signedOctets(ours);
    },
    get remoteOctets() {
      return signedOctets(theirs);
    },
    localKey: ours.key,
    remoteKey: theirs.key,
    peerHashAlgorithms: peer.hashAlgorithms,
    localHashAlgorithms: services.hashAlgorithms,
    peerAuthorities: peer.authorities,
    now: services.wallClock(),
  };
}

/** Our proof, by the words of the connection. */
export function proveOurselves(sa: IkeSa): BuildOutcome {
  const { auth, certificates } = sa.connection.local;
  // RFC 5998: EAP stands in for it where the peer asks for EAP alone, and only for a responder.
  if (isEap(auth)) {
    return failed(
      `${auth} alone has to be asked for by the peer (N(EAP_ONLY_AUTHENTICATION)), which it was not`,
    );
  }
  return buildAuth(
    contextOf(sa, { local: identityBody(sa.localId!), remote: sa.remoteBody ?? new Uint8Array(4) }),
    { auth, ...(certificates.length === 0 ? {} : { certificates }), sendCertificate: sa.connection.sendCert },
    sa.services.credentials,
  );
}

/** The peer's proof, against the words of a connection. */
export function verifyPeer(sa: IkeSa, message: Incoming, connection: Connection): VerifyOutcome {
  const { auth, id, authorities, certificates, revocation } = connection.remote;
  const proof = message.first("AUTH")!;
  if (isEap(auth)) {
    return failed(
      `it authenticates itself by ${authMethodName(proof.method)}, but ${auth} alone is expected; ` +
        "a peer that cannot do that is expected by auth = pubkey or psk",
    );
  }
  return verifyAuth(
    contextOf(sa, { local: identityBody(sa.localId!), remote: sa.remoteBody! }),
    {
      auth,
      id: id ?? ANY_IDENTITY,
      ...(authorities.length === 0 ? {} : { authorities }),
      ...(certificates.length === 0 ? {} : { certificates }),
      revocation,
    },
    sa.services.credentials,
    { auth: proof, certificates: sa.peerCertificates },
  );
}

/** Our proof by the key of an EAP method, or by SK_p where it gives none (RFC 7296, section 2.16). */
export function proveByEap(sa: IkeSa, msk: Uint8Array | null): BuiltAuth {
  const context = contextOf(sa, { local: identityBody(sa.localId!), remote: sa.remoteBody! });
  return buildSharedKeyAuth(context, msk ?? context.localKey);
}

/** The peer's proof by the key of an EAP method; a sentence says what is wrong with it. */
export function verifyByEap(sa: IkeSa, message: Incoming, msk: Uint8Array | null): string | null {
  const context = contextOf(sa, { local: identityBody(sa.localId!), remote: sa.remoteBody! });
  const proof = message.first("AUTH")!;
  return checkSharedKeyAuth(context, msk ?? context.remoteKey, proof)?.reason ?? null;
}

/**
 * Asks for a certificate below one of the authorities that the connections trust: a responder in IKE_SA_INIT, where several
 * connections may still be meant, an initiator in IKE_AUTH (RFC 7296, section 1.2).
 */
export function requestCertificate(message: Outgoing, sa: IkeSa, connections: readonly Connection[]): void {
  const asking = connections.filter(({ sendCertreq, remote: { auth } }) =>
    sendCertreq && auth !== "psk" && auth !== "null" && !isEap(auth)
  );
  const authorities = asking.flatMap(({ remote }) =>
    remote.authorities.length > 0 ? remote.authorities : sa.services.credentials.authorities
  );
  const request = buildCertificateRequest([...new Set(authorities)]);
  if (request !== null) message.add({ kind: "CERTREQ", ...request });
}

/** Takes the peer's identity and certificates out of a message. */
export function learnIdentity(sa: IkeSa, message: Incoming): void {
  const id = message.first(sa.role === "initiator" ? "IDr" : "IDi")!;
  sa.remoteId = { type: id.type, data: id.data.slice() };
  sa.remoteBody = id.body.slice();
  sa.peerCertificates = message.all("CERT").map(({ encoding, data }) => ({ encoding, data: data.slice() }));
}

/** Adds CERT and AUTH. */
export function addProof(message: Outgoing, { auth, certificates }: BuiltAuth): void {
  for (const { encoding, data } of certificates) message.add({ kind: "CERT", encoding, data });
  message.add({ kind: "AUTH", method: auth.method, data: auth.data });
}

/** `gw.example (carol@example)` for logs; `nobody` where there is no identity yet. */
export function formatPeer(identity: Identity | null): string {
  return identity === null ? "nobody" : formatIdentity(identity);
}
