/**
 * EAP-MD5 (RFC 3748, section 5.4): the peer alone proves that it knows the password, and no key comes of it. For old user
 * databases; never to be used without a gateway that has a certificate.
 *
 * @module
 */

import { md5 } from "@noble/hashes/legacy.js";
import { concat } from "../../../bytes/mod.ts";
import { equalOctets } from "../../../crypto/mod.ts";
import { EAP_TYPE } from "../packet.ts";
import type {
  EapMethodStep,
  EapPeerMethodFactory,
  EapPeerMethodOptions,
  EapServerMethodFactory,
  EapServerMethodOptions,
} from "../types.ts";
import { PasswordMethod } from "./_password_method.ts";

const NAME = "eap-md5";

const CHALLENGE_SIZE = 16;
const DIGEST_SIZE = 16;

/** The peer's side. */
export const md5Peer: EapPeerMethodFactory = {
  type: EAP_TYPE.md5,
  create: (options) => new Md5Peer(EAP_TYPE.md5, NAME, options),
};

/** The server's side. */
export const md5Server: EapServerMethodFactory = {
  type: EAP_TYPE.md5,
  create: (options) => new Md5Server(EAP_TYPE.md5, NAME, options),
};

/** MD5 of identifier, password and challenge, as CHAP has it (RFC 1994, section 4.1). */
function digest(identifier: number, password: string, challenge: Uint8Array): Uint8Array {
  return md5(concat([Uint8Array.of(identifier), new TextEncoder().encode(password), challenge]));
}

/** A length octet, as many octets, and a name. */
function valueOf(data: Uint8Array): Uint8Array | null {
  const size = data[0] ?? 0;
  return size > 0 && data.length > size ? data.subarray(1, 1 + size) : null;
}

class Md5Peer extends PasswordMethod<EapPeerMethodOptions> {
  override handle(data: Uint8Array, identifier: number): EapMethodStep {
    const challenge = valueOf(data);
    if (challenge === null || this.complete) {
      return { kind: "failure", reason: "the server's eap-md5 challenge is wrong" };
    }
    this.complete = true;
    const value = digest(identifier, this.options.password, challenge);
    const name = new TextEncoder().encode(this.options.identity);
    return { kind: "reply", data: concat([Uint8Array.of(value.length), value, name]) };
  }
}

class Md5Server extends PasswordMethod<EapServerMethodOptions> {
  readonly #challenge: Uint8Array = new Uint8Array(CHALLENGE_SIZE);

  constructor(type: number, name: string, options: EapServerMethodOptions) {
    super(type, name, options);
    options.random(this.#challenge);
  }

  begin(): EapMethodStep {
    return { kind: "reply", data: concat([Uint8Array.of(CHALLENGE_SIZE), this.#challenge]) };
  }

  override handle(data: Uint8Array, identifier: number): EapMethodStep {
    const value = valueOf(data);
    const password = this.options.passwordOf(this.options.identity);
    const right = digest(identifier, password ?? "", this.#challenge);
    const same = value?.length === DIGEST_SIZE && equalOctets(right, 0, value, 0, DIGEST_SIZE);
    if (!same || password === null) {
      return { kind: "failure", reason: "the name or the password of the peer is wrong" };
    }
    this.complete = true;
    return { kind: "done" };
  }
}
