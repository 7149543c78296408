/**
 * Makes a child SA: along with the IKE SA in IKE_AUTH, or by itself in CREATE_CHILD_SA, with a Diffie-Hellman exchange of its
 * own where the proposals ask for one (RFC 7296, sections 1.2, 1.3.1). That it fails costs nothing but the child SA. This is the
 * end that begins; the other one is in `peer_child_create.ts`.
 */

import { IkeError } from "../../errors.ts";
import { EXCHANGE, NOTIFY, notifyName } from "../codec/mod.ts";
import { type ChildSa, type ChildSelectors, spiNumber, spiOctets, type WantedChild } from "../child_sa.ts";
import {
  addSelectors,
  childOffer,
  childPolicy,
  formatSelectors,
  installChild,
  isSinglePair,
  readSelectors,
  singlePair,
  takesTfcPadding,
} from "../child_negotiation.ts";
import type { KeyExchange, KeyExchangeTransform } from "../../crypto/mod.ts";
import type { IkeSa } from "../ike_sa.ts";
import { offeredKeyExchanges } from "../key_exchanges.ts";
import type { Incoming, Outgoing } from "../messages.ts";
import { isRedundant } from "../nonce_order.ts";
import { checkAnswer, type SelectedProposal, toSaPayload } from "../proposal_selection.ts";
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
    readonly local: readonly Selector[];
    readonly remote: readonly Selector[];
    /** In CREATE_CHILD_SA. */
    readonly nonce: Uint8Array | null;
    readonly keyExchange: KeyExchange | null;
    readonly group: number | null;
  }
  | { readonly kind: "done" };

/** A child SA that this end asks for. */
export class ChildCreateTask implements Task {
  readonly name = "child_create";
  readonly #sa: IkeSa;
  readonly #wanted: WantedChild;
  /** The child SA that it is to replace. */
  readonly #replaces: ChildSa | undefined;
  #group: KeyExchangeTransform | null | undefined;
  #groups = 0;
  #state: State = { kind: "initial" };
  /** The child SA that came of it. */
  child: ChildSa | null = null;
  /** Both nonces of CREATE_CHILD_SA, once they are known: they decide between two that replace one (section 2.8.1). */
  nonces: readonly [Uint8Array, Uint8Array] | null = null;
  /** The peer takes no child in IKE_AUTH, or none is wanted there: it is still to be made (RFC 6023). */
  postponed = false;

  /** Takes the SA, what is wanted, and what that is to replace. */
  constructor(sa: IkeSa, wanted: WantedChild, replaces?: ChildSa) {
    this.#sa = sa;
    this.#wanted = wanted;
    this.#replaces = replaces;
  }

  get done(): boolean {
    return this.#state.kind === "done";
  }

  /** The peer has replaced the same child SA meanwhile, and the lowest nonce is in our exchange (section 2.8.1). */
  get isForNothing(): boolean {
    const successor = this.#replaces?.successor;
    return this.nonces !== null && successor !== undefined && isRedundant(this.nonces, successor.nonces);
  }

