/**
 * What both ends must agree on for a child SA (RFC 7296, sections 1.3.1, 2.9, 2.17): proposals, mode and traffic selectors; and
 * the child SA that comes of it. The same for IKE_AUTH and CREATE_CHILD_SA, for a first child and for one that replaces another.
 */

import { NOTIFY, type TrafficSelector as TsSelector, type TsPayload } from "./codec/mod.ts";
import type { ChildSa, ChildSelectors } from "./child_sa.ts";
import type { Child, Lifetime } from "./connection.ts";
import type { ChildSaId } from "./events.ts";
import type { IkeSa } from "./ike_sa.ts";
import { type ChildDirectionKeys, deriveChildKeys } from "./keymat.ts";
import type { Incoming, Outgoing } from "./messages.ts";
import type { SelectedProposal } from "./proposal_selection.ts";
import {
  formatSelector,
  isSingleAddress,
  pickAddress,
  resolveSelectors,
  type Selector,
  widenSelectors,
} from "./traffic_selectors.ts";

/** Everything about a child SA but its keys. */
export interface ChildTerms {
  readonly config: Child;
  readonly spiIn: number;
  readonly spiOut: number;
  readonly selected: SelectedProposal;
  readonly mode: "tunnel" | "transport";
  /** Ours. */
  readonly local: readonly Selector[];
  /** The peer's. */
  readonly remote: readonly Selector[];
  /** Whether the peer takes TFC padding. */
  readonly tfcPadding: boolean;
}

/** What the keys are made of. */
export interface ChildSecrets {
  /** Nonces of the exchange that made the child SA: those of IKE_SA_INIT for the first one. */
  readonly nonceI: Uint8Array;
  readonly nonceR: Uint8Array;
  /** Of a new Diffie-Hellman exchange; null without one. It is wiped. */
  readonly shared: Uint8Array | null;
}

/** What to say about a new child SA. */
export interface ChildInstallation {
  /** Whether this end began the exchange. */
  readonly began: boolean;
  readonly replaces?: ChildSaId | undefined;
  /** Whether to send on it at once. */
  readonly send: boolean;
  /** The only traffic that this end asked for, where that was not all of the configuration's. */
  readonly only?: ChildSelectors | undefined;
  /** The peer would take other traffic too, in another child SA (section 2.9). */
  readonly additionalTs?: boolean;
}

/** Derives the keys, takes the child SA into its IKE SA, and says so. */
export function installChild(
  sa: IkeSa,
  terms: ChildTerms,
  secrets: ChildSecrets,
  { began, replaces, send, only, additionalTs = false }: ChildInstallation,
): ChildSa {
  const { config, spiIn, spiOut, selected, mode, local, remote, tfcPadding } = terms;
  const { encryption, integrity } = selected;
  const esn = selected.esn === true;
  const { nonceI, nonceR, shared } = secrets;
  const { services } = sa;
  const keys = deriveChildKeys({
    prf: sa.prf!,
    skD: sa.keys!.skD,
    nonceI,
    nonceR,
    sharedSecret: shared,
    encryption,
    integrity,
  });
  shared?.fill(0);
  // Those of IKE_SA_INIT make the keys of the first child SA and of no other (RFC 7296, section 2.17).
  sa.forgetNonces();
  const { initiatorToResponder, responderToInitiator } = keys;
  const child: ChildSa = {
    id: services.newChildSaId(),
    config,
    name: config.name,
    spiIn,
    spiOut,
    mode,
    encryption,
    integrity,
    esn,
    local,
    remote,
    only,
    state: "installed",
  };
  sa.children.add(child);
  const time = soften(config.time, sa);
  const octets = soften(config.bytes, sa);
  const packets = soften(config.packets, sa);
  if (time.soft > 0) sa.timers.set("rekey_child", services.now + time.soft, child.id);
  if (time.hard > 0) sa.timers.set("expire_child", services.now + time.hard, child.id);
  const inbound = direction(spiIn, began ? responderToInitiator : initiatorToResponder);
  const outbound = direction(spiOut, began ? initiatorToResponder : responderToInitiator);
  services.logKeys(() => ({
    type: "child_keys",
    encryption,
    integrity,
    esn,
    path: sa.path,
    inbound,
    outbound,
  }));
  services.emit({
    type: "child_sa_installed",
    ikeSa: sa.id,
    childSa: {
      child: child.id,
      name: child.name,
      mode,
      inbound,
      outbound,
      encryption,
      integrity,
      esn,
      local,
      remote,
      tfcPadding,
      limits: {
        softOctets: octets.soft,
        hardOctets: octets.hard,
        softPackets: packets.soft,
        hardPackets: packets.hard,
      },
    },
    ...(replaces === undefined ? {} : { replaces }),
    send,
    ...(additionalTs ? { additionalTs } : {}),
  });
  return child;
}

