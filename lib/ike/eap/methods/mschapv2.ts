/**
 * EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2-02): MS-CHAP-V2 (RFC 2759) inside EAP. Both sides prove that they know the
 * password: the server by the authenticator response, which a peer checks before it believes anything.
 *
 * ```text
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |    OpCode     |  MS-CHAPv2-ID |  MS-Length                    |  Data ...
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 *
 * The method is no longer hard on dictionary attacks: what passes between the two can be broken off-line. In IKE it passes
 * encrypted, towards a gateway that has proven itself by a certificate before; it never authenticates a gateway alone.
 *
 * @module
 */

import { concat } from "../../../bytes/mod.ts";
import { equalOctets } from "../../../crypto/mod.ts";
import { authenticatorResponse, mschapv2Msk, ntPasswordHash, ntResponse } from "../mschapv2_hashes.ts";
import { EAP_TYPE } from "../packet.ts";
import type {
  EapMethod,
  EapMethodStep,
  EapPeerMethodFactory,
  EapPeerMethodOptions,
  EapServerMethodFactory,
  EapServerMethodOptions,
} from "../types.ts";

const OP_CHALLENGE = 1;
const OP_RESPONSE = 2;
const OP_SUCCESS = 3;
const OP_FAILURE = 4;

const CHALLENGE_SIZE = 16;
/** Peer-Challenge, eight reserved octets, NT-Response, Flags (RFC 2759, section 4). */
const RESPONSE_SIZE = 49;

/** Longer than any name. */
const MAX_NAME_SIZE = 256;

const NAME = "eap-mschapv2";

/** The peer's side. */
export const mschapv2Peer: EapPeerMethodFactory = {
  type: EAP_TYPE.mschapv2,
  create: (options) => new Mschapv2Peer(options),
};

/** The server's side. */
export const mschapv2Server: EapServerMethodFactory = {
  type: EAP_TYPE.mschapv2,
  create: (options) => new Mschapv2Server(options),
};

/** Octets of one MS-CHAP-V2 packet; a view. */
interface Packet {
  readonly code: number;
  readonly id: number;
  readonly data: Uint8Array;
}

/** Success and Failure responses are one octet; everything else has the whole header. */
function parsePacket(octets: Uint8Array): Packet | null {
  if (octets.length === 0) return null;
  if (octets.length === 1) return { code: octets[0]!, id: 0, data: octets.subarray(1) };
  const length = octets.length < 4 ? 0 : octets[2]! << 8 | octets[3]!;
  if (length < 4 || length > octets.length) return null;
  return { code: octets[0]!, id: octets[1]!, data: octets.subarray(4, length) };
}

function emitPacket(code: number, id: number, ...data: Uint8Array[]): Uint8Array {
  const body = concat(data);
  const size = 4 + body.length;
  return concat([Uint8Array.of(code, id, size >>> 8, size & 0xff), body]);
}

function fail(reason: string): EapMethodStep {
  return { kind: "failure", reason };
}

/** What both sides have in common. */
abstract class Mschapv2 {
  readonly type: number = EAP_TYPE.mschapv2;
  readonly name: string = NAME;
  readonly safeAlone: boolean = false;
  msk: Uint8Array | null = null;
  protected passwordHash: Uint8Array = new Uint8Array(0);
  protected done = false;

  get complete(): boolean {
    return this.done;
  }

  dispose(): void {
    this.passwordHash.fill(0);
  }
}

class Mschapv2Peer extends Mschapv2 implements EapMethod {
  readonly #options: EapPeerMethodOptions;
  /** What the server has to prove; null before its challenge. */
  #expected: { readonly response: string; readonly msk: Uint8Array } | null = null;

  constructor(options: EapPeerMethodOptions) {
    super();
    this.#options = options;
    this.passwordHash = ntPasswordHash(options.password);
  }

  handle(data: Uint8Array): EapMethodStep {
    const packet = parsePacket(data);
    if (packet === null) return fail(`the server's ${NAME} packet is cut short`);
    if (packet.code === OP_FAILURE) {
      return fail(`the server refused the name or the password (${printable(packet.data)})`);
    }
    if (packet.code === OP_CHALLENGE && this.#expected === null) return this.#handleChallenge(packet);
    if (packet.code === OP_SUCCESS && this.#expected !== null && !this.done) {
      return this.#handleSuccess(packet);
    }
    return fail(`the server's ${NAME} packet of code ${packet.code} is out of turn`);
  }

  #handleChallenge({ id, data }: Packet): EapMethodStep {
    if (data[0] !== CHALLENGE_SIZE || data.length < 1 + CHALLENGE_SIZE) {
      return fail(`the server's ${NAME} challenge does not have ${CHALLENGE_SIZE} octets`);
    }
    const peerChallenge = new Uint8Array(CHALLENGE_SIZE);
    this.#options.random(peerChallenge);
    const name = new TextEncoder().encode(this.#options.identity);
    const exchange = { authenticatorChallenge: data.slice(1, 1 + CHALLENGE_SIZE), peerChallenge, name };
    const response = ntResponse(exchange, this.passwordHash);
    this.#expected = {
      response: authenticatorResponse(exchange, this.passwordHash, response),
      msk: mschapv2Msk(this.passwordHash, response),
    };
    const value = concat([peerChallenge, new Uint8Array(8), response, new Uint8Array(1)]);
    return { kind: "reply", data: emitPacket(OP_RESPONSE, id, Uint8Array.of(RESPONSE_SIZE), value, name) };
  }

