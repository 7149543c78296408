/** All IKE SAs of an engine, found by what messages and callers know of them, and counted where there are limits. */

import { type Identity, identityKey } from "./auth/mod.ts";
import type { IkeSaId } from "./events.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { IkePath } from "./path.ts";

/** Numbers for people and for tests: all of them are zero again when every SA is gone, and a while has passed. */
export interface IkeCounters {
  /** IKE SAs in any state. */
  readonly ikeSas: number;
  /** Of these, those whose initiator has not authenticated itself. */
  readonly halfOpen: number;
  /** SPIs of child SAs in use or under negotiation. */
  readonly childSpis: number;
  /** SPIs of replaced child SAs on which packets that were under way may still come. */
  readonly lateSpis: number;
  /** Addresses of pools that peers have. */
  readonly leases: number;
  /** Paths that an SA sends to. */
  readonly paths: number;
  /** Timers that are set. */
  readonly timers: number;
  /** Needs without an answer. */
  readonly needs: number;
  /** Last responses of closed IKE SAs, which are kept for `closed_response_time`. */
  readonly closedResponses: number;
}

/** The IKE SAs of an engine. */
export class IkeSaRegistry {
  readonly #byId: Map<IkeSaId, IkeSa> = new Map();
  readonly #bySpi: Map<string, IkeSa> = new Map();
  /** SAs of ours as responder by the digest of the IKE_SA_INIT request that made them (RFC 7296, section 2.1). */
  readonly #byRequest: Map<string, IkeSa> = new Map();
  /** The latest established SA of each peer, by what its identity looks like; others hang on it as a list. */
  readonly #byPeer: Map<string, IkeSa> = new Map();
  #halfOpen = 0;
  /** Half-open SAs by the addresses they came from. */
  readonly #perSource: Map<string, number> = new Map();
  /** How many SAs send to a path. */
  readonly #paths: Map<string, number> = new Map();

  /** How many there are. */
  get size(): number {
    return this.#byId.size;
  }

  /** How many are half open. */
  get halfOpen(): number {
    return this.#halfOpen;
  }

  /** Paths in use. */
  get paths(): number {
    return this.#paths.size;
  }

  /** How many of one address are half open. */
  halfOpenOf(address: Uint8Array): number {
    return this.#perSource.get(keyOf(address)) ?? 0;
  }

  /** All SAs. */
  all(): IterableIterator<IkeSa> {
    return this.#byId.values();
  }

  /** The SA of a number. */
  byId(id: IkeSaId): IkeSa | undefined {
    return this.#byId.get(id);
  }

  /** The SA whose own SPI it is. */
  bySpi(localSpi: Uint8Array): IkeSa | undefined {
    return this.#bySpi.get(keyOf(localSpi));
  }

  /** The SA that an IKE_SA_INIT request has made. */
  byRequest(digest: Uint8Array): IkeSa | undefined {
    return this.#byRequest.get(keyOf(digest));
  }

  /** Takes an SA in; one that a peer's request has made, with the digest of that, counts as half open. */
  add(sa: IkeSa, requestDigest?: Uint8Array): void {
    this.#byId.set(sa.id, sa);
    this.#bySpi.set(keyOf(sa.localSpi), sa);
    count(this.#paths, sa.path.id, 1);
    if (requestDigest === undefined) return;
    sa.requestKey = keyOf(requestDigest);
    this.#byRequest.set(sa.requestKey, sa);
    sa.halfOpenSource = keyOf(sa.path.remote.address);
    this.#halfOpen++;
    count(this.#perSource, sa.halfOpenSource, 1);
  }

  /** Established SAs of a peer, and perhaps of others whose identities look like its own. */
  *ofPeer(identity: Identity): Generator<IkeSa, void, undefined> {
    let sa = this.#byPeer.get(identityKey(identity)) ?? null;
    while (sa !== null) {
      yield sa;
      sa = sa.nextOfPeer;
    }
  }

  /** An SA is established: it is half open no more, and found by its peer. */
  establish(sa: IkeSa): void {
    this.#settle(sa);
    const key = identityKey(sa.peerId!);
    sa.nextOfPeer = this.#byPeer.get(key) ?? null;
    this.#byPeer.set(key, sa);
  }

  #forgetPeer(sa: IkeSa): void {
    if (sa.peerId === null) return;
    const key = identityKey(sa.peerId);
    let before = this.#byPeer.get(key) ?? null;
    if (before === sa) {
      if (sa.nextOfPeer === null) this.#byPeer.delete(key);
      else this.#byPeer.set(key, sa.nextOfPeer);
      return;
    }
    while (before !== null && before.nextOfPeer !== sa) before = before.nextOfPeer;
    if (before !== null) before.nextOfPeer = sa.nextOfPeer;
  }

  #settle(sa: IkeSa): void {
    if (sa.halfOpenSource === null) return;
    count(this.#perSource, sa.halfOpenSource, -1);
    this.#halfOpen--;
    sa.halfOpenSource = null;
  }

  /** An SA sends to another path; tells whether nobody sends to the old one any more. */
  movePath(before: IkePath, after: IkePath): boolean {
    count(this.#paths, after.id, 1);
    return count(this.#paths, before.id, -1) === 0;
  }

  /** Lets an SA go; tells whether nobody sends to its path any more. */
  remove(sa: IkeSa): boolean {
    if (!this.#byId.delete(sa.id)) return false;
    this.#bySpi.delete(keyOf(sa.localSpi));
    if (sa.requestKey !== null) this.#byRequest.delete(sa.requestKey);
    this.#settle(sa);
    this.#forgetPeer(sa);
    return count(this.#paths, sa.path.id, -1) === 0;
  }
}

/** Octets as a key: one character for each, which takes a string half the memory and a tenth of the time of hexadecimal. */
function keyOf(octets: Uint8Array): string {
  let key = "";
  for (let i = 0; i < octets.length; i++) key += String.fromCharCode(octets[i]!);
  return key;
}

/** Counts a name up or down, and forgets it at zero. */
function count(counts: Map<string, number>, name: string, by: number): number {
  const next = (counts.get(name) ?? 0) + by;
  if (next === 0) counts.delete(name);
  else counts.set(name, next);
  return next;
}
