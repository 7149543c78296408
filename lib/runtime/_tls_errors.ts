/** What the TLS of each runtime says, as {@linkcode TransportError}s: OpenSSL in Node, BoringSSL in Bun, rustls in Deno. */

import { TransportError, type TransportErrorCode } from "../errors.ts";
import { detectRuntime } from "./detect.ts";

/** A code and the reason as it ends a sentence. */
type Row = readonly [TransportErrorCode, string];

const UNKNOWN_CA: Row = [
  "ERR_TRANSPORT_TLS_CERTIFICATE",
  "the server's certificate is not issued by an authority that is trusted",
];
/** Deno has one code for a chain that does not verify and for one that has expired. */
const UNKNOWN_CA_OR_EXPIRED: Row = [
  "ERR_TRANSPORT_TLS_CERTIFICATE",
  "the server's certificate is not issued by an authority that is trusted, or has expired",
];
const EXPIRED: Row = ["ERR_TRANSPORT_TLS_CERTIFICATE", "the server's certificate has expired"];
const NOT_YET: Row = ["ERR_TRANSPORT_TLS_CERTIFICATE", "the server's certificate is not valid yet"];
const WRONG_NAME: Row = ["ERR_TRANSPORT_TLS_CERTIFICATE", "the server's certificate is for another name"];
const VERSION: Row = ["ERR_TRANSPORT_TLS", "the ends have no version of TLS in common"];
const SHARED: Row = ["ERR_TRANSPORT_TLS", "the ends have no cipher suite or parameter in common"];
const ALPN: Row = ["ERR_TRANSPORT_TLS", "the ends have no ALPN protocol in common"];
const PLAIN: Row = ["ERR_TRANSPORT_TLS", "the peer does not speak TLS"];
/** The same after the handshake. */
const NO_RECORD: Row = ["ERR_TRANSPORT_TLS", "what came is no record of TLS"];
const TOO_LONG: Row = ["ERR_TRANSPORT_TLS", "a message of the handshake is too long"];
const CHANGED: Row = ["ERR_TRANSPORT_TLS", "a record was changed on its way"];
const ENDED: Row = ["ERR_TRANSPORT_TLS", "the peer ended the connection inside the handshake"];
const REFUSED_CERTIFICATE: Row = ["ERR_TRANSPORT_TLS", "the peer did not accept the certificate"];

/** Codes of Node and Bun. */
const CODES: Readonly<Record<string, Row>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_CA,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_CA,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_CA,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_CA,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: detectRuntime().name === "deno" ? UNKNOWN_CA_OR_EXPIRED : UNKNOWN_CA,
  CERT_HAS_EXPIRED: EXPIRED,
  CERT_NOT_YET_VALID: NOT_YET,
  ERR_TLS_CERT_ALTNAME_INVALID: WRONG_NAME,
  HOSTNAME_MISMATCH: WRONG_NAME,
};

/** What messages say, the first that matches decides. */
const MESSAGES: readonly (readonly [RegExp, Row])[] = [
  [/disconnected before secure TLS connection/i, ENDED],
  [/UnknownIssuer|unknown issuer|CaUsedAsEndEntity|self[- ]signed/i, UNKNOWN_CA],
  [/invalid peer certificate.*expired|certificate (has )?expired/i, EXPIRED],
  [/NotValidYet|not valid yet/i, NOT_YET],
  [/NotValidForName|not valid for name/i, WRONG_NAME],
  [
    /alert.*certificate|certificate.*alert|alert.*unknown.?ca|unknown_ca|UNKNOWN_CA|BadCertificate/i,
    REFUSED_CERTIFICATE,
  ],
  [
    /protocol.?version|unsupported.?protocol|PeerIncompatible.*(version|Tls1)|SupportedVersions|no.?protocols.?available/i,
    VERSION,
  ],
  [/application.?protocol|NoApplicationProtocol/i, ALPN],
  [/excessive.?message.?size|PayloadTooLarge/i, TOO_LONG],
  [/bad.?record.?mac|decryption.?failed|cipher operation failed|cannot decrypt|DecryptError/i, CHANGED],
  [
    /wrong.?version.?number|length.?too.?long|http.?request|InvalidContentType|corrupt|bad.?record|unknown.?protocol|InvalidMessage/i,
    PLAIN,
  ],
  [
    /no.?shared.?cipher|handshake.?failure|HandshakeFailure|NoCipherSuites|PeerIncompatible|no.?shared/i,
    SHARED,
  ],
];

/** Why a handshake failed. `below` is why the stream below broke, which explains everything above it. */
export function handshakeError(error: unknown, action: string, below?: Error): TransportError {
  if (error instanceof TransportError && error !== below) return error;
  if (below instanceof TransportError) {
    const message = `Cannot ${action}: below TLS, ${lowerFirst(below.message)}`;
    return new TransportError(below.code, message, { cause: below });
  }
  const [code, reason] = explain(error);
  return new TransportError(code, `Cannot ${action}: ${reason}`, { cause: error });
}

/** Why a connection over TLS broke, after its handshake: what only a handshake can mean is said as the runtime says it. */
export function recordError(error: unknown, peer: string): TransportError {
  if (error instanceof TransportError) return error;
  const row = explain(error);
  const [code, reason] = row === PLAIN ? NO_RECORD : row === SHARED ? unexplained(error) : row;
  return new TransportError(code, `TLS connection to ${peer} broke: ${reason}`, { cause: error });
}

function explain(error: unknown): Row {
  const { code, message, reason } = (error ?? {}) as { code?: unknown; message?: unknown; reason?: unknown };
  if (typeof code === "string" && Object.hasOwn(CODES, code)) return CODES[code]!;
  // Deno's code says "handshake failure" of everything that it has no code for.
  const said = detectRuntime().name === "deno" ? [message, reason] : [message, reason, code];
  const text = said.filter((each) => typeof each === "string").join(" ");
  return MESSAGES.find(([pattern]) => pattern.test(text))?.[1] ?? unexplained(error);
}

/** OpenSSL and BoringSSL say `[thread:]error:code:library:function:reason[:file:line:]`, of which the reason is for people. */
function unexplained(error: unknown): Row {
  const { message } = (error ?? {}) as { message?: unknown };
  if (typeof message !== "string" || message === "") return ["ERR_TRANSPORT_TLS", "no reason is known"];
  const reason = /error:[0-9a-f]+:[^:]*:[^:]*:([^:]+)/i.exec(message)?.[1];
  return [
    "ERR_TRANSPORT_TLS",
    reason === undefined ? message.trim() : reason.replaceAll("_", " ").toLowerCase(),
  ];
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