  /** Without the right authenticator response the server does not know the password (RFC 2759, section 5). */
  #handleSuccess({ data }: Packet): EapMethodStep {
    const { response, msk } = this.#expected!;
    const right = new TextEncoder().encode(response);
    if (!equalOctets(right, 0, data, 0, right.length)) {
      return fail("the server did not prove that it knows the password");
    }
    this.msk = msk;
    this.done = true;
    return { kind: "reply", data: Uint8Array.of(OP_SUCCESS) };
  }
}

class Mschapv2Server extends Mschapv2 implements EapMethod {
  readonly #options: EapServerMethodOptions;
  readonly #challenge: Uint8Array = new Uint8Array(CHALLENGE_SIZE);
  user: string = "";
  #awaited: "response" | "acknowledgement" | "failure acknowledgement" = "response";
  #id = 0;

  constructor(options: EapServerMethodOptions) {
    super();
    this.#options = options;
    options.random(this.#challenge);
  }

  begin(): EapMethodStep {
    const random = new Uint8Array(1);
    this.#options.random(random);
    this.#id = random[0]!;
    const name = new TextEncoder().encode("iketcp");
    return {
      kind: "reply",
      data: emitPacket(OP_CHALLENGE, this.#id, Uint8Array.of(CHALLENGE_SIZE), this.#challenge, name),
    };
  }

  handle(data: Uint8Array): EapMethodStep {
    const packet = parsePacket(data);
    if (packet === null) return fail(`the peer's ${NAME} packet is cut short`);
    switch (this.#awaited) {
      case "response":
        if (packet.code === OP_RESPONSE) return this.#handleResponse(packet);
        break;
      case "acknowledgement":
        if (packet.code === OP_SUCCESS) {
          this.done = true;
          return { kind: "done" };
        }
        if (packet.code === OP_FAILURE) return fail("the peer does not believe that we know its password");
        break;
      case "failure acknowledgement":
        return fail(this.#wrong());
    }
    return fail(`the peer's ${NAME} packet of code ${packet.code} is out of turn`);
  }

  #handleResponse({ id, data }: Packet): EapMethodStep {
    if (id !== this.#id || data[0] !== RESPONSE_SIZE || data.length < 1 + RESPONSE_SIZE) {
      return fail(`the peer's ${NAME} response is cut short, or to another challenge`);
    }
    const name = data.slice(1 + RESPONSE_SIZE);
    if (name.length > MAX_NAME_SIZE) return fail(`the peer's name has ${name.length} octets`);
    const { identity, passwordOf } = this.#options;
    this.user = identity === "" ? new TextDecoder().decode(name) : identity;
    let password = passwordOf(this.user);
    // Windows puts its domain in front, which no hash covers (RFC 2759, section 8.2) and few lists of users have.
    const account = this.user.slice(this.user.lastIndexOf("\\") + 1);
    if (password === null && account !== this.user) {
      this.user = account;
      password = passwordOf(account);
    }
    // A name that nobody has takes the same way as a wrong password, so that names cannot be tried out.
    this.passwordHash = password === null ? this.#unknowable() : ntPasswordHash(password);
    const exchange = { authenticatorChallenge: this.#challenge, peerChallenge: data.slice(1, 17), name };
    const received = data.subarray(1 + 24, 1 + 48);
    const response = ntResponse(exchange, this.passwordHash);
    if (!equalOctets(response, 0, received, 0, response.length) || password === null) return this.#refuse();
    this.msk = mschapv2Msk(this.passwordHash, response);
    this.#awaited = "acknowledgement";
    const text = `${authenticatorResponse(exchange, this.passwordHash, response)} M=Welcome`;
    return { kind: "reply", data: emitPacket(OP_SUCCESS, this.#id, new TextEncoder().encode(text)) };
  }

  /** ERROR_AUTHENTICATION_FAILURE, no retry (RFC 2759, section 6). */
  #refuse(): EapMethodStep {
    this.#awaited = "failure acknowledgement";
    const text = `E=691 R=0 C=${"0".repeat(32)} V=3 M=Authentication failed`;
    const data = emitPacket(OP_FAILURE, this.#id, new TextEncoder().encode(text));
    return { kind: "reply", data, refusal: this.#wrong() };
  }

  #wrong(): string {
    return `the name or the password of the peer is wrong (${NAME} as "${
      printable(new TextEncoder().encode(this.user))
    }")`;
  }

  #unknowable(): Uint8Array {
    const hash = new Uint8Array(16);
    this.#options.random(hash);
    return hash;
  }
}

/** Text of a peer for people: nothing that could play tricks with a terminal. */
function printable(data: Uint8Array): string {
  return new TextDecoder("latin1").decode(data.subarray(0, 200)).replace(/[^\x20-\x7e]/g, "?");
}
