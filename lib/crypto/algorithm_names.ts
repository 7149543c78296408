/** The names of MACs and hashes, as providers are asked for them. To add one, add its name here; the compiler lists what it lacks. */

/** MACs that a provider brings. */
export type HmacAlgorithm = "hmac-sha1" | "hmac-sha256" | "hmac-sha384" | "hmac-sha512";

/** MACs that are made of a provider's AES-128-CBC. */
export type CbcMacAlgorithm = "aes-128-cmac" | "aes-128-xcbc";

/** Message authentication codes. */
export type MacAlgorithm = HmacAlgorithm | CbcMacAlgorithm;

/** Hashes. */
export type HashAlgorithm = "sha1" | "sha256" | "sha384" | "sha512";
