/** Link layers that captures begin with (the `LINKTYPE_` registry of tcpdump.org): where the IP packet starts. */

/** Finds the IP packet in a captured frame; `undefined` when it holds another protocol or is cut short. */
export type LinkLayer = (frame: Uint8Array) => Uint8Array | undefined;

/** Number of the link type whose packets begin with their IPv4 or IPv6 header. */
export const LINKTYPE_RAW = 101;

/** The link layers that are read, by number. */
export const LINK_LAYERS: Readonly<Record<number, LinkLayer>> = {
  0: skipped(4), // NULL: an address family in the byte order of the capturing machine
  1: ethernet,
  9: ppp,
  12: skipped(0), // RAW as some systems number it
  14: skipped(0),
  50: ppp, // PPP in HDLC-like framing
  51: (frame) => ppp(frame.subarray(PPPOE_HEADER_LENGTH)),
  [LINKTYPE_RAW]: skipped(0),
  108: skipped(4), // LOOP: an address family in network byte order
  113: (frame) => afterEtherType(frame, 14), // LINUX_SLL
  228: skipped(0), // IPV4
  229: skipped(0), // IPV6
  276: (frame) => frame.length < 20 ? undefined : byEtherType(uint16(frame, 0), frame, 20), // LINUX_SLL2
};

/** What the IP header itself tells, the link layer need not. */
function skipped(length: number): LinkLayer {
  return (frame) => frame.subarray(length);
}

function ethernet(frame: Uint8Array): Uint8Array | undefined {
  return afterEtherType(frame, 12);
}

function afterEtherType(frame: Uint8Array, offset: number): Uint8Array | undefined {
  return frame.length < offset + 2 ? undefined : byEtherType(uint16(frame, offset), frame, offset + 2);
}

function byEtherType(type: number, frame: Uint8Array, offset: number): Uint8Array | undefined {
  switch (type) {
    case 0x0800: // IPv4
    case 0x86dd: // IPv6
      return frame.subarray(offset);
    case 0x8100: // 802.1Q
    case 0x88a8: // 802.1ad
    case 0x9100: // QinQ before it had a number
      return afterEtherType(frame, offset + 2);
    case 0x8864: // PPPoE session
      return ppp(frame.subarray(offset + PPPOE_HEADER_LENGTH));
    default:
      return undefined;
  }
}

/** PPP (RFC 1661), with or without address and control, the protocol in one octet or two. */
function ppp(frame: Uint8Array): Uint8Array | undefined {
  let offset = frame[0] === 0xff && frame[1] === 0x03 ? 2 : 0;
  let protocol = frame[offset++] ?? 0;
  if (protocol % 2 === 0) protocol = protocol << 8 | (frame[offset++] ?? 0);
  return protocol === 0x21 || protocol === 0x57 ? frame.subarray(offset) : undefined;
}

const PPPOE_HEADER_LENGTH = 6;

function uint16(octets: Uint8Array, offset: number): number {
  return octets[offset]! << 8 | octets[offset + 1]!;
}
