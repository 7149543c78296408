/**
 * The contracts of authentication (RFC 7296, section 2.15): what an exchange hands in, what a method answers, and what may
 * have to be asked of the outside. A method is a row of `methods.ts`.
 *
 * @module
 */

import type { CryptoProviders, Prf, SignatureSchemeName } from "../../crypto/mod.ts";
import type { Identity } from "./identity.ts";

/** AUTH payload contents: a number of {@linkcode AUTH_METHOD} and what goes with it. */
export interface AuthData {
  /** The Auth Method octet. */
  readonly method: number;
  /** Authentication Data. */
  readonly data: Uint8Array;
}

/** CERT payload contents. */
export interface CertificateData {
  /** The Cert Encoding octet: 4 is an X.509 certificate, 7 a CRL. */
  readonly encoding: number;
  /** What is so encoded. */
  readonly data: Uint8Array;
}

/** What an IKE_AUTH exchange knows when one side is authenticated. */
export interface AuthContext {
  /** The negotiated PRF. */
  readonly prf: Prf;
  /** Signatures and hashes. */
  readonly crypto: CryptoProviders;
  /** Who we say we are. */
  readonly localId: Identity;
  /** Who the peer says it is. */
  readonly remoteId: Identity;
  /** What we sign: `RealMessage | Nonce | prf(SK_p, ID body)`, see {@linkcode signedOctets}. */
  readonly localOctets: Uint8Array;
  /** What the peer has signed. */
  readonly remoteOctets: Uint8Array;
  /** Our SK_pi or SK_pr: the key of NULL authentication and of EAP methods that give none. */
  readonly localKey: Uint8Array;
  /** The peer's SK_pi or SK_pr. */
  readonly remoteKey: Uint8Array;
  /** Hashes of the SIGNATURE_HASH_ALGORITHMS notify that the peer sent (RFC 7427, section 4); empty when it sent none. */
  readonly peerHashAlgorithms: readonly number[];
  /** Hashes that we sent; a signature made with another one is refused. Empty when we sent none. */
  readonly localHashAlgorithms: readonly number[];
  /** Authorities that the peer asks for: SHA-1 hashes of their keys, out of CERTREQ; null when it asked for no certificate. */
  readonly peerAuthorities: readonly Uint8Array[] | null;
  /** The wall clock, in milliseconds since 1970: certificates are held against it. */
  readonly now: number;
}

/** Our own proof, ready to be sent. */
export interface BuiltAuth {
  /** It went well. */
  readonly kind: "built";
  /** The AUTH payload. */
  readonly auth: AuthData;
  /** CERT payloads in the order in which they are sent, ours first. */
  readonly certificates: readonly CertificateData[];
}

/** The peer is who it says it is. */
export interface VerifiedAuth {
  /** It went well. */
  readonly kind: "verified";
  /** The identity that is now proven; with NULL authentication it is a claim that nobody checked. */
  readonly identity: Identity;
  /** How, in words: "pre-shared key", "ecdsa_secp256r1_sha256". */
  readonly method: string;
  /** Whether nothing at all was proven (RFC 7619). */
  readonly anonymous: boolean;
}

/** It did not go well; the exchange answers AUTHENTICATION_FAILED and tells a person the reason. */
export interface FailedAuth {
  /** It did not go well. */
  readonly kind: "failed";
  /** A sentence that a person can act on. Never holds a key. */
  readonly reason: string;
}

/** Something that the outside must do before it can go on. */
export interface PendingAuth<Result> {
  /** It waits. */
  readonly kind: "need";
  /** What is asked for. */
  readonly need: AuthNeed;
  /** Goes on with the answer; an `Error` says that there is none. */
  resume(answer: AuthAnswer | Error): Result | FailedAuth | PendingAuth<Result>;
}

/** What may be asked of the outside: the synchronous path asks for nothing. */
export type AuthNeed =
  /** Sign with a key that only the outside has: in a smart card, or of a kind that the runtime signs with asynchronously. */
  | {
    readonly kind: "sign";
    /** Which signature. */
    readonly scheme: SignatureSchemeName;
    /** What the outside calls the key. */
    readonly key: unknown;
    /** What is to be signed, unhashed. */
    readonly data: Uint8Array;
  }
  /** Judge a chain of certificates by other means than ours. */
  | {
    readonly kind: "validate_certificates";
    /** DER, the peer's own first. */
    readonly certificates: readonly Uint8Array[];
    /** Whom they must speak for. */
    readonly identity: Identity;
  };

/** The answer to an {@linkcode AuthNeed}: the signature, or a verdict. */
export type AuthAnswer = Uint8Array | { readonly valid: true } | {
  readonly valid: false;
  readonly reason: string;
};

/** What building our proof comes to. */
export type BuildOutcome = BuiltAuth | FailedAuth | PendingAuth<BuiltAuth>;

/** What checking the peer's comes to. */
export type VerifyOutcome = VerifiedAuth | FailedAuth | PendingAuth<VerifiedAuth>;

/** A failure with its reason. */
export function failed(reason: string): FailedAuth {
  return { kind: "failed", reason };
}
