/** Auth Method numbers of the AUTH payload (RFC 7296, section 3.8, and its IANA registry). */
export const AUTH_METHOD = {
  /** RSA Digital Signature: PKCS#1 v1.5, in practice with SHA-1. */
  rsa: 1,
  /** Shared Key Message Integrity Code. */
  sharedKey: 2,
  /** ECDSA with SHA-256 on P-256 (RFC 4754). */
  ecdsa256: 9,
  /** ECDSA with SHA-384 on P-384 (RFC 4754). */
  ecdsa384: 10,
  /** ECDSA with SHA-512 on P-521 (RFC 4754). */
  ecdsa521: 11,
  /** NULL Authentication (RFC 7619). */
  null: 13,
  /** Digital Signature (RFC 7427). */
  digitalSignature: 14,
} as const;

const NAMES: ReadonlyMap<number, string> = new Map([
  [1, "RSA Digital Signature"],
  [2, "Shared Key Message Integrity Code"],
  [3, "DSS Digital Signature"],
  [9, "ECDSA with SHA-256 on the P-256 curve"],
  [10, "ECDSA with SHA-384 on the P-384 curve"],
  [11, "ECDSA with SHA-512 on the P-521 curve"],
  [12, "Generic Secure Password Authentication Method"],
  [13, "NULL Authentication"],
  [14, "Digital Signature"],
]);

/** The name of an Auth Method, or its number in words. */
export function authMethodName(method: number): string {
  return NAMES.get(method) ?? `authentication method ${method}`;
}
