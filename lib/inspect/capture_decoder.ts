/**
 * Packets of a capture to the IKE messages and ESP packets in them. Every conversation is followed on its own; what holds
 * memory is bounded for each and for all, and the conversation that was quiet longest gives way.
 */

import type { Emit, Transducer } from "../encap/transducer.ts";
import { InspectError } from "../errors.ts";
import { formatIpAddress } from "../ip/address.ts";
import { type IpPacket, parseIpPacket, PROTOCOL_ESP, PROTOCOL_TCP, PROTOCOL_UDP } from "../ip/packet.ts";
import { parseTcpSegment } from "../ip/tcp_segment.ts";
import { parseUdpDatagram } from "../ip/udp_datagram.ts";
import type { Arrival } from "./_arrival.ts";
import type { Side } from "./_side.ts";
import type { CaptureItem, CapturePacket } from "./capture.ts";
import { IpReassembler } from "./ip_reassembly.ts";
import { LINK_LAYERS } from "./link_layer.ts";
import { MAX_HELD_ROWS, RowSorter } from "./row_sorter.ts";
import type { MessageDecryptor } from "./message_decryptor.ts";
import { errorRow, espRows, type MessageRow } from "./message_rows.ts";
import type { DecodedRow, Transport } from "./rows.ts";
import { TcpConversation } from "./tcp_conversation.ts";
import type { TcpReassembler } from "./tcp_reassembly.ts";
import { UdpFlow } from "./udp_flow.ts";

/** Limits of a {@linkcode CaptureDecoder}, and keys. */
export interface CaptureDecoderOptions {
  /** Conversations that are followed at a time. Default 10000. */
  readonly maxConversations?: number;
  /** Octets of TCP streams that are held at a time, all conversations together. Default 64 MiB. */
  readonly maxHeldOctets?: number;
  /** Opens what is sealed, where it has the keys. It stays the caller's: to be disposed of when the decoder has ended. */
  readonly keys?: MessageDecryptor;
}

/** A conversation of any protocol. Its sides are in the order of their addresses and ports. */
interface Conversation {
  readonly transport: Transport;
  readonly addresses: readonly [Uint8Array, Uint8Array];
  /** Zeros where the protocol has none. */
  readonly ports: readonly [number, number];
  readonly tcp?: TcpConversation;
  readonly udp?: UdpFlow;
  /** `address:port` of both sides, or `address` alone, made for the first row: most conversations of a capture may have none. */
  names?: readonly [string, string];
  /** Number among those that have rows. */
  stream?: number;
  /** Octets that `tcp` holds. */
  heldOctets: number;
}

/** A row that has no number yet. */
type PendingRow = Omit<DecodedRow, "n" | "time">;

/**
 * The core of `iketcp decode`. Rows come in the order in which their last octets arrived.
 *
 * ESP that IP carries by itself is read as it is. TCP is read as RFC 9329 when its first octets are the prefix, on any port, or when either port is 4500, then also from
 * the middle. UDP is read on ports 500 and 4500, and on others once a datagram looks like an IKE message behind its marker.
 */
export class CaptureDecoder implements Transducer<CaptureItem[], DecodedRow[]> {
  readonly #maxConversations: number;
  readonly #maxHeldOctets: number;
  readonly #keys: MessageDecryptor | undefined;
  readonly #fragments: IpReassembler = new IpReassembler();
  /** Least recently active first. */
  readonly #conversations: Map<string, Conversation> = new Map();
  #heldOctets = 0;
  #streams = 0;
  #packets = 0;
  #rows = 0;
  readonly #unknownLinkTypes: Set<number> = new Set();
  readonly #sorter: RowSorter<PendingRow> = new RowSorter();
  /** Directions with an open gap. */
  readonly #waiting: Set<TcpReassembler> = new Set();
  #batch: DecodedRow[] = [];

  /** Makes a decoder. */
  constructor(options: CaptureDecoderOptions = {}) {
    this.#maxConversations = options.maxConversations ?? 10_000;
    this.#maxHeldOctets = options.maxHeldOctets ?? 64 * 1024 * 1024;
    this.#keys = options.keys;
  }

