/** Payload types: "IKEv2 Payload Types" of IANA, and those of IKEv1 (RFC 2408, 3947). */

/** Numbers of the payloads that the walk over a message treats apart. */
export const PAYLOAD: Readonly<Record<"none" | "notify" | "encrypted" | "encryptedFragment", number>> = {
  none: 0,
  notify: 41,
  encrypted: 46,
  encryptedFragment: 53,
};

/** Notation of the IKEv2 payloads by number, as in RFC 7296, section 1.2, but for the nonces, whose side their type does not tell. */
export const PAYLOAD_TYPES: Readonly<Record<number, string>> = {
  33: "SA", // RFC 7296
  34: "KE",
  35: "IDi",
  36: "IDr",
  37: "CERT",
  38: "CERTREQ",
  39: "AUTH",
  40: "Nonce",
  41: "N",
  42: "D",
  43: "V",
  44: "TSi",
  45: "TSr",
  46: "SK",
  47: "CP",
  48: "EAP",
  49: "GSPM", // RFC 6467
  50: "IDg", // RFC 9838
  51: "GSA",
  52: "KD",
  53: "SKF", // RFC 7383
  54: "PS", // RFC 8019
};

/** Notation of the IKEv1 payloads by number. */
export const IKEV1_PAYLOAD_TYPES: Readonly<Record<number, string>> = {
  1: "SA", // RFC 2408
  2: "P",
  3: "T",
  4: "KE",
  5: "ID",
  6: "CERT",
  7: "CR",
  8: "HASH",
  9: "SIG",
  10: "NONCE",
  11: "N",
  12: "D",
  13: "VID",
  14: "ATTR",
  20: "NAT-D", // RFC 3947
  21: "NAT-OA",
};

/** The notation of a payload; `payload 77` for one without. */
export function payloadName(type: number, majorVersion = 2): string {
  const names = majorVersion === 1 ? IKEV1_PAYLOAD_TYPES : PAYLOAD_TYPES;
  return names[type] ?? `payload ${type}`;
}
