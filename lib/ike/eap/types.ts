/**
 * The contracts of EAP (RFC 3748): a conversation that answers packets with packets, and the methods it is made of.
 * Synchronous; a method that only the outside can serve says what it needs and is resumed.
 *
 * @module
 */

/** What a packet that was handled comes to. */
export type EapOutcome =
  /** Send this, and wait for the next packet. With `refusal` the method tells the other side no; the sentence says why. */
  | { readonly kind: "reply"; readonly packet: Uint8Array; readonly refusal?: string }
  | EapSuccess
  | EapFailure
  | EapPending<EapOutcome>;

/** It is over, and went well. */
export interface EapSuccess {
  /** It went well. */
  readonly kind: "success";
  /** The key that AUTH is made with; null where the method gives none (RFC 7296, section 2.16: SK_p is used then). */
  readonly msk: Uint8Array | null;
  /** Name of the method. */
  readonly method: string;
  /** Whether the method is fit to authenticate the responder too (RFC 5998, section 4). */
  readonly safeAlone: boolean;
  /** Who the peer is, by EAP: the server's side knows. */
  readonly identity?: Uint8Array;
  /** The name as text by which its password was looked for, or its certificate judged. */
  readonly name?: string;
  /** EAP-Success, which the server still sends. */
  readonly packet?: Uint8Array;
}

/** It is over, and did not go well. */
export interface EapFailure {
  /** It did not go well. */
  readonly kind: "failure";
  /** A sentence that a person can act on; never holds a password. */
  readonly reason: string;
  /** EAP-Failure, which the server still sends. */
  readonly packet?: Uint8Array;
}

/** Something must be done outside first. */
export interface EapPending<Result> {
  /** It waits. */
  readonly kind: "need";
  /** What is asked for. */
  readonly need: EapNeed;
  /** Goes on with the answer; an `Error` says that there is none. */
  resume(answer: unknown): Result;
}

/** What a method may ask of the outside. */
export interface EapNeed {
  /** Tells it from other needs of the engine. */
  readonly kind: "eap_backend";
  /** Name of the method. */
  readonly method: string;
  /** What the method wants: documented with the method. */
  readonly request: unknown;
}

/** What a method says to a packet of its type. */
export type EapMethodStep =
  /** Type-Data to send. With `refusal` it tells the other side no, which may end here, and without another packet. */
  | { readonly kind: "reply"; readonly data: Uint8Array; readonly refusal?: string }
  /** The server's method is done: nothing more is sent but EAP-Success. */
  | { readonly kind: "done" }
  | { readonly kind: "failure"; readonly reason: string }
  | EapPending<EapMethodStep>;

/** One side of one method in one conversation. */
export interface EapMethod {
  /** Number of {@linkcode EAP_TYPE}. */
  readonly type: number;
  /** As people know it: `eap-mschapv2`. */
  readonly name: string;
  /**
   * Whether the other side has proven what this method has it prove. A peer believes EAP-Success only then: this is what
   * keeps an early Success out.
   */
  readonly complete: boolean;
  /** 64 octets at least, once complete; null where the method gives no key. */
  readonly msk: Uint8Array | null;
  /** Whose password it was, where that is not the identity that the peer gave: the server's side only. */
  readonly user?: string;
  /** Mutual, key-generating, and hard on dictionary attacks (RFC 5998, section 4). */
  readonly safeAlone: boolean;
  /** Type-Data of the first Request: the server's side only. */
  begin?(): EapMethodStep;
  /** Type-Data of the other side's packet. `identifier` is that of the packet which is answered or has answered. */
  handle(data: Uint8Array, identifier: number): EapMethodStep;
  /** Wipes what it knows. */
  dispose(): void;
}

/** Makes the peer's side of a method. */
export interface EapPeerMethodFactory {
  /** Number of {@linkcode EAP_TYPE}. */
  readonly type: number;
  /** Makes one for a conversation. */
  create(options: EapPeerMethodOptions): EapMethod;
}

/** Makes the server's side of a method. */
export interface EapServerMethodFactory {
  /** Number of {@linkcode EAP_TYPE}. */
  readonly type: number;
  /** Makes one for a conversation. `identity` is what the peer has called itself; empty when it was not asked. */
  create(options: EapServerMethodOptions): EapMethod;
}

/** What a side of EAP-TLS proves itself with, and how it judges the other. */
export interface EapTlsCredentials {
  /** Our certificate and those above it, in DER. */
  readonly certificates: readonly Uint8Array[];
  /** The key of the first, PKCS#8 in DER. Never printed. */
  readonly pkcs8: Uint8Array;
  /** The highest version of TLS (default: the highest that the runtime has). */
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3";
  /**
   * Why the other side's certificates are not accepted, a sentence; null when they are. The first is its own. `identity` is
   * what an EAP peer has called itself; empty on the peer's own side.
   */
  reasonAgainst(certificates: readonly Uint8Array[], identity: string): string | null;
}

/** What a peer's method is handed. */
export interface EapPeerMethodOptions {
  /** The user's name. */
  readonly identity: string;
  /** The user's password; empty for methods that use none. */
  readonly password: string;
  /** Fills a buffer with randomness. */
  readonly random: (octets: Uint8Array) => void;
  /** Certificates, for EAP-TLS. */
  readonly tls?: EapTlsCredentials;
}

/** What a server's method is handed. */
export interface EapServerMethodOptions {
  /** What the peer calls itself. */
  readonly identity: string;
  /** The password of a user; null when nobody is known by that name. */
  readonly passwordOf: (identity: string) => string | null;
  /** Fills a buffer with randomness. */
  readonly random: (octets: Uint8Array) => void;
  /** Certificates, for EAP-TLS. */
  readonly tls?: EapTlsCredentials;
}
