/** Credentials of both sides, and an exchange of proofs between them. */

import assert from "node:assert/strict";
import {
  type AuthContext,
  type AuthData,
  buildAuth,
  type BuildOutcome,
  type BuiltAuth,
  type CertificateData,
  Credentials,
  type FailedAuth,
  parseIdentity,
  type RemoteAuthentication,
  verifyAuth,
  type VerifyOutcome,
} from "../../../lib/ike/auth/mod.ts";
import { scene } from "./_context.ts";
import { pem } from "./_pki.ts";

export const SECRET: Uint8Array = new TextEncoder().encode("swlab shared secret");
const ROOTS = ["ca-rsa", "ca-p256", "ca-ed25519"];

/** Credentials of a gateway with one key. */
export function gateway(name: string, intermediates: readonly string[] = []): Credentials {
  const credentials = new Credentials();
  for (const file of [name, ...intermediates]) credentials.addCertificates(pem(file));
  credentials.addPrivateKey(pem(`${name}.key`));
  return credentials;
}

/** Credentials of a client that trusts the roots. */
export function client(roots: readonly string[] = ROOTS): Credentials {
  const credentials = new Credentials();
  for (const root of roots) credentials.addAuthorities(pem(root));
  return credentials;
}

export function withSecret(secret: Uint8Array = SECRET, owners: readonly string[] = []): Credentials {
  const credentials = new Credentials();
  credentials.addPreSharedKey({ secret, owners: owners.map(parseIdentity) });
  return credentials;
}

export function built(outcome: BuildOutcome): BuiltAuth {
  assert.equal(outcome.kind, "built", outcome.kind === "failed" ? outcome.reason : outcome.kind);
  return outcome as BuiltAuth;
}

export function reasonOf(outcome: VerifyOutcome | BuildOutcome): string {
  assert.equal(outcome.kind, "failed", "it went well");
  return (outcome as FailedAuth).reason;
}

/** The responder proves itself, the initiator verifies. */
export function exchange(
  ours: Credentials,
  theirs: Credentials,
  options: Parameters<typeof scene>[0] & { auth?: string; remote?: Partial<RemoteAuthentication> } = {},
): { sent: BuiltAuth; verified: VerifyOutcome } {
  const { initiator, responder } = scene(options);
  const auth = options.auth ?? "pubkey";
  const sent = built(buildAuth(responder, { auth, sendCertificate: "always" }, ours));
  return { sent, verified: check(initiator, theirs, sent, { auth, ...options.remote }) };
}

export function check(
  context: AuthContext,
  credentials: Credentials,
  received: { auth: AuthData; certificates: readonly CertificateData[] },
  remote: Partial<RemoteAuthentication> = {},
): VerifyOutcome {
  return verifyAuth(
    context,
    { auth: "pubkey", id: parseIdentity("gw.example.org"), ...remote },
    credentials,
    received,
  );
}

export function gatewayKey(name: string): Uint8Array {
  const credentials = new Credentials();
  return credentials.addPrivateKey(pem(`${name}.key`)).pkcs8;
}
