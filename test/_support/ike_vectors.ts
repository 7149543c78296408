/** The IKE messages of `../shared/vectors`, with the ciphers of their SAs. */

import { existsSync, readdirSync } from "node:fs";
import { fromHex } from "../../lib/bytes/mod.ts";
import { type CipherSpec, ENCRYPTION_TRANSFORMS, integrityTransformById } from "../../lib/crypto/mod.ts";
import { IKE_FLAGS } from "../../lib/ike/codec/mod.ts";
import { sharedVectors, sharedVectorsFolder } from "./vectors.ts";

/** One sealed message. */
export interface SealedVector {
  readonly name: string;
  /** The cipher of its direction; null where the toolkit has none or the key is not published. */
  readonly spec: CipherSpec | null;
  readonly octets: Uint8Array;
  /** Type of the first payload inside. */
  readonly nextPayload: number;
  /** What is inside, without padding. */
  readonly plaintext: string;
  /** Whether the ICV is right. */
  readonly authentic: boolean;
}

/** An IKE SA. */
export interface Keys {
  readonly spi_i: string;
  readonly spi_r: string;
  readonly encr: { readonly id: number; readonly key_bits: number | null };
  readonly integ: { readonly id: number };
  readonly sk_ei: string | null;
  readonly sk_er: string | null;
  readonly sk_ai?: string | null;
  readonly sk_ar?: string | null;
}

/** A message as the vectors have it: octets, and what others read in them. */
export interface RecordedMessage {
  readonly name: string;
  readonly hex: string;
  readonly expected: {
    readonly header: Readonly<Record<string, number | string>>;
    readonly payloads: readonly RecordedPayload[];
  };
  readonly sk?: { readonly icv_ok: boolean; readonly plaintext: string; readonly next_payload: number };
  /** The IKE SAs of its file. */
  readonly sas: readonly Keys[];
}

/** A payload as others read it; `raw` with its generic header. */
export interface RecordedPayload {
  readonly type: number;
  readonly critical: boolean;
  readonly raw: string;
  readonly [field: string]: unknown;
}

interface File {
  readonly keys?: Keys;
  readonly ike_keys?: readonly Keys[];
  /** Messages by themselves, or both directions of TCP connections. */
  readonly packets?: readonly Packet[];
  readonly connections?: readonly {
    readonly initiator_messages: readonly Packet[];
    readonly responder_messages: readonly Packet[];
  }[];
}

type Packet = Omit<RecordedMessage, "name" | "sas"> & { readonly kind?: string };

/** Every recorded IKE message: by themselves, of strongSwan over UDP, of libreswan over TCP. None where the vectors are absent. */
export function recordedMessages(): RecordedMessage[] {
  if (!existsSync(sharedVectorsFolder)) return [];
  return ["ike-decrypt", "ike-live", "ike-parse", "tcp"].flatMap((folder) =>
    readdirSync(new URL(`${folder}/`, sharedVectorsFolder)).sort()
      .filter((file) => file.endsWith(".json") && (folder !== "tcp" || file.startsWith("libreswan-")))
      .flatMap((file) => {
        const { keys, ike_keys, packets, connections = [] } = sharedVectors(`${folder}/${file}`) as File;
        const sas = ike_keys ?? (keys === undefined ? [] : [keys]);
        const both = connections.flatMap((connection) => [
          ...connection.initiator_messages,
          ...connection.responder_messages,
        ]);
        return (packets ?? both)
          .filter(({ kind = "ike" }) => kind === "ike")
          .map((packet, i) => ({ ...packet, name: `${file} #${i}`, sas }));
      })
  );
}

/** Every sealed message with a published plaintext; none where the vectors are absent. */
export function sealedVectors(): SealedVector[] {
  return recordedMessages().flatMap(({ name, hex, sk, sas }): SealedVector[] => {
    const sa = sas.find(({ spi_i, spi_r }) => hex.startsWith(spi_i + spi_r));
    if (sk === undefined || sa === undefined) return [];
    const octets = fromHex(hex);
    return [{
      name,
      spec: specOf(sa, (octets[19]! & IKE_FLAGS.initiator) === 0 ? "r" : "i"),
      octets,
      nextPayload: sk.next_payload,
      plaintext: sk.plaintext,
      authentic: sk.icv_ok,
    }];
  });
}

function specOf(sa: Keys, dir: "i" | "r"): CipherSpec | null {
  const encryptionKey = dir === "i" ? sa.sk_ei : sa.sk_er;
  const integrityKey = dir === "i" ? sa.sk_ai : sa.sk_ar;
  const encryption = ENCRYPTION_TRANSFORMS.find(({ id, keySize }) =>
    id === sa.encr.id && keySize * 8 === sa.encr.key_bits
  );
  if (encryption === undefined || encryptionKey === null) return null;
  if (sa.integ.id === 0) return { encryption, encryptionKey: fromHex(encryptionKey) };
  const integrity = integrityTransformById(sa.integ.id);
  if (integrity === undefined || integrityKey == null) return null;
  return {
    encryption,
    encryptionKey: fromHex(encryptionKey),
    integrity,
    integrityKey: fromHex(integrityKey),
  };
}
