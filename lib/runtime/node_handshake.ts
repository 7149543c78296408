/**
 * Hashes, key exchanges and signatures of `node:crypto`. Private values come from the caller's randomness and so go in as
 * keys in DER. What a runtime lacks is found out by known answers: P-521 in Deno, whose X448 is wrong too; X448, Ed448 and
 * MODP in Bun. Plain JavaScript serves all of these. `createDiffieHellman` and `getDiffieHellman` are never called: they test the prime for
 * seconds in some runtimes, and draw their own private values in all.
 */

import type { KeyObject } from "node:crypto";
import { concat } from "../bytes/concat.ts";
import { fromHex } from "../bytes/hex.ts";
import { fromBigInt } from "../crypto/big_integers.ts";
import { equalOctets } from "../crypto/constant_time.ts";
import type { KeyExchange, RandomSource } from "../crypto/dh/key_exchange.ts";
import { MODP_GENERATOR, MODP_GROUPS, modpPrime } from "../crypto/dh/modp_groups.ts";
import { drawPrivateValue } from "../crypto/dh/private_value.ts";
import type {
  EcpAlgorithm,
  KeyExchangeAlgorithm,
  ModpAlgorithm,
  MontgomeryAlgorithm,
} from "../crypto/dh/transforms.ts";
import { type SignatureAlgorithm, SIGNATURES } from "../crypto/signature/algorithms.ts";
import { derElement, DerReader, derUnsigned, TAG } from "../crypto/signature/der.ts";
import type { HandshakeProvider } from "../crypto/types.ts";

type NodeCrypto = typeof import("node:crypto");

/** The part of the provider that IKE needs. */
export function nodeHandshake(crypto: NodeCrypto): HandshakeProvider {
  return {
    hash: (algorithm, data) => owned(hashOnce(crypto, algorithm, data)),
    createKeyExchange: (algorithm, random) => MAKERS[algorithm](crypto, random),
    sign: (algorithm, pkcs8, data) => {
      const key = signingKey(crypto, pkcs8);
      return owned(crypto.sign(hashOf(algorithm), data, { key, ...optionsOf(crypto, algorithm) }));
    },
    verify: (algorithm, spki, data, signature) => {
      const key = publicKey(crypto, spki);
      return crypto.verify(hashOf(algorithm), data, { key, ...optionsOf(crypto, algorithm) }, signature);
    },
  };
}

/** In one call where the runtime has one (Node from 20.12 and 21.7 on): it makes no object for it. */
function hashOnce(crypto: NodeCrypto, algorithm: string, data: Uint8Array): Uint8Array {
  return typeof crypto.hash === "function"
    ? crypto.hash(algorithm, data, "buffer")
    : crypto.createHash(algorithm).update(data).digest();
}

/** A private key that has signed, and what its octets were. */
interface SigningKey {
  readonly digest: Uint8Array;
  readonly key: KeyObject;
}

/**
 * Keys of certificates sign for years, and to read one takes Node as long as an ECDSA signature. They go when the caller's
 * octets go; octets that have become others are another key.
 */
const signingKeys: WeakMap<Uint8Array, SigningKey> = new WeakMap();

function signingKey(crypto: NodeCrypto, pkcs8: Uint8Array): KeyObject {
  const digest = owned(crypto.createHash("sha256").update(pkcs8).digest());
  const known = signingKeys.get(pkcs8);
  if (known !== undefined && equalOctets(known.digest, 0, digest, 0, digest.length)) return known.key;
  const key = crypto.createPrivateKey({ key: asBuffer(pkcs8), format: "der", type: "pkcs8" });
  signingKeys.set(pkcs8, { digest, key });
  return key;
}

type Make = (crypto: NodeCrypto, random: RandomSource) => KeyExchange;

/** What stands in front of the octets of a key in PKCS#8 and in SubjectPublicKeyInfo (RFC 8410). */
const MONTGOMERY: Readonly<Record<MontgomeryAlgorithm, { size: number; pkcs8: string; spki: string }>> = {
  x25519: { size: 32, pkcs8: "302e020100300506032b656e04220420", spki: "302a300506032b656e032100" },
  x448: { size: 56, pkcs8: "3046020100300506032b656f043a0438", spki: "3042300506032b656f033900" },
};

const CURVE_NAMES: Readonly<Record<EcpAlgorithm, string>> = {
  ecp256: "prime256v1",
  ecp384: "secp384r1",
  ecp521: "secp521r1",
};

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

function montgomery(algorithm: MontgomeryAlgorithm): Make {
  const { size, pkcs8, spki } = MONTGOMERY[algorithm];
  const [pkcs8Front, spkiFront] = [fromHex(pkcs8), fromHex(spki)];
  return (crypto, random) => {
    const secret = new Uint8Array(size);
    random(secret);
    const key = privateKey(crypto, concat([pkcs8Front, secret]));
    secret.fill(0);
    return exchangeOf(crypto, key, {
      // As a JWK, which is written ten times as fast in Node as DER.
      publicValue: owned(
        globalThis.Buffer.from(crypto.createPublicKey(key).export({ format: "jwk" }).x!, "base64url"),
      ),
      peerSpki: (peer) => concat([spkiFront, peer]),
      size,
    });
  };
}

/** The octet in front of x and y that says "uncompressed"; KE payloads leave it out (RFC 5903, section 7). */
const UNCOMPRESSED = Uint8Array.of(0x04);

