/**
 * Puts fragmented IP packets together (RFC 791, section 3.2; RFC 8200, section 4.5): IKE messages with certificates come
 * in fragments wherever the peers do not cut them themselves.
 */

import { type IpPacket, skipExtensionHeaders } from "../ip/packet.ts";

/** Packets that may be incomplete at a time; the oldest gives way. */
export const MAX_INCOMPLETE_PACKETS = 256;

/** Octets of fragments that may wait, all packets together. */
export const MAX_FRAGMENT_OCTETS: number = 4 * 1024 * 1024;

/** Pieces that one packet may come in; 45 are enough for the longest on Ethernet. */
export const MAX_FRAGMENTS = 128;

interface IncompletePacket {
  readonly octets: number;
  readonly fragments: IpPacket[];
}

/** Collects fragments; where two overlap, the one that begins first wins. */
export class IpReassembler {
  readonly #incomplete: Map<string, IncompletePacket> = new Map();
  #octets = 0;

  /** A packet that is none or completes one comes out whole, any other fragment gives nothing. */
  handle(packet: IpPacket): IpPacket | undefined {
    const { fragment } = packet;
    if (fragment === undefined) return packet;
    const key = `${packet.protocol} ${fragment.id} ${packet.source} ${packet.destination}`;
    const { octets, fragments } = this.#incomplete.get(key) ?? { octets: 0, fragments: [] };
    this.#forget(key);
    // The capture's chunk would stay in memory for the sake of a view.
    fragments.push({ ...packet, payload: packet.payload.slice() });
    const whole = assemble(fragments);
    if (whole !== undefined || fragments.length === MAX_FRAGMENTS) return whole;
    this.#incomplete.set(key, { octets: octets + packet.payload.length, fragments });
    this.#octets += octets + packet.payload.length;
    while (this.#octets > MAX_FRAGMENT_OCTETS || this.#incomplete.size > MAX_INCOMPLETE_PACKETS) {
      this.#forget(this.#incomplete.keys().next().value!);
    }
    return undefined;
  }

  #forget(key: string): void {
    this.#octets -= this.#incomplete.get(key)?.octets ?? 0;
    this.#incomplete.delete(key);
  }
}

function assemble(fragments: readonly IpPacket[]): IpPacket | undefined {
  const last = fragments.find(({ fragment }) => !fragment!.more);
  const first = fragments.find(({ fragment }) => fragment!.offset === 0);
  if (last === undefined || first === undefined) return undefined;
  const length = last.fragment!.offset + last.payloadLength;
  if (length > MAX_PACKET_LENGTH) return undefined;
  const payload = new Uint8Array(length);
  let filled = 0;
  for (
    const { fragment, payload: piece } of fragments.toSorted((a, b) =>
      a.fragment!.offset - b.fragment!.offset
    )
  ) {
    if (fragment!.offset > filled) return undefined;
    const fresh = piece.subarray(filled - fragment!.offset, length - fragment!.offset);
    payload.set(fresh, filled);
    filled += fresh.length;
  }
  if (filled < length) return undefined;
  const { version, source, destination, protocol } = first;
  const skipped = version === 6 ? skipExtensionHeaders(protocol, payload) : { protocol, length: 0 };
  if (skipped === undefined || "fragment" in skipped && skipped.fragment !== undefined) return undefined;
  return {
    version,
    source,
    destination,
    protocol: skipped.protocol,
    payload: payload.subarray(skipped.length),
    payloadLength: length - skipped.length,
  };
}

const MAX_PACKET_LENGTH = 65535;
