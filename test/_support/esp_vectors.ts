/** The ESP packets of `../shared/vectors/esp`, with their SAs as specs of ciphers. */

import { fromHex } from "../../lib/bytes/mod.ts";
import {
  type CipherAlgorithm,
  type CipherSpec,
  ENCRYPTION_TRANSFORMS,
  type EncryptionMode,
  INTEGRITY_TRANSFORMS,
} from "../../lib/crypto/mod.ts";
import { sharedVectors } from "./vectors.ts";

/** One packet. */
export interface EspVector {
  readonly name: string;
  /** False for a packet that must be refused. */
  readonly accept: boolean;
  readonly spec: CipherSpec;
  readonly sequenceHigh: number;
  readonly packet: Uint8Array;
  /** Payload, padding, pad length and next header; null for a packet that must be refused. */
  readonly body: Uint8Array | null;
}

/** The ciphertext of a packet whose MAC, if it has one, has no published key. */
export interface CiphertextVector {
  readonly name: string;
  readonly algorithm: CipherAlgorithm;
  readonly key: Uint8Array;
  /** CBC's IV or CTR's first counter block. */
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly body: Uint8Array;
}

interface Row {
  readonly name: string;
  readonly expect: "accept" | "reject";
  readonly sa: {
    readonly encr: string;
    readonly key: string;
    readonly salt?: string;
    readonly icv_len?: number;
    readonly integ?: string;
    readonly integ_key?: string;
    readonly esn_high?: string;
  };
  readonly packet: string;
  readonly expected?: {
    readonly payload: string;
    readonly padding: string;
    readonly pad_length: number;
    readonly next_header: number;
  };
}

const FILES = [
  "dpdk",
  "linux",
  "mcgrew",
  "negative",
  "rfc3602",
  "rfc7634",
  "scapy",
  "scapygen",
  "tcpdump",
  "wireshark",
];

/** The vectors' names of encryption, as the start of ours and the mode. */
const ENCRYPTION: Readonly<Record<string, readonly [name: string, mode: EncryptionMode]>> = {
  "AES-GCM": ["ENCR_AES_GCM_", "aead"],
  "AES-CCM": ["ENCR_AES_CCM_", "aead"],
  "CHACHA20-POLY1305": ["ENCR_CHACHA20_POLY1305", "aead"],
  "AES-GMAC": ["ENCR_NULL_AUTH_AES_GMAC", "gmac"],
  "AES-CBC": ["ENCR_AES_CBC", "cbc"],
  "AES-CTR": ["ENCR_AES_CTR", "ctr"],
  NULL: ["ENCR_NULL", "null"],
};

/** Every packet whose transforms the table has, file by file; empty where the vectors are absent. */
export function espVectors(): { readonly file: string; readonly vectors: readonly EspVector[] }[] {
  return FILES.flatMap((file) => {
    const found = sharedVectors(`esp/${file}.json`) as { vectors: Row[] } | null;
    if (found === null) return [];
    return [{ file, vectors: found.vectors.map(read).filter((vector) => vector !== null) }];
  });
}

/** Encryption of the packets that neither of the two functions gives: their transforms are not in the table. */
export function unreadEspVectors(): string[] {
  return FILES.flatMap((file) => {
    const found = sharedVectors(`esp/${file}.json`) as { vectors: Row[] } | null;
    const rows = found?.vectors ?? [];
    return rows.filter((row) => read(row) === null && readCiphertext(row) === null).map(({ sa }) => sa.encr);
  });
}

/** Octets of SPI and sequence number. */
const HEADER_SIZE = 8;

/** Octets of the ICV that stands behind such ciphertext. */
const UNKEYED_ICVS: Readonly<Record<string, number>> = { NULL: 0, "ANY-96": 12 };

/** Every packet of AES-CBC and AES-CTR whose MAC cannot be verified; empty where the vectors are absent. */
export function ciphertextVectors(): CiphertextVector[] {
  return FILES.flatMap((file) => {
    const found = sharedVectors(`esp/${file}.json`) as { vectors: Row[] } | null;
    return (found?.vectors ?? []).flatMap((row) => readCiphertext(row) ?? []);
  });
}

function readCiphertext({ name, sa, packet, expected }: Row): CiphertextVector | null {
  const icvSize = UNKEYED_ICVS[sa.integ ?? ""];
  const key = fromHex(sa.key);
  const encryption = ENCRYPTION_TRANSFORMS.find((row) =>
    row.name === ENCRYPTION[sa.encr]?.[0] && row.keySize === key.length
  );
  if (icvSize === undefined || expected === undefined || encryption === undefined) return null;
  if (encryption.mode !== "cbc" && encryption.mode !== "ctr") return null;
  const octets = fromHex(packet);
  const bodyStart = HEADER_SIZE + encryption.ivSize;
  const iv = octets.subarray(HEADER_SIZE, bodyStart);
  return {
    name,
    algorithm: encryption.algorithm,
    key,
    iv: encryption.mode === "cbc" ? iv : Uint8Array.from([...fromHex(sa.salt ?? ""), ...iv, 0, 0, 0, 1]),
    ciphertext: octets.slice(bodyStart, octets.length - icvSize),
    body: bodyOf(expected),
  };
}

function bodyOf(expected: NonNullable<Row["expected"]>): Uint8Array {
  const { payload, padding, pad_length, next_header } = expected;
  return Uint8Array.from([...fromHex(payload), ...fromHex(padding), pad_length, next_header]);
}

function read({ name, expect, sa, packet, expected }: Row): EspVector | null {
  const [start, mode] = ENCRYPTION[sa.encr] ?? [];
  const key = fromHex(sa.key);
  const encryption = ENCRYPTION_TRANSFORMS.find((row) =>
    start !== undefined && row.name.startsWith(start) && row.mode === mode && !row.implicitIv &&
    row.keySize === key.length && (row.icvSize === 0 || row.icvSize === sa.icv_len)
  );
  const integrityName = sa.integ === undefined ? undefined : `AUTH_${sa.integ.replaceAll("-", "_")}`;
  const integrity = INTEGRITY_TRANSFORMS.find((row) => row.name === integrityName);
  if (encryption === undefined || (encryption.icvSize === 0) !== (integrity !== undefined)) return null;
  const salted = new Uint8Array(encryption.keySize + encryption.saltSize);
  salted.set(key);
  salted.set(fromHex(sa.salt ?? ""), key.length);
  return {
    name,
    accept: expect === "accept",
    spec: {
      encryption,
      encryptionKey: salted,
      integrity: integrity ?? null,
      integrityKey: integrity === undefined ? new Uint8Array(0) : fromHex(sa.integ_key ?? ""),
      esn: sa.esn_high !== undefined,
    },
    sequenceHigh: sa.esn_high === undefined ? 0 : parseInt(sa.esn_high, 16),
    packet: fromHex(packet),
    body: expected === undefined ? null : bodyOf(expected),
  };
}
