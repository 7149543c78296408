/**
 * Replaces an IKE SA (RFC 7296, sections 1.3.2, 2.8, 2.18): a new one takes over the children, then the old one is deleted by
 * whoever began. Where both ends do it at once, the exchange with the lowest nonce was for nothing (section 2.8.2).
 */

import { NOTIFY } from "../codec/mod.ts";
import type { KeyExchange, KeyExchangeTransform } from "../../crypto/mod.ts";
import { installIkeKeys } from "../ike_keys.ts";
import type { IkeSa } from "../ike_sa.ts";
import { agree, offeredKeyExchanges } from "../key_exchanges.ts";
import type { Incoming, Outgoing } from "../messages.ts";
import { isRedundant } from "../nonce_order.ts";
import {
  checkAnswer,
  type SelectedProposal,
  selectProposal,
  toAnswer,
  toSaPayload,
} from "../proposal_selection.ts";
import { newNonce } from "./ike_init.ts";
import { IkeSaFailure, type Task } from "./task.ts";

type State =
  | { readonly kind: "initial" }
  | {
    readonly kind: "await_response";
    readonly spi: Uint8Array;
    readonly nonce: Uint8Array;
    readonly keyExchange: KeyExchange;
    readonly group: number;
  }
  | { readonly kind: "done" };

/** CREATE_CHILD_SA for the IKE SA itself, begun by this end. */
export class IkeRekeyTask implements Task {
  readonly name = "ike_rekey";
  readonly #sa: IkeSa;
  #state: State = { kind: "initial" };
  #group: KeyExchangeTransform | null = null;
  #groups = 0;

  /** Takes the SA to be replaced. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  get done(): boolean {
    return this.#state.kind === "done";
  }

  build(message: Outgoing): void {
    const sa = this.#sa;
    const { services, connection } = sa;
    // The peer was first, or the SA goes.
    if (sa.state !== "established" || this.#state.kind !== "initial") {
      this.#state = { kind: "done" };
      return;
    }
    sa.succession.rekeying = true;
    this.#group ??= offeredKeyExchanges(connection.proposals)
      .find(({ id }) => id === sa.suite!.keyExchange!.id) ?? offeredKeyExchanges(connection.proposals)[0]!;
    const keyExchange = services.crypto.createKeyExchange(this.#group, (octets) => services.random(octets));
    const [spi, nonce] = [services.newIkeSpi(), newNonce(sa)];
    message.add(
      toSaPayload(connection.proposals, { spi }),
      { kind: "Nonce", data: nonce },
      { kind: "KE", group: this.#group.id, data: keyExchange.publicValue },
    );
    this.#state = { kind: "await_response", spi, nonce, keyExchange, group: this.#group.id };
  }

  process(message: Incoming): void {
    const sa = this.#sa;
    if (this.#state.kind !== "await_response") return;
    const { spi, nonce, keyExchange, group } = this.#state;
    const error = message.error();
    if (error?.type === NOTIFY.invalidKePayload && this.#changeGroup(error.data[0]! << 8 | error.data[1]!)) {
      return;
    }
    if (error !== undefined) {
      this.abort();
      // The peer was first, and its own rekey is why it refuses ours.
      return sa.succession.yieldToPeer() ? undefined : sa.succession.rekeyRefused(error.type);
    }
    const [answer, ke, nonceR] = [message.first("SA"), message.first("KE"), message.first("Nonce")];
    if (answer === undefined || ke === undefined || nonceR === undefined) {
      throw new IkeSaFailure("invalid_syntax", "The answer to a rekey of the IKE SA lacks SA, KE or Nonce");
    }
    const selected = checkAnswer(answer, sa.connection.proposals, { spiSize: 8 });
    if (selected.keyExchange!.id !== group || ke.group !== group) {
      throw new IkeSaFailure(
        "protocol",
        `The peer answered with group ${ke.group}, but we sent a value of group ${group}`,
      );
    }
    const shared = keyExchange.computeSharedSecret(ke.data);
    keyExchange.dispose();
    this.#state = { kind: "done" };
    sa.succession.rekeying = false;
    const nonces = [nonce, nonceR.data.slice()] as const;
    const created = sa.makeSuccessor("initiator", { spiI: spi, spiR: selected.spi.slice(), nonces });
    installIkeKeys(created, selected, shared, sa);
    if (sa.state !== "established") {
      // The SA is to go, and has waited for this answer: the peer may have moved the children to what goes with it. Or the
      // peer was first, and has gone on with what it has made.
      created.establish();
      return created.end.delete(sa.state === "rekeyed" ? "replaced" : "local");
    }
    const theirs = sa.succession.peerSuccessor;
    if (theirs !== null && theirs.successor.state !== "closed" && isRedundant(nonces, theirs.nonces)) {
      // Ours was for nothing: it is deleted, and the peer deletes the old one.
      sa.succession.handOverToPeer(theirs.successor, created);
    } else {
      sa.succession.handOver(created);
      sa.end.delete("replaced");
      // The peer's was for nothing, and the peer deletes it, or has done so.
      theirs?.successor.succession.giveWay();
    }
  }

  #changeGroup(id: number): boolean {
    const group = offeredKeyExchanges(this.#sa.connection.proposals).find((row) => row.id === id);
    if (this.#state.kind !== "await_response" || group === undefined || id === this.#state.group) {
      return false;
    }
    // A peer that wants another one each time is not followed for ever.
    if (++this.#groups > this.#sa.services.limits.max_retries) return false;
    this.#state.keyExchange.dispose();
    this.#group = group;
    this.#state = { kind: "initial" };
    return true;
  }

  abort(): void {
    if (this.#state.kind === "await_response") this.#state.keyExchange.dispose();
    this.#state = { kind: "done" };
    this.#sa.succession.rekeying = false;
  }
}

/** CREATE_CHILD_SA for the IKE SA itself, begun by the peer. */
export class PeerIkeRekeyTask implements Task {
  readonly name = "ike_rekey";
  readonly #sa: IkeSa;
  #accepted:
    | { readonly selected: SelectedProposal; readonly nonceI: Uint8Array; readonly value: Uint8Array }
    | null = null;
  #refusal: { readonly notify: number; readonly data?: Uint8Array } | null = null;
  done = false;

