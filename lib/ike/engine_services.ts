/** The parts of an engine that its SAs share. */

import { readUint32 } from "../bytes/mod.ts";
import { type CryptoProviders, SIGNATURE_SCHEMES } from "../crypto/mod.ts";
import type { Credentials } from "./auth/mod.ts";
import { ClosedResponses, type LastResponse } from "./closed_responses.ts";
import type { EapPeer, EapServer } from "./eap/mod.ts";
import { sameAddress } from "./_endpoints.ts";
import { expectedRemote, isEap, ownIdentity } from "./authentication.ts";
import { makeEapPeer, makeEapServer } from "./eap_choice.ts";
import type { IkeOutput } from "./engine_io.ts";
import type { DropReason, IkeEvent, IkeSaId, KeyLogEntry } from "./events.ts";
import { IkeSa } from "./ike_sa.ts";
import { sameIdentity } from "./auth/mod.ts";
import type { IkeLimits } from "./limits.ts";
import type { IkePath } from "./path.ts";
import type { AddressPools } from "./pools.ts";
import { IkeSaRegistry } from "./sa_registry.ts";
import type { IkeServices, WantedIkeSa } from "./services.ts";
import { isEstablished } from "./state.ts";
import { connectOperation } from "./tasks/operations.ts";
import { Timers } from "./timers.ts";

/** What is handed in. */
export interface EngineParts {
  readonly crypto: CryptoProviders;
  readonly limits: IkeLimits;
  readonly credentials: Credentials;
  readonly pools: AddressPools;
  readonly random: (octets: Uint8Array) => void;
  readonly wallClock: () => number;
  readonly keyLog: ((entry: KeyLogEntry) => void) | undefined;
}

/** Octets of randomness drawn at a time for what is sent in the clear. */
const RANDOMNESS_SIZE = 512;

/** Whether this end goes by one name in both, of IKE or of EAP: a responder may know it by either. */
function haveCommonName(a: IkeSa, b: IkeSa): boolean {
  const names = [a, b].map((sa) => {
    const { auth, eapId } = sa.connection.local;
    const own = sa.localId ?? ownIdentity(sa);
    return isEap(auth) && eapId !== null ? [own, eapId] : [own];
  });
  return names[0]!.some((one) => names[1]!.some((other) => sameIdentity(one, other)));
}

/** Whether the peer that one wants may be the other's: the same identity, or where that is open, the same place or configuration. */
function mayHaveSamePeer(sa: IkeSa, other: IkeSa): boolean {
  const wanted = expectedRemote(sa.connection);
  const peer = other.remoteId ?? expectedRemote(other.connection);
  if (wanted !== null && peer !== null) return sameIdentity(wanted, peer);
  return other.connection === sa.connection || sameAddress(other.path.remote.address, sa.path.remote.address);
}

/** Outputs in order, timers, numbers, SPIs. */
export class EngineServices implements IkeServices {
  readonly crypto: CryptoProviders;
  readonly limits: IkeLimits;
  readonly credentials: Credentials;
  readonly pools: AddressPools;
  readonly hashAlgorithms: readonly number[];
  readonly timers: Timers = new Timers();
  readonly registry: IkeSaRegistry = new IkeSaRegistry();
  readonly closedResponses: ClosedResponses;
  now = 0;
  readonly #parts: EngineParts;
  /** A draw takes microseconds however few octets it is for, so there is one for many SPIs. */
  readonly #randomness: Uint8Array = new Uint8Array(RANDOMNESS_SIZE);
  #drawn = RANDOMNESS_SIZE;
  readonly #word: Uint8Array = new Uint8Array(4);
  #outputs: IkeOutput[] = [];
  #taken = 0;
  readonly #childSpis: Set<number> = new Set();
  readonly #lateSpis: Set<number> = new Set();
  #nextIkeSa = 1;
  #nextChild = 1;
  #nextNeed = 1;
  readonly #needs: Map<number, { readonly sa: IkeSa; readonly resume: (answer: unknown) => void }> =
    new Map();

