/**
 * EAP-TLS (RFC 5216; RFC 9190 for TLS 1.3): both sides prove themselves by certificates, in a TLS handshake that EAP carries in
 * fragments. TLS itself is the outside's: each whole flight is a need of the kind `eap_backend` with an
 * {@linkcode EapTlsRequest}, answered by an {@linkcode EapTlsAnswer}; `runtime` has a backend for Node and Bun.
 *
 * ```text
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |L M S R R R R R|  TLS Message Length (only with L), 4 octets   |  TLS Data ...
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 *
 * @module
 */

import { concat } from "../../../bytes/mod.ts";
import { EAP_TYPE } from "../packet.ts";
import type {
  EapMethod,
  EapMethodStep,
  EapPeerMethodFactory,
  EapServerMethodFactory,
  EapTlsCredentials,
} from "../types.ts";

/** One TLS conversation, as an object that a backend can keep its state by. */
export interface EapTlsSession {
  /** The peer is TLS's client. */
  readonly role: "peer" | "server";
  /** What to prove ourselves with. The other side is judged by the method, not by the backend. */
  readonly credentials: EapTlsCredentials;
}

/** Takes one flight of the other side into a TLS conversation. */
export interface EapTlsRequest {
  /** Which conversation. */
  readonly session: EapTlsSession;
  /** TLS records; empty at the client's start, and where there may be more to send. */
  readonly octets: Uint8Array;
}

/** What comes of it. */
export interface EapTlsAnswer {
  /** TLS records to send; may be empty. */
  readonly octets: Uint8Array;
  /** The handshake is complete. */
  readonly established: EapTlsEstablished | null;
  /**
   * The server has said that it is content: always so with TLS 1.2 once established, with TLS 1.3 by one octet 0x00 of application
   * data (RFC 9190, section 2.5), which a server's backend sends along.
   */
  readonly committed: boolean;
}

/** What a TLS handshake gives. */
export interface EapTlsEstablished {
  /** 128 octets of the exporter: MSK and EMSK (RFC 5216, section 2.3; RFC 9190, section 2.3). */
  readonly keyMaterial: Uint8Array;
  /** The other side's certificates in DER, its own first; its key has been proven. Empty when it has none. */
  readonly certificates: readonly Uint8Array[];
}

const FLAG_LENGTH = 0x80;
const FLAG_MORE = 0x40;
const FLAG_START = 0x20;

/** TLS octets in one packet: fits into an IKE message on any path, as strongSwan has it too. */
const FRAGMENT_SIZE = 1024;

/** More than any chain of certificates; a message of the other side grows no further. */
const MAX_MESSAGE_SIZE = 65_536;

const MSK_SIZE = 64;

const NAME = "eap-tls";

/** The peer's side. */
export const tlsPeer: EapPeerMethodFactory = {
  type: EAP_TYPE.tls,
  create: ({ tls }) => new EapTls("peer", tls ?? null, ""),
};

/** The server's side. */
export const tlsServer: EapServerMethodFactory = {
  type: EAP_TYPE.tls,
  create: ({ tls, identity }) => new EapTls("server", tls ?? null, identity),
};

function fail(reason: string): EapMethodStep {
  return { kind: "failure", reason };
}

class EapTls implements EapMethod {
  readonly type: number = EAP_TYPE.tls;
  readonly name: string = NAME;
  /** RFC 5998, section 4, lists it. */
  readonly safeAlone: boolean = true;
  msk: Uint8Array | null = null;
  complete = false;

  readonly #role: "peer" | "server";
  readonly #session: EapTlsSession | null;
  readonly #identity: string;
  /** Fragments of the other side's message so far. */
  #received: Uint8Array[] = [];
  #receivedSize = 0;
  /** What its first fragment announced; null where it did not. */
  #announced: number | null = null;
  /** Our message, as far as it has not gone out. */
  #sending: Uint8Array = new Uint8Array(0);
  /** Whether the other side has to acknowledge a fragment before the next one. */
  #awaitsAck = false;
  #started = false;

  constructor(role: "peer" | "server", credentials: EapTlsCredentials | null, identity: string) {
    this.#role = role;
    this.#session = credentials === null ? null : { role, credentials };
    this.#identity = identity;
  }

