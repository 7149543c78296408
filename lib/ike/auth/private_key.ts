/**
 * Private keys out of files: PKCS#8 (RFC 5208), PKCS#1 (RFC 8017, appendix A.1.2) and SEC1 (RFC 5915), all brought into
 * PKCS#8, which is what the crypto room signs with.
 *
 * @module
 */

import { Constructed, Integer, Null, ObjectIdentifier, OctetString, Sequence } from "asn1js";
import type { BaseBlock } from "asn1js";
import { ConfigError } from "../../errors.ts";
import { childrenOf, decodeAsn } from "./_asn.ts";
import { parsePem } from "./pem.ts";
import { bitLength, CURVES, KEY_OIDS, type KeyKind } from "./public_key.ts";

/** A private key that signs. Never printed, never put into a message. */
export interface PrivateKey {
  /** What it is. */
  readonly kind: KeyKind;
  /** As people know it: `RSA 2048`, `P-256`. */
  readonly name: string;
  /** PKCS#8 in DER, without a passphrase. */
  readonly pkcs8: Uint8Array;
}

/**
 * Reads a private key: PEM with one key in it, or DER of any of the three forms. Throws a `ConfigError` that says what it
 * found instead; a key behind a passphrase is one of these.
 */
export function parsePrivateKey(file: string | Uint8Array): PrivateKey {
  const blocks = parsePem(file).filter(({ label }) => label.endsWith("PRIVATE KEY"));
  if (blocks.length > 1) throw wrong(`expected one, got ${blocks.length}`);
  const [block] = blocks;
  if (block !== undefined) {
    if (block.label === "ENCRYPTED PRIVATE KEY" || /ENCRYPTED/.test(block.headers)) {
      throw wrong("it is behind a passphrase; take it off with `openssl pkey -in FILE -out FILE`");
    }
    return readKey(block.der);
  }
  if (typeof file === "string") throw wrong("expected a PEM block that ends in PRIVATE KEY");
  return readKey(file);
}

function readKey(der: Uint8Array): PrivateKey {
  let fields: readonly BaseBlock[];
  try {
    const tree = decodeAsn(der, "private key");
    fields = tree instanceof Sequence ? childrenOf(tree) : [];
  } catch {
    throw wrong("it is neither PKCS#8 nor PKCS#1 nor SEC1"); // the reason could tell octets of the key
  }
  const [, second, third] = fields;
  if (second instanceof Sequence && third instanceof OctetString) return readPkcs8(der, second, third);
  if (second instanceof OctetString) return readSec1(der, fields);
  if (second instanceof Integer && fields.length >= 9) return readPkcs1(der, second);
  throw wrong("it is neither PKCS#8 nor PKCS#1 nor SEC1");
}

function readPkcs8(der: Uint8Array, algorithm: Sequence, key: OctetString): PrivateKey {
  const [id, parameters] = childrenOf(algorithm).map(oidOf);
  const pkcs8 = der.slice();
  switch (id) {
    case KEY_OIDS.rsa: {
      const modulus = childrenOf(decodeInner(octetsOf(key)))[1];
      return { ...rsa(modulus), pkcs8 };
    }
    case KEY_OIDS.ec:
      return { ...curve(parameters), pkcs8 };
    case KEY_OIDS.ed25519:
      return { kind: "ed25519", name: "Ed25519", pkcs8 };
    case KEY_OIDS.ed448:
      return { kind: "ed448", name: "Ed448", pkcs8 };
    default:
      throw wrong(`its algorithm ${id ?? "has no name and"} is not supported`);
  }
}

/** RSAPrivateKey goes into PKCS#8 as it is. */
function readPkcs1(der: Uint8Array, modulus: Integer): PrivateKey {
  const pkcs8 = wrap([new ObjectIdentifier({ value: KEY_OIDS.rsa }), new Null()], der);
  return { ...rsa(modulus), pkcs8 };
}

/** ECPrivateKey names its curve in [0], which PKCS#8 has outside. */
function readSec1(der: Uint8Array, fields: readonly BaseBlock[]): PrivateKey {
  const tagged = fields.find((field) => field.idBlock.tagClass === 3 && field.idBlock.tagNumber === 0);
  const id = tagged instanceof Constructed ? oidOf(childrenOf(tagged)[0]!) : undefined;
  const pkcs8 = wrap([
    new ObjectIdentifier({ value: KEY_OIDS.ec }),
    new ObjectIdentifier({ value: id ?? "0.0" }),
  ], der);
  return { ...curve(id), pkcs8 };
}

/** PrivateKeyInfo: version 0, algorithm, key. */
function wrap(algorithm: (ObjectIdentifier | Null)[], key: Uint8Array): Uint8Array {
  const info = new Sequence({
    value: [
      new Integer({ value: 0 }),
      new Sequence({ value: algorithm }),
      new OctetString({ valueHex: key.slice() }),
    ],
  });
  return new Uint8Array(info.toBER());
}

function rsa(modulus: BaseBlock | undefined): { kind: "rsa"; name: string } {
  if (!(modulus instanceof Integer)) throw wrong("its RSA modulus is missing");
  return { kind: "rsa", name: `RSA ${bitLength(modulus.valueBlock.valueHexView)}` };
}

function curve(id: string | undefined): { kind: KeyKind; name: string } {
  const known = CURVES[id ?? ""];
  if (known === undefined) throw wrong(`its elliptic curve ${id ?? "has no name and"} is not supported`);
  return { kind: known.kind, name: known.name };
}

function oidOf(block: BaseBlock): string | undefined {
  return block instanceof ObjectIdentifier ? block.valueBlock.toString() : undefined;
}

function octetsOf(block: OctetString): Uint8Array {
  return block.valueBlock.valueHexView.length > 0
    ? block.valueBlock.valueHexView
    // The library reads what looks like ASN.1 inside; it keeps the octets in front of it all the same.
    : block.valueBeforeDecodeView.subarray(block.blockLength - block.valueBlock.blockLength);
}

function decodeInner(octets: Uint8Array): BaseBlock {
  try {
    return decodeAsn(octets, "RSA private key");
  } catch {
    throw wrong("it is cut short");
  }
}

function wrong(reason: string): ConfigError {
  return new ConfigError("ERR_CONFIG_CREDENTIAL", `Cannot read private key: ${reason}`);
}
