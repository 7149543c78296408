/** Key exchanges in plain JavaScript: curves by noble, MODP groups by big integers. */

import { x25519 } from "@noble/curves/ed25519.js";
import { x448 } from "@noble/curves/ed448.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { fromBigInt, powerOf, toBigInt } from "../big_integers.ts";
import type { KeyExchange, RandomSource } from "../dh/key_exchange.ts";
import { MODP_GENERATOR, MODP_GROUPS, modpPrime } from "../dh/modp_groups.ts";
import { drawPrivateValue } from "../dh/private_value.ts";
import type {
  EcpAlgorithm,
  KeyExchangeAlgorithm,
  ModpAlgorithm,
  MontgomeryAlgorithm,
} from "../dh/transforms.ts";

const MONTGOMERY = {
  x25519: { curve: x25519, size: 32 },
  x448: { curve: x448, size: 56 },
} satisfies Readonly<Record<MontgomeryAlgorithm, unknown>>;

const ECP = { ecp256: p256, ecp384: p384, ecp521: p521 } satisfies Readonly<Record<EcpAlgorithm, unknown>>;

type Make = (random: RandomSource) => KeyExchange;

const MAKERS: Readonly<Record<KeyExchangeAlgorithm, Make>> = {
  x25519: montgomery("x25519"),
  x448: montgomery("x448"),
  ecp256: ecp("ecp256"),
  ecp384: ecp("ecp384"),
  ecp521: ecp("ecp521"),
  modp2048: modp("modp2048"),
  modp3072: modp("modp3072"),
  modp4096: modp("modp4096"),
  modp6144: modp("modp6144"),
  modp8192: modp("modp8192"),
};

/** Draws a private value and makes an exchange of it. */
export function createNobleKeyExchange(algorithm: KeyExchangeAlgorithm, random: RandomSource): KeyExchange {
  return MAKERS[algorithm](random);
}

function montgomery(algorithm: MontgomeryAlgorithm): Make {
  const { curve, size } = MONTGOMERY[algorithm];
  return (random) => {
    const secret = new Uint8Array(size);
    random(secret);
    return {
      publicValue: curve.getPublicKey(secret),
      computeSharedSecret: (peer) => curve.getSharedSecret(secret, peer) as Uint8Array<ArrayBuffer>,
      dispose: () => void secret.fill(0),
    };
  };
}

/** The octet in front of x and y that says "uncompressed"; KE payloads leave it out (RFC 5903, section 7). */
const UNCOMPRESSED = 0x04;

function ecp(algorithm: EcpAlgorithm): Make {
  const curve = ECP[algorithm];
  return (random) => {
    const secret = drawPrivateValue(algorithm, random);
    return {
      publicValue: curve.getPublicKey(secret, false).slice(1),
      computeSharedSecret: (peer) => {
        const point = new Uint8Array(1 + peer.length);
        point[0] = UNCOMPRESSED;
        point.set(peer, 1);
        const shared = curve.getSharedSecret(secret, point, true);
        const x = shared.slice(1) as Uint8Array<ArrayBuffer>;
        shared.fill(0);
        return x;
      },
      dispose: () => void secret.fill(0),
    };
  };
}

/**
 * Private values are drawn for one exchange and serve two powers: too few for a clock on the network to learn from, which
 * is what makes arithmetic bearable whose time depends on its operands.
 */
function modp(algorithm: ModpAlgorithm): Make {
  return (random) => {
    const { bits } = MODP_GROUPS[algorithm];
    const secret = drawPrivateValue(algorithm, random);
    const prime = modpPrime(algorithm);
    const power = (base: bigint) => fromBigInt(powerOf(base, toBigInt(secret), prime), bits / 8);
    return {
      publicValue: power(MODP_GENERATOR),
      computeSharedSecret: (peer) => power(toBigInt(peer)),
      dispose: () => void secret.fill(0),
    };
  };
}
