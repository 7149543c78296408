/** The names of ciphers, MACs and hashes, as providers are asked for them. To add one, add its name here; the compiler lists what it lacks. */

/** Ciphers that authenticate what they encrypt. */
export type AeadAlgorithm =
  | "aes-128-gcm"
  | "aes-192-gcm"
  | "aes-256-gcm"
  | "aes-128-ccm"
  | "aes-192-ccm"
  | "aes-256-ccm"
  | "chacha20-poly1305";

/** Ciphers that need a MAC beside them. */
export type CipherAlgorithm =
  | "aes-128-cbc"
  | "aes-192-cbc"
  | "aes-256-cbc"
  | "aes-128-ctr"
  | "aes-192-ctr"
  | "aes-256-ctr";

/** MACs that a provider brings. */
export type HmacAlgorithm = "hmac-sha1" | "hmac-sha256" | "hmac-sha384" | "hmac-sha512";

/** MACs that are made of a provider's AES-128-CBC. */
export type CbcMacAlgorithm = "aes-128-cmac" | "aes-128-xcbc";

/** Message authentication codes. */
export type MacAlgorithm = HmacAlgorithm | CbcMacAlgorithm;

/** Hashes. */
export type HashAlgorithm = "sha1" | "sha256" | "sha384" | "sha512";
