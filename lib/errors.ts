/**
 * Every error class of the toolkit and the union of their codes. Callers switch on `code`; messages are for people.
 * A peer's faults are {@linkcode IketcpError}s; a caller's mistakes are `TypeError` or `RangeError` that also carry a code.
 *
 * A message says what could not be done, what was expected and what was found; it never holds a key or plaintext.
 *
 * @module
 */

/** Faults of the RFC 9329 byte stream. */
export type EncapErrorCode =
  /** The stream does not begin with the six octets `IKETCP` (section 4). */
  | "ERR_ENCAP_PREFIX"
  /** A responder sent the prefix that only the TCP Originator may send (section 4). */
  | "ERR_ENCAP_PREFIX_ECHO"
  /** The stream ended inside the prefix. */
  | "ERR_ENCAP_PREFIX_INCOMPLETE"
  /** A Length field holds 0 or 1 (section 3.1). */
  | "ERR_ENCAP_LENGTH"
  /** The stream ended inside a message, where somebody wants to know (`Deframer` only counts it). */
  | "ERR_ENCAP_MESSAGE_INCOMPLETE"
  /** A message is longer than this end accepts (`maxMessageLength`). */
  | "ERR_ENCAP_MESSAGE_TOO_LONG";

/** Faults of sockets and other carriers. */
export type TransportErrorCode =
  | "ERR_TRANSPORT_ADDRESS_IN_USE"
  | "ERR_TRANSPORT_ADDRESS_NOT_AVAILABLE"
  | "ERR_TRANSPORT_PERMISSION"
  | "ERR_TRANSPORT_RESOLVE"
  | "ERR_TRANSPORT_REFUSED"
  | "ERR_TRANSPORT_UNREACHABLE"
  | "ERR_TRANSPORT_TIMEOUT"
  /** The peer reset the connection. */
  | "ERR_TRANSPORT_RESET"
  /** This end aborted or closed the connection, or it was already gone. */
  | "ERR_TRANSPORT_CLOSED"
  /** The runtime has no way to do what was asked; the message names one that has. */
  | "ERR_TRANSPORT_UNSUPPORTED"
  /** What should be the head of an HTTP response is none, is too long, or was cut off. */
  | "ERR_TRANSPORT_HTTP"
  /** A proxy refused to open a tunnel; see `status` and `reason`. */
  | "ERR_TRANSPORT_PROXY_REFUSED"
  /** A proxy wants credentials, or other ones, or a kind of authentication that is not spoken. */
  | "ERR_TRANSPORT_PROXY_AUTH"
  /** A WebSocket was refused, or its peer broke the rules of RFC 6455. */
  | "ERR_TRANSPORT_WEBSOCKET"
  /** A WebTransport session could not be opened. */
  | "ERR_TRANSPORT_WEBTRANSPORT"
  /** TLS could not be negotiated, or broke; the message says why. */
  | "ERR_TRANSPORT_TLS"
  /** The server's certificate is not accepted: its authority, its dates, its name or its fingerprint. */
  | "ERR_TRANSPORT_TLS_CERTIFICATE"
  /** Anything else that the operating system reported; see `cause`. */
  | "ERR_TRANSPORT_FAILED";

/** Faults of IKE messages. */
export type IkeErrorCode =
  /** Fewer octets than an IKE header has, or a header that contradicts itself. */
  | "ERR_IKE_HEADER"
  /** A major version that is not spoken here (RFC 7296, section 2.5). */
  | "ERR_IKE_VERSION"
  /** A payload, or a chain of payloads, that contradicts itself or does not fit its message. */
  | "ERR_IKE_PAYLOAD"
  /** A payload of unknown type that its sender wants understood (RFC 7296, section 2.5). */
  | "ERR_IKE_CRITICAL_PAYLOAD"
  /** A message with more of something than this end accepts. */
  | "ERR_IKE_LIMIT"
  /** Payloads that are missing from an exchange, come too often, or do not belong there. */
  | "ERR_IKE_EXCHANGE"
  /** An answer that is none of what was proposed (RFC 7296, section 3.3.6). */
  | "ERR_IKE_PROPOSAL"
  /** A certificate, CRL or distinguished name that cannot be read. */
  | "ERR_IKE_CERTIFICATE"
  /** An IKE SA could not be established; the message says why. */
  | "ERR_IKE_FAILED";

/** Why a tunnel could not be set up, or ended. */
export type TunnelErrorCode =
  /** The IKE SA could not be set up: the peer refused, did not answer, or is not who it should be. */
  | "ERR_TUNNEL_FAILED"
  /** The IKE SA is there, and its child SA could not be set up. */
  | "ERR_TUNNEL_CHILD"
  /** The connection ended before the tunnel was there. */
  | "ERR_TUNNEL_LOST"
  /** The session ended because something went wrong. */
  | "ERR_TUNNEL_BROKEN"
  /** The session has ended in order. */
  | "ERR_TUNNEL_CLOSED";

