/** EAP with the words and credentials of a connection. */

import {
  ANY_IDENTITY,
  formatIdentity,
  hasWildcards,
  ID_TYPE,
  type Identity,
  matchIdentity,
  parseIdentity,
} from "./auth/mod.ts";
import {
  EAP_TYPE,
  eapMethods,
  EapPeer,
  EapServer,
  type EapSuccess,
  type EapTlsCredentials,
  eapTlsCredentials,
  type EapTlsSettings,
} from "./eap/mod.ts";
import { ownIdentity } from "./authentication.ts";
import type { IkeSa } from "./ike_sa.ts";
import { IkeSaFailure } from "./tasks/task.ts";

/** Who answers a gateway's EAP requests: the identity of `local`, with what the credentials have for it. */
export function makeEapPeer(sa: IkeSa): EapPeer {
  const { connection, services, localId } = sa;
  const { auth, eapId } = connection.local;
  const identity = eapId ?? localId ?? ANY_IDENTITY;
  const methods = eapMethods(auth).map(({ peer }) => peer);
  const password = services.credentials.findEapPassword(identity);
  if (password === null && methods.some(({ type }) => type !== EAP_TYPE.tls)) {
    throw failure(`There is no EAP password for ${formatIdentity(identity)} among the credentials`);
  }
  return new EapPeer({
    identity: nameOf(identity),
    password: password ?? "",
    // Whom we have asked for; else who answers, once it has said so in IDr.
    ...tlsOf(sa, methods, { localId: identity, remoteId: () => sa.remoteId }),
    methods,
    random: (octets) => services.random(octets),
  });
}

/** Who asks a client: its name is that of IDi, unless `eap_id` is a pattern, which has it asked for and must fit. */
export function makeEapServer(sa: IkeSa): EapServer {
  const { connection, services, remoteId } = sa;
  const { auth, eapId } = connection.remote;
  const asks = eapId !== null && hasWildcards(eapId);
  const known = eapId ?? remoteId!;
  const methods = eapMethods(auth).map(({ server }) => server);
  return new EapServer({
    // Its certificate must be for the name that it gives itself.
    ...tlsOf(sa, methods, { localId: ownIdentity(sa), remoteId: () => asks ? null : known }),
    methods,
    ...(asks ? { reasonAgainst: (name) => reasonAgainstName(name, eapId) } : { identity: nameOf(known) }),
    passwordOf: (name) => services.credentials.findEapPassword(eapIdentity(name)),
    random: (octets) => services.random(octets),
  });
}

/** Who a peer has proven to be, when EAP was a success. */
export function eapPeerIdentity({ connection, remoteId }: IkeSa, { name }: EapSuccess): Identity {
  const { eapId } = connection.remote;
  if (eapId !== null && !hasWildcards(eapId)) return eapId;
  return eapId === null ? remoteId! : eapIdentity(name!);
}

/** Who goes by a name in EAP. The peer chose it: what cannot be read as an identity is a name all the same. */
function eapIdentity(name: string): Identity {
  try {
    return parseIdentity(name);
  } catch {
    return { type: ID_TYPE.keyId, data: new TextEncoder().encode(name) };
  }
}

function reasonAgainstName(name: string, pattern: Identity): string | null {
  const identity = eapIdentity(name);
  if (matchIdentity(pattern, identity) !== null) return null;
  return `the peer calls itself ${formatIdentity(identity)}; expected ${formatIdentity(pattern)}`;
}

/** Certificates for EAP-TLS, where that is among the methods. */
function tlsOf(
  { connection, services }: IkeSa,
  methods: readonly { readonly type: number }[],
  identities: Pick<EapTlsSettings, "localId" | "remoteId">,
): { tls?: EapTlsCredentials } {
  if (!methods.some(({ type }) => type === EAP_TYPE.tls)) return {};
  const { authorities, revocation } = connection.remote;
  const { credentials, crypto } = services;
  const tls = eapTlsCredentials({
    credentials,
    crypto,
    ...identities,
    ...(authorities.length === 0 ? {} : { authorities }),
    revocation,
    now: services.wallClock(),
  });
  if (typeof tls === "string") throw failure(tls);
  return { tls };
}

function failure(text: string): IkeSaFailure {
  return new IkeSaFailure("authentication_failed", text);
}

/** An identity as EAP has it: text without the marks of strongSwan's notation. */
function nameOf(identity: Identity): string {
  return new TextDecoder().decode(identity.data);
}
