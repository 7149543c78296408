/**
 * The packets that could have carried what programs sent and received: a program sees octets, a capture has IP packets.
 * Addresses and octets are the real ones; sequence numbers are made up, and nothing is lost, repeated or acknowledged on
 * its own.
 */

import { concat } from "../bytes/concat.ts";
import { CodedRangeError } from "../errors.ts";
import { parseIpAddress } from "../ip/address.ts";
import { emitTcpPacket, TCP_FLAGS } from "../ip/tcp_segment.ts";
import { emitUdpPacket } from "../ip/udp_datagram.ts";
import { otherSide, type Side } from "./_side.ts";

/** An IP address as text and a port; anything that is no IP address stands as the unspecified address. */
export interface CaptureEndpoint {
  /** `192.0.2.1` or `2001:db8::1`. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
}

/** Octets of data in one segment at most: what an IPv4 packet holds behind both headers. */
export const MAX_SYNTHETIC_SEGMENT = 65495;

/** One TCP connection; each method gives the raw IP packets of one step, in order. */
export class SyntheticTcp {
  readonly #addresses: readonly [Uint8Array, Uint8Array];
  readonly #ports: readonly [number, number];
  readonly #seq: [number, number];

  /** A connection between two ends, whose sequence numbers begin with `initialSeq`. */
  constructor(ends: readonly [CaptureEndpoint, CaptureEndpoint], initialSeq: number) {
    this.#addresses = addressesOf(ends);
    this.#ports = [ends[0].port, ends[1].port];
    this.#seq = [initialSeq >>> 0, ~initialSeq >>> 0];
  }

  /** SYN of the originator, SYN and ACK of the other end, ACK. */
  open(originator: Side): Uint8Array<ArrayBuffer>[] {
    const responder = otherSide(originator);
    const syn = this.#packet(originator, FLAG.syn, NOTHING, SYN_OPTIONS);
    this.#advance(originator, 1);
    const synAck = this.#packet(responder, FLAG.syn | FLAG.ack, NOTHING, SYN_OPTIONS);
    this.#advance(responder, 1);
    return [syn, synAck, this.#packet(originator, FLAG.ack)];
  }

  /** Data that `from` sent, in as many segments as it takes. */
  send(from: Side, octets: Uint8Array): Uint8Array<ArrayBuffer>[] {
    const packets: Uint8Array<ArrayBuffer>[] = [];
    for (let offset = 0; offset < octets.length; offset += MAX_SYNTHETIC_SEGMENT) {
      const piece = octets.subarray(offset, offset + MAX_SYNTHETIC_SEGMENT);
      packets.push(this.#packet(from, FLAG.psh | FLAG.ack, piece));
      this.#advance(from, piece.length);
    }
    return packets;
  }

  /** FIN of the end that closes first, FIN of the other, ACK. */
  close(first: Side): Uint8Array<ArrayBuffer>[] {
    const fin = this.#packet(first, FLAG.fin | FLAG.ack);
    this.#advance(first, 1);
    const answer = this.#packet(otherSide(first), FLAG.fin | FLAG.ack);
    this.#advance(otherSide(first), 1);
    return [fin, answer, this.#packet(first, FLAG.ack)];
  }

  /** RST of one end. */
  reset(from: Side): Uint8Array<ArrayBuffer>[] {
    return [this.#packet(from, FLAG.rst | FLAG.ack)];
  }

  #packet(
    from: Side,
    flags: number,
    data: Uint8Array = NOTHING,
    options: Uint8Array = NOTHING,
  ): Uint8Array<ArrayBuffer> {
    const to = otherSide(from);
    const ack = (flags & FLAG.ack) === 0 ? 0 : this.#seq[to];
    return emitTcpPacket(this.#addresses[from], this.#addresses[to], {
      sourcePort: this.#ports[from],
      destinationPort: this.#ports[to],
      seq: this.#seq[from],
      ack,
      flags,
      window: 0xffff,
      options,
      data,
    });
  }

  #advance(side: Side, count: number): void {
    this.#seq[side] = (this.#seq[side] + count) >>> 0;
  }
}

/** A raw IP packet that holds one datagram; throws a `RangeError` for data that no datagram holds. */
export function syntheticUdp(
  from: CaptureEndpoint,
  to: CaptureEndpoint,
  data: Uint8Array,
): Uint8Array<ArrayBuffer> {
  if (data.length > MAX_DATAGRAM) {
    throw new CodedRangeError(
      "ERR_OPTION_RANGE",
      `Cannot write datagram: expected at most ${MAX_DATAGRAM} octets, got ${data.length}`,
    );
  }
  const [source, destination] = addressesOf([from, to]);
  return emitUdpPacket(source, destination, { sourcePort: from.port, destinationPort: to.port, data });
}

/** Both addresses in one family: IPv4 where both can be, else an IPv4 address is mapped, as a dual-stack socket has it. */
function addressesOf(ends: readonly [CaptureEndpoint, CaptureEndpoint]): [Uint8Array, Uint8Array] {
  const [one, other] = ends.map(({ hostname }) => unmapped(parseIpAddress(hostname) ?? UNSPECIFIED));
  return one!.length === other!.length ? [one!, other!] : [mapped(one!), mapped(other!)];
}

function unmapped(address: Uint8Array): Uint8Array {
  const isMapped = address.length === 16 && MAPPED_PREFIX.every((octet, i) => address[i] === octet);
  return isMapped ? address.subarray(12) : address;
}

function mapped(address: Uint8Array): Uint8Array {
  return address.length === 16 ? address : concat([MAPPED_PREFIX, address]);
}

const MAPPED_PREFIX = new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);

const FLAG = {
  fin: TCP_FLAGS["fin"]!,
  syn: TCP_FLAGS["syn"]!,
  rst: TCP_FLAGS["rst"]!,
  psh: TCP_FLAGS["psh"]!,
  ack: TCP_FLAGS["ack"]!,
};
const NOTHING = new Uint8Array(0);
const UNSPECIFIED = new Uint8Array(4);
/** What an IPv4 packet holds behind both headers. */
const MAX_DATAGRAM = 65507;
/** The longest segments there are and the widest window there is, so that no reader misses acknowledgments. */
const SYN_OPTIONS = new Uint8Array([2, 4, 0xff, 0xd7, 1, 3, 3, 14]);
