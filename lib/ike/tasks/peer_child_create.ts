/**
 * A child SA that the peer asks for, in IKE_AUTH or in CREATE_CHILD_SA (RFC 7296, sections 1.2, 1.3.1): the first child of the
 * configuration that fits the offer, or the notify that says why there is none.
 */

import { EXCHANGE, NOTIFY, notifyName, type SaPayload } from "../codec/mod.ts";
import { type ChildSa, type ChildSelectors, spiNumber, spiOctets } from "../child_sa.ts";
import {
  addSelectors,
  childPolicy,
  type ChildTerms,
  formatSelectors,
  installChild,
  isSinglePair,
  readSelectors,
  takesTfcPadding,
} from "../child_negotiation.ts";
import type { Child } from "../connection.ts";
import { describeOffer } from "../describe_offer.ts";
import type { IkeSa } from "../ike_sa.ts";
import { agree } from "../key_exchanges.ts";
import type { Incoming, Outgoing } from "../messages.ts";
import { type SelectedProposal, selectProposal, toAnswer } from "../proposal_selection.ts";
import { isEstablished } from "../state.ts";
import { findWidened, narrowSelectors, type Selector } from "../traffic_selectors.ts";
import { newNonce } from "./ike_init.ts";
import type { Task } from "./task.ts";

/** What the peer wants. */
interface Offer {
  readonly message: Incoming;
  readonly offer: SaPayload;
  /** As the peer says. */
  readonly selectors: { readonly local: Selector[]; readonly remote: Selector[] };
}

type State =
  | { readonly kind: "initial" }
  /** In IKE_AUTH, virtual addresses are known only when the peer is: the offer is judged with the last response. */
  | { readonly kind: "pending"; readonly wanted: Offer }
  /** The peer's offer is acceptable. */
  | {
    readonly kind: "accept";
    readonly terms: ChildTerms;
    /** There is more that the peer could have, in another child SA. */
    readonly additionalTs: boolean;
    readonly nonceI: Uint8Array | null;
    readonly peerValue: Uint8Array | null;
  }
  /** The peer's offer is not. */
  | { readonly kind: "refuse"; readonly notify: number; readonly data?: Uint8Array; readonly text: string }
  | { readonly kind: "done" };

/** A child SA that the peer asks for. */
export class PeerChildCreateTask implements Task {
  readonly name = "child_create";
  readonly #sa: IkeSa;
  /** The child SA that it is to replace. */
  readonly #replaces: ChildSa | undefined;
  /** Its name, once it is known which one fits. */
  #named = "";
  #state: State = { kind: "initial" };
  /** The child SA that came of it. */
  child: ChildSa | null = null;
  /** Both nonces of CREATE_CHILD_SA, once they are known: they decide between two that replace one (section 2.8.1). */
  nonces: readonly [Uint8Array, Uint8Array] | null = null;

  /** Takes the SA, and what is to be replaced. */
  constructor(sa: IkeSa, replaces?: ChildSa) {
    this.#sa = sa;
    this.#replaces = replaces;
  }

  /** What the peer wants to be carried, while it is not decided yet. */
  get offered(): ChildSelectors | null {
    return this.#state.kind === "pending" ? this.#state.wanted.selectors : null;
  }

  get done(): boolean {
    return this.#state.kind === "done";
  }

  process(message: Incoming): void {
    if (message.exchangeType === EXCHANGE.ikeSaInit) return;
    // In IKE_AUTH with EAP, what the first request asked for is answered in the last response.
    if (this.#state.kind !== "initial") return;
    const sa = this.#sa;
    const offer = message.first("SA");
    const selectors = readSelectors(message, false);
    if (offer === undefined || selectors === undefined) {
      if (message.exchangeType === EXCHANGE.ikeAuth && message.all("SA").length === 0) {
        this.#state = { kind: "done" }; // none is wanted (RFC 6023)
      }
      return;
    }
    if (sa.connection.childless === "force" && message.exchangeType === EXCHANGE.ikeAuth) {
      return this.#refuse(
        NOTIFY.noAdditionalSas!,
        "child SAs come in CREATE_CHILD_SA only (childless = force)",
      );
    }
    if (this.#replaces === undefined && sa.children.size >= sa.services.limits.max_children) {
      return this.#refuse(NOTIFY.noAdditionalSas!, `the limit max_children (${sa.children.size}) is reached`);
    }
    const wanted = { message, offer, selectors };
    if (message.exchangeType === EXCHANGE.createChildSa) this.#choose(wanted);
    else this.#state = { kind: "pending", wanted };
  }

