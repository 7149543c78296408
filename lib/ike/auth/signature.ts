/**
 * AUTH by a signature: the Digital Signature method (RFC 7427, section 3; RFC 8420 for EdDSA), and those of before
 * (RFC 7296, section 2.15; RFC 4754), with the certificates that say whose key it is.
 *
 * ```text
 *  | length, 1 octet | AlgorithmIdentifier, DER | signature |      Authentication Data of method 14
 * ```
 *
 * @module
 */

import { concat } from "../../bytes/mod.ts";
import { HASH_NUMBERS, type SignatureScheme } from "../../crypto/mod.ts";
import { AUTH_METHOD, authMethodName } from "./auth_methods.ts";
import { type Certificate, describeCertificate } from "./certificate.ts";
import { CERTIFICATE_ENCODING } from "./certificate_encoding.ts";
import type { Credentials } from "./credentials.ts";
import { formatIdentity } from "./identity.ts";
import type { KeyKind } from "./public_key.ts";
import { type CheckedPeer, checkPeerCertificates, type PeerCertificateOptions } from "./peer_certificates.ts";
import {
  chooseSignature,
  fixedScheme,
  hashName,
  identifiedScheme,
  identifiedSchemes,
  schemeFits,
  type SignatureConstraint,
} from "./signature_choice.ts";
import type {
  AuthAnswer,
  AuthContext,
  AuthData,
  BuildOutcome,
  BuiltAuth,
  FailedAuth,
  VerifyOutcome,
} from "./types.ts";
import { failed } from "./types.ts";

/** When our certificate is sent, in swanctl's words. */
export type SendCertificate = "ifasked" | "always" | "never";

/** More than the signature of any key that signs: RSA with 16384 bits. */
const MAX_SIGNATURE_SIZE = 2048;

/** Makes our AUTH with the certificate of ours that speaks for `localId`. */
export function buildSignatureAuth(
  context: AuthContext,
  options: {
    readonly credentials: Credentials;
    readonly constraint: SignatureConstraint;
    readonly certificates?: readonly Certificate[];
    readonly sendCertificate?: SendCertificate;
  },
): BuildOutcome {
  const { credentials, constraint, certificates, sendCertificate = "ifasked" } = options;
  const own = credentials.findOwnCertificate(context.localId, {
    crypto: context.crypto,
    certificates,
    peerAuthorities: context.peerAuthorities,
    accepts: ({ publicKey }) => publicKey.kind !== null && constraint.allowsKind(publicKey.kind),
  });
  if (typeof own === "string") {
    return failed(`Cannot authenticate as ${formatIdentity(context.localId)}: ${own}`);
  }
  const choice = chooseSignature(own.key.kind, context.peerHashAlgorithms, constraint);
  if (typeof choice === "string") {
    return failed(`Cannot authenticate as ${formatIdentity(context.localId)}: ${choice}`);
  }
  const sent = sendCertificate === "always" ||
    (sendCertificate === "ifasked" && context.peerAuthorities !== null);
  const payloads = (sent ? [own.certificate, ...own.intermediates] : [])
    .map(({ der }) => ({ encoding: CERTIFICATE_ENCODING.x509, data: der }));
  const finish = (signature: Uint8Array): BuiltAuth => ({
    kind: "built",
    auth: { method: choice.authMethod, data: authenticationData(choice, signature) },
    certificates: payloads,
  });
  const { key } = own;
  if ("pkcs8" in key) return finish(context.crypto.sign(choice.name, key.pkcs8, context.localOctets));
  const need = { kind: "sign", scheme: choice.name, key: key.external, data: context.localOctets } as const;
  return {
    kind: "need",
    need,
    resume(answer: AuthAnswer | Error): BuiltAuth | FailedAuth {
      if (answer instanceof Uint8Array && answer.length > 0) return finish(answer);
      const reason = answer instanceof Error ? answer.message : "there is none";
      return failed(
        `Cannot authenticate as ${formatIdentity(context.localId)}: no signature from outside: ${reason}`,
      );
    },
  };
}

function authenticationData(
  { authMethod, algorithmIdentifier }: SignatureScheme,
  signature: Uint8Array,
): Uint8Array {
  if (authMethod !== AUTH_METHOD.digitalSignature) return signature;
  return concat([Uint8Array.of(algorithmIdentifier.length), algorithmIdentifier, signature]);
}