  /** Takes the SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  process(message: Incoming): void {
    const sa = this.#sa;
    const [offer, ke, nonce] = [message.first("SA")!, message.first("KE"), message.first("Nonce")!];
    sa.succession.peerHasAsked = true;
    // Section 2.25.2: not while a child SA is made or deleted, or this SA goes; and once is enough.
    const { peerSuccessor, isTooLong } = sa.succession;
    const isBusy = peerSuccessor !== null || isTooLong || sa.exchanges.isBusyWithChildren();
    if (sa.state !== "established" || isBusy) {
      this.#refusal = { notify: NOTIFY.temporaryFailure };
      return;
    }
    const selected = selectProposal(offer, sa.connection.proposals, {
      spiSize: 8,
      ...(ke === undefined ? {} : { group: ke.group }),
    });
    if (selected === undefined) this.#refusal = { notify: NOTIFY.noProposalChosen };
    else if (ke?.group !== selected.keyExchange!.id) {
      const { id } = selected.keyExchange!;
      this.#refusal = { notify: NOTIFY.invalidKePayload, data: Uint8Array.of(id >> 8, id) };
    } else this.#accepted = { selected, nonceI: nonce.data.slice(), value: ke.data.slice() };
  }

  build(message: Outgoing): void {
    this.done = true;
    const sa = this.#sa;
    if (this.#accepted === null) return message.notify(this.#refusal!.notify, this.#refusal!.data);
    const { selected, nonceI, value } = this.#accepted;
    const { publicValue, shared } = agree(sa, selected.keyExchange!, value);
    const [spi, nonceR] = [sa.services.newIkeSpi(), newNonce(sa)];
    message.add(
      toAnswer(selected, spi),
      { kind: "Nonce", data: nonceR },
      { kind: "KE", group: selected.keyExchange!.id, data: publicValue },
    );
    const nonces = [nonceI, nonceR] as const;
    const successor = sa.makeSuccessor("responder", { spiI: selected.spi.slice(), spiR: spi, nonces });
    installIkeKeys(successor, selected, shared, sa);
    sa.succession.offeredByPeer(successor, nonces);
    // With a rekey of ours under way, its response decides who takes over.
    if (sa.succession.rekeying) sa.afterResponse(() => successor.establish());
    else sa.afterResponse(() => sa.succession.handOver(successor));
  }

  abort(): void {}
}
