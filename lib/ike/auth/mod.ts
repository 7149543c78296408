/**
 * Authentication of IKE SAs: identities, credentials, certificates and their paths, and the AUTH payload by pre-shared key,
 * signature or EAP key. Synchronous; what only the outside can do is a need that waits for its answer.
 *
 * @module
 */

export * from "./auth_methods.ts";
export * from "./certificate.ts";
export * from "./certificate_encoding.ts";
export * from "./certificate_request.ts";
export * from "./chain.ts";
export * from "./credentials.ts";
export * from "./crl.ts";
export * from "./distinguished_name.ts";
export type { ConstrainedName } from "./general_name.ts";
export * from "./identity.ts";
export * from "./methods.ts";
export * from "./octets.ts";
export * from "./pem.ts";
export * from "./private_key.ts";
export { CURVES, KEY_OIDS, type KeyKind, type PublicKey } from "./public_key.ts";
export type { Revocation } from "./revocation.ts";
export * from "./shared_key.ts";
export type { SendCertificate } from "./signature.ts";
export { schemeFor, type SignatureAlgorithm } from "./signature_algorithm.ts";
export {
  emitHashAlgorithms,
  OFFERED_HASH_ALGORITHMS,
  parseHashAlgorithms,
  SignatureConstraint,
} from "./signature_choice.ts";
export type { ExternalKey, SigningKey } from "./signing_key.ts";
export * from "./types.ts";
