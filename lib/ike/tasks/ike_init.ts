/**
 * IKE_SA_INIT (RFC 7296, section 1.2): algorithms, nonces and a Diffie-Hellman exchange; out of them the keys of the IKE SA.
 * Nothing of it is authentic until IKE_AUTH has covered both messages.
 */

import { ByteWriter } from "../../bytes/mod.ts";
import { NOTIFY } from "../codec/mod.ts";
import { parseCertificateRequests } from "../auth/mod.ts";
import { requestCertificate } from "../authentication.ts";
import { type KeyExchange, type KeyExchangeTransform, keyExchangeTransformById } from "../../crypto/mod.ts";
import type { IkeSa } from "../ike_sa.ts";
import { installIkeKeys } from "../ike_keys.ts";
import type { Incoming, Outgoing } from "../messages.ts";
import { checkAnswer, type SelectedProposal, toAnswer, toSaPayload } from "../proposal_selection.ts";
import { offeredKeyExchanges } from "../key_exchanges.ts";
import { initRefusal } from "./init_refusal.ts";
import { IkeSaFailure, type Task } from "./task.ts";

/** Octets of our nonces: at least half of any PRF's key size (section 2.10). */
export const NONCE_SIZE = 32;

type State =
  /** Nothing was sent. */
  | { readonly kind: "initial" }
  /** The initiator has sent its half. */
  | { readonly kind: "await_response"; readonly keyExchange: KeyExchange; readonly group: number }
  /** The responder has everything for its answer. */
  | {
    readonly kind: "answer";
    readonly selected: SelectedProposal;
    readonly keyExchange: KeyExchange;
    readonly shared: Uint8Array;
  }
  | { readonly kind: "done" };

/** SA, KE and Nonce. */
export class IkeInitTask implements Task {
  readonly name = "ike_init";
  readonly #sa: IkeSa;
  /** As responder: what the engine chose before it made an SA. */
  readonly #selected: SelectedProposal | null;
  #state: State = { kind: "initial" };
  #group: KeyExchangeTransform | null = null;
  #retries = 0;

  /** Takes the SA, and as responder what was chosen of the initiator's offer. */
  constructor(sa: IkeSa, selected: SelectedProposal | null = null) {
    this.#sa = sa;
    this.#selected = selected;
  }

  get done(): boolean {
    return this.#state.kind === "done";
  }

