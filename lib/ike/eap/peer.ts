/**
 * The peer's side of EAP (RFC 3748): in IKE the initiator, which the gateway asks (RFC 7296, section 2.16).
 *
 * @module
 */

import { EAP_CODE, EAP_TYPE, type EapPacket, emitEapPacket, parseEapPacket } from "./packet.ts";
import type {
  EapFailure,
  EapMethod,
  EapMethodStep,
  EapOutcome,
  EapPeerMethodFactory,
  EapTlsCredentials,
} from "./types.ts";

/** What a peer is made of. */
export interface EapPeerOptions {
  /** Answered to EAP-Identity. */
  readonly identity: string;
  /** The password, for methods that use one. */
  readonly password?: string;
  /** Certificates, for EAP-TLS. */
  readonly tls?: EapTlsCredentials;
  /** Methods that are accepted, the preferred one first. */
  readonly methods: readonly EapPeerMethodFactory[];
  /** Fills a buffer with randomness. */
  readonly random: (octets: Uint8Array) => void;
  /** Requests that are answered at most: a server can ask for ever otherwise (default: 100). */
  readonly maxRequests?: number;
}

/**
 * Answers a server's requests. Each packet is handled once: IKE itself is reliable, so nothing comes twice.
 *
 * @example A server that says Success before anything is proven is not believed
 * ```ts
 * import { EapPeer, mschapv2Peer } from "iketcp/ike/eap";
 * import { strictEqual } from "node:assert";
 *
 * const peer = new EapPeer({
 *   identity: "carol",
 *   password: "Ar3etTnp",
 *   methods: [mschapv2Peer],
 *   random: (octets) => void globalThis.crypto.getRandomValues(octets as Uint8Array<ArrayBuffer>),
 * });
 * strictEqual(peer.handle(Uint8Array.of(1, 7, 0, 5, 1)).kind, "reply"); // EAP-Request/Identity
 * strictEqual(peer.handle(Uint8Array.of(3, 8, 0, 4)).kind, "failure"); // EAP-Success
 * ```
 */
export class EapPeer {
  readonly #options: EapPeerOptions;
  readonly #maxRequests: number;
  #method: EapMethod | null = null;
  #lastIdentifier: number = -1;
  #requests = 0;
  /** The last method that the server wanted and we do not. */
  #refused: number | null = null;
  #ended = false;

  /** Takes who the peer is and which methods it accepts. */
  constructor(options: EapPeerOptions) {
    this.#options = options;
    this.#maxRequests = options.maxRequests ?? 100;
  }

  /** Handles one packet from the server. After success or failure there is nothing more to handle. */
  handle(octets: Uint8Array): EapOutcome {
    if (this.#ended) return this.#fail("the server goes on after the end");
    const packet = parseEapPacket(octets);
    if (packet === null) return this.#fail("the server sent something that is no EAP packet");
    switch (packet.code) {
      case EAP_CODE.request:
        return this.#handleRequest(packet);
      case EAP_CODE.success:
        return this.#handleSuccess();
      case EAP_CODE.failure:
        return this.#fail(this.#reasonOfFailure());
      default:
        return this.#fail("the server sent an EAP Response");
    }
  }

  /** Wipes what is known. */
  dispose(): void {
    this.#method?.dispose();
    this.#ended = true;
  }

  #handleRequest(packet: EapPacket): EapOutcome {
    if (++this.#requests > this.#maxRequests) {
      return this.#fail(`the server asked more than ${this.#maxRequests} times`);
    }
    // The same identifier again would be a retransmission, which IKE does not let through.
    if (packet.identifier === this.#lastIdentifier) {
      return this.#fail("the server asked twice by one identifier");
    }
    this.#lastIdentifier = packet.identifier;
    if (packet.type === EAP_TYPE.notification) {
      return this.#reply(packet, EAP_TYPE.notification, new Uint8Array(0));
    }
    if (packet.type === EAP_TYPE.identity) {
      if (this.#method !== null) {
        return this.#fail("the server asked for the identity in the middle of a method");
      }
      return this.#reply(packet, EAP_TYPE.identity, new TextEncoder().encode(this.#options.identity));
    }
    if (this.#method !== null && this.#method.type !== packet.type) {
      return this.#fail(`the server left ${this.#method.name} for a method of type ${packet.type}`);
    }
    if (this.#method === null) {
      const factory = this.#options.methods.find(({ type }) => type === packet.type);
      if (factory === undefined) return this.#refuse(packet);
      const { identity, password = "", random, tls } = this.#options;
      this.#method = factory.create({ identity, password, random, tls });
    }
    return this.#follow(packet, this.#method.handle(packet.data, packet.identifier));
  }

  /** Nak names what is wanted instead, or 0 (section 5.3.1). */
  #refuse(packet: EapPacket): EapOutcome {
    if (packet.type < EAP_TYPE.md5) return this.#fail(`the server sent a Request of type ${packet.type}`);
    const wanted = this.#options.methods.map(({ type }) => type);
    this.#refused = packet.type;
    return this.#reply(packet, EAP_TYPE.nak, Uint8Array.from(wanted.length > 0 ? wanted : [0]));
  }

  #reasonOfFailure(): string {
    if (this.#method !== null) return `the server refused: ${this.#method.name} failed`;
    if (this.#refused === null) return "the server refused the identity";
    const ours = this.#options.methods.map(({ type }) => type).join(", ") || "none";
    return `the server has none of our methods (types: ${ours}); it wanted type ${this.#refused}`;
  }

  #follow(packet: EapPacket, step: EapMethodStep): EapOutcome {
    switch (step.kind) {
      case "reply":
        return this.#reply(packet, packet.type, step.data);
      case "done":
        return this.#fail(`${this.#method!.name} has no answer`);
      case "failure":
        return this.#fail(step.reason);
      default:
        return {
          kind: "need",
          need: step.need,
          resume: (answer) =>
            this.#ended ? this.#fail("the conversation is over") : this.#follow(packet, step.resume(answer)),
        };
    }
  }

  #reply({ identifier }: EapPacket, type: number, data: Uint8Array): EapOutcome {
    return { kind: "reply", packet: emitEapPacket({ code: EAP_CODE.response, identifier, type, data }) };
  }

  /** Success is believed when the method has had its proof, never before (section 4.2). */
  #handleSuccess(): EapOutcome {
    const method = this.#method;
    if (method === null) return this.#fail("the server said Success without any authentication");
    if (!method.complete) return this.#fail(`the server said Success before ${method.name} was complete`);
    this.#ended = true;
    return { kind: "success", msk: method.msk, method: method.name, safeAlone: method.safeAlone };
  }

  #fail(reason: string): EapFailure {
    this.dispose();
    return { kind: "failure", reason };
  }
}
