/** Algorithms by the names that Wireshark's tables have for them; records by our own, so that a new one cannot be forgotten. */

import {
  ENCRYPTION_TRANSFORMS,
  type EncryptionTransform,
  INTEGRITY_TRANSFORMS,
  type IntegrityTransform,
  type MacAlgorithm,
} from "../crypto/mod.ts";

/** A name, and whether Wireshark (4.0 and before) knows it. */
export interface AlgorithmName {
  readonly name: string;
  readonly known: boolean;
}

const known = (name: string): AlgorithmName => ({ name, known: true });
const own = (name: string): AlgorithmName => ({ name, known: false });

/** Beside an AEAD. */
const NO_INTEGRITY = { ike: known("NONE [RFC4306]"), esp: known("NULL") } as const;

const INTEGRITY_NAMES: Readonly<
  Record<MacAlgorithm, { readonly ike: AlgorithmName; readonly esp: AlgorithmName }>
> = {
  "hmac-sha1": { ike: known("HMAC_SHA1_96 [RFC2404]"), esp: known("HMAC-SHA-1-96 [RFC2404]") },
  "hmac-sha256": { ike: known("HMAC_SHA2_256_128 [RFC4868]"), esp: known("HMAC-SHA-256-128 [RFC4868]") },
  "hmac-sha384": { ike: known("HMAC_SHA2_384_192 [RFC4868]"), esp: known("HMAC-SHA-384-192 [RFC4868]") },
  "hmac-sha512": { ike: known("HMAC_SHA2_512_256 [RFC4868]"), esp: known("HMAC-SHA-512-256 [RFC4868]") },
  "aes-128-xcbc": { ike: own("AES_XCBC_96 [RFC3566]"), esp: own("AES-XCBC-MAC-96 [RFC3566]") },
  "aes-128-cmac": { ike: own("AES_CMAC_96 [RFC4494]"), esp: own("AES-CMAC-96 [RFC4494]") },
};

/** The name of a MAC in the table of IKE SAs. */
export function ikeIntegrityName(row: IntegrityTransform | null): AlgorithmName {
  return row === null ? NO_INTEGRITY.ike : INTEGRITY_NAMES[row.algorithm].ike;
}

/** The name of a MAC in the table of ESP SAs. */
export function espIntegrityName(row: IntegrityTransform | null): AlgorithmName {
  return row === null ? NO_INTEGRITY.esp : INTEGRITY_NAMES[row.algorithm].esp;
}

/** The name of a cipher in the table of IKE SAs, which holds the size of the key. */
export function ikeEncryptionName(row: EncryptionTransform): AlgorithmName {
  const bits = row.keySize * 8;
  if (row.implicitIv) return own(`${row.name}-${bits} [RFC8750]`);
  if (!isNamed(row)) return own(`${row.name}-${bits}`);
  switch (row.mode) {
    case "cbc":
      return known(`AES-CBC-${bits} [RFC3602]`);
    case "ctr":
      return known(`AES-CTR-${bits} [RFC5930]`);
    case "null":
      return known("NULL [RFC2410]");
    case "gmac":
      return own(`AES-GMAC-${bits} [RFC4543]`);
    case "aead":
      return row.algorithm === "chacha20-poly1305"
        ? own("ChaCha20-Poly1305 [RFC7634]")
        : known(`AES-${modeOf(row)}-${bits} with ${row.icvSize} octet ICV [RFC5282]`);
  }
}

/** The name of a cipher in the table of ESP SAs, which leaves the size of the key to the key. */
export function espEncryptionName(row: EncryptionTransform): AlgorithmName {
  if (row.implicitIv) return own(`${row.name} [RFC8750]`);
  if (!isNamed(row)) return own(row.name);
  switch (row.mode) {
    case "cbc":
      return known("AES-CBC [RFC3602]");
    case "ctr":
      return known("AES-CTR [RFC3686]");
    case "null":
      return known("NULL");
    case "gmac":
      return own("AES-GMAC [RFC4543]");
    case "aead":
      if (row.algorithm === "chacha20-poly1305") return own("ChaCha20 with Poly1305 [RFC7634]");
      return modeOf(row) === "GCM"
        ? known(`AES-GCM with ${row.icvSize} octet ICV [RFC4106]`)
        : own(`AES-CCM with ${row.icvSize} octet ICV [RFC4309]`);
  }
}

