/**
 * What TLS is asked to do, and what it says it did, in every runtime: plain data, no TLS. The layer itself is in
 * `iketcp/runtime`.
 *
 * RFC 9329, appendix A: TLS only gets the stream through middleboxes, the security of a session rests on IKE. So a server
 * may be known by its fingerprint alone, or not at all.
 */

/** Versions of TLS that are spoken; RFC 9325, section 3.1.1, wants no older ones. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** Settings of either end. */
export interface TlsSettings {
  /** Certificates of this end as PEM, its own first. A server needs them; a client is usually not asked for any. */
  readonly cert?: string;
  /** The private key of `cert` as PEM. */
  readonly key?: string;
  /** Protocols by ALPN, the preferred first. Default: none is named. */
  readonly alpn?: readonly string[];
  /** The oldest version that is spoken. Default `TLSv1.2`. */
  readonly minVersion?: TlsVersion;
  /** The newest version that is spoken. Default `TLSv1.3`. */
  readonly maxVersion?: TlsVersion;
  /**
   * Authentication without encryption, as RFC 9329, appendix A, suggests for speed since ESP is encrypted already: TLS 1.2
   * with a NULL cipher, which both ends must ask for. Only Node has it. Default false.
   */
  readonly nullCipher?: boolean;
  /** Takes the lines of a key log (`SSLKEYLOGFILE`), with which Wireshark decrypts a capture. Deno gives none. */
  readonly onKeyLog?: (line: string) => void;
}

/** Settings of the end that connects. */
export interface TlsClientSettings extends TlsSettings {
  /** Certificates as PEM of authorities to trust in place of the runtime's own. */
  readonly ca?: string;
  /** The name that is sent (SNI) and that the certificate must hold. Default: the host that is connected to. */
  readonly sni?: string;
  /**
   * SHA-256 fingerprints of certificates as {@linkcode parsePin} reads them, one of which the server's must have. Without
   * `ca` this is all that is checked, so the certificate may be self-signed; with it both are.
   */
  readonly pin?: readonly string[];
  /** Takes any certificate: a passive look is kept out, whoever sits between is not, and IKE alone notices. Default false. */
  readonly insecure?: boolean;
}

/** Settings of the end that accepts. */
export interface TlsServerSettings extends TlsSettings {
  /** Milliseconds that a client may take for the handshake. Default 10000. */
  readonly handshakeTimeout?: number;
  /** Handshakes that may be under way; a connection past them is refused. Default 1000. */
  readonly maxHandshakes?: number;
  /** Handshakes of one address (IPv6: /64) that may be under way. Default 100. */
  readonly maxHandshakesPerSource?: number;
}

/** What was negotiated. */
export interface TlsState {
  /** The version, such as `TLSv1.3`. */
  readonly protocol: string;
  /** The cipher suite as OpenSSL names it; some runtimes use the IANA name. */
  readonly cipher: string;
  /** The protocol that ALPN chose. */
  readonly alpn?: string;
  /** The session of an earlier connection was resumed. */
  readonly resumed: boolean;
  /** The peer's certificate in DER, and its SHA-256 fingerprint in lower-case hex; a server has asked for none. */
  readonly peerCertificate?: { readonly der: Uint8Array; readonly fingerprint: string };
  /** The peer's certificate was checked: against authorities, against a pin, against both, or not at all. */
  readonly verified: "ca" | "pin" | "ca and pin" | "no";
}
