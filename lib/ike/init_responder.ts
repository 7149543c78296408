/**
 * What a responder does with IKE_SA_INIT before there is an SA (RFC 7296, sections 2.6, 2.7, 2.21.1): cheap checks first, a
 * cookie under load, and no state before an offer is acceptable.
 */

import { IkeError } from "../errors.ts";
import { Cookies } from "./cookies.ts";
import {
  checkExchange,
  checkOuterPayloads,
  emitIkeMessage,
  type IkeHeader,
  type IkeMessage,
  ikeMessageSize,
  NOTIFY,
  notifyPayload,
  parseIkeMessage,
  type Payload,
} from "./codec/mod.ts";
import type { Connection } from "./connection.ts";
import { connectionsFor } from "./connection_choice.ts";
import { prfTransform } from "../crypto/mod.ts";
import { describeOffer } from "./describe_offer.ts";
import { IkeSa } from "./ike_sa.ts";
import { Incoming } from "./messages.ts";
import { logLine } from "./message_log.ts";
import type { IkePath } from "./path.ts";
import { type SelectedProposal, selectProposal, toAnswer } from "./proposal_selection.ts";
import { RateLimiter } from "./rate_limiter.ts";
import type { IkeSaRegistry } from "./sa_registry.ts";
import type { IkeServices } from "./services.ts";

const NO_SPI = new Uint8Array(8);

/** Answers those whom no SA knows. */
export class InitResponder {
  readonly #services: IkeServices;
  readonly #registry: IkeSaRegistry;
  readonly #connections: readonly Connection[];
  readonly #cookies: Cookies;
  readonly #unprotected: RateLimiter;

  /** Takes the engine's parts. */
  constructor(services: IkeServices, registry: IkeSaRegistry, connections: readonly Connection[]) {
    const { crypto, limits } = services;
    this.#services = services;
    this.#registry = registry;
    this.#connections = connections;
    const prf = crypto.createPrf(prfTransform("prfsha256")!);
    this.#cookies = new Cookies(prf, (octets) => services.random(octets), limits.cookie_lifetime);
    this.#unprotected = new RateLimiter(limits.unprotected_replies_per_second);
  }

  /** A request of IKE_SA_INIT with a responder's SPI of zero. */
  handleRequest(octets: Uint8Array, header: IkeHeader, path: IkePath): void {
    // Recognised by its octets: two peers behind one NAT may have one SPI (section 2.1).
    const digest = this.#services.crypto.sha1(octets);
    const known = this.#registry.byRequest(digest);
    if (known !== undefined) return known.exchanges.handleMessage(octets, header, path);
    let message: IkeMessage;
    try {
      message = parseIkeMessage(octets);
      checkOuterPayloads(message);
      checkExchange(message);
    } catch (error) {
      if (!(error instanceof IkeError)) throw error;
      return this.#refuse(error, header, path);
    }
    const { limits } = this.#services;
    const tooMany = this.#registry.size >= limits.max_ike_sas
      ? `max_ike_sas (${limits.max_ike_sas})`
      : this.#registry.halfOpen >= limits.max_half_open
      ? `max_half_open (${limits.max_half_open})`
      : this.#registry.halfOpenOf(path.remote.address) >= limits.max_half_open_per_source
      ? `max_half_open_per_source (${limits.max_half_open_per_source})`
      : null;
    if (tooMany !== null) return this.#services.drop("limit", `the limit ${tooMany} is reached`, path);
    if (!this.#hasProvenItsAddress(message, path)) return this.#giveCookie(message, path);
    this.#select(message, octets, path, digest);
  }

  /** A message that belongs to no SA (section 2.21.4). */
  handleStray(header: IkeHeader, path: IkePath, text: string): void {
    this.#services.drop("unknown_spi", text, path);
    const isRequest = (header.flags & 0x20) === 0;
    if (isRequest) this.#reply(header, path, [notifyPayload(NOTIFY.invalidIkeSpi)]);
  }

  /** A message of a version that is not spoken here (section 2.5). */
  handleVersion(header: IkeHeader, path: IkePath): void {
    this.#services.drop("malformed", `IKE version ${header.majorVersion}.${header.minorVersion}`, path);
    if (header.majorVersion > 2) {
      this.#reply(header, path, [notifyPayload(NOTIFY.invalidMajorVersion, Uint8Array.of(2))]);
    }
  }

  /** On a stream an address is proven by the stream (RFC 9329, section 6.3); on UDP by a cookie, once there is a load. */
  #hasProvenItsAddress(message: IkeMessage, path: IkePath): boolean {
    const { limits, now } = this.#services;
    if (path.reliable || this.#registry.halfOpen < limits.cookie_threshold) return true;
    const cookie = message.payloads.find((payload) => payload.kind === "N" && payload.type === NOTIFY.cookie);
    return cookie?.kind === "N" && this.#cookies.accepts(cookie.data, subjectOf(message, path), now);
  }

  #giveCookie(message: IkeMessage, path: IkePath): void {
    const cookie = this.#cookies.give(subjectOf(message, path), this.#services.now);
    this.#answer(message, path, [notifyPayload(NOTIFY.cookie, cookie)]);
  }

