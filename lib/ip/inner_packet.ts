/**
 * What the datapath must know of a packet that goes through a tunnel: length inside the packet, addresses, protocol and
 * ports (RFC 4301, section 4.4.1.1). One object reads packet after packet and allocates nothing. `packet.ts` reads the
 * packets of captures, which may be cut short; here a packet that is not whole is none.
 */

/** The protocols whose first four octets are two ports: TCP, UDP, DCCP, SCTP, UDP-Lite. */
const WITH_PORTS: readonly number[] = [6, 17, 33, 132, 136];
const ICMP = 1;
const ICMPV6 = 58;

/** Hop-by-hop, routing, fragment, destination options: what RFC 4301, section 4.4.1.1, passes over by default. */
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION_OPTIONS = 60;

/** The fields of one packet, written anew by every `read`. */
export class InnerPacket {
  /** 4 or 6. */
  version: 4 | 6 = 4;
  /** Octets of the whole packet, as its header says. */
  length: number = 0;
  /** Octets in front of the upper protocol, extension headers included. */
  headerSize: number = 0;
  /** The upper protocol, behind the extension headers. */
  protocol: number = 0;
  /** Whether this is a piece of a packet, and not all of it. */
  fragment: boolean = false;
  /** Whether the ports are known; not so in later fragments and for protocols without. */
  hasPorts: boolean = false;
  /** Source port; for ICMP type and code in one (RFC 7296, section 3.13.1). */
  sourcePort: number = 0;
  /** Destination port; for ICMP the same as `sourcePort`. */
  destinationPort: number = 0;
  /** Source address in words 0 to 3, destination in 4 to 7; of IPv4 each takes the first word, the others are zero. */
  readonly addresses: Uint32Array = new Uint32Array(8);

  /** Reads the packet that begins at `start`; false unless a whole packet lies there. More octets may follow it. */
  read(octets: Uint8Array, start: number = 0, end: number = octets.length): boolean {
    if (end - start < 20) return false;
    const version = octets[start]! >>> 4;
    if (version === 4) return this.#readIpv4(octets, start, end);
    return version === 6 && this.#readIpv6(octets, start, end);
  }

  #readIpv4(octets: Uint8Array, start: number, end: number): boolean {
    const headerSize = (octets[start]! & 0x0f) * 4;
    const length = octets[start + 2]! << 8 | octets[start + 3]!;
    if (headerSize < 20 || length < headerSize || length > end - start) return false;
    const flagsAndOffset = octets[start + 6]! << 8 | octets[start + 7]!;
    const { addresses } = this;
    addresses.fill(0);
    addresses[0] = word(octets, start + 12);
    addresses[4] = word(octets, start + 16);
    this.version = 4;
    this.length = length;
    this.headerSize = headerSize;
    this.protocol = octets[start + 9]!;
    this.fragment = (flagsAndOffset & 0x3fff) !== 0;
    this.#readPorts(octets, start + headerSize, start + length, (flagsAndOffset & 0x1fff) === 0);
    return true;
  }

  #readIpv6(octets: Uint8Array, start: number, end: number): boolean {
    if (end - start < 40) return false;
    const length = 40 + (octets[start + 4]! << 8 | octets[start + 5]!);
    if (length > end - start) return false;
    let protocol = octets[start + 6]!;
    let headerSize = 40;
    let fragment = false;
    let first = true;
    while (
      first &&
      (protocol === HOP_BY_HOP || protocol === ROUTING || protocol === FRAGMENT ||
        protocol === DESTINATION_OPTIONS)
    ) {
      if (headerSize + 8 > length) return false;
      const at = start + headerSize;
      if (protocol === FRAGMENT) {
        const field = octets[at + 2]! << 8 | octets[at + 3]!;
        first = (field & 0xfff8) === 0;
        fragment ||= !first || (field & 1) !== 0;
        headerSize += 8;
      } else headerSize += (octets[at + 1]! + 1) * 8;
      if (headerSize > length) return false;
      protocol = octets[at]!;
    }
    for (let i = 0; i < 8; i++) this.addresses[i] = word(octets, start + 8 + 4 * i);
    this.version = 6;
    this.length = length;
    this.headerSize = headerSize;
    this.protocol = protocol;
    this.fragment = fragment;
    this.#readPorts(octets, start + headerSize, start + length, first);
    return true;
  }

  #readPorts(octets: Uint8Array, at: number, end: number, first: boolean): void {
    this.hasPorts = false;
    this.sourcePort = 0;
    this.destinationPort = 0;
    if (!first || at + 4 > end) return;
    const { protocol } = this;
    if (protocol === ICMP || protocol === ICMPV6) {
      this.sourcePort = this.destinationPort = octets[at]! << 8 | octets[at + 1]!;
    } else if (WITH_PORTS.includes(protocol)) {
      this.sourcePort = octets[at]! << 8 | octets[at + 1]!;
      this.destinationPort = octets[at + 2]! << 8 | octets[at + 3]!;
    } else return;
    this.hasPorts = true;
  }
}

function word(octets: Uint8Array, at: number): number {
  return (octets[at]! << 24 | octets[at + 1]! << 16 | octets[at + 2]! << 8 | octets[at + 3]!) >>> 0;
}
