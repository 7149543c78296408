/**
 * IKE_AUTH as its responder (RFC 7296, sections 1.2, 2.15, 2.16): finds the connection that is meant, has the initiator prove who
 * it is, directly or by EAP, and proves itself.
 */

import {
  type BuildOutcome,
  formatIdentity,
  hasWildcards,
  type Identity,
  type VerifyOutcome,
} from "../auth/mod.ts";
import {
  addProof,
  identityPayload,
  isEap,
  learnIdentity,
  ownIdentity,
  proveByEap,
  proveOurselves,
  verifyByEap,
  verifyPeer,
} from "../authentication.ts";
import { EXCHANGE, NOTIFY } from "../codec/mod.ts";
import type { Connection } from "../connection.ts";
import { rankConnections } from "../connection_choice.ts";
import type { EapOutcome, EapServer } from "../eap/mod.ts";
import { eapPeerIdentity } from "../eap_choice.ts";
import type { IkeSa } from "../ike_sa.ts";
import type { Incoming, Outgoing } from "../messages.ts";
import { sameAddress } from "../_endpoints.ts";
import { parseCertificateRequests } from "../auth/mod.ts";
import { failAuthentication, IkeSaFailure, type Task, type TaskStep } from "./task.ts";

type State =
  | { readonly kind: "initial" }
  /** The initiator is authenticated; our proof comes next. */
  | { readonly kind: "prove" }
  /** EAP begins, with our proof unless EAP alone will do. */
  | { readonly kind: "begin_eap"; readonly eap: EapServer; readonly alone: boolean }
  /** The next EAP packet is to be sent. */
  | { readonly kind: "send_eap"; readonly eap: EapServer; readonly packet: Uint8Array }
  | { readonly kind: "await_eap"; readonly eap: EapServer }
  /** EAP was a success, which the initiator is told next. */
  | { readonly kind: "send_success"; readonly packet: Uint8Array; readonly msk: Uint8Array | null }
  /** EAP failed, which the initiator is told before the SA goes. */
  | { readonly kind: "send_failure"; readonly packet: Uint8Array | undefined; readonly reason: string }
  | { readonly kind: "await_eap_auth"; readonly msk: Uint8Array | null }
  /** Our proof by the key of EAP comes next. */
  | { readonly kind: "prove_by_eap"; readonly msk: Uint8Array | null }
  | { readonly kind: "done" };

/** IDr, CERT, AUTH and EAP. */
export class IkeAuthResponderTask implements Task {
  readonly name = "ike_auth";
  readonly #sa: IkeSa;
  #state: State = { kind: "initial" };
  #initialContact = false;
  #eapAlone = false;
  /** EAP proves the responder too: the method is held to that (RFC 5998). */
  #safeAlone = true;