  build(message: Outgoing): void {
    if (this.#sa.role === "initiator") this.#buildRequest(message);
    else this.#buildResponse(message);
  }

  process(message: Incoming): void {
    if (this.#sa.role === "initiator") this.#processResponse(message);
    else this.#processRequest(message);
  }

  abort(): void {
    if ("keyExchange" in this.#state) this.#state.keyExchange.dispose();
    if (this.#state.kind === "answer") this.#state.shared.fill(0);
    this.#state = { kind: "done" };
  }

  #buildRequest(message: Outgoing): void {
    const sa = this.#sa;
    const { services, connection } = sa;
    if (this.#state.kind === "initial") {
      this.#group ??= offeredKeyExchanges(connection.proposals)[0]!;
      const keyExchange = services.crypto.createKeyExchange(this.#group, (octets) => services.random(octets));
      // One nonce for all retries: only KE and COOKIE may change (section 2.6.1).
      if (sa.nonceI.length === 0) sa.nonceI = newNonce(sa);
      this.#state = { kind: "await_response", keyExchange, group: this.#group.id };
    }
    if (this.#state.kind !== "await_response") return;
    const { keyExchange, group } = this.#state;
    message.add(toSaPayload(connection.proposals), { kind: "KE", group, data: keyExchange.publicValue }, {
      kind: "Nonce",
      data: sa.nonceI,
    });
    announceCapabilities(message, sa);
  }

  #processResponse(message: Incoming): void {
    const sa = this.#sa;
    if (this.#state.kind !== "await_response") return;
    if (message.notify(NOTIFY.cookie!) !== undefined) return this.#countRetry("COOKIE");
    const wanted = message.notify(NOTIFY.invalidKePayload!);
    if (wanted !== undefined) return this.#changeGroup(wanted.data[0]! << 8 | wanted.data[1]!);
    const error = message.error();
    if (error !== undefined) throw initRefusal(error.type, error.data);
    const { keyExchange, group } = this.#state;
    const [answer, ke, nonce] = [message.first("SA"), message.first("KE"), message.first("Nonce")];
    if (answer === undefined || ke === undefined || nonce === undefined) {
      throw new IkeSaFailure("invalid_syntax", "The answer to IKE_SA_INIT lacks SA, KE or Nonce");
    }
    const selected = checkAnswer(answer, sa.connection.proposals, { spiSize: 0 });
    if (selected.keyExchange!.id !== group || ke.group !== group) {
      throw new IkeSaFailure(
        "protocol",
        `The peer answered with group ${ke.group}, but we sent a value of group ${group}`,
      );
    }
    sa.nonceR = nonce.data.slice();
    sa.spiR = message.spiR.slice();
    learnCapabilities(message, sa);
    const shared = keyExchange.computeSharedSecret(ke.data);
    keyExchange.dispose();
    installIkeKeys(sa, selected, shared);
    this.#state = { kind: "done" };
  }

  /** The responder wants another group; it has to be one of ours, since anybody could have said so (section 1.2). */
  #changeGroup(id: number): void {
    if (this.#state.kind !== "await_response") return;
    const group = offeredKeyExchanges(this.#sa.connection.proposals).find((row) => row.id === id);
    if (group === undefined || id === this.#state.group) {
      const name = keyExchangeTransformById(id)?.keyword ?? `group ${id}`;
      const text = group === undefined ? `which we did not offer` : `which is the one that was sent`;
      throw new IkeSaFailure("no_proposal_chosen", `The peer asks for a value of ${name}, ${text}`);
    }
    this.#countRetry("INVALID_KE_PAYLOAD");
    this.#state.keyExchange.dispose();
    this.#group = group;
    this.#state = { kind: "initial" };
    this.#sa.requestRestart();
  }

  #countRetry(why: string): void {
    const { max_retries } = this.#sa.services.limits;
    if (++this.#retries > max_retries) {
      throw new IkeSaFailure("limit", `The peer answered ${why} and the like ${this.#retries} times`);
    }
  }

  #processRequest(message: Incoming): void {
    const sa = this.#sa;
    const { services } = sa;
    const ke = message.first("KE")!;
    sa.nonceI = message.first("Nonce")!.data.slice();
    sa.nonceR = newNonce(sa);
    learnCapabilities(message, sa);
    const selected = this.#selected!;
    const keyExchange = services.crypto.createKeyExchange(
      selected.keyExchange!,
      (octets) => services.random(octets),
    );
    try {
      this.#state = {
        kind: "answer",
        selected,
        keyExchange,
        shared: keyExchange.computeSharedSecret(ke.data),
      };
    } catch (error) {
      keyExchange.dispose();
      // A public value that RFC 6989 refuses (section 2.5: "the recipient MUST NOT use it").
      throw new IkeSaFailure("invalid_syntax", (error as Error).message, NOTIFY.invalidSyntax);
    }
  }

  #buildResponse(message: Outgoing): void {
    if (this.#state.kind !== "answer") return;
    const sa = this.#sa;
    const { selected, keyExchange, shared } = this.#state;
    message.add(
      toAnswer(selected),
      { kind: "KE", group: selected.keyExchange!.id, data: keyExchange.publicValue },
      { kind: "Nonce", data: sa.nonceR },
    );
    announceCapabilities(message, sa);
    requestCertificate(message, sa, sa.candidates);
    keyExchange.dispose();
    installIkeKeys(sa, selected, shared);
    this.#state = { kind: "done" };
  }
}

/** A nonce of ours. */
export function newNonce({ services }: IkeSa): Uint8Array<ArrayBuffer> {
  const nonce = new Uint8Array(NONCE_SIZE);
  services.random(nonce);
  return nonce;
}

/** What this end can do beyond RFC 7296. A responder only answers what was offered where the RFC wants it so. */
function announceCapabilities(message: Outgoing, sa: IkeSa): void {
  const { connection, services, role, peer } = sa;
  const { fragmentation, childless } = connection;
  // RFC 7383, section 2.3: both have to say it. On a stream it is said for a later move to UDP (RFC 9329, section 7.5).
  if (
    fragmentation === "yes" || fragmentation === "force" ||
    (fragmentation === "accept" && role === "responder")
  ) {
    if (role === "initiator" || peer.fragmentationOffered) message.notify(NOTIFY.fragmentationSupported!);
  }
  const hashes = services.hashAlgorithms;
  if (hashes.length > 0) {
    const writer = new ByteWriter(new Uint8Array(2 * hashes.length));
    for (const hash of hashes) writer.uint16(hash);
    message.notify(NOTIFY.signatureHashAlgorithms!, writer.octets);
  }
  // RFC 6023, section 3: the responder says that it takes IKE_AUTH without a child.
  if (role === "responder" && childless !== "never") message.notify(NOTIFY.childlessIkev2Supported!);
}

/** What the peer can do. */
function learnCapabilities(message: Incoming, { peer, connection }: IkeSa): void {
  peer.fragmentationOffered = message.notify(NOTIFY.fragmentationSupported!) !== undefined;
  peer.fragmentation = peer.fragmentationOffered && connection.fragmentation !== "no";
  peer.childless = message.notify(NOTIFY.childlessIkev2Supported!) !== undefined;
  const hashes = message.notify(NOTIFY.signatureHashAlgorithms!)?.data;
  if (hashes !== undefined) {
    const algorithms: number[] = [];
    for (let i = 0; i + 1 < hashes.length; i += 2) algorithms.push(hashes[i]! << 8 | hashes[i + 1]!);
    peer.hashAlgorithms = algorithms;
  }
  peer.authorities = parseCertificateRequests(message.all("CERTREQ"));
}