  /** Emits the rows that these packets complete. */
  handle(items: CaptureItem[], emit: Emit<DecodedRow[]>): void {
    for (const item of items) {
      const arrival = { number: this.#packets++, time: item.time };
      if ("error" in item) this.#push(errorRow(item.error), arrival);
      else this.#handlePacket(item, arrival);
      this.#settle();
    }
    this.#flush(emit);
  }

  /** Emits what waited behind gaps that nothing can fill any more. */
  handleEnd(emit: Emit<DecodedRow[]>): void {
    for (const { tcp } of this.#conversations.values()) tcp?.handleEnd();
    this.#conversations.clear();
    this.#waiting.clear();
    this.#release();
    this.#flush(emit);
  }

  #handlePacket({ linkType, data }: CapturePacket, arrival: Arrival): void {
    const linkLayer = LINK_LAYERS[linkType];
    if (linkLayer === undefined) return this.#refuseLinkType(linkType, arrival);
    const octets = linkLayer(data);
    const piece = octets === undefined ? undefined : parseIpPacket(octets);
    const packet = piece === undefined ? undefined : this.#fragments.handle(piece);
    if (packet?.protocol === PROTOCOL_TCP) this.#handleTcp(packet, arrival);
    else if (packet?.protocol === PROTOCOL_UDP) this.#handleUdp(packet, arrival);
    else if (packet?.protocol === PROTOCOL_ESP) this.#handleEsp(packet, arrival);
  }

  #handleTcp(packet: IpPacket, arrival: Arrival): void {
    const segment = parseTcpSegment(packet.payload, packet.payloadLength);
    if (segment === undefined) return;
    const { key, side } = identify(packet, segment);
    const before = this.#conversations.get(key);
    if (before?.tcp?.isReopenedBy(segment, side)) this.#end(key, before);
    const conversation = this.#follow(key, side, packet, segment);
    conversation.tcp!.handle(segment, side, arrival);
    this.#account(conversation);
  }

