/**
 * The server's side of EAP (RFC 3748): in IKE the responder, which asks the initiator (RFC 7296, section 2.16).
 *
 * @module
 */

import { formatIdentity, ID_TYPE } from "../auth/mod.ts";
import { EAP_CODE, EAP_TYPE, type EapPacket, emitEapPacket, parseEapPacket } from "./packet.ts";
import type {
  EapFailure,
  EapMethod,
  EapMethodStep,
  EapOutcome,
  EapServerMethodFactory,
  EapTlsCredentials,
} from "./types.ts";

/** What a server is made of. */
export interface EapServerOptions {
  /** Methods that are offered, the preferred one first; at least one. */
  readonly methods: readonly EapServerMethodFactory[];
  /** The peer's name where it is known already (`eap_id`); the peer is asked by default. */
  readonly identity?: string;
  /** Why somebody must not call itself so, a sentence; null when it may (default: everybody may). Asked of a peer that was asked. */
  readonly reasonAgainst?: (identity: string) => string | null;
  /** The password of a user; null when nobody is known by that name. */
  readonly passwordOf: (identity: string) => string | null;
  /** Certificates, for EAP-TLS. */
  readonly tls?: EapTlsCredentials;
  /** Fills a buffer with randomness. */
  readonly random: (octets: Uint8Array) => void;
  /** Requests that are made at most (default: 100). */
  readonly maxRequests?: number;
}

/** Longer than any name. */
const MAX_IDENTITY_SIZE = 1024;

/** Asks a peer. `begin` gives the first request, `handle` takes each response. */
export class EapServer {
  readonly #options: EapServerOptions;
  readonly #maxRequests: number;
  #waiting: EapServerMethodFactory[];
  #method: EapMethod | null = null;
  /** Whether the method at hand has had an answer: Nak is for its first request only (section 5.3.1). */
  #answered = false;
  #identity: Uint8Array;
  #identifier: number;
  #requests = 0;
  #state: "new" | "identity" | "method" | "ended" = "new";

  /** Takes what is offered and who is known. */
  constructor(options: EapServerOptions) {
    if (options.methods.length === 0) {
      throw new RangeError("Cannot make an EAP server: expected at least one method");
    }
    this.#options = options;
    this.#maxRequests = options.maxRequests ?? 100;
    this.#waiting = [...options.methods];
    this.#identity = new TextEncoder().encode(options.identity ?? "");
    const first = new Uint8Array(1);
    options.random(first);
    this.#identifier = first[0]!;
  }