  /** The first child of the configuration that traffic and proposals fit. */
  #choose({ message, offer, selectors }: Offer): void {
    const sa = this.#sa;
    let refusal: State | undefined;
    const replaces = this.#replaces;
    const configs = replaces === undefined ? [...sa.connection.children.values()] : [replaces.config];
    // Section 2.9: "other Traffic Selectors would also have been acceptable, though only in a separate SA".
    const hasMore = (config: Child, chosen: ChildSelectors) => {
      if (replaces !== undefined) return false;
      const policy = childPolicy(sa, config);
      const local = narrowSelectors(selectors.local, policy.local);
      const remote = narrowSelectors(selectors.remote, policy.remote);
      return local.length > 0 && remote.length > 0 &&
        (findWidened(local, chosen.local) !== undefined || findWidened(remote, chosen.remote) !== undefined);
    };
    for (const config of configs) {
      const policy = replaces?.only ?? childPolicy(sa, config);
      const local = narrowSelectors(selectors.local, policy.local);
      const remote = narrowSelectors(selectors.remote, policy.remote);
      if (local.length === 0 || remote.length === 0) continue;
      const separate = message.exchangeType === EXCHANGE.createChildSa;
      const ke = message.first("KE");
      const selected = selectProposal(offer, config.proposals, {
        spiSize: 4,
        keyExchange: separate,
        ...(ke === undefined ? {} : { group: ke.group }),
      });
      if (selected === undefined) {
        refusal = {
          kind: "refuse",
          notify: NOTIFY.noProposalChosen!,
          text: `none of the proposals is one of child ${config.name}: ${describeOffer(offer)}`,
        };
        continue;
      }
      this.#named = config.name;
      const pair = config.singlePair && replaces === undefined
        ? firstPair(selectors, { local, remote })
        : null;
      if (pair === undefined) {
        const text = `child ${config.name} takes single pairs of addresses only (single_pair)`;
        this.#state = { kind: "refuse", notify: NOTIFY.singlePairRequired!, text };
        return;
      }
      const chosen = pair ?? { local, remote };
      this.#state = this.#judge(selected, {
        config,
        ...chosen,
        message,
        additionalTs: configs.some((other) => hasMore(other, chosen)),
      });
      return;
    }
    this.#state = refusal ?? {
      kind: "refuse",
      notify: NOTIFY.tsUnacceptable!,
      text: `no child has traffic between ${formatSelectors(selectors.local)} and ${
        formatSelectors(selectors.remote)
      }`,
    };
  }

  #judge(
    selected: SelectedProposal,
    { config, local, remote, message, additionalTs }: ChildSelectors & {
      readonly config: Child;
      readonly message: Incoming;
      readonly additionalTs: boolean;
    },
  ): State {
    const ke = message.first("KE");
    if (selected.keyExchange !== null && ke?.group !== selected.keyExchange.id) {
      const { id, keyword } = selected.keyExchange;
      const data = new Uint8Array([id >> 8, id & 0xff]);
      return {
        kind: "refuse",
        notify: NOTIFY.invalidKePayload!,
        data,
        text: `a value of ${keyword} is wanted`,
      };
    }
    const transport = message.notify(NOTIFY.useTransportMode!) !== undefined && config.mode === "transport";
    return {
      kind: "accept",
      terms: {
        config,
        spiIn: this.#sa.services.reserveChildSpi(),
        spiOut: spiNumber(selected.spi)!,
        selected,
        mode: transport ? "transport" : "tunnel",
        local,
        remote,
        tfcPadding: takesTfcPadding(message),
      },
      additionalTs,
      nonceI: message.first("Nonce")?.data.slice() ?? null,
      peerValue: selected.keyExchange === null ? null : ke!.data.slice(),
    };
  }

  #refuse(notify: number, text: string): void {
    this.#state = { kind: "refuse", notify, text };
  }

  build(message: Outgoing): void {
    const sa = this.#sa;
    if (message.exchangeType === EXCHANGE.ikeSaInit) return;
    if (message.exchangeType === EXCHANGE.ikeAuth && !isEstablished(sa.state)) return; // EAP goes on
    if (this.#state.kind === "pending" && sa.configurationFailed) {
      // The notify of the configuration payload says it all (section 2.19).
      this.#state = { kind: "done" };
      return this.#tellFailure(
        "INTERNAL_ADDRESS_FAILURE",
        "A child SA was refused: the peer has no virtual address",
      );
    }
    if (this.#state.kind === "pending") this.#choose(this.#state.wanted);
    const state = this.#state as State;
    if (state.kind === "refuse") {
      this.#state = { kind: "done" };
      message.notify(state.notify, state.data);
      const reason = notifyName(state.notify);
      return this.#tellFailure(reason, `A child SA was refused with ${reason}: ${state.text}`);
    }
    if (state.kind !== "accept") {
      this.#state = { kind: "done" };
      return;
    }
    const { terms, additionalTs, nonceI, peerValue } = state;
    const { selected } = terms;
    const nonceR = nonceI === null ? null : newNonce(sa);
    // A public value that cannot be used ends it here; what was reserved is given back by `abort`.
    const exchange = selected.keyExchange === null || peerValue === null
      ? null
      : agree(sa, selected.keyExchange, peerValue);
    this.#state = { kind: "done" };
    message.add(toAnswer(selected, spiOctets(terms.spiIn)));
    if (nonceR !== null) message.add({ kind: "Nonce", data: nonceR });
    if (exchange !== null) {
      message.add({ kind: "KE", group: selected.keyExchange!.id, data: exchange.publicValue });
    }
    addSelectors(message, terms, false);
    if (additionalTs) message.notify(NOTIFY.additionalTsPossible!);
    if (terms.mode === "transport") message.notify(NOTIFY.useTransportMode!);
    // Who answers a rekey goes on sending on the old one until that is deleted (section 2.8); the same where the peer authenticates
    // itself anew, and what carries these packets now is of another IKE SA.
    const before = this.#replaces ?? sa.reauthentication.findOverlapping(terms);
    this.child = installChild(
      sa,
      terms,
      { nonceI: nonceI ?? sa.nonceI, nonceR: nonceR ?? sa.nonceR, shared: exchange?.shared ?? null },
      {
        began: false,
        send: before === undefined,
        ...(terms.config.singlePair ? { only: { local: terms.local, remote: terms.remote } } : {}),
        ...(before === undefined ? {} : { replaces: before.id }),
      },
    );
    if (before !== undefined && before !== this.#replaces) sa.children.waitFor(before, this.child);
    if (nonceI !== null) this.nonces = [nonceI, nonceR!];
  }

  abort(): void {
    const state = this.#state;
    this.#state = { kind: "done" };
    if (state.kind === "accept") this.#sa.services.releaseChildSpi(state.terms.spiIn);
  }

  #tellFailure(reason: string, text: string): void {
    this.#sa.services.emit({ type: "child_sa_failed", ikeSa: this.#sa.id, name: this.#named, reason, text });
  }
}

/**
 * What is taken of an offer where only single pairs are: that of the packet which asked for the SA, the first selectors of the offer
 * (section 2.9); undefined where there is none.
 */
function firstPair(offered: ChildSelectors, taken: ChildSelectors): ChildSelectors | undefined {
  if (isSinglePair(taken)) return taken;
  const [local, remote] = (["local", "remote"] as const).map((side) =>
    narrowSelectors(offered[side].slice(0, 1), taken[side])
  );
  const pair = { local: local!, remote: remote! };
  return isSinglePair(pair) ? pair : undefined;
}
