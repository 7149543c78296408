/** Cert Encoding numbers of CERT and CERTREQ (RFC 7296, section 3.6), as far as they are used. */
export const CERTIFICATE_ENCODING = {
  /** X.509 Certificate - Signature: one certificate in DER. */
  x509: 4,
  /** Certificate Revocation List (CRL). */
  crl: 7,
} as const;
