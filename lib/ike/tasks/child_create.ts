/**
 * Makes a child SA: along with the IKE SA in IKE_AUTH, or by itself in CREATE_CHILD_SA, with a Diffie-Hellman exchange of its
 * own where the proposals ask for one (RFC 7296, sections 1.2, 1.3.1). That it fails costs nothing but the child SA.
 */

import { IkeError } from "../../errors.ts";
import { EXCHANGE, NOTIFY, notifyName, type SaPayload } from "../codec/mod.ts";
import { type ChildSa, spiNumber, spiOctets } from "../child_sa.ts";
import {
  addSelectors,
  childOffer,
  childPolicy,
  type ChildTerms,
  formatSelectors,
  installChild,
  readSelectors,
  takesTfcPadding,
} from "../child_negotiation.ts";
import type { Child } from "../connection.ts";
import type { ChildSaId } from "../events.ts";
import type { KeyExchange, KeyExchangeTransform } from "../../crypto/mod.ts";
import type { IkeSa } from "../ike_sa.ts";
import type { Incoming, Outgoing } from "../messages.ts";
import {
  checkAnswer,
  type SelectedProposal,
  selectProposal,
  toAnswer,
  toSaPayload,
} from "../proposal_selection.ts";
import { offeredKeyExchanges } from "../key_exchanges.ts";
import { isEstablished } from "../state.ts";
import { findWidened, formatSelector, narrowSelectors, type Selector } from "../traffic_selectors.ts";
import { newNonce } from "./ike_init.ts";
import { IkeSaFailure, type Task } from "./task.ts";

type State =
  | { readonly kind: "initial" }
  /** Our offer is under way. */
  | {
    readonly kind: "await_response";
    readonly spi: number;
    readonly local: Selector[];
    readonly remote: Selector[];
    /** In CREATE_CHILD_SA. */
    readonly nonce: Uint8Array | null;
    readonly keyExchange: KeyExchange | null;
    readonly group: number | null;
  }
  /** The peer's offer is acceptable. */
  | {
    readonly kind: "accept";
    readonly terms: ChildTerms;
    readonly nonceI: Uint8Array | null;
    readonly peerValue: Uint8Array | null;
  }
  /** The peer's offer is not. */
  | { readonly kind: "refuse"; readonly notify: number; readonly data?: Uint8Array; readonly text: string }
  | { readonly kind: "done" };

/** What is known of a child SA before it is made. */
export interface ChildCreateOptions {
  /** The child SA that it is to replace. */
  readonly replaces?: ChildSa;
}

/** A new child SA. */
export class ChildCreateTask implements Task {
  readonly name = "child_create";
  readonly #sa: IkeSa;
  /** Whether this end began the exchange. */
  readonly #began: boolean;
  /** What is wanted; as responder what fits the offer. */
  #config: Child | null;
  #group: KeyExchangeTransform | null | undefined;
  #state: State = { kind: "initial" };
  /** The child SA that came of it. */
  child: ChildSa | null = null;
  /** Both nonces of CREATE_CHILD_SA, once they are known: they decide between two that replace one (section 2.8.1). */
  nonces: readonly [Uint8Array, Uint8Array] | null = null;
  /** The peer takes no child in IKE_AUTH, or none is wanted there: it is still to be made (RFC 6023). */
  postponed = false;

  readonly #options: ChildCreateOptions;

  /** Takes the SA, and what is wanted where this end begins. */
  constructor(sa: IkeSa, config: Child | null = null, options: ChildCreateOptions = {}) {
    this.#options = options;
    this.#sa = sa;
    this.#began = config !== null;
    this.#config = config;
  }

  get done(): boolean {
    return this.#state.kind === "done";
  }