  begin(): EapMethodStep {
    if (this.#session === null) return fail(NO_CREDENTIALS);
    this.#started = true;
    return { kind: "reply", data: Uint8Array.of(FLAG_START) };
  }

  handle(data: Uint8Array): EapMethodStep {
    if (this.#session === null) return fail(NO_CREDENTIALS);
    const flags = data[0];
    if (flags === undefined) return fail(`an ${NAME} packet has no flags`);
    if (this.#role === "peer" && (flags & FLAG_START) !== 0) {
      if (this.#started) return fail(`the server starts ${NAME} twice`);
      this.#started = true;
      return this.#ask(new Uint8Array(0));
    }
    if (!this.#started || (flags & FLAG_START) !== 0) {
      return fail(`an ${NAME} packet came before or beside the start`);
    }
    const headerSize = (flags & FLAG_LENGTH) !== 0 ? 5 : 1;
    if (data.length < headerSize) return fail(`an ${NAME} packet is cut short`);
    const fragment = data.slice(headerSize);
    if (this.#awaitsAck) {
      // Section 2.1.5: an acknowledgement has no data, and is owed for every fragment but the last.
      if (fragment.length > 0 || (flags & FLAG_MORE) !== 0) {
        return fail(`an ${NAME} fragment was not acknowledged`);
      }
      return this.#send();
    }
    return this.#gather(data, fragment, flags);
  }

  dispose(): void {
    this.#received = [];
    this.#sending = new Uint8Array(0);
  }

  /** Puts the other side's message together; then it goes to TLS in one piece. */
  #gather(data: Uint8Array, fragment: Uint8Array, flags: number): EapMethodStep {
    if ((flags & FLAG_LENGTH) !== 0 && this.#received.length === 0) {
      this.#announced = new DataView(data.buffer, data.byteOffset).getUint32(1);
    }
    this.#receivedSize += fragment.length;
    const limit = Math.min(MAX_MESSAGE_SIZE, this.#announced ?? MAX_MESSAGE_SIZE);
    if (this.#receivedSize > limit || (this.#announced ?? 0) > MAX_MESSAGE_SIZE) {
      return fail(`an ${NAME} message is longer than ${limit} octets`);
    }
    const more = (flags & FLAG_MORE) !== 0;
    if (more && fragment.length === 0) return fail(`an ${NAME} fragment has no data`);
    this.#received.push(fragment);
    if (more) return { kind: "reply", data: Uint8Array.of(0) };
    if (this.#announced !== null && this.#announced !== this.#receivedSize) {
      return fail(`an ${NAME} message has ${this.#receivedSize} octets; ${this.#announced} were announced`);
    }
    const message = concat(this.#received);
    this.#received = [];
    this.#receivedSize = 0;
    this.#announced = null;
    // The peer has acknowledged our last message, and both have proven themselves.
    if (this.#role === "server" && this.complete && message.length === 0) return { kind: "done" };
    return this.#ask(message);
  }

  #ask(octets: Uint8Array): EapMethodStep {
    const request: EapTlsRequest = { session: this.#session!, octets };
    return {
      kind: "need",
      need: { kind: "eap_backend", method: NAME, request },
      resume: (answer) => this.#handleAnswer(answer),
    };
  }

  #handleAnswer(answer: unknown): EapMethodStep {
    if (!isAnswer(answer)) {
      return fail(`${NAME} failed: ${answer instanceof Error ? answer.message : "there is no TLS backend"}`);
    }
    if (answer.established !== null && this.msk === null) {
      const wrong = this.#reasonAgainst(answer.established);
      if (wrong !== null) return fail(wrong);
      this.msk = answer.established.keyMaterial.slice(0, MSK_SIZE);
    }
    if (this.msk !== null && (answer.committed || this.#role === "server")) this.complete = true;
    this.#sending = answer.octets.slice();
    if (this.#sending.length > 0) return this.#sendFirst();
    if (this.#role === "server") {
      return this.complete ? { kind: "done" } : fail(`${NAME} has nothing to say, but is not complete`);
    }
    return { kind: "reply", data: Uint8Array.of(0) };
  }

  #reasonAgainst({ certificates, keyMaterial }: EapTlsEstablished): string | null {
    const who = this.#role === "peer" ? "server" : "peer";
    if (keyMaterial.length < MSK_SIZE) {
      return `the TLS backend gave ${keyMaterial.length} octets of key material`;
    }
    if (certificates.length === 0) return `the ${who} has no certificate for ${NAME}`;
    const reason = this.#session!.credentials.reasonAgainst(certificates, this.#identity);
    return reason === null ? null : `the ${who}'s certificate for ${NAME} does not hold: ${reason}`;
  }

  /** The first fragment announces the size of all. */
  #sendFirst(): EapMethodStep {
    const header = new Uint8Array(5);
    header[0] = FLAG_LENGTH | (this.#sending.length > FRAGMENT_SIZE ? FLAG_MORE : 0);
    new DataView(header.buffer).setUint32(1, this.#sending.length);
    return this.#sendBehind(header);
  }

  #send(): EapMethodStep {
    return this.#sendBehind(Uint8Array.of(this.#sending.length > FRAGMENT_SIZE ? FLAG_MORE : 0));
  }

  #sendBehind(header: Uint8Array): EapMethodStep {
    const fragment = this.#sending.subarray(0, FRAGMENT_SIZE);
    this.#sending = this.#sending.subarray(FRAGMENT_SIZE);
    this.#awaitsAck = this.#sending.length > 0;
    return { kind: "reply", data: concat([header, fragment]) };
  }
}

const NO_CREDENTIALS = `there is no certificate with its key for ${NAME}`;

function isAnswer(answer: unknown): answer is EapTlsAnswer {
  return typeof answer === "object" && answer !== null && "octets" in answer &&
    answer.octets instanceof Uint8Array &&
    "established" in answer && "committed" in answer;
}
