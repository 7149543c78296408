/**
 * Captures for tests, made by hand: files of either format, packets of either IP version, TCP conversations with whatever
 * a network does to them, and messages to put into them. Plain and slow on purpose.
 */

import { concat, fromHex } from "../../lib/bytes/mod.ts";
import {
  CaptureDecoder,
  type CaptureDecoderOptions,
  type CaptureItem,
  type CapturePacket,
  CaptureReader,
  type DecodedRow,
} from "../../lib/inspect/mod.ts";
import { emitTcpPacket, emitUdpPacket, parseIpAddress } from "../../lib/ip/mod.ts";

/** An address and a port. */
export type End = readonly [address: string, port: number];

/** The end that opens connections in these tests, and the one that answers. */
export const CLIENT: End = ["192.0.2.10", 40000];
export const SERVER: End = ["198.51.100.10", 4500];

/** `IKETCP`. */
export const PREFIX: Uint8Array<ArrayBuffer> = fromHex("494b45544350");

/** How a file is written. */
export interface FileStyle {
  readonly linkType?: number;
  readonly littleEndian?: boolean;
  readonly nanoseconds?: boolean;
  /** The variant of old Linux kernels. */
  readonly longRecords?: boolean;
}

/** A packet and its time in microseconds; `length` is what it had on the wire, when more than it has here. */
export interface TimedPacket {
  readonly data: Uint8Array;
  readonly micros: bigint;
  readonly length?: number;
}

/** Packets one millisecond apart, from a fixed time on. */
export function timed(packets: readonly Uint8Array[]): TimedPacket[] {
  return packets.map((data, i) => ({ data, micros: 1_795_207_191_920_000n + BigInt(i) * 1000n }));
}

/** A classic capture file. */
export function pcapFile(packets: readonly TimedPacket[], style: FileStyle = {}): Uint8Array<ArrayBuffer> {
  const { linkType = 101, littleEndian = true, nanoseconds = false, longRecords = false } = style;
  const header = new DataView(new ArrayBuffer(24));
  header.setUint32(0, longRecords ? 0xa1b2cd34 : nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, littleEndian);
  header.setUint16(4, 2, littleEndian);
  header.setUint16(6, 4, littleEndian);
  header.setUint32(16, 262144, littleEndian);
  header.setUint32(20, linkType, littleEndian);
  const parts = [new Uint8Array(header.buffer)];
  for (const { data, micros, length } of packets) {
    const record = new DataView(new ArrayBuffer(longRecords ? 24 : 16));
    record.setUint32(0, Number(micros / 1_000_000n), littleEndian);
    record.setUint32(4, Number(micros % 1_000_000n) * (nanoseconds ? 1000 : 1), littleEndian);
    record.setUint32(8, data.length, littleEndian);
    record.setUint32(12, length ?? data.length, littleEndian);
    parts.push(new Uint8Array(record.buffer), data.slice());
  }
  return concat(parts);
}

/** A block of a pcapng file, padded, with its length at both ends. */
export function block(type: number, body: Uint8Array, littleEndian = true): Uint8Array<ArrayBuffer> {
  const padded = Math.ceil(body.length / 4) * 4;
  const octets = new Uint8Array(12 + padded);
  const view = new DataView(octets.buffer);
  view.setUint32(0, type, littleEndian);
  view.setUint32(4, octets.length, littleEndian);
  octets.set(body, 8);
  view.setUint32(8 + padded, octets.length, littleEndian);
  return octets;
}

/** Integers behind one another, each of so many octets. */
export function ints(
  littleEndian: boolean,
  ...fields: readonly (readonly [octets: 1 | 2 | 4 | 8, value: number | bigint])[]
): Uint8Array<ArrayBuffer> {
  const parts = fields.map(([octets, value]) => {
    const whole = new DataView(new ArrayBuffer(8));
    whole.setBigUint64(0, BigInt.asUintN(64, BigInt(value)), littleEndian);
    const all = new Uint8Array(whole.buffer);
    return littleEndian ? all.slice(0, octets) : all.slice(8 - octets);
  });
  return concat(parts);
}

/** A section header block. */
export function sectionBlock(littleEndian = true): Uint8Array<ArrayBuffer> {
  return block(0x0a0d0d0a, ints(littleEndian, [4, 0x1a2b3c4d], [2, 1], [2, 0], [8, -1n]), littleEndian);
}

