/**
 * The table of key exchanges: IKEv2's registry "Transform Type 4". To add one, add its row and the algorithm to the
 * providers; the compiler lists where it is missing.
 */

/** Key exchanges that a provider may be asked for. */
export type KeyExchangeAlgorithm = MontgomeryAlgorithm | EcpAlgorithm | ModpAlgorithm;

/** RFC 7748. */
export type MontgomeryAlgorithm = "x25519" | "x448";

/** RFC 5903. */
export type EcpAlgorithm = "ecp256" | "ecp384" | "ecp521";

/** RFC 3526. */
export type ModpAlgorithm = "modp2048" | "modp3072" | "modp4096" | "modp6144" | "modp8192";

/** A row of type 4. */
export interface KeyExchangeTransform {
  /** Transform ID of type 4, which is also the Diffie-Hellman Group Num of a KE payload. */
  readonly id: number;
  /** As IANA writes it. */
  readonly name: string;
  /** As strongSwan writes it in a proposal. */
  readonly keyword: string;
  /** Octets of Key Exchange Data in a KE payload. */
  readonly publicSize: number;
  /** Octets of the shared secret. */
  readonly sharedSize: number;
  /** The algorithm that a provider must have. */
  readonly algorithm: KeyExchangeAlgorithm;
}

/** Every key exchange, by its algorithm; those to be preferred first. */
export const KEY_EXCHANGES: Readonly<Record<KeyExchangeAlgorithm, KeyExchangeTransform>> = {
  // RFC 8031.
  x25519: {
    id: 31,
    name: "Curve25519",
    keyword: "x25519",
    publicSize: 32,
    sharedSize: 32,
    algorithm: "x25519",
  },
  // RFC 5903: x and y without the octet that says "uncompressed"; the shared secret is x alone.
  ecp256: ecpRow("ecp256", 19, "256-bit random ECP group", 32),
  ecp384: ecpRow("ecp384", 20, "384-bit random ECP group", 48),
  ecp521: ecpRow("ecp521", 21, "521-bit random ECP group", 66),
  x448: { id: 32, name: "Curve448", keyword: "x448", publicSize: 56, sharedSize: 56, algorithm: "x448" },
  // RFC 3526.
  modp2048: modpRow("modp2048", 14, 2048),
  modp3072: modpRow("modp3072", 15, 3072),
  modp4096: modpRow("modp4096", 16, 4096),
  modp6144: modpRow("modp6144", 17, 6144),
  modp8192: modpRow("modp8192", 18, 8192),
};

/** Every key exchange, those to be preferred first. */
export const KEY_EXCHANGE_TRANSFORMS: readonly KeyExchangeTransform[] = Object.values(KEY_EXCHANGES);

function ecpRow(algorithm: EcpAlgorithm, id: number, name: string, fieldSize: number): KeyExchangeTransform {
  return { id, name, keyword: algorithm, publicSize: 2 * fieldSize, sharedSize: fieldSize, algorithm };
}

function modpRow(algorithm: ModpAlgorithm, id: number, bits: number): KeyExchangeTransform {
  const size = bits / 8;
  return {
    id,
    name: `${bits}-bit MODP Group`,
    keyword: algorithm,
    publicSize: size,
    sharedSize: size,
    algorithm,
  };
}

/** Other spellings that strongSwan takes. */
const ALIASES: Readonly<Record<string, string>> = { curve25519: "x25519", curve448: "x448" };

/**
 * The key exchange of a strongSwan keyword; undefined when there is none.
 *
 * @example
 * ```ts
 * import { keyExchangeTransform } from "iketcp/crypto";
 * import { strictEqual } from "node:assert";
 *
 * strictEqual(keyExchangeTransform("curve25519")?.id, 31);
 * ```
 */
export function keyExchangeTransform(keyword: string): KeyExchangeTransform | undefined {
  const wanted = ALIASES[keyword] ?? keyword;
  return KEY_EXCHANGE_TRANSFORMS.find((row) => row.keyword === wanted);
}

/** The key exchange of IKEv2's Transform ID, or of the Diffie-Hellman Group Num of a KE payload. */
export function keyExchangeTransformById(id: number): KeyExchangeTransform | undefined {
  return KEY_EXCHANGE_TRANSFORMS.find((row) => row.id === id);
}