  /** Takes the SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  get done(): boolean {
    return this.#state.kind === "done";
  }

  process(message: Incoming): TaskStep {
    if (message.exchangeType !== EXCHANGE.ikeAuth) return;
    const state = this.#state;
    if (state.kind === "initial") return this.#identify(message);
    if (state.kind === "await_eap") return this.#processEap(message, state.eap);
    if (state.kind === "await_eap_auth") return this.#processEapAuth(message, state.msk);
    throw new IkeSaFailure("protocol", "IKE_AUTH came out of order", NOTIFY.invalidSyntax);
  }

  build(message: Outgoing): TaskStep {
    if (message.exchangeType !== EXCHANGE.ikeAuth) return;
    const state = this.#state;
    switch (state.kind) {
      case "prove":
        message.add(identityPayload("IDr", this.#sa.localId!));
        return this.#prove(message, () => this.#finish());
      case "begin_eap":
        message.add(identityPayload("IDr", this.#sa.localId!));
        return state.alone
          ? this.#handled(state.eap, state.eap.begin(), () => this.#sendEap(message))
          : this.#prove(message, () =>
            this.#handled(state.eap, state.eap.begin(), () => this.#sendEap(message)));
      case "send_eap":
      case "send_success":
      case "send_failure":
        return this.#sendEap(message);
      case "prove_by_eap":
        addProof(message, proveByEap(this.#sa, state.msk));
        state.msk?.fill(0);
        return this.#finish();
    }
  }

  abort(): void {
    if ("eap" in this.#state) this.#state.eap.dispose();
    if ("msk" in this.#state) this.#state.msk?.fill(0);
    this.#state = { kind: "done" };
  }

  /** The first request: who is there, whom it wants, and its proof unless it wants EAP. */
  #identify(message: Incoming): TaskStep {
    const sa = this.#sa;
    if (message.first("IDi") === undefined) {
      throw new IkeSaFailure("invalid_syntax", "The first IKE_AUTH request lacks IDi", NOTIFY.invalidSyntax);
    }
    learnIdentity(sa, message);
    sa.peer.authorities = parseCertificateRequests(message.all("CERTREQ"));
    this.#initialContact = message.notify(NOTIFY.initialContact!) !== undefined;
    sa.peer.eapOnly = message.notify(NOTIFY.eapOnlyAuthentication!) !== undefined;
    const wanted = message.first("IDr");
    const auth = message.first("AUTH");
    const ranked = rankConnections(sa.candidates, {
      remote: sa.remoteId!,
      local: wanted === undefined ? null : { type: wanted.type, data: wanted.data.slice() },
      method: auth?.method ?? null,
    });
    if (ranked.length === 0) throw failAuthentication(this.#noConnection(wanted, auth === undefined));
    if (auth !== undefined) {
      return this.#checkProof(message, ranked.slice(0, sa.services.limits.max_tried_connections));
    }
    sa.candidates = ranked;
    sa.localId = this.#chooseOwn(wanted);
    const eap = sa.services.eapServer(sa);
    this.#eapAlone = sa.peer.eapOnly && isEap(sa.connection.local.auth);
    this.#state = { kind: "begin_eap", eap, alone: this.#eapAlone };
  }

  #noConnection(wanted: Identity | undefined, byEap: boolean): string {
    const who = formatIdentity(this.#sa.remoteId!);
    const whom = wanted === undefined ? "anybody" : formatIdentity(wanted);
    const how = byEap ? "by EAP" : "by AUTH";
    return `No connection is for ${who}, which wants ${whom} and authenticates ${how}`;
  }

  /** The identity that was asked for, where the configuration leaves it open. */
  #chooseOwn(wanted: Identity | undefined): Identity {
    const { id } = this.#sa.connection.local;
    if (wanted !== undefined && (id === null || hasWildcards(id))) {
      return { type: wanted.type, data: wanted.data.slice() };
    }
    return ownIdentity(this.#sa);
  }

