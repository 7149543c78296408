/**
 * EAP-GTC (RFC 3748, section 5.6): the peer sends its password or the digits of its token as they are. What protects them is
 * IKE's encryption towards a gateway that has proven itself by a certificate; no key comes of it.
 *
 * @module
 */

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

const NAME = "eap-gtc";

/** The peer's side. */
export const gtcPeer: EapPeerMethodFactory = {
  type: EAP_TYPE.gtc,
  create: (options) => new GtcPeer(EAP_TYPE.gtc, NAME, options),
};

/** The server's side. */
export const gtcServer: EapServerMethodFactory = {
  type: EAP_TYPE.gtc,
  create: (options) => new GtcServer(EAP_TYPE.gtc, NAME, options),
};

class GtcPeer extends PasswordMethod<EapPeerMethodOptions> {
  override handle(): EapMethodStep {
    if (this.complete) return { kind: "failure", reason: "the server asks for the password a second time" };
    this.complete = true;
    return { kind: "reply", data: new TextEncoder().encode(this.options.password) };
  }
}

class GtcServer extends PasswordMethod<EapServerMethodOptions> {
  begin(): EapMethodStep {
    return { kind: "reply", data: new TextEncoder().encode("Password: ") };
  }

  override handle(data: Uint8Array): EapMethodStep {
    const password = this.options.passwordOf(this.options.identity);
    const right = new TextEncoder().encode(password ?? "");
    const same = data.length === right.length && equalOctets(right, 0, data, 0, right.length);
    if (!same || password === null) {
      return { kind: "failure", reason: "the name or the password of the peer is wrong" };
    }
    this.complete = true;
    return { kind: "done" };
  }
}