/** Checks the peer's AUTH: first whether its form may be accepted at all, then whose key it is, then the signature. */
export function verifySignatureAuth(
  context: AuthContext,
  auth: AuthData,
  options: PeerCertificateOptions & { readonly constraint: SignatureConstraint },
): VerifyOutcome {
  const read = readSignature(auth, context, options.constraint);
  if (typeof read === "string") return failed(read);
  const peer = checkPeerCertificates(context, options);
  if (peer.kind === "need") {
    const { resume } = peer;
    return {
      ...peer,
      resume(answer) {
        const checked = resume(answer);
        return checked.kind === "checked" ? verifyWith(checked, context, read) : checked as FailedAuth;
      },
    };
  }
  return peer.kind === "checked" ? verifyWith(peer, context, read) : peer;
}

interface ReadSignature {
  /** The scheme with a key of some kind; null where there is none. */
  schemeFor(kind: KeyKind): SignatureScheme | null;
  /** One of its names, for people. */
  readonly name: string;
  readonly signature: Uint8Array;
}

/** The scheme and the signature in AUTH; a sentence where they must not be accepted. */
function readSignature(
  auth: AuthData,
  context: AuthContext,
  constraint: SignatureConstraint,
): ReadSignature | string {
  const fixed = fixedScheme(auth.method);
  if (fixed === null && auth.method !== AUTH_METHOD.digitalSignature) {
    return `the peer authenticates by ${
      authMethodName(auth.method)
    }; expected a signature ("${constraint.text}")`;
  }
  const length = fixed === null ? auth.data[0] ?? 0 : 0;
  if (fixed === null && (length === 0 || auth.data.length < 1 + length)) {
    return "the peer's AUTH is cut short: it names no algorithm";
  }
  const identifier = auth.data.subarray(1, 1 + length);
  const [scheme] = fixed === null ? identifiedSchemes(identifier) : [fixed];
  if (scheme === undefined) return "the peer signs with an algorithm that is not supported";
  if (fixed === null && !context.localHashAlgorithms.includes(scheme.hashNumber)) {
    return `the peer signs with the hash ${hashName(scheme.hashNumber)}, which was not offered`;
  }
  // A peer that offers better hashes has no reason for SHA-1 (RFC 8247, section 4.1), unless it is asked for.
  const old = scheme.hashNumber === HASH_NUMBERS.sha1 && context.peerHashAlgorithms.length > 0;
  if (old && !constraint.wantsSha1) {
    return `the peer signs with SHA-1 (${
      authMethodName(auth.method)
    }), though it offers better hashes itself`;
  }
  if (!constraint.allows(scheme)) {
    return `the peer signs with ${scheme.name}, but "${constraint.text}" is expected`;
  }
  const signature = auth.data.subarray(fixed === null ? 1 + length : 0);
  if (signature.length === 0) return "the peer's signature is empty";
  if (signature.length > MAX_SIGNATURE_SIZE) {
    return `the peer's signature has ${signature.length} octets; at most ${MAX_SIGNATURE_SIZE} are looked at`;
  }
  const schemeFor = (kind: KeyKind) =>
    fixed === null ? identifiedScheme(identifier, kind) : schemeFits(fixed, kind) ? fixed : null;
  return { name: fixed?.name ?? scheme.name, schemeFor, signature };
}

function verifyWith(peer: CheckedPeer, context: AuthContext, read: ReadSignature): VerifyOutcome {
  const { certificate: { publicKey }, certificate } = peer;
  const who = () => describeCertificate(certificate);
  const scheme = publicKey.kind === null ? null : read.schemeFor(publicKey.kind);
  if (scheme === null) {
    return failed(
      `the peer signs with ${read.name}, but the key of its certificate ${who()} is ${publicKey.name}`,
    );
  }
  if (!context.crypto.verify(scheme.name, publicKey.spki, context.remoteOctets, read.signature)) {
    return failed(`the peer's signature is wrong: it is not by the key of its certificate ${who()}`);
  }
  return { kind: "verified", identity: context.remoteId, method: scheme.name, anonymous: false };
}