  build(message: Outgoing): void {
    const sa = this.#sa;
    const { config } = this.#wanted;
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
    const { local, remote } = this.#offer();
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

  process(message: Incoming): void {
    if (this.#state.kind !== "await_response") return;
    if (message.exchangeType === EXCHANGE.ikeAuth && !isEstablished(this.#sa.state)) return; // EAP goes on
    const wanted = message.notify(NOTIFY.invalidKePayload!);
    if (wanted !== undefined && this.#changeGroup(wanted.data[0]! << 8 | wanted.data[1]!)) return;
    const error = message.error();
    if (error !== undefined) return this.#handleError(error.type);
    this.#accept(message);
  }

  /** What is asked for: one pair of addresses where the configuration has it so. */
  #offer(): ChildSelectors {
    const { config, only } = this.#wanted;
    const offer = only ?? childOffer(this.#sa, config);
    return config.singlePair && !isSinglePair(offer) ? singlePair(offer, this.#sa) : offer;
  }

  abort(): void {
    const state = this.#state;
    this.#state = { kind: "done" };
    if (state.kind !== "await_response") return;
    state.keyExchange?.dispose();
    this.#sa.services.releaseChildSpi(state.spi);
  }

  /** Tries again with the group that the responder wants, if it is one of ours (section 1.3). */
  #changeGroup(id: number): boolean {
    const state = this.#state;
    if (state.kind !== "await_response" || state.nonce === null || id === state.group) return false;
    const group = offeredKeyExchanges(this.#wanted.config.proposals).find((row) => row.id === id);
    // A peer that wants another one each time is not followed for ever.
    if (group === undefined || ++this.#groups > this.#sa.services.limits.max_retries) return false;
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
    const { config } = this.#wanted;
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
    if (sa.children.takeDeletedUnseen(spiOut)) {
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
    const { config: { singlePair: isOnePair }, inPlaceOf } = this.#wanted;
    // What was asked for in particular is asked for again when it is renewed.
    const only = this.#wanted.only ?? (isOnePair ? { local, remote: selectors.remote } : undefined);
    const replaced = this.#replaces ?? inPlaceOf;
    if (state.nonce !== null) this.nonces = [state.nonce, nonce!.data.slice()];
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
      {
        began: true,
        send: !this.isForNothing,
        replaces: replaced?.id,
        only,
        additionalTs: message.notify(NOTIFY.additionalTsPossible!) !== undefined,
      },
    );
    if (inPlaceOf !== undefined) sa.reauthentication.noteMade(inPlaceOf);
    sa.retries.noteSuccess();
  }

  /** What is refused for the moment, or for what it covers, is asked for again; a rekey has its own ways. */
  #handleError(type: number): void {
    const [sa, state] = [this.#sa, this.#state];
    const name = notifyName(type);
    if (state.kind !== "await_response") return;
    if (this.#replaces === undefined && type === NOTIFY.temporaryFailure) {
      this.abort();
      if (!sa.retries.noteTemporaryFailure()) return;
      const retryIn = sa.retries.createLater(this.#wanted);
      return this.#tellFailure(name, `The peer answered ${name}: it can do nothing just now`, retryIn);
    }
    if (this.#replaces === undefined && type === NOTIFY.singlePairRequired && !isSinglePair(state)) {
      const pair = singlePair(state, sa);
      this.abort();
      return sa.children.create({ ...this.#wanted, only: pair });
    }
    this.#fail(name, `The peer answered ${name}${MEANINGS[type] ?? ""}`);
  }

  /** The peer has made a child SA that we do not want: it is deleted there (section 1.3.1). */
  #refuseAnswer(reason: string, text: string): void {
    const state = this.#state;
    if (state.kind !== "await_response") return;
    state.keyExchange?.dispose();
    this.#state = { kind: "done" };
    this.#sa.children.deleteUnwanted(state.spi);
    this.#tellFailure(reason, text);
  }

  #fail(reason: string, text: string): void {
    this.abort();
    this.#tellFailure(reason, text);
  }

  #tellFailure(reason: string, text: string, retryIn: number | null = null): void {
    const { name } = this.#wanted.config;
    this.#sa.services.emit({
      type: "child_sa_failed",
      ikeSa: this.#sa.id,
      name,
      reason,
      text,
      ...(retryIn === null ? {} : { retryIn }),
    });
  }
}

/** What notifies say about a child SA that a person may not see in their names. */
const MEANINGS: Readonly<Record<number, string>> = {
  [NOTIFY.noAdditionalSas]: ": it takes no more child SAs on this IKE SA",
  [NOTIFY.singlePairRequired]: ": it takes single pairs of addresses only, and not this one",
  [NOTIFY.tsUnacceptable]: ": it has no such traffic",
};
