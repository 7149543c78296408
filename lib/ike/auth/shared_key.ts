/**
 * AUTH by a key that both sides have (RFC 7296, section 2.15): a pre-shared key, the MSK of an EAP method (section 2.16), or
 * SK_p itself for NULL authentication (RFC 7619) and for EAP methods that give no key.
 *
 * @module
 */

import { equalOctets, type Prf } from "../../crypto/mod.ts";
import { AUTH_METHOD, authMethodName } from "./auth_methods.ts";
import { type AuthContext, type AuthData, type BuiltAuth, failed, type FailedAuth } from "./types.ts";

/** 17 octets of ASCII, no zero at the end. */
const KEY_PAD: Uint8Array = new TextEncoder().encode("Key Pad for IKEv2");

/** `prf(prf(secret, "Key Pad for IKEv2"), octets)`. */
export function sharedKeyAuth(prf: Prf, secret: Uint8Array, octets: Uint8Array): Uint8Array<ArrayBuffer> {
  const key = prf.compute(secret, KEY_PAD);
  const auth = prf.compute(key, octets);
  key.fill(0);
  return auth;
}

/** Our AUTH by a shared key; throws a `RangeError` on a secret of no octets, which would prove nothing. */
export function buildSharedKeyAuth(context: AuthContext, secret: Uint8Array): BuiltAuth {
  if (secret.length === 0) {
    throw new RangeError("Cannot build AUTH: expected a shared key, got one of 0 octets");
  }
  return built({
    method: AUTH_METHOD.sharedKey,
    data: sharedKeyAuth(context.prf, secret, context.localOctets),
  });
}

/** Checks the peer's AUTH by a shared key; null when it is right. */
export function checkSharedKeyAuth(
  context: AuthContext,
  secret: Uint8Array,
  auth: AuthData,
): FailedAuth | null {
  return checkKeyed(
    context,
    { secret, method: AUTH_METHOD.sharedKey, wrong: "the shared keys differ" },
    auth,
  );
}

/** Our AUTH without authentication (RFC 7619, section 2.1): keyed with SK_p, so that it still binds the messages. */
export function buildNullAuth(context: AuthContext): BuiltAuth {
  return built({
    method: AUTH_METHOD.null,
    data: sharedKeyAuth(context.prf, context.localKey, context.localOctets),
  });
}

/** Checks the peer's AUTH without authentication: that it binds the messages is all it tells. */
export function checkNullAuth(context: AuthContext, auth: AuthData): FailedAuth | null {
  const wrong = "the messages of the exchange were changed under way";
  return checkKeyed(context, { secret: context.remoteKey, method: AUTH_METHOD.null, wrong }, auth);
}

function checkKeyed(
  context: AuthContext,
  expected: { readonly secret: Uint8Array; readonly method: number; readonly wrong: string },
  auth: AuthData,
): FailedAuth | null {
  if (auth.method !== expected.method) {
    return failed(
      `the peer authenticates by ${authMethodName(auth.method)}; expected ${authMethodName(expected.method)}`,
    );
  }
  if (expected.secret.length === 0) return failed("the shared key has no octets");
  const right = sharedKeyAuth(context.prf, expected.secret, context.remoteOctets);
  const same = auth.data.length === right.length && equalOctets(right, 0, auth.data, 0, right.length);
  return same ? null : failed(`the peer's AUTH is wrong: ${expected.wrong}`);
}

function built(auth: AuthData): BuiltAuth {
  return { kind: "built", auth, certificates: [] };
}