function direction(spi: number, { encryptionKey, integrityKey }: ChildDirectionKeys) {
  return { spi, encryptionKey, integrityKey };
}

/** A soft limit that comes at random a little early, so that not all SAs are renewed at once. */
function soften({ rekey, life, rand }: Lifetime, sa: IkeSa): { soft: number; hard: number } {
  return { soft: rekey === 0 ? 0 : Math.max(1, rekey - sa.services.randomBelow(rand + 1)), hard: life };
}

/** Our selectors and the peer's, with addresses in the place of `dynamic`. */
export function childPolicy(sa: IkeSa, child: Child): { local: Selector[]; remote: Selector[] } {
  const { path, configuration, leases, askedFirst } = sa;
  const virtual = askedFirst ? configuration.addresses : leases.map(({ address }) => address);
  const { vips, pools } = sa.connection;
  // Who asked for a virtual address and got none has no address to speak of.
  const ours = askedFirst && vips.length > 0 ? virtual : [path.local.address];
  const theirs = !askedFirst && pools.length > 0 ? virtual : [path.remote.address];
  return { local: resolveSelectors(child.local, ours), remote: resolveSelectors(child.remote, theirs) };
}

/** What is offered for a child: before a virtual address is known, `dynamic` stands for any of its family. */
export function childOffer(sa: IkeSa, child: Child): { local: Selector[]; remote: Selector[] } {
  const policy = childPolicy(sa, child);
  const { vips } = sa.connection;
  if (!sa.askedFirst || vips.length === 0 || sa.configuration.addresses.length > 0) return policy;
  const families = [...new Set(vips.map(({ length }) => length as 4 | 16))];
  return { ...policy, local: widenSelectors(child.local, families) };
}

/** Whether selectors are of one address at each end (section 2.9). */
export function isSinglePair({ local, remote }: ChildSelectors): boolean {
  return [local, remote].every((selectors) => selectors.length === 1 && isSingleAddress(selectors[0]!));
}

/**
 * One pair of addresses of what could be carried: the addresses that this end has and the one that the peer is reached at, if they are
 * among it, else the first ones that hosts can have. Who wants another pair names it.
 */
export function singlePair(offer: ChildSelectors, sa: IkeSa): ChildSelectors {
  const { path, configuration, leases, askedFirst } = sa;
  const virtual = askedFirst ? configuration.addresses : leases.map(({ address }) => address);
  const [ours, theirs] = askedFirst ? [virtual, []] : [[], virtual];
  return {
    local: pickAddress(offer.local, [...ours, path.local.address]),
    remote: pickAddress(offer.remote, [...theirs, path.remote.address]),
  };
}

/** TSi and TSr, of which TSi is that of the exchange's initiator. */
export function addSelectors(
  message: Outgoing,
  { local, remote }: { readonly local: readonly Selector[]; readonly remote: readonly Selector[] },
  began: boolean,
): void {
  message.add(
    { kind: "TSi", selectors: (began ? local : remote).map(toTs) },
    { kind: "TSr", selectors: (began ? remote : local).map(toTs) },
  );
}

/** The selectors of a message: ours and the peer's; undefined where one is missing. */
export function readSelectors(
  message: Incoming,
  began: boolean,
): { local: Selector[]; remote: Selector[] } | undefined {
  const [tsI, tsR] = [message.first("TSi"), message.first("TSr")];
  if (tsI === undefined || tsR === undefined) return undefined;
  const [i, r] = [fromTs(tsI), fromTs(tsR)];
  return began ? { local: i, remote: r } : { local: r, remote: i };
}

function toTs({ start, end, protocol, startPort, endPort }: Selector): TsSelector {
  const type = start.length === 4 ? 7 : 8;
  return { type, protocol, startPort, endPort, startAddress: start, endAddress: end };
}

/** Selectors of types that are not known match nothing (section 2.9). */
function fromTs({ selectors }: TsPayload): Selector[] {
  return selectors.map(({ protocol, startPort, endPort, startAddress, endAddress }) => ({
    start: startAddress.slice(),
    end: endAddress.slice(),
    protocol,
    startPort,
    endPort,
  }));
}

/** Whether the other end takes TFC padding: it does unless it says otherwise (section 1.3.1). */
export function takesTfcPadding(message: Incoming): boolean {
  return message.notify(NOTIFY.espTfcPaddingNotSupported!) === undefined;
}

/** `10.1.0.0/16 10.2.0.0/16`. */
export function formatSelectors(selectors: readonly Selector[]): string {
  return selectors.map(formatSelector).join(" ") || "nothing";
}
