/**
 * Keys with which a capture can be opened, in the form of Wireshark's two tables: `ikev2_decryption_table` for IKE SAs and
 * `esp_sa` for ESP SAs. Whoever holds such a file holds the traffic: it is written only when asked for.
 *
 * Both tables are lines of comma-separated fields, numbers of keys in hexadecimal, words in quotes:
 *
 * ```text
 * SPIi,SPIr,SK_ei,SK_er,"encryption",SK_ai,SK_ar,"integrity"
 * "IPv4","source","destination","0xSPI","encryption","0xkey","authentication","0xkey"[,"32-bit" or "64-bit"[,"upper half"]]
 * ```
 *
 * Wireshark has no names for some algorithms that are had here (ChaCha20-Poly1305, AES-CCM in ESP, AES-XCBC and others) and
 * refuses a file with a name that it does not know. Their lines stand behind {@linkcode OWN_LINE}, which is a comment to
 * Wireshark and a line to us.
 */

import type { EncryptionTransform, IntegrityTransform } from "../crypto/mod.ts";

/** What stands in front of a line that Wireshark must pass over. */
export const OWN_LINE = "#+ ";

/** The names of Wireshark's tables, which are those of its files. */
export type KeyTableName = "ikev2_decryption_table" | "esp_sa";

/** The keys of an IKE SA; a direction whose keys are not known has empty ones. */
export interface IkeSaKeys {
  /** The initiator's SPI. */
  readonly spiI: Uint8Array;
  /** The responder's SPI. */
  readonly spiR: Uint8Array;
  /** Its cipher. */
  readonly encryption: EncryptionTransform;
  /** Its MAC; null beside an AEAD. */
  readonly integrity: IntegrityTransform | null;
  /** What the initiator encrypts with, salt behind the key. */
  readonly skEi: Uint8Array;
  /** What the responder encrypts with, salt behind the key. */
  readonly skEr: Uint8Array;
  /** What the initiator authenticates with; empty beside an AEAD. */
  readonly skAi: Uint8Array;
  /** What the responder authenticates with; empty beside an AEAD. */
  readonly skAr: Uint8Array;
}

/** The keys of an ESP SA. Addresses are not kept: which SA a packet belongs to is shown by its SPI and its ICV. */
export interface EspSaKeys {
  /** Its SPI; null for `*`, which is any. */
  readonly spi: number | null;
  /** Its cipher; several where the table does not say how long the ICV is. */
  readonly encryption: readonly EncryptionTransform[];
  /** The key, salt behind it. */
  readonly encryptionKey: Uint8Array;
  /** Its MAC; null beside an AEAD, and where nothing can be checked. */
  readonly integrity: IntegrityTransform | null;
  /** The key of `integrity`. */
  readonly integrityKey: Uint8Array;
  /** Octets of an ICV that cannot be checked, beside a cipher that is no AEAD: there is a MAC that nobody has named. */
  readonly uncheckedIcvSize: number;
  /** Whether sequence numbers have 64 bits; null where the table does not say. */
  readonly esn: boolean | null;
  /** The upper half of the first sequence number, where `esn`. */
  readonly sequenceHigh: number;
}

/** A line that is right and of no use here. */
export interface UnusedKeyLine {
  /** Its number, from 1. */
  readonly line: number;
  /** Why, in words. */
  readonly reason: string;
}

/** What tables of keys hold. */
export interface KeyLog {
  /** Keys of IKE SAs. */
  readonly ike: readonly IkeSaKeys[];
  /** Keys of ESP SAs. */
  readonly esp: readonly EspSaKeys[];
  /** Lines with algorithms that Wireshark has and this toolkit has not. */
  readonly unused: readonly UnusedKeyLine[];
}
