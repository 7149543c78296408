/** The IKE messages of `../shared/vectors/ike-decrypt` and `ike-live`, with the ciphers of their SAs. */

import { existsSync, readdirSync } from "node:fs";
import { fromHex } from "../../lib/bytes/mod.ts";
import { type CipherSpec, ENCRYPTION_TRANSFORMS, integrityTransformById } from "../../lib/crypto/mod.ts";
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

interface Keys {
  readonly spi_i: string;
  readonly encr: { readonly id: number; readonly key_bits: number | null };
  readonly integ: { readonly id: number };
  readonly sk_ei: string | null;
  readonly sk_er: string | null;
  readonly sk_ai: string | null;
  readonly sk_ar: string | null;
}

interface File {
  readonly keys?: Keys;
  readonly ike_keys?: readonly Keys[];
  readonly packets: readonly {
    readonly dir: "i" | "r";
    readonly hex: string;
    readonly sk?: { readonly icv_ok: boolean; readonly plaintext: string; readonly next_payload: number };
  }[];
}

/** Every sealed message with a published plaintext; none where the vectors are absent. */
export function sealedVectors(): SealedVector[] {
  if (!existsSync(sharedVectorsFolder)) return [];
  return ["ike-decrypt", "ike-live"].flatMap((folder) =>
    readdirSync(new URL(`${folder}/`, sharedVectorsFolder)).sort().flatMap((file) => {
      const { keys, ike_keys = keys === undefined ? [] : [keys], packets } = sharedVectors(
        `${folder}/${file}`,
      ) as File;
      return packets.flatMap(({ dir, hex, sk }, i): SealedVector[] => {
        if (sk === undefined) return [];
        const sa = ike_keys.find(({ spi_i }) => hex.startsWith(spi_i))!;
        return [{
          name: `${file} #${i}`,
          spec: specOf(sa, dir),
          octets: fromHex(hex),
          nextPayload: sk.next_payload,
          plaintext: sk.plaintext,
          authentic: sk.icv_ok,
        }];
      });
    })
  );
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
  if (integrity === undefined || integrityKey === null) return null;
  return {
    encryption,
    encryptionKey: fromHex(encryptionKey),
    integrity,
    integrityKey: fromHex(integrityKey),
  };
}
