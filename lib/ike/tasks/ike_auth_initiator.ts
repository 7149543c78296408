/**
 * IKE_AUTH as its initiator (RFC 7296, sections 1.2, 2.15, 2.16): says who it is and proves it, directly or by EAP, and believes
 * nothing of the responder before that has proven itself.
 */

import { formatIdentity, hasWildcards, type VerifyOutcome } from "../auth/mod.ts";
import {
  addProof,
  identityPayload,
  isEap,
  learnIdentity,
  ownIdentity,
  proveByEap,
  proveOurselves,
  requestCertificate,
  verifyByEap,
  verifyPeer,
} from "../authentication.ts";
import { EXCHANGE, NOTIFY, notifyName } from "../codec/mod.ts";
import { EAP_CODE, type EapOutcome, type EapPeer } from "../eap/mod.ts";
import type { IkeSa } from "../ike_sa.ts";
import type { Incoming, Outgoing } from "../messages.ts";
import { throwFatalNotify } from "./fatal_notify.ts";
import { failAuthentication, IkeSaFailure, type Task, type TaskStep } from "./task.ts";

type State =
  | { readonly kind: "initial" }
  /** Our proof is under way; the responder's is awaited. */
  | { readonly kind: "await_auth" }
  /** Who we are is under way; the responder's proof and the first EAP packet are awaited. */
  | { readonly kind: "await_eap"; readonly eap: EapPeer; readonly verified: boolean; readonly begun: boolean }
  /** An answer to the last EAP packet. */
  | {
    readonly kind: "answer_eap";
    readonly eap: EapPeer;
    readonly verified: boolean;
    readonly packet: Uint8Array;
  }
  /** EAP is over; our proof by its key comes next. */
  | { readonly kind: "prove_by_eap"; readonly msk: Uint8Array | null }
  /** The responder's proof by the key of EAP is awaited. */
  | { readonly kind: "await_eap_auth"; readonly msk: Uint8Array | null }
  | { readonly kind: "done" };

/** IDi, CERT, CERTREQ, IDr, AUTH and EAP. */
export class IkeAuthInitiatorTask implements Task {
  readonly name = "ike_auth";
  readonly #sa: IkeSa;
  #state: State = { kind: "initial" };

  /** Takes the SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  get done(): boolean {
    return this.#state.kind === "done";
  }

  build(message: Outgoing): TaskStep {
    if (message.exchangeType !== EXCHANGE.ikeAuth) return;
    const state = this.#state;
    if (state.kind === "initial") return this.#begin(message);
    if (state.kind === "answer_eap") {
      message.add({ kind: "EAP", data: state.packet });
      this.#state = { kind: "await_eap", eap: state.eap, verified: state.verified, begun: true };
    } else if (state.kind === "prove_by_eap") {
      addProof(message, proveByEap(this.#sa, state.msk));
      this.#state = { kind: "await_eap_auth", msk: state.msk };
    }
  }

  process(message: Incoming): TaskStep {
    if (message.exchangeType !== EXCHANGE.ikeAuth) return;
    throwFatalNotify(message, this.#sa);
    const state = this.#state;
    if (state.kind === "await_auth") return this.#processAuth(message);
    if (state.kind === "await_eap") return this.#processEap(message, state);
    if (state.kind === "await_eap_auth") return this.#processEapAuth(message, state.msk);
  }

  abort(): void {
    if ("eap" in this.#state) this.#state.eap.dispose();
    if ("msk" in this.#state) this.#state.msk?.fill(0);
    this.#state = { kind: "done" };
  }

  #begin(message: Outgoing): TaskStep {
    const sa = this.#sa;
    const { connection, services } = sa;
    sa.localId = ownIdentity(sa);
    message.add(identityPayload("IDi", sa.localId));
    if (isEap(connection.local.auth)) {
      this.#state = { kind: "await_eap", eap: services.eapPeer(sa), verified: false, begun: false };
      this.#addRest(message);
      // RFC 5998, section 3: with a method that proves both ends, the responder needs no proof of its own.
      if (isEap(connection.remote.auth)) message.notify(NOTIFY.eapOnlyAuthentication!);
      return;
    }
    const built = (outcome: ReturnType<typeof proveOurselves>): TaskStep => {
      if (outcome.kind === "need") {
        return {
          need: outcome.need,
          resume: (answer) => built(outcome.resume(answer as never)),
        };
      }
      // Nothing has been said yet, so there is nobody to tell.
      if (outcome.kind === "failed") throw new IkeSaFailure("authentication_failed", outcome.reason);
      for (const { encoding, data } of outcome.certificates) message.add({ kind: "CERT", encoding, data });
      this.#addRest(message);
      message.add({ kind: "AUTH", method: outcome.auth.method, data: outcome.auth.data });
      this.#state = { kind: "await_auth" };
    };
    return built(proveOurselves(sa));
  }

  /** What stands between who we are and our proof. */
  #addRest(message: Outgoing): void {
    const { connection, services } = this.#sa;
    const { remote, unique } = connection;
    // Section 2.4: only where this end is surely one, which `never` says it is not; nor is it while the new IKE SA of a
    // reauthentication stands beside the old one.
    if (
      unique !== "never" && this.#sa.reauthentication.old === null && services.isOnly(this.#sa)
    ) {
      message.notify(NOTIFY.initialContact!);
    }
    requestCertificate(message, this.#sa, [connection]);
    if (remote.id !== null && !hasWildcards(remote.id)) message.add(identityPayload("IDr", remote.id));
  }