/** Why a relay ended a stream. */
export type RelayErrorCode =
  | "ERR_RELAY_PREFIX_TIMEOUT"
  | "ERR_RELAY_FIRST_MESSAGE_TIMEOUT"
  /** The last messages could not be sent in time. */
  | "ERR_RELAY_CLOSE_TIMEOUT"
  /** The peer, or the path to it, takes nothing any more. */
  | "ERR_RELAY_STALLED"
  /** The daemon repeats a request and nothing comes back: the path has died in silence. */
  | "ERR_RELAY_UNANSWERED"
  /** What answers on the stream speaks another protocol. */
  | "ERR_RELAY_FOREIGN_PROTOCOL"
  /** Too many connections. */
  | "ERR_RELAY_LIMIT";

/** Faults of capture files. */
export type InspectErrorCode =
  /** A capture file that cannot be opened or read, or output that cannot be written. */
  | "ERR_INSPECT_FILE"
  /** Not a capture file, or of a kind that is not read. */
  | "ERR_INSPECT_FORMAT"
  /** A capture file that ends inside a record or contradicts itself. */
  | "ERR_INSPECT_RECORD"
  /** A table of keys that cannot be read. */
  | "ERR_INSPECT_KEYS"
  /** Octets are missing from a captured TCP conversation. */
  | "ERR_INSPECT_GAP";

/** Faults of ciphers; a message that fails authentication is an answer, not a fault. */
export type CryptoErrorCode =
  /** No provider on this runtime serves the algorithm. */
  | "ERR_CRYPTO_UNSUPPORTED"
  /** A provider gave a wrong answer to a known question, and is not used. */
  | "ERR_CRYPTO_SELF_TEST"
  /** A provider failed in the middle of its work. */
  | "ERR_CRYPTO_FAILED"
  /** A peer's public value of a key exchange that must not be used (RFC 6989). */
  | "ERR_CRYPTO_PUBLIC_VALUE"
  /** A public or private key that cannot be read, or is not of the kind that a signature needs. */
  | "ERR_CRYPTO_KEY";

/** Wrong settings: URLs, limits, options. */
export type ConfigErrorCode =
  /** A proposal such as `aes256gcm16-x25519` that is not understood or contradicts itself. */
  | "ERR_CONFIG_PROPOSAL"
  | "ERR_CONFIG_URL"
  | "ERR_CONFIG_LIMIT"
  | "ERR_CONFIG_OPTION"
  | "ERR_CONFIG_FILE"
  /** An identity such as `gw.example` or `C=CH, CN=gw` that is not understood. */
  | "ERR_CONFIG_IDENTITY"
  /** A key, certificate or secret that cannot be read or does not fit its use. */
  | "ERR_CONFIG_CREDENTIAL";

/** Mistakes of the calling code; carried by `TypeError`s and `RangeError`s. */
export type UsageErrorCode =
  /** A message of 0 or more than 65533 octets was given to the framer. */
  | "ERR_ENCAP_MESSAGE_LENGTH"
  /** Something other than a `Uint8Array` (or an array of them) was written to a stage. */
  | "ERR_ENCAP_CHUNK"
  /** Something other than a `Uint8Array` was written to a connection. */
  | "ERR_TRANSPORT_CHUNK"
  /** A key that does not have the size which its transform asks for. */
  | "ERR_CRYPTO_KEY_SIZE"
  /** More octets than prf+ can give (RFC 7296, section 2.13). */
  | "ERR_CRYPTO_PRF_LENGTH"
  /** Transforms that do not make a cipher together. */
  | "ERR_CRYPTO_TRANSFORM"
  /** A message that does not lie inside its slab, or has no room for what the cipher adds. */
  | "ERR_CRYPTO_MESSAGE_RANGE"
  /** A cipher was used after its end. */
  | "ERR_CRYPTO_DISPOSED"
  /** Something other than a `Uint8Array` (or an array of them) was written to an ESP stage. */
  | "ERR_ESP_CHUNK"
  /** A traffic selector that is not understood or contradicts itself. */
  | "ERR_ESP_SELECTOR"
  /** An SA that a table has no place for: its SPI is taken, or the table is full. */
  | "ERR_ESP_TABLE"
  /** An IKE message or payload that is too long for its length fields, or for the room that it was given. */
  | "ERR_IKE_SIZE"
  /** Something other than a message with SK or SKF at its end was to be opened. */
  | "ERR_IKE_SEALED"
  /** An option is outside its range. */
  | "ERR_OPTION_RANGE";

/** Every code of {@linkcode IketcpError}. */
export type IketcpErrorCode =
  | EncapErrorCode
  | TransportErrorCode
  | IkeErrorCode
  | TunnelErrorCode
  | RelayErrorCode
  | InspectErrorCode
  | CryptoErrorCode
  | ConfigErrorCode;

