/**
 * EAP packets (RFC 3748, section 4).
 *
 * ```text
 *  0                   1                   2                   3
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |     Code      |  Identifier   |            Length             |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |     Type      |  Type-Data ...          in Request and Response
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-
 * ```
 *
 * @module
 */

/** What a packet is. */
export const EAP_CODE = {
  /** From the server. */
  request: 1,
  /** From the peer. */
  response: 2,
  /** The end, from the server. */
  success: 3,
  /** The end, from the server. */
  failure: 4,
} as const;

/** What a Request or Response is about. */
export const EAP_TYPE = {
  /** Who the peer is. */
  identity: 1,
  /** A message for people. */
  notification: 2,
  /** The peer wants another method. */
  nak: 3,
  /** MD5-Challenge. */
  md5: 4,
  /** Generic Token Card. */
  gtc: 6,
  /** EAP-TLS (RFC 5216). */
  tls: 13,
  /** MS-CHAP-V2 (draft-kamath-pppext-eap-mschapv2). */
  mschapv2: 26,
} as const;

/** An EAP packet; `data` is a view. */
export interface EapPacket {
  /** A number of {@linkcode EAP_CODE}. */
  readonly code: number;
  /** Tells which Response goes with which Request. */
  readonly identifier: number;
  /** A number of {@linkcode EAP_TYPE}; 0 in Success and Failure. */
  readonly type: number;
  /** Type-Data. */
  readonly data: Uint8Array;
}

/** Reads a packet; null where it is none. Octets behind its Length are padding (section 4.1). */
export function parseEapPacket(octets: Uint8Array): EapPacket | null {
  if (octets.length < 4) return null;
  const [code, identifier] = octets as unknown as [number, number];
  const length = octets[2]! << 8 | octets[3]!;
  const typed = code === EAP_CODE.request || code === EAP_CODE.response;
  if (code < EAP_CODE.request || code > EAP_CODE.failure) return null;
  if (length > octets.length || length < (typed ? 5 : 4)) return null;
  return { code, identifier, type: typed ? octets[4]! : 0, data: octets.subarray(typed ? 5 : 4, length) };
}

/** Writes a packet. */
export function emitEapPacket(
  packet: Omit<EapPacket, "data" | "type"> & Partial<EapPacket>,
): Uint8Array<ArrayBuffer> {
  const { code, identifier, type = 0, data = new Uint8Array(0) } = packet;
  const typed = code === EAP_CODE.request || code === EAP_CODE.response;
  const octets = new Uint8Array((typed ? 5 : 4) + data.length);
  octets.set([code, identifier, octets.length >>> 8, octets.length & 0xff]);
  if (typed) octets[4] = type;
  octets.set(data, typed ? 5 : 4);
  return octets;
}
