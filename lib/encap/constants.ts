/** The fixed values of RFC 9329, sections 3, 4 and 6.6. */

/** The six octets `IKETCP` that begin the originator's stream (section 4). Treat it as read-only. */
export const STREAM_PREFIX: Uint8Array<ArrayBuffer> = new Uint8Array([0x49, 0x4b, 0x45, 0x54, 0x43, 0x50]);

/** Octets of the Length field, which counts itself (section 3). */
export const LENGTH_FIELD_LENGTH = 2;

/** Octets of the non-ESP marker, four zeros in front of an IKE message (section 3.1). */
export const NON_ESP_MARKER_LENGTH = 4;

/** The longest message that a 16-bit Length field which counts itself can announce (section 3). */
export const MAX_MESSAGE_LENGTH = 65533;

/** The single octet of a NAT keepalive (section 6.6). */
export const NAT_KEEPALIVE = 0xff;

/** Whether a message begins with four zero octets, and so is an IKE message behind its marker (section 3.1). */
export function hasNonEspMarker(message: Uint8Array): boolean {
  return message.byteLength >= NON_ESP_MARKER_LENGTH &&
    !(message[0]! | message[1]! | message[2]! | message[3]!);
}