  build(message: Outgoing): void {
    if (this.#began) this.#buildRequest(message);
    else this.#buildResponse(message);
  }

  process(message: Incoming): void {
    if (this.#began) this.#processResponse(message);
    else this.#processRequest(message);
  }

  abort(): void {
    const state = this.#state;
    this.#state = { kind: "done" };
    if (state.kind === "await_response") {
      state.keyExchange?.dispose();
      this.#sa.services.releaseChildSpi(state.spi);
    } else if (state.kind === "accept") this.#sa.services.releaseChildSpi(state.terms.spiIn);
  }

  // This end begins.

  #buildRequest(message: Outgoing): void {
    const sa = this.#sa;
    const config = this.#config!;
    const { exchangeType } = message;
    if (exchangeType === EXCHANGE.ikeSaInit || this.#state.kind !== "initial") return;
    const separate = exchangeType === EXCHANGE.createChildSa;
    const { childless } = sa.connection;
    if (!separate && childless === "force" && !sa.peer.childless) {
      throw new IkeSaFailure(
        "refused",
        "The peer makes no IKE SA without a child, and childless = force asks for one",
      );
    }
    if (!separate && sa.peer.childless && (childless === "prefer" || childless === "force")) {
      this.postponed = true;
      this.#state = { kind: "done" };
      return;
    }
    const { services } = sa;
    const spi = services.reserveChildSpi();
    // IKE_AUTH has no KE, so its proposals name no group (section 1.2).
    const offer = toSaPayload(config.proposals, { spi: spiOctets(spi), keyExchange: separate });
    const { local, remote } = childOffer(sa, config);
    if (this.#group === undefined) this.#group = offeredKeyExchanges(config.proposals)[0] ?? null;
    const group = separate ? this.#group : null;
    const keyExchange = group === null
      ? null
      : services.crypto.createKeyExchange(group, (octets) => services.random(octets));
    const nonce = separate ? newNonce(sa) : null;
    this.#state = {
      kind: "await_response",
      spi,
      local,
      remote,
      nonce,
      keyExchange,
      group: group?.id ?? null,
    };
    message.add(offer);
    if (nonce !== null) message.add({ kind: "Nonce", data: nonce });
    if (keyExchange !== null) message.add({ kind: "KE", group: group!.id, data: keyExchange.publicValue });
    addSelectors(message, { local, remote }, true);
    if (config.mode === "transport") message.notify(NOTIFY.useTransportMode!);
  }

  #processResponse(message: Incoming): void {
    if (this.#state.kind !== "await_response") return;
    if (message.exchangeType === EXCHANGE.ikeAuth && !isEstablished(this.#sa.state)) return; // EAP goes on
    const wanted = message.notify(NOTIFY.invalidKePayload!);
    if (wanted !== undefined && this.#changeGroup(wanted.data[0]! << 8 | wanted.data[1]!)) return;
    const error = message.error();
    if (error !== undefined) {
      return this.#fail(notifyName(error.type), `The peer answered ${notifyName(error.type)}`);
    }
    this.#accept(message);
  }

  /** Tries again with the group that the responder wants, if it is one of ours (section 1.3). */
  #changeGroup(id: number): boolean {
    const state = this.#state;
    if (state.kind !== "await_response" || state.nonce === null || id === state.group) return false;
    const group = offeredKeyExchanges(this.#config!.proposals).find((row) => row.id === id);
    if (group === undefined) return false;
    state.keyExchange?.dispose();
    this.#sa.services.releaseChildSpi(state.spi);
    this.#group = group;
    this.#state = { kind: "initial" };
    return true;
  }

  #accept(message: Incoming): void {
    const sa = this.#sa;
    const state = this.#state;
    if (state.kind !== "await_response") return;
    const config = this.#config!;
    const [answer, nonce, ke] = [message.first("SA"), message.first("Nonce"), message.first("KE")];
    const selectors = readSelectors(message, true);
    if (answer === undefined || selectors === undefined || (state.nonce !== null && nonce === undefined)) {
      return this.#fail("INVALID_SYNTAX", "The peer's answer lacks SA, TSi, TSr or the nonce");
    }
    let selected: SelectedProposal;
    try {
      selected = checkAnswer(answer, config.proposals, { spiSize: 4, keyExchange: state.nonce !== null });
    } catch (error) {
      if (!(error instanceof IkeError)) throw error;
      return this.#refuseAnswer("NO_PROPOSAL_CHOSEN", error.message);
    }
    const spiOut = spiNumber(selected.spi)!;
    if (sa.deletedUnseen?.delete(spiOut) === true) {
      return this.#fail("CHILD_SA_NOT_FOUND", "The peer has deleted the child SA before its answer came");
    }
    for (const side of ["local", "remote"] as const) {
      const wider = findWidened(selectors[side], state[side]);
      if (wider === undefined) continue;
      return this.#refuseAnswer(
        "TS_UNACCEPTABLE",
        `The peer answered ${formatSelector(wider)} as ${side}_ts, which is wider than our ${
          formatSelectors(state[side])
        }: narrow the peer's selectors, or offer more`,
      );
    }
    // What stood for "any address" while there was none is narrowed to the address that came.
    const local = narrowSelectors(selectors.local, childPolicy(sa, config).local);
    if (local.length === 0 || selectors.remote.length === 0) {
      return this.#refuseAnswer(
        "TS_UNACCEPTABLE",
        `The peer answered ${formatSelectors(selectors.local)} and ${
          formatSelectors(selectors.remote)
        }, which leaves no traffic`,
      );
    }
    const transport = message.notify(NOTIFY.useTransportMode!) !== undefined;
    if (config.mode === "transport" && !transport) {
      return this.#refuseAnswer(
        "NO_PROPOSAL_CHOSEN",
        "The peer wants tunnel mode, and transport mode was asked for",
      );
    }
    if (selected.keyExchange !== null && (ke === undefined || ke.group !== state.group)) {
      return this.#refuseAnswer("INVALID_SYNTAX", "The peer chose a key exchange and sent no value of it");
    }
    const shared = selected.keyExchange === null ? null : state.keyExchange!.computeSharedSecret(ke!.data);
    state.keyExchange?.dispose();
    this.#state = { kind: "done" };
    this.child = installChild(
      sa,
      {
        config,
        spiIn: state.spi,
        spiOut,
        selected,
        mode: config.mode,
        local,
        remote: selectors.remote,
        tfcPadding: takesTfcPadding(message),
      },
      { nonceI: state.nonce ?? sa.nonceI, nonceR: nonce?.data ?? sa.nonceR, shared },
      { began: true, send: true, ...this.#replaced() },
    );
    if (state.nonce !== null) this.nonces = [state.nonce, nonce!.data.slice()];
  }

  /** The peer has made a child SA that we do not want: it is deleted there (section 1.3.1). */
  #refuseAnswer(reason: string, text: string): void {
    const state = this.#state;
    if (state.kind !== "await_response") return;
    state.keyExchange?.dispose();
    this.#state = { kind: "done" };
    this.#sa.deleteUnwantedChild(state.spi);
    this.#tellFailure(reason, text);
  }

  #fail(reason: string, text: string): void {
    this.abort();
    this.#tellFailure(reason, text);
  }

