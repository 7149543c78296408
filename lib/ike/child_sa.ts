/** A child SA as IKE sees it: SPIs, selectors, algorithms and a state. Its keys leave with the event that installs it. */

import { readUint32, writeUint32 } from "../bytes/mod.ts";
import type { EncryptionTransform, IntegrityTransform } from "../crypto/mod.ts";
import type { Child } from "./connection.ts";
import type { ChildSaId } from "./events.ts";
import type { IkeSaChildren } from "./ike_sa_children.ts";
import { intersectSelectors, type Selector } from "./traffic_selectors.ts";

/** Where a child SA stands. */
export type ChildSaState =
  /** In use. */
  | "installed"
  /** This end is making its successor. */
  | "rekeying"
  /** It has a successor, and waits to be deleted. */
  | "rekeyed"
  /** This end has asked for its deletion. */
  | "deleting";

/** Traffic of both ends. */
export interface ChildSelectors {
  /** What this end sends from. */
  readonly local: readonly Selector[];
  /** What the peer sends from. */
  readonly remote: readonly Selector[];
}

/** A child SA that this end is to ask for. */
export interface WantedChild {
  /** What the configuration says about it. */
  readonly config: Child;
  /** The only traffic that is asked for, where that is not all of the configuration's. */
  readonly only?: ChildSelectors;
  /** The child SA of another IKE SA whose place it takes (RFC 7296, section 2.8.3). */
  readonly inPlaceOf?: ChildSa;
  /** The traffic of one whose life is over: nothing is wanted where another child SA carries it. */
  readonly unlessCarried?: ChildSelectors;
}

/** A child SA. */
export interface ChildSa extends ChildSelectors {
  readonly id: ChildSaId;
  /** What the configuration says about it. */
  readonly config: Child;
  /** Its name in the configuration. */
  readonly name: string;
  /** What the peer sends to. */
  readonly spiIn: number;
  /** What this end sends to. */
  readonly spiOut: number;
  readonly mode: "tunnel" | "transport";
  readonly encryption: EncryptionTransform;
  readonly integrity: IntegrityTransform | null;
  readonly esn: boolean;
  /** The only traffic that this end asked for, and will ask for when it is renewed. */
  readonly only: ChildSelectors | undefined;
  state: ChildSaState;
  /** Its life was over while its D waited for the window: the peer has to be told yet. */
  expired?: boolean;
  /** Its life was over while this end made its successor: if nothing comes of that, traffic needs another one. */
  missed?: boolean;
  /** The life of another one was over, and this one has the same traffic: nothing was made in its place. */
  standsIn?: boolean;
  /** What the peer has made on another IKE SA for the same traffic: packets go there when this one is gone. */
  takenOverBy?: { readonly children: IkeSaChildren; readonly child: ChildSa };
  /** What the peer has made to replace it, the nonces of that exchange, and the IKE SA on which it was answered. */
  successor?: {
    readonly child: ChildSa;
    readonly nonces: readonly [Uint8Array, Uint8Array];
    readonly answeredOn: IkeSaChildren;
  };
}

/** What has to be asked for to have a child SA like another one. */
export function wantedLike({ config, only }: ChildSa): WantedChild {
  return { config, ...(only === undefined ? {} : { only }) };
}

/** Whether there are packets that belong to both. */
export function overlaps(a: ChildSelectors, b: ChildSelectors): boolean {
  return haveCommon(a.local, b.local) && haveCommon(a.remote, b.remote);
}

function haveCommon(some: readonly Selector[], others: readonly Selector[]): boolean {
  return some.some((a) => others.some((b) => intersectSelectors(a, b) !== undefined));
}

/** An SPI of a child SA as 4 octets. */
export function spiOctets(spi: number): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(4);
  writeUint32(octets, 0, spi);
  return octets;
}

/** An SPI of 4 octets as a number; undefined for any other size. */
export function spiNumber(octets: Uint8Array): number | undefined {
  if (octets.length !== 4) return undefined;
  return readUint32(octets, 0);
}