  /** The first connection for these addresses that accepts one of the proposals; no state before that. */
  #select(message: IkeMessage, octets: Uint8Array, path: IkePath, digest: Uint8Array): void {
    const offer = message.payloads.find((payload) => payload.kind === "SA");
    const ke = message.payloads.find((payload) => payload.kind === "KE");
    if (offer?.kind !== "SA" || ke?.kind !== "KE") return;
    const candidates = connectionsFor(this.#connections, path);
    let selected: SelectedProposal | undefined;
    for (const { proposals } of candidates) {
      selected ??= selectProposal(offer, proposals, { spiSize: 0, group: ke.group });
    }
    if (selected === undefined) {
      const text = candidates.length === 0
        ? "no connection is for this address"
        : `no proposal is acceptable: ${describeOffer(offer)}`;
      this.#services.drop("refused", text, path);
      return this.#answer(message, path, [notifyPayload(NOTIFY.noProposalChosen)]);
    }
    const group = selected.keyExchange!.id;
    if (ke.group !== group) {
      return this.#answer(message, path, [
        notifyPayload(NOTIFY.invalidKePayload, Uint8Array.of(group >> 8, group)),
      ]);
    }
    // Which of them is meant is known in IKE_AUTH: one that accepts what was chosen, even if it prefers something else.
    const chosen = toAnswer(selected);
    const possible = candidates.filter(({ proposals }) =>
      selectProposal(chosen, proposals, { spiSize: 0 }) !== undefined
    );
    this.#begin(message, { octets, path, digest, candidates: possible, selected });
  }

  #begin(
    message: IkeMessage,
    parts: {
      octets: Uint8Array;
      path: IkePath;
      digest: Uint8Array;
      candidates: readonly Connection[];
      selected: SelectedProposal;
    },
  ): void {
    const services = this.#services;
    const { octets, path, digest, candidates, selected } = parts;
    const { exchangeType, messageId, spiI, spiR, payloads } = message;
    const sa = new IkeSa({
      id: services.newIkeSaId(),
      services,
      role: "responder",
      spiI: spiI.slice(),
      spiR: services.newIkeSpi(),
      path,
      candidates,
    });
    sa.suite = selected;
    sa.move("init_request");
    this.#registry.add(sa, digest);
    sa.timers.set("half_open", services.now + services.limits.half_open_timeout);
    const incoming = new Incoming({ exchangeType, messageId, spiI, spiR, payloads, octets, path });
    sa.noteReceived(incoming, "request");
    sa.exchanges.answer(incoming, { octets, messageId, path, exchangeType });
  }

  /** A request that cannot be read is told so where the RFC has it so (sections 2.5, 2.21). */
  #refuse(error: IkeError, header: IkeHeader, path: IkePath): void {
    this.#services.drop("malformed", error.message, path);
    if (error.notify !== undefined) {
      this.#reply(header, path, [notifyPayload(error.notify, error.notifyData)]);
    }
  }

  /** Answers IKE_SA_INIT without an SA: the responder's SPI stays zero (section 2.6). */
  #answer(message: IkeMessage, path: IkePath, payloads: readonly Payload[]): void {
    const { spiI, exchangeType } = message;
    this.#log("received", logLine(message, "request", "received"), path, ikeMessageSize(message));
    this.#send(path, {
      spiI,
      spiR: NO_SPI,
      exchangeType,
      initiator: false,
      response: true,
      messageId: 0,
      payloads,
    });
  }

  /** Answers a message that no SA knows, if the rate allows; SPIs and Message ID are copied (section 2.21.4). */
  #reply(header: IkeHeader, path: IkePath, payloads: readonly Payload[]): void {
    if (!this.#unprotected.take(this.#services.now)) return;
    const { spiI, spiR, exchangeType, messageId, flags } = header;
    const initiator = (flags & 0x08) === 0;
    this.#send(path, { spiI, spiR, exchangeType, initiator, response: true, messageId, payloads });
  }

  #send(path: IkePath, response: IkeMessage): void {
    const octets = emitIkeMessage(response);
    this.#log("sent", logLine(response, "response", "sent"), path, octets.length);
    this.#services.transmit(path, octets);
  }

  #log(direction: "sent" | "received", line: string, path: IkePath, length: number): void {
    this.#services.emit({ type: "message", direction, path, line, length, repeated: false });
  }
}

function subjectOf({ payloads, spiI }: IkeMessage, path: IkePath) {
  const nonce = payloads.find((payload) => payload.kind === "Nonce");
  const nonceI = nonce?.kind === "Nonce" ? nonce.data : new Uint8Array(0);
  return { nonceI, address: path.remote.address, spiI };
}