/** Whether the tables have a name for it by its mode; any other cipher goes by that of IANA. */
function isNamed({ algorithm }: EncryptionTransform): boolean {
  return algorithm === null || algorithm === "chacha20-poly1305" || algorithm.startsWith("aes-");
}

function modeOf({ keyword }: EncryptionTransform): "GCM" | "CCM" {
  return keyword.includes("gcm") ? "GCM" : "CCM";
}

/** What a name of an encryption algorithm means: rows that the key must choose from; null for one that is not had here. */
export type NamedEncryption = readonly EncryptionTransform[] | null;

/** What a name of an integrity algorithm means. */
export type NamedIntegrity =
  | { readonly kind: "mac"; readonly transform: IntegrityTransform }
  /** None: an AEAD brings its own, or nothing is authenticated. */
  | { readonly kind: "none" }
  /** One of which only the size of the ICV is told, in octets. */
  | { readonly kind: "any"; readonly icvSize: number }
  /** One that is not had here. */
  | { readonly kind: "foreign" };

/** A name in the table of IKE SAs; undefined for one that nobody knows. */
export function ikeEncryptionNamed(name: string): NamedEncryption | undefined {
  return IKE_ENCRYPTION.get(reduced(name));
}

/** A name in the table of ESP SAs; undefined for one that nobody knows. */
export function espEncryptionNamed(name: string): NamedEncryption | undefined {
  return ESP_ENCRYPTION.get(reduced(name));
}

/** A name of either table; undefined for one that nobody knows. */
export function integrityNamed(name: string): NamedIntegrity | undefined {
  const any = /^any(64|96|128|192|256)bits?(of)?authentication/.exec(reduced(name));
  return any === null ? INTEGRITY.get(reduced(name)) : { kind: "any", icvSize: Number(any[1]) / 8 };
}

/** Without references, case and punctuation, in which versions of Wireshark and those who imitate it differ. */
function reduced(name: string): string {
  return name.replace(/\[RFC[^\]]*\]/gi, "").toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}

/** Wireshark's own, of both tables, that are not had here. */
const FOREIGN_CIPHERS = [
  "3DES",
  "TripleDES-CBC",
  "DES-CBC",
  "BLOWFISH-CBC",
  "TWOFISH-CBC",
  "CAST5-CBC",
];
const FOREIGN_MACS = [
  "HMAC_MD5_96",
  "HMAC_MD5_128",
  "HMAC_SHA1_160",
  "HMAC_SHA2_256_96 [draft-ietf-ipsec-ciph-sha-256-00]",
  "HMAC-MD5-96",
  "HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]",
  "MAC-RIPEMD-160-96",
];
const CHACHA20_POLY1305 = ["ChaCha20-Poly1305", "ChaCha20 with Poly1305", "ENCR_CHACHA20_POLY1305"];

const IKE_ENCRYPTION = encryptionMap(ikeEncryptionName);
const ESP_ENCRYPTION = encryptionMap(espEncryptionName);
/** "AES-GCM [RFC4106]", of versions that did not ask for the size of the ICV, and of strongSwan: the longest first. */
ESP_ENCRYPTION.set(
  reduced("AES-GCM"),
  ENCRYPTION_TRANSFORMS.filter((row) => row.mode === "aead" && /^aes\d+gcm\d+$/.test(row.keyword))
    .sort((a, b) => b.icvSize - a.icvSize),
);

function encryptionMap(nameOf: (row: EncryptionTransform) => AlgorithmName): Map<string, NamedEncryption> {
  const map = new Map<string, NamedEncryption>(FOREIGN_CIPHERS.map((name) => [reduced(name), null]));
  for (const row of ENCRYPTION_TRANSFORMS) {
    const aliases = row.keyword === "chacha20poly1305" ? CHACHA20_POLY1305 : [];
    for (const name of [nameOf(row).name, ...aliases].map(reduced)) {
      const rows = map.get(name) ?? [];
      if (!rows.includes(row)) map.set(name, [...rows, row]);
    }
  }
  return map;
}

const INTEGRITY: ReadonlyMap<string, NamedIntegrity> = new Map<string, NamedIntegrity>([
  ...FOREIGN_MACS.map((name) => [reduced(name), { kind: "foreign" }] as const),
  ...INTEGRITY_TRANSFORMS.flatMap((transform) =>
    [ikeIntegrityName(transform), espIntegrityName(transform)]
      .map(({ name }) => [reduced(name), { kind: "mac", transform }] as const)
  ),
  ["none", { kind: "none" }],
  ["null", { kind: "none" }],
]);