  /** Takes what was handed in. */
  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.crypto = parts.crypto;
    this.limits = parts.limits;
    this.credentials = parts.credentials;
    this.pools = parts.pools;
    this.closedResponses = new ClosedResponses(this);
    // RFC 7427, section 4: what can be verified here; SHA-1 is not offered any more (RFC 8247, section 3.2.2).
    const hashes = Object.values(SIGNATURE_SCHEMES).filter(({ authMethod, algorithm }) =>
      authMethod === 14 && this.crypto.has(algorithm)
    )
      .map(({ hashNumber }) => hashNumber);
    this.hashAlgorithms = [...new Set(hashes)].filter((hash) => hash !== 1).sort((a, b) => a - b);
  }

  /** The next output; undefined when there is none. */
  takeOutput(): IkeOutput | undefined {
    const output = this.#outputs[this.#taken];
    if (output !== undefined) {
      this.#taken++;
      return output;
    }
    this.#outputs = [];
    this.#taken = 0;
    return undefined;
  }

  /** SPIs of child SAs in use. */
  get childSpis(): number {
    return this.#childSpis.size;
  }

  /** SPIs of replaced child SAs on which packets may still come. */
  get lateSpis(): number {
    return this.#lateSpis.size;
  }

  /** Needs without an answer. */
  get needs(): number {
    return this.#needs.size;
  }

  wallClock(): number {
    return this.#parts.wallClock();
  }

  random(octets: Uint8Array): void {
    this.#parts.random(octets);
  }

  randomBelow(bound: number): number {
    return bound <= 1 ? 0 : Math.floor(this.#random32() / 2 ** 32 * bound);
  }

  randomPublic(octets: Uint8Array): void {
    const pool = this.#randomness;
    for (let i = 0; i < octets.length; i++) {
      if (this.#drawn === pool.length) {
        this.random(pool);
        this.#drawn = 0;
      }
      octets[i] = pool[this.#drawn]!;
      pool[this.#drawn++] = 0;
    }
  }

  #random32(): number {
    this.randomPublic(this.#word);
    return readUint32(this.#word, 0);
  }

  newIkeSpi(): Uint8Array<ArrayBuffer> {
    for (;;) {
      const spi = new Uint8Array(8);
      this.randomPublic(spi);
      // Zero stands for "not known yet" (RFC 7296, section 2.6).
      if (spi.some((octet) => octet !== 0) && this.registry.bySpi(spi) === undefined) return spi;
    }
  }

  reserveChildSpi(): number {
    for (;;) {
      const spi = this.#random32();
      // RFC 4303, section 2.1: 1 to 255 are reserved, and zero is never on the wire.
      if (spi > 255 && !this.#childSpis.has(spi) && !this.#lateSpis.has(spi)) {
        this.#childSpis.add(spi);
        return spi;
      }
    }
  }

  releaseChildSpi(spi: number): void {
    this.#childSpis.delete(spi);
    this.#lateSpis.delete(spi);
  }

  retireChildSpi(spi: number): void {
    this.#childSpis.delete(spi);
    this.#lateSpis.add(spi);
  }

  newIkeSaId(): number {
    return this.#nextIkeSa++;
  }

  newChildSaId(): number {
    return this.#nextChild++;
  }

  emit(event: IkeEvent): void {
    this.#outputs.push({ kind: "event", event });
  }

  logKeys(entry: () => KeyLogEntry): void {
    this.#parts.keyLog?.(entry());
  }

  drop(reason: DropReason, text: string, path: IkePath, sa?: IkeSa): void {
    this.emit({ type: "message_dropped", ...(sa === undefined ? {} : { ikeSa: sa.id }), path, reason, text });
  }

  transmit(path: IkePath, octets: Uint8Array<ArrayBuffer>): void {
    this.#outputs.push({ kind: "transmit", path, octets });
  }

  ask(sa: IkeSa, need: unknown, resume: (answer: unknown) => void): void {
    const id = this.#nextNeed++;
    this.#needs.set(id, { sa, resume });
    this.#outputs.push({ kind: "need", id, need });
  }

  /** An answer to a need; one that nobody waits for any more is passed over. */
  answer(id: number, result: unknown): void {
    const need = this.#needs.get(id);
    this.#needs.delete(id);
    if (need !== undefined && need.sa.state !== "closed") need.resume(result);
  }

  initiate({ connection, path, children, id, prepare }: WantedIkeSa): void {
    const sa = new IkeSa({
      id: id ?? this.newIkeSaId(),
      services: this,
      role: "initiator",
      spiI: this.newIkeSpi(),
      spiR: new Uint8Array(8),
      path,
      candidates: [connection],
    });
    prepare?.(sa);
    this.registry.add(sa);
    sa.move("initiate");
    sa.exchanges.begin(connectOperation(sa, children));
  }

  adopt(sa: IkeSa): void {
    this.registry.add(sa);
  }

  established(sa: IkeSa): void {
    this.registry.establish(sa);
  }

  pathMoved(sa: IkeSa, before: IkePath): void {
    if (this.registry.byId(sa.id) === undefined) return;
    if (this.registry.movePath(before, sa.path)) this.#outputs.push({ kind: "path_unused", path: before });
  }

  forget(sa: IkeSa): void {
    for (const [id, need] of this.#needs) if (need.sa === sa) this.#needs.delete(id);
    if (this.registry.remove(sa)) this.#outputs.push({ kind: "path_unused", path: sa.path });
  }

  keepResponse(sa: IkeSa, last: LastResponse): void {
    this.closedResponses.keep(sa.localSpi, last);
  }

  ikeSa(id: IkeSaId): IkeSa | undefined {
    return this.registry.byId(id);
  }

  successorOf(id: IkeSaId): IkeSa | undefined {
    for (const sa of this.registry.all()) {
      if (sa.replaces === id && isEstablished(sa.state)) return sa;
    }
    return undefined;
  }

  isOnly(sa: IkeSa): boolean {
    for (const other of this.registry.all()) {
      // What is under way may be established before this one is.
      if (other === sa || (other.state !== "connecting" && !isEstablished(other.state))) continue;
      if (haveCommonName(sa, other) && mayHaveSamePeer(sa, other)) return false;
    }
    return true;
  }

  siblings(sa: IkeSa): IkeSa[] {
    // An initiator knows the peer's identity only afterwards: until then, whom it wanted to reach.
    const { peerId, connection } = sa;
    const expected = peerId ?? expectedRemote(connection);
    const candidates = expected === null ? this.registry.all() : this.registry.ofPeer(expected);
    const siblings: IkeSa[] = [];
    for (const other of candidates) {
      if (other === sa || !isEstablished(other.state) || !sameIdentity(other.localId, sa.localId)) continue;
      // A name that was proven is not the same as one that anybody may give.
      if (other.isAnonymous !== sa.isAnonymous) continue;
      const isSamePeer = peerId === null
        ? other.connection === connection
        : sameIdentity(other.peerId, peerId);
      if (isSamePeer) siblings.push(other);
    }
    return siblings;
  }

  eapPeer(sa: IkeSa): EapPeer {
    return makeEapPeer(sa);
  }

  eapServer(sa: IkeSa): EapServer {
    return makeEapServer(sa);
  }
}