  #handleUdp(packet: IpPacket, arrival: Arrival): void {
    const datagram = parseUdpDatagram(packet.payload);
    if (datagram === undefined) return;
    const { key, side } = identify(packet, datagram);
    const conversation = this.#follow(key, side, packet, datagram);
    for (const row of conversation.udp!.handle(datagram)) this.#tell(conversation, row, side, arrival);
  }

  #handleEsp(packet: IpPacket, arrival: Arrival): void {
    const { payload, payloadLength } = packet;
    const ports = { sourcePort: 0, destinationPort: 0 };
    const { key, side } = identify(packet, ports);
    const conversation = this.#follow(key, side, packet, ports);
    for (const row of espRows(payload, { length: payloadLength, keys: this.#keys })) {
      this.#tell(conversation, row, side, arrival);
    }
  }

  /** The conversation of a packet, a new one if need be, from now on the most recently active. */
  #follow(key: string, side: Side, packet: IpPacket, ports: Ports): Conversation {
    let conversation = this.#conversations.get(key);
    if (conversation === undefined) conversation = this.#begin(side, packet, ports);
    else this.#conversations.delete(key);
    this.#conversations.set(key, conversation);
    return conversation;
  }

  #begin(
    side: Side,
    { protocol, source, destination }: IpPacket,
    { sourcePort, destinationPort }: Ports,
  ): Conversation {
    const ports: [number, number] = side === 0
      ? [sourcePort, destinationPort]
      : [destinationPort, sourcePort];
    const addresses: [Uint8Array, Uint8Array] = side === 0 ? [source, destination] : [destination, source];
    const conversation: Conversation = {
      transport: TRANSPORTS[protocol]!,
      // Copies: the capture's chunk would stay in memory for the sake of views.
      addresses: [addresses[0].slice(), addresses[1].slice()],
      ports,
      heldOctets: 0,
      ...(protocol === PROTOCOL_TCP
        ? {
          tcp: new TcpConversation(
            ports,
            (row, from, arrival) => this.#tell(conversation, row, from, arrival),
            this.#keys,
          ),
        }
        : protocol === PROTOCOL_UDP
        ? { udp: new UdpFlow(ports, this.#keys) }
        : {}),
    };
    return conversation;
  }

  /** Brings the sums up to date. */
  #account(conversation: Conversation): void {
    const { heldOctets, directions } = conversation.tcp!;
    this.#heldOctets += heldOctets - conversation.heldOctets;
    conversation.heldOctets = heldOctets;
    for (const direction of directions) {
      if (direction.pendingSince !== undefined) this.#waiting.add(direction);
      else this.#waiting.delete(direction);
    }
  }

  /** Keeps what is held within its bounds, and tells what need not be held any longer. */
  #settle(): void {
    while (this.#conversations.size > this.#maxConversations || this.#heldOctets > this.#maxHeldOctets) {
      const [key, conversation] = this.#conversations.entries().next().value!;
      this.#end(key, conversation);
    }
    if (this.#sorter.size > MAX_HELD_ROWS) {
      for (const direction of this.#waiting) direction.handleEnd();
      this.#waiting.clear();
    }
    if (this.#sorter.size > 0) this.#release();
  }

  #end(key: string, conversation: Conversation): void {
    conversation.tcp?.handleEnd();
    for (const direction of conversation.tcp?.directions ?? []) this.#waiting.delete(direction);
    this.#heldOctets -= conversation.heldOctets;
    this.#conversations.delete(key);
  }

  #tell(conversation: Conversation, row: MessageRow, from: Side, arrival: Arrival): void {
    const { transport, addresses, ports } = conversation;
    const stream = conversation.stream ??= this.#streams++;
    const names = conversation.names ??= [nameOf(addresses[0], ports[0]), nameOf(addresses[1], ports[1])];
    this.#push({ transport, stream, from: names[from], to: names[1 - from]!, ...row }, arrival);
  }

  #push(row: PendingRow, arrival: Arrival): void {
    if (this.#waiting.size === 0 && this.#sorter.size === 0) this.#number(row, arrival);
    else this.#sorter.push(row, arrival);
  }

  #release(): void {
    let limit: Arrival | undefined;
    for (const { pendingSince } of this.#waiting) {
      if (limit === undefined || pendingSince!.number < limit.number) limit = pendingSince;
    }
    this.#sorter.release(limit, (row, arrival) => this.#number(row, arrival));
  }

  #number(row: PendingRow, { time }: Arrival): void {
    this.#batch.push({ n: ++this.#rows, time, ...row });
  }

  #flush(emit: Emit<DecodedRow[]>): void {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    emit(batch);
  }

  #refuseLinkType(linkType: number, arrival: Arrival): void {
    if (this.#unknownLinkTypes.has(linkType) || this.#unknownLinkTypes.size >= MAX_UNKNOWN_LINK_TYPES) return;
    this.#unknownLinkTypes.add(linkType);
    const known = Object.keys(LINK_LAYERS).join(", ");
    const message = `Cannot read packets: expected one of the link types ${known}, got ${linkType}`;
    this.#push(errorRow(new InspectError("ERR_INSPECT_FORMAT", message)), arrival);
  }
}

/** What a row calls a protocol. */
const TRANSPORTS: Readonly<Record<number, Transport>> = {
  [PROTOCOL_TCP]: "tcp",
  [PROTOCOL_UDP]: "udp",
  [PROTOCOL_ESP]: "ip",
};

/** Link types of which it is said that they cannot be read; more would come from a damaged file. */
const MAX_UNKNOWN_LINK_TYPES = 16;

/** The ports of a segment or datagram. */
interface Ports {
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** What both directions of a conversation have in common, and which of its sides sent this packet. */
function identify(packet: IpPacket, { sourcePort, destinationPort }: Ports): { key: string; side: Side } {
  const source = String.fromCharCode(...packet.source, sourcePort);
  const destination = String.fromCharCode(...packet.destination, destinationPort);
  const side = source <= destination ? 0 : 1;
  return { key: packet.protocol + (side === 0 ? source + destination : destination + source), side };
}

function nameOf(address: Uint8Array, port: number): string {
  const text = formatIpAddress(address);
  if (port === 0) return text;
  return text.includes(":") ? `[${text}]:${port}` : `${text}:${port}`;
}
