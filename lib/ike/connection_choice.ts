/** Which connection a peer means: by addresses at IKE_SA_INIT, by identities at IKE_AUTH, as strongSwan chooses. */

import { sameAddress } from "./_endpoints.ts";
import type { TrafficSelector } from "../ip/mod.ts";
import { AUTH_METHOD, authKind, type Identity, matchIdentity } from "./auth/mod.ts";
import { isEap } from "./authentication.ts";
import { type Connection, isMeantFor, remotePattern } from "./connection.ts";
import type { IkePath } from "./path.ts";

/** Connections that are meant for the addresses of a path, those that name them more closely first; the peer's counts for more. */
export function connectionsFor(connections: Iterable<Connection>, path: IkePath): Connection[] {
  const { local, remote } = path;
  const closeness = ({ localAddresses, remoteAddresses }: Connection) =>
    3 * closestTo(remote.address, remoteAddresses) + closestTo(local.address, localAddresses);
  return [...connections]
    .filter((connection) => isMeantFor(connection, local.address, remote.address))
    .sort((a, b) => closeness(b) - closeness(a));
}

/** 2 for the address itself, 1 for a subnet or range around it, 0 where every address will do. */
function closestTo(address: Uint8Array, patterns: readonly TrafficSelector[]): number {
  if (patterns.length === 0) return 0;
  return patterns.some(({ start, end }) => sameAddress(start, address) && sameAddress(end, address)) ? 2 : 1;
}

/** What is known of a peer when it has to be chosen. */
export interface KnownPeer {
  /** Who it says it is. */
  readonly remote: Identity;
  /** Whom it wants; null for anybody. */
  readonly local: Identity | null;
  /** The Auth Method of its proof; null where it wants EAP. */
  readonly method: number | null;
}

/**
 * Connections that fit who the peer is and whom it wants, the closest first; of equals, the order of the configuration. Those that
 * its proof is of the wrong kind for come in only where there are no others, to say so.
 */
export function rankConnections(candidates: readonly Connection[], peer: KnownPeer): Connection[] {
  const ranked = candidates
    .filter(({ remote }) => isEap(remote.auth) === (peer.method === null))
    .map((connection) => ({ connection, rank: rankOf(connection, peer.remote, peer.local) }))
    .filter(({ rank }) => rank !== null)
    .sort((a, b) => b.rank! - a.rank!)
    .map(({ connection }) => connection);
  const { method } = peer;
  if (method === null) return ranked;
  const fitting = ranked.filter(({ remote }) => acceptsMethod(remote.auth, method));
  return fitting.length > 0 ? fitting : ranked.slice(0, 1);
}

function rankOf(connection: Connection, remote: Identity, local: Identity | null): number | null {
  const theirs = matchIdentity(remotePattern(connection), remote);
  const ours = local === null || connection.local.id === null ? 0 : matchIdentity(connection.local.id, local);
  return theirs === null || ours === null ? null : 100 * theirs + ours;
}

/** Whether an Auth Method is of the kind that a word of `remote.auth` stands for. */
function acceptsMethod(auth: string, method: number): boolean {
  if (method === AUTH_METHOD.null) return auth === "null";
  if (auth === "any") return true;
  return authKind(auth) === (method === AUTH_METHOD.sharedKey ? "psk" : "pubkey");
}
