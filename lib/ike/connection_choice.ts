/** Which connection a peer means: by addresses at IKE_SA_INIT, by identities at IKE_AUTH, as strongSwan chooses. */

import { type Identity, matchIdentity } from "./auth/mod.ts";
import { isEap } from "./authentication.ts";
import { type Connection, isMeantFor, remotePattern } from "./connection.ts";
import type { IkePath } from "./path.ts";

/** Connections that are meant for the addresses of a path. */
export function connectionsFor(connections: Iterable<Connection>, path: IkePath): Connection[] {
  return [...connections].filter((connection) =>
    isMeantFor(connection, path.local.address, path.remote.address)
  );
}

/** Connections that fit who the peer is and whom it wants, the closest first; of equals, the order of the configuration. */
export function rankConnections(
  candidates: readonly Connection[],
  peer: { readonly remote: Identity; readonly local: Identity | null; readonly byEap: boolean },
): Connection[] {
  return candidates
    .filter(({ remote }) => isEap(remote.auth) === peer.byEap)
    .map((connection) => ({ connection, rank: rankOf(connection, peer.remote, peer.local) }))
    .filter(({ rank }) => rank !== null)
    .sort((a, b) => b.rank! - a.rank!)
    .map(({ connection }) => connection);
}

function rankOf(connection: Connection, remote: Identity, local: Identity | null): number | null {
  const theirs = matchIdentity(remotePattern(connection), remote);
  const ours = local === null || connection.local.id === null ? 0 : matchIdentity(connection.local.id, local);
  return theirs === null || ours === null ? null : 100 * theirs + ours;
}