  #processAuth(message: Incoming): TaskStep {
    const error = message.error();
    if (message.first("AUTH") === undefined || message.first("IDr") === undefined) {
      const text = error === undefined ? "an answer without IDr or AUTH" : notifyName(error.type);
      throw new IkeSaFailure("refused", `The peer answered IKE_AUTH with ${text}`);
    }
    learnIdentity(this.#sa, message);
    return this.#checkProof(message, () => this.#finish());
  }

  /** Verifies the responder's proof by the words of the connection. */
  #checkProof(message: Incoming, then: () => TaskStep): TaskStep {
    const verified = (outcome: VerifyOutcome): TaskStep => {
      if (outcome.kind === "need") {
        return {
          need: outcome.need,
          resume: (answer) => verified(outcome.resume(answer as never)),
        };
      }
      if (outcome.kind === "failed") {
        throw failAuthentication(
          `Cannot authenticate the peer ${formatIdentity(this.#sa.remoteId!)}: ${outcome.reason}`,
        );
      }
      return then();
    };
    return verified(verifyPeer(this.#sa, message, this.#sa.connection));
  }

  #processEap(message: Incoming, state: Extract<State, { kind: "await_eap" }>): TaskStep {
    const packet = message.first("EAP");
    if (packet === undefined) {
      const error = message.error();
      const text = error === undefined ? "expected EAP, got none" : `got ${notifyName(error.type)}`;
      throw new IkeSaFailure("refused", `The peer did not go on with EAP: ${text}`);
    }
    if (state.begun) return this.#runEap(state, packet.data);
    if (message.first("IDr") === undefined) throw failAuthentication("The peer began EAP without IDr");
    learnIdentity(this.#sa, message);
    if (message.first("AUTH") !== undefined) {
      return this.#checkProof(
        message,
        () => this.#runEap({ ...state, verified: true, begun: true }, packet.data),
      );
    }
    if (!isEap(this.#sa.connection.remote.auth)) {
      throw failAuthentication(
        "The peer began EAP without proof of who it is (AUTH), and EAP alone was not asked for",
      );
    }
    return this.#runEap({ ...state, begun: true }, packet.data);
  }

  #runEap(state: Extract<State, { kind: "await_eap" }>, packet: Uint8Array): TaskStep {
    const { eap, verified } = state;
    const handled = (outcome: EapOutcome): TaskStep => {
      if (outcome.kind === "need") {
        return {
          need: outcome.need,
          resume: (answer) => handled(outcome.resume(answer)),
        };
      }
      if (outcome.kind === "failure") {
        const text = `EAP failed: ${outcome.reason}`;
        // Section 2.21: of an EAP-Failure both ends know, so no AUTHENTICATION_FAILED is sent.
        if (packet[0] === EAP_CODE.failure) throw new IkeSaFailure("authentication_failed", text);
        throw failAuthentication(text);
      }
      if (outcome.kind === "reply") {
        this.#state = { kind: "answer_eap", eap, verified, packet: outcome.packet };
        return;
      }
      if (!verified && !outcome.safeAlone) {
        throw failAuthentication(
          `${outcome.method} alone does not prove who the peer is (RFC 5998, section 4)`,
        );
      }
      eap.dispose();
      this.#state = { kind: "prove_by_eap", msk: outcome.msk };
    };
    return handled(eap.handle(packet));
  }

  #processEapAuth(message: Incoming, msk: Uint8Array | null): void {
    if (message.first("AUTH") === undefined) {
      const error = message.error();
      const text = error === undefined ? "an answer without AUTH" : notifyName(error.type);
      throw new IkeSaFailure("refused", `The peer ended EAP with ${text}`);
    }
    const wrong = verifyByEap(this.#sa, message, msk);
    msk?.fill(0);
    if (wrong !== null) {
      throw failAuthentication(
        `Cannot authenticate the peer ${formatIdentity(this.#sa.remoteId!)}: ${wrong}`,
      );
    }
    this.#finish();
  }

  #finish(): void {
    this.#sa.authenticated = true;
    this.#state = { kind: "done" };
  }
}
