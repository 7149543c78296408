/** EAP with the words and credentials of a connection. */

import { ANY_IDENTITY, formatIdentity, type Identity, parseIdentity } from "./auth/mod.ts";
import { eapMethods, EapPeer, EapServer } from "./eap/mod.ts";
import type { IkeSa } from "./ike_sa.ts";
import { IkeSaFailure } from "./tasks/task.ts";

/** Who answers a gateway's EAP requests: the identity of `local`, with the password that the credentials have for it. */
export function makeEapPeer(sa: IkeSa): EapPeer {
  const { connection, services, localId } = sa;
  const { auth, eapId } = connection.local;
  const identity = eapId ?? localId ?? ANY_IDENTITY;
  const password = services.credentials.findEapPassword(identity);
  if (password === null) {
    throw new IkeSaFailure(
      "authentication_failed",
      `There is no EAP password for ${formatIdentity(identity)} among the credentials`,
    );
  }
  return new EapPeer({
    identity: nameOf(identity),
    password,
    methods: eapMethods(auth).map(({ peer }) => peer),
    random: (octets) => services.random(octets),
  });
}

/** Who asks a client: its name is that of IDi, unless `eap_id` is `%any`, which has it asked for. */
export function makeEapServer(sa: IkeSa): EapServer {
  const { connection, services, remoteId } = sa;
  const { auth, eapId } = connection.remote;
  const asks = eapId !== null && eapId.type === ANY_IDENTITY.type;
  const known = eapId ?? remoteId!;
  return new EapServer({
    methods: eapMethods(auth).map(({ server }) => server),
    ...(asks ? {} : { identity: nameOf(known) }),
    passwordOf: (name) => services.credentials.findEapPassword(parseIdentity(name)),
    random: (octets) => services.random(octets),
  });
}

/** An identity as EAP has it: text without the marks of strongSwan's notation. */
function nameOf(identity: Identity): string {
  return new TextDecoder().decode(identity.data);
}
