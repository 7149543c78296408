/** What an IKE SA and its tasks have of the engine around them. */

import type { CryptoProviders } from "../crypto/mod.ts";
import type { Credentials } from "./auth/mod.ts";
import type { WantedChild } from "./child_sa.ts";
import type { LastResponse } from "./closed_responses.ts";
import type { Connection } from "./connection.ts";
import type { EapPeer, EapServer } from "./eap/mod.ts";
import type { ChildSaId, DropReason, IkeEvent, IkeSaId, KeyLogEntry } from "./events.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { IkeLimits } from "./limits.ts";
import type { IkePath } from "./path.ts";
import type { AddressPools } from "./pools.ts";
import type { Timers } from "./timers.ts";

/** An IKE SA that this end is to begin. */
export interface WantedIkeSa {
  readonly connection: Connection;
  readonly path: IkePath;
  /** The child SAs to make along with it. */
  readonly children: readonly WantedChild[];
  /** Its number (default: the next). */
  readonly id?: IkeSaId;
  /** Told of it before anything is sent. */
  readonly prepare?: (sa: IkeSa) => void;
}

/** The engine, seen from one of its SAs. */
export interface IkeServices {
  /** Algorithms. */
  readonly crypto: CryptoProviders;
  readonly limits: IkeLimits;
  readonly credentials: Credentials;
  readonly pools: AddressPools;
  readonly timers: Timers;
  /** Numbers of the hashes that signatures are verified with here (RFC 7427, section 4). */
  readonly hashAlgorithms: readonly number[];
  /** EAP as the connection of an SA has it, of either side. */
  eapPeer(sa: IkeSa): EapPeer;
  eapServer(sa: IkeSa): EapServer;
  /** Milliseconds of a clock that never goes back: that of the input being handled. */
  readonly now: number;
  /** Milliseconds since 1970, for certificates. */
  wallClock(): number;
  /** Fills octets that nobody can foretell: for secrets, drawn when they are needed and not before. */
  random(octets: Uint8Array): void;
  /** The same for what everybody will see: SPIs, IVs, fuzz of times. Drawn in advance, which saves most of its time. */
  randomPublic(octets: Uint8Array): void;
  /** A whole number from 0 to below `bound`. */
  randomBelow(bound: number): number;
  /** An SPI for an IKE SA that no other has. */
  newIkeSpi(): Uint8Array<ArrayBuffer>;
  /** An SPI for a child SA that no other has; it is kept until it is released. */
  reserveChildSpi(): number;
  /** Gives an SPI back. */
  releaseChildSpi(spi: number): void;
  /** Nothing is sent any more on the child SA of an SPI; it is given back when its last packets cannot be under way. */
  retireChildSpi(spi: number): void;
  /** Numbers for events. */
  newIkeSaId(): IkeSaId;
  newChildSaId(): ChildSaId;
  /** Tells something. */
  emit(event: IkeEvent): void;
  /** Hands keys to the key log, if there is one. */
  logKeys(entry: () => KeyLogEntry): void;
  /** Tells that a message was dropped. */
  drop(reason: DropReason, text: string, path: IkePath, sa?: IkeSa): void;
  /** Sends a message. */
  transmit(path: IkePath, octets: Uint8Array<ArrayBuffer>): void;
  /** Puts a need to the outside. */
  ask(sa: IkeSa, need: unknown, resume: (answer: unknown) => void): void;
  /** Begins an IKE SA, with an exchange or several. */
  initiate(wanted: WantedIkeSa): void;
  /** Takes an SA in that a rekey has made. */
  adopt(sa: IkeSa): void;
  /** An SA is established. */
  established(sa: IkeSa): void;
  /** An SA sends to another path. */
  pathMoved(sa: IkeSa, before: IkePath): void;
  /** An SA is closed. */
  forget(sa: IkeSa): void;
  /** An SA is closed, and this was its last word. */
  keepResponse(sa: IkeSa, last: LastResponse): void;
  /** The IKE SA of a number. */
  ikeSa(id: IkeSaId): IkeSa | undefined;
  /** The established IKE SA that replaces one. */
  successorOf(id: IkeSaId): IkeSa | undefined;
  /** Whether this end has no other IKE SA with the peer of one that it begins, and is about to have none (RFC 7296, section 2.4). */
  isOnly(sa: IkeSa): boolean;
  /** Established IKE SAs with the same two identities, both or neither of them proven. */
  siblings(sa: IkeSa): IkeSa[];
}
