/**
 * EAP-GTC (RFC 3748, section 5.6): the peer sends its password or the digits of its token as they are. What protects them is
 * IKE's encryption towards a gateway that has proven itself by a certificate; no key comes of it.
 *
 * @module
 */

import { equalOctets } from "../../../crypto/mod.ts";
import { EAP_TYPE } from "../packet.ts";
import type {
  EapMethod,
  EapMethodStep,
  EapPeerMethodFactory,
  EapPeerMethodOptions,
  EapServerMethodFactory,
  EapServerMethodOptions,
} from "../types.ts";

/** The peer's side. */
export const gtcPeer: EapPeerMethodFactory = {
  type: EAP_TYPE.gtc,
  create: (options) => new GtcPeer(options),
};

/** The server's side. */
export const gtcServer: EapServerMethodFactory = {
  type: EAP_TYPE.gtc,
  create: (options) => new GtcServer(options),
};

class GtcPeer implements EapMethod {
  readonly type: number = EAP_TYPE.gtc;
  readonly name: string = "eap-gtc";
  readonly safeAlone: boolean = false;
  readonly msk = null;
  complete = false;
  readonly #options: EapPeerMethodOptions;

  constructor(options: EapPeerMethodOptions) {
    this.#options = options;
  }

  handle(): EapMethodStep {
    if (this.complete) return { kind: "failure", reason: "the server asks for the password a second time" };
    this.complete = true;
    return { kind: "reply", data: new TextEncoder().encode(this.#options.password) };
  }

  dispose(): void {}
}

class GtcServer implements EapMethod {
  readonly type: number = EAP_TYPE.gtc;
  readonly name: string = "eap-gtc";
  readonly safeAlone: boolean = false;
  readonly msk = null;
  complete = false;
  readonly #options: EapServerMethodOptions;

  constructor(options: EapServerMethodOptions) {
    this.#options = options;
  }

  begin(): EapMethodStep {
    return { kind: "reply", data: new TextEncoder().encode("Password: ") };
  }

  handle(data: Uint8Array): EapMethodStep {
    const password = this.#options.passwordOf(this.#options.identity);
    const right = new TextEncoder().encode(password ?? "");
    const same = data.length === right.length && equalOctets(right, 0, data, 0, right.length);
    if (!same || password === null) {
      return { kind: "failure", reason: "the name or the password of the peer is wrong" };
    }
    this.complete = true;
    return { kind: "done" };
  }

  dispose(): void {}
}