  /** By the closest connection, or the next one by which the proof holds; what the closest one has against it is what is told. */
  #checkProof(message: Incoming, ranked: readonly Connection[], first?: string): TaskStep {
    const sa = this.#sa;
    const [, ...others] = ranked;
    sa.candidates = ranked;
    sa.localId = this.#chooseOwn(message.first("IDr"));
    const verified = (outcome: VerifyOutcome): TaskStep => {
      if (outcome.kind === "need") {
        return {
          need: outcome.need,
          resume: (answer) => verified(outcome.resume(answer as never)),
        };
      }
      if (outcome.kind === "failed") {
        const reason = first ?? outcome.reason;
        if (others.length > 0) return this.#checkProof(message, others, reason);
        throw failAuthentication(`Cannot authenticate the peer ${formatIdentity(sa.remoteId!)}: ${reason}`);
      }
      this.#admit();
      this.#state = { kind: "prove" };
    };
    return verified(verifyPeer(sa, message, sa.connection));
  }

  /** The peer is who it says it is: what becomes of its other IKE SAs (RFC 7296, section 2.4). */
  #admit(): void {
    const sa = this.#sa;
    const { unique } = sa.connection;
    // RFC 7619, section 2.3: who has proven nothing has no other IKE SAs that could be told from those of somebody else.
    if (unique === "never" || sa.isAnonymous) return;
    const siblings = sa.services.siblings(sa);
    // From the same address without INITIAL_CONTACT, it is likely to be the same peer that authenticates itself anew, and wants the
    // old IKE SA to carry packets until the new one does (section 2.8.3).
    const isElsewhere = (other: IkeSa) => !sameAddress(other.path.remote.address, sa.path.remote.address);
    if (unique === "keep" && siblings.some(isElsewhere) && !this.#initialContact) {
      throw failAuthentication(`${formatIdentity(sa.peerId!)} has an IKE SA already (unique = keep)`);
    }
    for (const sibling of siblings) {
      // After INITIAL_CONTACT the peer knows nothing of them, so there is nobody to send D to.
      if (this.#initialContact) sibling.end.fail("refused", "The peer began anew (INITIAL_CONTACT)");
      else if (unique === "no") continue;
      else if (isElsewhere(sibling)) sibling.end.delete();
      else sibling.timers.set("linger", sa.services.now + sa.services.limits.linger_time);
    }
  }

  #prove(message: Outgoing, then: () => TaskStep): TaskStep {
    const built = (outcome: BuildOutcome): TaskStep => {
      if (outcome.kind === "need") {
        return {
          need: outcome.need,
          resume: (answer) => built(outcome.resume(answer as never)),
        };
      }
      if (outcome.kind === "failed") throw failAuthentication(`Cannot prove who we are: ${outcome.reason}`);
      addProof(message, outcome);
      return then();
    };
    return built(proveOurselves(this.#sa));
  }

  #processEap(message: Incoming, eap: EapServer): TaskStep {
    const packet = message.first("EAP");
    if (packet === undefined) throw failAuthentication("Expected EAP, got none");
    return this.#handled(eap, eap.handle(packet.data), () => {});
  }

  /** Takes what EAP says into the state. */
  #handled(eap: EapServer, outcome: EapOutcome, then: () => void): TaskStep {
    if (outcome.kind === "need") {
      return { need: outcome.need, resume: (answer) => this.#handled(eap, outcome.resume(answer), then) };
    }
    if (outcome.kind === "reply") {
      this.#sa.refusal = outcome.refusal ?? null;
      this.#state = { kind: "send_eap", eap, packet: outcome.packet };
    } else if (outcome.kind === "failure") {
      this.#state = { kind: "send_failure", packet: outcome.packet, reason: outcome.reason };
    } else {
      eap.dispose();
      this.#safeAlone = outcome.safeAlone;
      this.#sa.eapId = eapPeerIdentity(this.#sa, outcome);
      this.#state = { kind: "send_success", packet: outcome.packet!, msk: outcome.msk };
    }
    then();
  }

  #sendEap(message: Outgoing): void {
    const state = this.#state;
    if (state.kind === "send_eap") {
      message.add({ kind: "EAP", data: state.packet });
      this.#state = { kind: "await_eap", eap: state.eap };
    } else if (state.kind === "send_success") {
      message.add({ kind: "EAP", data: state.packet });
      this.#state = { kind: "await_eap_auth", msk: state.msk };
    } else if (state.kind === "send_failure") {
      if (state.packet !== undefined) message.add({ kind: "EAP", data: state.packet });
      // Section 2.21: "If the exchange is terminated with EAP Failure, an AUTHENTICATION_FAILED notification is not sent."
      this.#sa.failAfterResponse(new IkeSaFailure("authentication_failed", `EAP failed: ${state.reason}`));
      this.#state = { kind: "done" };
    }
  }

  #processEapAuth(message: Incoming, msk: Uint8Array | null): void {
    if (message.first("AUTH") === undefined) throw failAuthentication("Expected AUTH after EAP, got none");
    const wrong = verifyByEap(this.#sa, message, msk);
    if (wrong !== null) {
      throw failAuthentication(
        `Cannot authenticate the peer ${formatIdentity(this.#sa.remoteId!)}: ${wrong}`,
      );
    }
    if (this.#eapAlone && !this.#safeAlone) {
      throw failAuthentication("The EAP method alone does not prove who we are (RFC 5998, section 4)");
    }
    this.#admit();
    this.#state = { kind: "prove_by_eap", msk };
  }

  #finish(): void {
    this.#sa.authenticated = true;
    this.#state = { kind: "done" };
  }
}