  #tellFailure(reason: string, text: string): void {
    const name = this.#config?.name ?? "";
    this.#sa.services.emit({ type: "child_sa_failed", ikeSa: this.#sa.id, name, reason, text });
  }

  // The peer begins.

  #processRequest(message: Incoming): void {
    if (message.exchangeType === EXCHANGE.ikeSaInit) return;
    // In IKE_AUTH with EAP, what the first request asked for is answered in the last response.
    if (this.#state.kind !== "initial") return;
    const sa = this.#sa;
    const offer = message.first("SA");
    const selectors = readSelectors(message, false);
    if (offer === undefined || selectors === undefined) return this.#handleChildless(message);
    if (sa.connection.childless === "force" && message.exchangeType === EXCHANGE.ikeAuth) {
      return this.#refuse(
        NOTIFY.noAdditionalSas!,
        "child SAs come in CREATE_CHILD_SA only (childless = force)",
      );
    }
    if (this.#options.replaces === undefined && sa.children.size >= sa.services.limits.max_children) {
      return this.#refuse(NOTIFY.noAdditionalSas!, `the limit max_children (${sa.children.size}) is reached`);
    }
    this.#state = { kind: "refuse", notify: NOTIFY.tsUnacceptable!, text: "no child is configured" };
    this.#pending = { message, offer, selectors };
    // In IKE_AUTH, virtual addresses are known only when the peer is: the rest is done in `build`.
    if (message.exchangeType === EXCHANGE.createChildSa) this.#choose();
  }

  #pending:
    | { message: Incoming; offer: SaPayload; selectors: { local: Selector[]; remote: Selector[] } }
    | null = null;

  #handleChildless(message: Incoming): void {
    if (message.exchangeType === EXCHANGE.ikeAuth && message.all("SA").length === 0) {
      this.#state = { kind: "done" };
    }
  }

  /** The first child of the configuration that traffic and proposals fit. */
  #choose(): void {
    const { message, offer, selectors } = this.#pending!;
    this.#pending = null;
    const sa = this.#sa;
    let refusal: State = {
      kind: "refuse",
      notify: NOTIFY.tsUnacceptable!,
      text: `no child has traffic between ${formatSelectors(selectors.local)} and ${
        formatSelectors(selectors.remote)
      }`,
    };
    const { replaces } = this.#options;
    const configs = replaces === undefined ? [...sa.connection.children.values()] : [replaces.config];
    for (const config of configs) {
      const policy = childPolicy(sa, config);
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
          text: `none of the proposals is one of child ${config.name}`,
        };
        continue;
      }
      this.#config = config;
      this.#state = this.#judge(selected, { config, local, remote, message });
      return;
    }
    this.#state = refusal;
  }

  #judge(
    selected: SelectedProposal,
    { config, local, remote, message }: {
      config: Child;
      local: Selector[];
      remote: Selector[];
      message: Incoming;
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
      nonceI: message.first("Nonce")?.data.slice() ?? null,
      peerValue: selected.keyExchange === null ? null : ke!.data.slice(),
    };
  }

  #refuse(notify: number, text: string): void {
    this.#state = { kind: "refuse", notify, text };
  }

  #buildResponse(message: Outgoing): void {
    const sa = this.#sa;
    if (message.exchangeType === EXCHANGE.ikeSaInit) return;
    if (message.exchangeType === EXCHANGE.ikeAuth && !isEstablished(sa.state)) return; // EAP goes on
    if (this.#pending !== null && sa.configurationFailed) {
      // The notify of the configuration payload says it all (section 2.19).
      this.#state = { kind: "done" };
      return this.#tellFailure(
        "INTERNAL_ADDRESS_FAILURE",
        "A child SA was refused: the peer has no virtual address",
      );
    }
    if (this.#pending !== null) this.#choose();
    const state = this.#state;
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
    const { terms, nonceI, peerValue } = state;
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
    if (terms.mode === "transport") message.notify(NOTIFY.useTransportMode!);
    this.child = installChild(
      sa,
      terms,
      { nonceI: nonceI ?? sa.nonceI, nonceR: nonceR ?? sa.nonceR, shared: exchange?.shared ?? null },
      // Who answers a rekey goes on sending on the old one until that is deleted (section 2.8).
      { began: false, send: this.#options.replaces === undefined, ...this.#replaced() },
    );
    if (nonceI !== null) this.nonces = [nonceI, nonceR!];
  }

  #replaced(): { replaces?: ChildSaId } {
    const { replaces } = this.#options;
    return replaces === undefined ? {} : { replaces: replaces.id };
  }
}

/** Our half of a key exchange, and what comes of the peer's. */
export function agree(
  sa: IkeSa,
  row: KeyExchangeTransform,
  peerValue: Uint8Array,
): { publicValue: Uint8Array; shared: Uint8Array<ArrayBuffer> } {
  const { services } = sa;
  const keyExchange = services.crypto.createKeyExchange(row, (octets) => services.random(octets));
  try {
    return { publicValue: keyExchange.publicValue, shared: keyExchange.computeSharedSecret(peerValue) };
  } finally {
    keyExchange.dispose();
  }
}
