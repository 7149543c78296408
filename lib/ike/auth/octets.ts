/** What AUTH covers (RFC 7296, section 2.15). */

import { concat } from "../../bytes/mod.ts";
import type { Prf } from "../../crypto/mod.ts";
import { type Identity, identityBody } from "./identity.ts";

/** The parts of what one side signs. */
export interface SignedParts {
  /** The signer's own IKE_SA_INIT message, from the first octet of the header to the last of its payloads: the version that was answered. */
  readonly message: Uint8Array;
  /** The other side's nonce, without its payload header. */
  readonly nonce: Uint8Array;
  /** The negotiated PRF. */
  readonly prf: Prf;
  /** SK_pi for the initiator's proof, SK_pr for the responder's. */
  readonly key: Uint8Array;
  /** The signer's identity, or the whole body of its ID payload, reserved octets included, as it was received. */
  readonly identity: Identity | Uint8Array;
  /** IntAuth, where IKE_INTERMEDIATE exchanges went before (RFC 9242, section 3.3.2). */
  readonly intermediate?: Uint8Array;
}

/** `RealMessage | Nonce of the other side | prf(SK_p, body of the ID payload) [| IntAuth]`. */
export function signedOctets(parts: SignedParts): Uint8Array<ArrayBuffer> {
  const { message, nonce, prf, key, identity, intermediate } = parts;
  const body = identity instanceof Uint8Array ? identity : identityBody(identity);
  return concat([
    message,
    nonce,
    prf.compute(key, body),
    ...intermediate === undefined ? [] : [intermediate],
  ]);
}