  /** The first request. */
  begin(): EapOutcome {
    if (this.#state !== "new") throw new TypeError("Cannot begin EAP: it has begun");
    if (this.#options.identity !== undefined) return this.#beginMethod();
    this.#state = "identity";
    return this.#request(EAP_TYPE.identity, new Uint8Array(0));
  }

  /** Handles one packet from the peer. */
  handle(octets: Uint8Array): EapOutcome {
    if (this.#state === "ended" || this.#state === "new") {
      return this.#fail("the peer answers, but was not asked");
    }
    const packet = parseEapPacket(octets);
    if (packet === null) return this.#fail("the peer sent something that is no EAP packet");
    if (packet.code !== EAP_CODE.response) {
      return this.#fail("the peer sent something other than an EAP Response");
    }
    if (packet.identifier !== this.#identifier) return this.#fail("the peer answered another request");
    if (this.#state === "identity") return this.#handleIdentity(packet);
    if (packet.type === EAP_TYPE.nak && !this.#answered) return this.#handleNak(packet);
    const method = this.#method!;
    if (packet.type !== method.type) {
      return this.#fail(`the peer answered by type ${packet.type}; expected ${method.type} (${method.name})`);
    }
    this.#answered = true;
    return this.#follow(method.handle(packet.data, packet.identifier));
  }

  /** Wipes what is known. */
  dispose(): void {
    this.#method?.dispose();
    this.#state = "ended";
  }

  #handleIdentity({ type, data }: EapPacket): EapOutcome {
    if (type !== EAP_TYPE.identity) {
      return this.#fail(`the peer was asked for its identity, and answered by type ${type}`);
    }
    if (data.length > MAX_IDENTITY_SIZE) return this.#fail(`the peer's identity has ${data.length} octets`);
    this.#identity = data.slice();
    const wrong = this.#options.reasonAgainst?.(nameText(this.#identity)) ?? null;
    return wrong === null ? this.#beginMethod() : this.#fail(wrong);
  }

  /** The peer wants another method: the first of its wishes that is offered and was not refused yet. */
  #handleNak({ data }: EapPacket): EapOutcome {
    const next = [...data].find((type) => this.#waiting.some((factory) => factory.type === type));
    if (next === undefined) {
      const wishes = data.length === 0 || data[0] === 0 ? "none" : [...data].join(", ");
      return this.#fail(
        `the peer refused ${this.#method!.name}; of its own methods (types: ${wishes}) none is offered`,
      );
    }
    this.#method!.dispose();
    this.#waiting = [
      ...this.#waiting.filter(({ type }) => type === next),
      ...this.#waiting.filter(({ type }) => type !== next),
    ];
    return this.#beginMethod();
  }

  #beginMethod(): EapOutcome {
    this.#state = "method";
    this.#answered = false;
    const { random, passwordOf, tls } = this.#options;
    const identity = nameText(this.#identity);
    this.#method = this.#waiting.shift()!.create({ identity, passwordOf, random, tls });
    return this.#follow(this.#method.begin!());
  }

  #follow(step: EapMethodStep): EapOutcome {
    switch (step.kind) {
      case "reply":
        return this.#request(this.#method!.type, step.data, step.refusal);
      case "failure":
        return this.#fail(step.reason);
      case "done":
        return this.#succeed(this.#method!);
      default:
        return {
          kind: "need",
          need: step.need,
          resume: (answer) =>
            this.#state === "ended"
              ? this.#fail("the conversation is over")
              : this.#follow(step.resume(answer)),
        };
    }
  }

  #succeed(method: EapMethod): EapOutcome {
    if (!method.complete) return this.#fail(`${method.name} ended before it was complete`);
    const said = nameText(this.#identity);
    const name = method.user ?? said;
    const wrong = name === said ? null : this.#options.reasonAgainst?.(name) ?? null;
    if (wrong !== null) return this.#fail(wrong);
    this.#state = "ended";
    return {
      kind: "success",
      msk: method.msk,
      method: method.name,
      safeAlone: method.safeAlone,
      identity: this.#identity,
      name,
      packet: emitEapPacket({ code: EAP_CODE.success, identifier: this.#identifier }),
    };
  }

  #request(type: number, data: Uint8Array, refusal?: string): EapOutcome {
    if (++this.#requests > this.#maxRequests) {
      return this.#fail(`more than ${this.#maxRequests} requests were needed`);
    }
    this.#identifier = (this.#identifier + 1) & 0xff;
    return {
      kind: "reply",
      packet: emitEapPacket({ code: EAP_CODE.request, identifier: this.#identifier, type, data }),
      ...(refusal === undefined ? {} : { refusal }),
    };
  }

  #fail(reason: string): EapFailure {
    this.dispose();
    const packet = emitEapPacket({ code: EAP_CODE.failure, identifier: this.#identifier });
    return { kind: "failure", reason, packet };
  }
}

/** A name as text. strongSwan sends a distinguished name as its DER, which text in strongSwan's notation stands for. */
function nameText(identity: Uint8Array): string {
  if (identity[0] === DER_SEQUENCE) {
    const text = formatIdentity({ type: ID_TYPE.dn, data: identity });
    if (text.includes("=")) return text;
  }
  return new TextDecoder().decode(identity);
}

const DER_SEQUENCE = 0x30;