function ecp(algorithm: EcpAlgorithm): Make {
  return (crypto, random) => {
    const secret = drawPrivateValue(algorithm, random);
    const exchange = crypto.createECDH(CURVE_NAMES[algorithm]);
    exchange.setPrivateKey(asBuffer(secret));
    let held: typeof exchange | null = exchange;
    return {
      publicValue: owned(exchange.getPublicKey()).slice(1),
      computeSharedSecret: (peer) => owned(held!.computeSecret(concat([UNCOMPRESSED, peer]))),
      dispose() {
        held = null;
        // Not before: Deno has kept no copy of it.
        secret.fill(0);
      },
    };
  };
}

/** dhKeyAgreement (PKCS #3), 1.2.840.113549.1.3.1. */
const DH_KEY_AGREEMENT = fromHex("06092a864886f70d010301");
const VERSION = Uint8Array.of(TAG.integer, 1, 0);

function modp(algorithm: ModpAlgorithm): Make {
  return (crypto, random) => {
    const size = MODP_GROUPS[algorithm].bits / 8;
    const parameters = derElement(
      TAG.sequence,
      derUnsigned(fromBigInt(modpPrime(algorithm), size)),
      derUnsigned(GENERATOR),
    );
    const identifier = derElement(TAG.sequence, DH_KEY_AGREEMENT, parameters);
    const secret = drawPrivateValue(algorithm, random);
    const secretDer = derUnsigned(secret);
    const key = privateKey(
      crypto,
      derElement(TAG.sequence, VERSION, identifier, derElement(TAG.octetString, secretDer)),
    );
    secret.fill(0);
    secretDer.fill(0);
    const peerSpki = (peer: Uint8Array) =>
      derElement(TAG.sequence, identifier, derElement(TAG.bitString, new Uint8Array(1), derUnsigned(peer)));
    return exchangeOf(crypto, key, {
      publicValue: publicValueOf(crypto, key, peerSpki(GENERATOR), size),
      peerSpki,
      size,
    });
  };
}

const GENERATOR = fromBigInt(MODP_GENERATOR, 1);

/**
 * The INTEGER in the BIT STRING of a SubjectPublicKeyInfo. Deno 2.9 writes it as if it had a sign: without the zero in front that says
 * that it is not negative, and without leading octets of ones, which then nobody can tell from a shorter number. What looks so,
 * one in 256, is computed once more: it is the secret that is shared with somebody whose public value is the generator.
 */
function publicValueOf(
  crypto: NodeCrypto,
  key: KeyObject,
  generatorSpki: Uint8Array,
  size: number,
): Uint8Array<ArrayBuffer> {
  const info = new DerReader(spkiOf(crypto, key)).readSequence();
  info.readSequence();
  const octets = new DerReader(info.readBitOctets()).read(TAG.integer);
  if (octets.length < size && octets[0]! >= 0x80) {
    const value = crypto.diffieHellman({ privateKey: key, publicKey: publicKey(crypto, generatorSpki) });
    return padded(owned(value), size);
  }
  return padded(octets[0] === 0 ? octets.subarray(1) : octets, size);
}

function exchangeOf(
  crypto: NodeCrypto,
  key: KeyObject,
  { publicValue, peerSpki, size }: {
    publicValue: Uint8Array;
    peerSpki: (peer: Uint8Array) => Uint8Array;
    size: number;
  },
): KeyExchange {
  let held: KeyObject | null = key;
  return {
    publicValue,
    computeSharedSecret(peer) {
      const secret = crypto.diffieHellman({
        privateKey: held!,
        publicKey: publicKey(crypto, peerSpki(peer)),
      });
      // With its leading zeros (RFC 7296, section 2.14), whatever the runtime thinks of them.
      return padded(owned(secret), size);
    },
    dispose: () => void (held = null),
  };
}

/** Imports a key whose DER is ours and is wiped. */
function privateKey(crypto: NodeCrypto, pkcs8: Uint8Array): KeyObject {
  try {
    return crypto.createPrivateKey({ key: asBuffer(pkcs8), format: "der", type: "pkcs8" });
  } finally {
    pkcs8.fill(0);
  }
}

function publicKey(crypto: NodeCrypto, spki: Uint8Array): KeyObject {
  return crypto.createPublicKey({ key: asBuffer(spki), format: "der", type: "spki" });
}

function spkiOf(crypto: NodeCrypto, key: KeyObject): Uint8Array<ArrayBuffer> {
  return owned(crypto.createPublicKey(key).export({ format: "der", type: "spki" }));
}

/** EdDSA brings its own hash. */
function hashOf(algorithm: SignatureAlgorithm): string | null {
  const traits = SIGNATURES[algorithm];
  return "hash" in traits ? traits.hash : null;
}

function optionsOf(crypto: NodeCrypto, algorithm: SignatureAlgorithm): {
  dsaEncoding?: "ieee-p1363";
  padding?: number;
  saltLength?: number;
} {
  const traits = SIGNATURES[algorithm];
  const { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST } = crypto.constants;
  switch (traits.keyType) {
    case "rsa":
      return traits.padding === "pss"
        ? { padding: RSA_PKCS1_PSS_PADDING, saltLength: RSA_PSS_SALTLEN_DIGEST }
        : { padding: RSA_PKCS1_PADDING };
    case "ec":
      return { dsaEncoding: "ieee-p1363" };
    default:
      return {};
  }
}

/** Some runtimes want a `Buffer` where the types say so. */
function asBuffer(octets: Uint8Array): Buffer {
  return globalThis.Buffer.from(octets.buffer, octets.byteOffset, octets.length);
}

/** A copy that is no `Buffer` and no part of a pool; the original is wiped. */
function owned(buffer: Uint8Array): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(buffer);
  buffer.fill(0);
  return octets;
}

function padded(octets: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size);
  whole.set(octets, size - octets.length);
  octets.fill(0);
  return whole;
}
