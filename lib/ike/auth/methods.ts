/**
 * Ways to authenticate, by swanctl's words for `auth`, and the two verbs of each: build our proof, verify the peer's. To add
 * one, write its file, give it a row here, and its tests.
 *
 * EAP is a conversation of its own (`lib/ike/eap`); the AUTH that ends it is {@linkcode buildSharedKeyAuth} with its key.
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import { AUTH_METHOD, authMethodName } from "./auth_methods.ts";
import type { Certificate } from "./certificate.ts";
import type { ChainLimits } from "./chain.ts";
import type { Credentials } from "./credentials.ts";
import { formatIdentity, type Identity, matchIdentity } from "./identity.ts";
import type { Revocation } from "./revocation.ts";
import { buildNullAuth, buildSharedKeyAuth, checkNullAuth, checkSharedKeyAuth } from "./shared_key.ts";
import { buildSignatureAuth, type SendCertificate, verifySignatureAuth } from "./signature.ts";
import { SignatureConstraint } from "./signature_choice.ts";
import {
  type AuthContext,
  type AuthData,
  type BuildOutcome,
  type CertificateData,
  failed,
  type VerifyOutcome,
} from "./types.ts";

/** How we authenticate: the `local` section of a connection. */
export interface LocalAuthentication {
  /** `psk`, `pubkey`, `rsa/pss-sha256`, `ecdsa`, `ed25519`, …, `null`. */
  readonly auth: string;
  /** Our certificates that may be used; default: all that speak for our identity. */
  readonly certificates?: readonly Certificate[];
  /** When our certificate is sent (default: `ifasked`). */
  readonly sendCertificate?: SendCertificate;
}

/** How the peer must authenticate: the `remote` section of a connection. */
export interface RemoteAuthentication {
  /** `psk`, `pubkey`, `rsa`, …, `null`, or `any`: a pre-shared key or a signature, whichever the peer comes with. */
  readonly auth: string;
  /** Who it must be; a pattern is allowed. */
  readonly id: Identity;
  /** The only authorities that count (`cacerts`); default: all that are trusted. */
  readonly authorities?: readonly Certificate[];
  /** The only certificates that the peer may have (`certs`). */
  readonly certificates?: readonly Certificate[];
  /** What happens when the status of a certificate is not known (default: `relaxed`). */
  readonly revocation?: Revocation;
  /** Bounds of the search for a certification path. */
  readonly limits?: Partial<ChainLimits>;
  /** Lets the outside judge certificates (default: false). */
  readonly validateOutside?: boolean;
}

/** What the peer sent. */
export interface ReceivedAuth {
  /** Its AUTH payload. */
  readonly auth: AuthData;
  /** Its CERT payloads, in their order. */
  readonly certificates: readonly CertificateData[];
}

/** The classes of authentication; each has a row. */
export type AuthKind = "psk" | "pubkey" | "null";

interface AuthRow {
  build(context: AuthContext, local: LocalAuthentication, credentials: Credentials): BuildOutcome;
  verify(
    context: AuthContext,
    remote: RemoteAuthentication,
    credentials: Credentials,
    received: ReceivedAuth,
  ): VerifyOutcome;
}

const AUTH_ROWS: Readonly<Record<AuthKind, AuthRow>> = {
  psk: {
    build(context, _local, credentials) {
      const secret = credentials.findPreSharedKey(context.localId, context.remoteId);
      return secret === null ? failed(noSharedKey(context)) : buildSharedKeyAuth(context, secret);
    },
    verify(context, _remote, credentials, { auth }) {
      const secret = credentials.findPreSharedKey(context.localId, context.remoteId);
      if (secret === null) return failed(noSharedKey(context));
      return checkSharedKeyAuth(context, secret, auth) ??
        { kind: "verified", identity: context.remoteId, method: "pre-shared key", anonymous: false };
    },
  },
  pubkey: {
    build(context, local, credentials) {
      return buildSignatureAuth(context, {
        credentials,
        constraint: new SignatureConstraint(local.auth),
        certificates: local.certificates,
        sendCertificate: local.sendCertificate,
      });
    },
    verify(context, remote, credentials, { auth, certificates }) {
      return verifySignatureAuth(context, auth, {
        received: certificates,
        credentials,
        authorities: remote.authorities,
        pinned: remote.certificates,
        revocation: remote.revocation,
        limits: remote.limits,
        validateOutside: remote.validateOutside,
        constraint: new SignatureConstraint(remote.auth === "any" ? "pubkey" : remote.auth),
      });
    },
  },
  null: {
    build: (context) => buildNullAuth(context),
    verify(context, _remote, _credentials, { auth }) {
      return checkNullAuth(context, auth) ??
        { kind: "verified", identity: context.remoteId, method: "NULL authentication", anonymous: true };
    },
  },
};

/** The class of a word; throws a `ConfigError` on one that is not known. EAP words have classes of their own, not here. */
export function authKind(word: string): AuthKind {
  if (word === "psk" || word === "null") return word;
  new SignatureConstraint(word); // throws on a word that is not known
  return "pubkey";
}

/** Builds our proof. */
export function buildAuth(
  context: AuthContext,
  local: LocalAuthentication,
  credentials: Credentials,
): BuildOutcome {
  if (local.auth === "any") {
    throw new ConfigError(
      "ERR_CONFIG_CREDENTIAL",
      'Cannot authenticate by "any": expected psk, pubkey or the like',
    );
  }
  return AUTH_ROWS[authKind(local.auth)].build(context, local, credentials);
}

/**
 * Verifies the peer's proof: that it is of the expected kind, that the identity is the expected one, and the proof itself.
 * NULL authentication is accepted only where it is asked for by name.
 */
export function verifyAuth(
  context: AuthContext,
  remote: RemoteAuthentication,
  credentials: Credentials,
  received: ReceivedAuth,
): VerifyOutcome {
  const kind = remote.auth === "any" ? kindOfMethod(received.auth.method) : authKind(remote.auth);
  if (kind === null) {
    return failed(
      `the peer authenticates by ${
        authMethodName(received.auth.method)
      }; expected a shared key or a signature`,
    );
  }
  // What nobody proved is not held against anything (RFC 7619, section 2.2).
  if (kind !== "null" && matchIdentity(remote.id, context.remoteId) === null) {
    return failed(`the peer is ${formatIdentity(context.remoteId)}; expected ${formatIdentity(remote.id)}`);
  }
  return AUTH_ROWS[kind].verify(context, remote, credentials, received);
}

/** The class of what the peer came with, where `any` is accepted: never NULL. */
function kindOfMethod(method: number): AuthKind | null {
  if (method === AUTH_METHOD.sharedKey) return "psk";
  const signatures: readonly number[] = [
    AUTH_METHOD.rsa,
    AUTH_METHOD.ecdsa256,
    AUTH_METHOD.ecdsa384,
    AUTH_METHOD.ecdsa521,
    AUTH_METHOD.digitalSignature,
  ];
  return signatures.includes(method) ? "pubkey" : null;
}

function noSharedKey({ localId, remoteId }: AuthContext): string {
  return `there is no pre-shared key for ${formatIdentity(localId)} and ${formatIdentity(remoteId)}`;
}