/** An interface block; `options` are octets as they stand in the file. */
export function interfaceBlock(
  linkType: number,
  { littleEndian = true, snapLength = 0, options = new Uint8Array(0) }: {
    readonly littleEndian?: boolean;
    readonly snapLength?: number;
    readonly options?: Uint8Array;
  } = {},
): Uint8Array<ArrayBuffer> {
  return block(
    1,
    concat([ints(littleEndian, [2, linkType], [2, 0], [4, snapLength]), options]),
    littleEndian,
  );
}

/** An enhanced packet block. */
export function packetBlock(
  data: Uint8Array,
  ticks: bigint,
  { littleEndian = true, interfaceId = 0, length = data.length }: {
    readonly littleEndian?: boolean;
    readonly interfaceId?: number;
    readonly length?: number;
  } = {},
): Uint8Array<ArrayBuffer> {
  const head = ints(
    littleEndian,
    [4, interfaceId],
    [4, ticks >> 32n],
    [4, ticks & 0xffffffffn],
    [4, data.length],
    [4, length],
  );
  return block(6, concat([head, data]), littleEndian);
}

/** A pcapng file of one section and one interface. */
export function pcapngFile(
  packets: readonly TimedPacket[],
  { linkType = 101, littleEndian = true }: FileStyle = {},
): Uint8Array<ArrayBuffer> {
  return concat([
    sectionBlock(littleEndian),
    interfaceBlock(linkType, { littleEndian }),
    ...packets.map(({ data, micros, length }) =>
      packetBlock(data, micros, { littleEndian, length: length ?? data.length })
    ),
  ]);
}

/** A raw IP packet with a UDP datagram. */
export function udp(from: End, to: End, data: Uint8Array): Uint8Array<ArrayBuffer> {
  return emitUdpPacket(parseIpAddress(from[0])!, parseIpAddress(to[0])!, {
    sourcePort: from[1],
    destinationPort: to[1],
    data,
  });
}

/** A raw IP packet with a TCP segment; `flags` are the letters S, A, F, R. */
export function tcp(
  from: End,
  to: End,
  { seq, ack = 0, flags = "A", data = new Uint8Array(0) }: {
    readonly seq: number;
    readonly ack?: number;
    readonly flags?: string;
    readonly data?: Uint8Array;
  },
): Uint8Array<ArrayBuffer> {
  const bits: Record<string, number> = { F: 0x01, S: 0x02, R: 0x04, A: 0x10 };
  return emitTcpPacket(parseIpAddress(from[0])!, parseIpAddress(to[0])!, {
    sourcePort: from[1],
    destinationPort: to[1],
    seq: seq >>> 0,
    ack: ack >>> 0,
    flags: [...flags].reduce((sum, letter) => sum | bits[letter]!, 0),
    window: 0xffff,
    data,
  });
}

/** Both ends of a TCP connection, which count their sequence numbers. */
export class Talk {
  readonly client: End;
  readonly server: End;
  /** Everything sent so far, in order. */
  readonly packets: Uint8Array<ArrayBuffer>[] = [];
  #clientSeq: number;
  #serverSeq: number;

  constructor(
    { client = CLIENT, server = SERVER, clientSeq = 1000, serverSeq = 0xfffffff0 }: {
      readonly client?: End;
      readonly server?: End;
      readonly clientSeq?: number;
      readonly serverSeq?: number;
    } = {},
  ) {
    this.client = client;
    this.server = server;
    this.#clientSeq = clientSeq;
    this.#serverSeq = serverSeq;
  }