/**
 * The base of all errors that a peer, a network or a file can cause.
 *
 * @example Tell errors apart by code
 * ```ts
 * import { IketcpError } from "iketcp";
 *
 * function describe(error: unknown): string {
 *   if (!(error instanceof IketcpError)) throw error;
 *   return error.code === "ERR_TRANSPORT_REFUSED" ? "nobody listens there" : error.message;
 * }
 * describe(new IketcpError("ERR_TRANSPORT_REFUSED", "Cannot connect to 192.0.2.1:4500: connection refused"));
 * ```
 */
export class IketcpError<Code extends string = IketcpErrorCode> extends Error {
  /** Stable name of the fault. */
  readonly code: Code;

  /** Makes an error with a stable code and a sentence for people. */
  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** A peer broke the rules of the RFC 9329 stream. */
export class EncapError extends IketcpError<EncapErrorCode> {
  /** The first octets of a stream that does not begin with the prefix, as far as they were there; else empty. */
  readonly octets: Uint8Array;

  /** Makes an error, with the offending octets where there are any. */
  constructor(code: EncapErrorCode, message: string, octets: Uint8Array = new Uint8Array(0)) {
    super(code, message);
    this.octets = octets;
  }
}

/** A socket or another carrier failed. */
export class TransportError extends IketcpError<TransportErrorCode> {}

/** A proxy answered, but not with a tunnel. */
export class ProxyError extends TransportError {
  /** The status of the proxy's answer, such as 403. */
  readonly status: number;
  /** The reason phrase of the proxy's answer, printable and cut to 100 characters; may be empty. */
  readonly reason: string;

  /** Makes an error from a proxy's answer. */
  constructor(code: TransportErrorCode, message: string, status: number, reason: string) {
    super(code, message);
    this.status = status;
    this.reason = reason;
  }
}

/** What an {@linkcode IkeError} knows of the fault besides its sentence. */
export interface IkeErrorDetails extends ErrorOptions {
  /** The payload at fault in the notation of RFC 7296: `TSi`. */
  readonly payload?: string;
  /** Where in the message the fault lies, in octets from the first one of the header. */
  readonly offset?: number;
  /** The notify type to answer with, where an answer is due (RFC 7296, section 2.21). */
  readonly notify?: number;
  /** The notification data of that answer; empty when left out. */
  readonly notifyData?: Uint8Array;
}

/**
 * An IKE message cannot be read, or is none that may come.
 *
 * @example The answer to a message that cannot be read
 * ```ts
 * import { IkeError } from "iketcp";
 * import { parsePayloads } from "iketcp/ike/codec";
 * import { strictEqual } from "node:assert";
 *
 * try {
 *   parsePayloads(40, new Uint8Array([0, 0, 0, 6, 1, 2])); // a nonce of two octets
 * } catch (error) {
 *   if (!(error instanceof IkeError)) throw error;
 *   strictEqual(error.payload, "Nonce");
 *   strictEqual(error.notify, 7); // INVALID_SYNTAX
 * }
 * ```
 */
export class IkeError extends IketcpError<IkeErrorCode> {
  /** The payload at fault; undefined where it is the header or the message. */
  readonly payload: string | undefined;
  /** Where the fault lies, in octets from the first one of the header; undefined where it has no place. */
  readonly offset: number | undefined;
  /** The notify type to answer with; undefined where no answer is due. */
  readonly notify: number | undefined;
  /** The notification data of that answer. */
  readonly notifyData: Uint8Array;

  /** Makes an error, with what is known of the fault. */
  constructor(code: IkeErrorCode, message: string, details: IkeErrorDetails = {}) {
    super(code, message, details);
    this.payload = details.payload;
    this.offset = details.offset;
    this.notify = details.notify;
    this.notifyData = details.notifyData ?? new Uint8Array(0);
  }
}

/** A tunnel could not be set up, or ended. */
export class TunnelError extends IketcpError<TunnelErrorCode> {}

/** A relay ended a stream because of one of its limits. */
export class RelayError extends IketcpError<RelayErrorCode> {}

/** A capture file cannot be read. */
export class InspectError extends IketcpError<InspectErrorCode> {}

/** An algorithm is not to be had, or a provider of algorithms failed. Never holds a key. */
export class CryptoError extends IketcpError<CryptoErrorCode> {}

/** A URL, limit or option on the command line or in a configuration is wrong. */
export class ConfigError extends IketcpError<ConfigErrorCode> {}

/** A `RangeError` with a code: the caller passed a value outside its range. */
export class CodedRangeError extends RangeError {
  /** Stable name of the mistake. */
  readonly code: UsageErrorCode;

  /** Makes a `RangeError` with a stable code. */
  constructor(code: UsageErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A `TypeError` with a code: the caller passed a value of the wrong kind. */
export class CodedTypeError extends TypeError {
  /** Stable name of the mistake. */
  readonly code: UsageErrorCode;

  /** Makes a `TypeError` with a stable code. */
  constructor(code: UsageErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