  /** SYN, SYN and ACK, ACK. */
  open(): this {
    this.packets.push(tcp(this.client, this.server, { seq: this.#clientSeq++, flags: "S" }));
    this.packets.push(
      tcp(this.server, this.client, { seq: this.#serverSeq++, ack: this.#clientSeq, flags: "SA" }),
    );
    this.packets.push(tcp(this.client, this.server, { seq: this.#clientSeq, ack: this.#serverSeq }));
    return this;
  }

  /** The client sends one segment for each argument. */
  say(...segments: readonly Uint8Array[]): this {
    for (const data of segments) {
      this.packets.push(tcp(this.client, this.server, { seq: this.#clientSeq, ack: this.#serverSeq, data }));
      this.#clientSeq += data.length;
    }
    return this;
  }

  /** The server sends one segment for each argument. */
  answer(...segments: readonly Uint8Array[]): this {
    for (const data of segments) {
      this.packets.push(tcp(this.server, this.client, { seq: this.#serverSeq, ack: this.#clientSeq, data }));
      this.#serverSeq += data.length;
    }
    return this;
  }

  /** FIN of both, or RST of the client. */
  close(flags: "FA" | "RA" = "FA"): this {
    this.packets.push(tcp(this.client, this.server, { seq: this.#clientSeq, ack: this.#serverSeq, flags }));
    if (flags === "FA") {
      this.packets.push(
        tcp(this.server, this.client, { seq: this.#serverSeq, ack: this.#clientSeq + 1, flags }),
      );
    }
    return this;
  }
}

/** A message with its Length field. */
export function frame(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = message.length + 2;
  return concat([new Uint8Array([length >>> 8, length & 0xff]), message]);
}

/** What an IKE message may have. */
export interface IkeFields {
  readonly exchange?: number;
  readonly messageId?: number;
  readonly payload?: number;
  readonly size?: number;
  readonly version?: number;
  readonly flags?: number;
}

/** An IKE message without a marker: IKE_SA_INIT unless told otherwise, one opaque payload of so many octets. */
export function ike(
  { exchange = 34, messageId = 0, payload = 41, size = 60, version = 0x20, flags = 0x08 }: IkeFields = {},
): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(28 + size);
  const view = new DataView(message.buffer);
  message.fill(0xa5, 0, 8);
  message.set([payload, version, exchange, flags], 16);
  view.setUint32(20, messageId);
  view.setUint32(24, message.length);
  message.fill(0x5a, 28);
  if (size > 0) message.set([0, 0, size >>> 8, size & 0xff, 0, 0, 0x40, 0x2e], 28);
  return message;
}

/** An IKE message behind its marker. */
export function markedIke(options: IkeFields = {}): Uint8Array<ArrayBuffer> {
  return concat([new Uint8Array(4), ike(options)]);
}

/** An ESP packet; its content looks random but is always the same. */
export function esp(spi: number, seq: number, size = 88): Uint8Array<ArrayBuffer> {
  const packet = new Uint8Array(size);
  let state = (spi ^ Math.imul(seq, 0x9e3779b1)) >>> 0;
  for (let i = 8; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    packet[i] = state >>> 24;
  }
  new DataView(packet.buffer).setUint32(0, spi);
  new DataView(packet.buffer).setUint32(4, seq);
  return packet;
}

/** Raw IP packets as a reader gives them, one millisecond apart. */
export function captured(packets: readonly Uint8Array[], linkType = 101): CapturePacket[] {
  return timed(packets).map(({ data, micros }) => ({
    time: Number(micros) / 1e6,
    linkType,
    data,
    originalLength: data.length,
  }));
}

/** The items of a file that comes in these chunks. */
export function readCapture(chunks: readonly Uint8Array[]): CaptureItem[] {
  const reader = new CaptureReader();
  const items: CaptureItem[] = [];
  const collect = (batch: CaptureItem[]) => void items.push(...batch);
  for (const chunk of chunks) reader.handle(chunk, collect);
  reader.handleEnd(collect);
  return items;
}

/** The rows of these items, given one at a time. */
export function decodeItems(items: readonly CaptureItem[], options?: CaptureDecoderOptions): DecodedRow[] {
  const decoder = new CaptureDecoder(options);
  const rows: DecodedRow[] = [];
  const collect = (batch: DecodedRow[]) => void rows.push(...batch);
  for (const item of items) decoder.handle([item], collect);
  decoder.handleEnd(collect);
  return rows;
}

/** The rows of raw IP packets. */
export function decodePackets(packets: readonly Uint8Array[], options?: CaptureDecoderOptions): DecodedRow[] {
  return decodeItems(captured(packets), options);
}

/**
 * What rows are about, in short: `> prefix`, `< ike 34/0`, `> esp 00001000/1`, `> error ERR_ENCAP_LENGTH`. `>` is from the
 * client, or from whoever `left` is.
 */
export function inShort(rows: readonly DecodedRow[], left: End = CLIENT): string[] {
  const name = left[0].includes(":") ? `[${left[0]}]:${left[1]}` : `${left[0]}:${left[1]}`;
  return rows.map(({ from, kind, ike, esp, error }) => {
    const arrow = from === undefined ? "-" : from === name ? ">" : "<";
    const about = ike !== undefined
      ? ` ${ike.exchange}/${ike.messageId}`
      : esp !== undefined
      ? ` ${esp.spi}/${esp.seq}`
      : error !== undefined
      ? ` ${error.code}`
      : "";
    return `${arrow} ${kind}${about}`;
  });
}
