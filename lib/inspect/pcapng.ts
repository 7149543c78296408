/**
 * The block-structured capture file (draft-ietf-opsawg-pcapng): sections of either byte order, each with its interfaces;
 * packets in enhanced, simple and obsolete packet blocks. All other blocks are passed over without being held.
 */

import { toHex } from "../bytes/hex.ts";
import type { OctetFeed } from "./_octet_feed.ts";
import { type EmitItem, recordError } from "./_items.ts";
import { type CapturePacket, MAX_CAPTURED_LENGTH } from "./capture.ts";

/** Types of blocks. */
export const BLOCK: Readonly<
  Record<"sectionHeader" | "interface" | "packet" | "simplePacket" | "enhancedPacket", number>
> = {
  sectionHeader: 0x0a0d0d0a,
  interface: 1,
  packet: 2,
  simplePacket: 3,
  enhancedPacket: 6,
};

/** The byte order mark of a section, as its writer's byte order has it. */
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Interfaces that a section may have; about 300 octets each. */
export const MAX_INTERFACES = 4096;

/** What an interface block says about its packets. */
interface CaptureInterface {
  readonly linkType: number;
  /** Octets that are captured of a packet at most; 0 for all. */
  readonly snapLength: number;
  readonly ticksPerSecond: bigint;
  readonly offsetSeconds: bigint;
}

/** Reads blocks behind one another out of a feed. */
export class PcapngReader {
  #littleEndian = false;
  #interfaces: CaptureInterface[] = [];
  #time = 0;
  #stopped = false;

  /** Whether damage made it impossible to go on. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Time of the last packet. */
  get time(): number {
    return this.#time;
  }

  /** Emits every packet whose block the feed has whole. */
  read(feed: OctetFeed, emit: EmitItem): void {
    const damage = (expected: string, got: string) =>
      emit({ error: recordError(expected, got), time: this.#time });
    while (!this.#stopped) {
      let header = feed.peek(BLOCK_HEADER_LENGTH);
      if (header === undefined) return;
      const isSection = viewOf(header).getUint32(0) === BLOCK.sectionHeader; // reads alike in both byte orders
      if (isSection) {
        header = feed.peek(BLOCK_HEADER_LENGTH + 4);
        if (header === undefined) return;
        this.#littleEndian = viewOf(header).getUint32(8) !== BYTE_ORDER_MAGIC;
        if (viewOf(header).getUint32(8, this.#littleEndian) !== BYTE_ORDER_MAGIC) {
          this.#stopped = true;
          return damage("the byte order mark 1a2b3c4d", toHex(header.subarray(8, 12)));
        }
      }
      const type = viewOf(header).getUint32(0, this.#littleEndian);
      const length = viewOf(header).getUint32(4, this.#littleEndian);
      if (length < SHORTEST_BLOCK || length % 4 !== 0) {
        // The length is the only way to the next block.
        this.#stopped = true;
        return damage("a block length that is a multiple of 4 from 12 on", `${length}`);
      }
      const shortest = SHORTEST_BLOCKS.get(type);
      if (shortest === undefined) {
        feed.skip(length);
        continue;
      }
      if (length > MAX_BLOCK_LENGTH || length < shortest) {
        damage(`a block of ${shortest} to ${MAX_BLOCK_LENGTH} octets`, `${length}`);
        feed.skip(length);
        continue;
      }
      const block = feed.peek(length);
      if (block === undefined) return;
      this.#readBlock(type, block, emit, damage);
      const trailer = viewOf(block).getUint32(length - 4, this.#littleEndian);
      if (trailer !== length) damage(`a block to end with its length ${length}`, `${trailer}`);
      feed.skip(length);
    }
  }

  #readBlock(
    type: number,
    block: Uint8Array,
    emit: EmitItem,
    damage: (expected: string, got: string) => void,
  ): void {
    if (type === BLOCK.sectionHeader) {
      this.#interfaces = [];
    } else if (type === BLOCK.interface) {
      if (this.#interfaces.length < MAX_INTERFACES) this.#interfaces.push(this.#readInterface(block));
      else damage(`at most ${MAX_INTERFACES} interfaces`, "more");
    } else {
      const packet = this.#readPacket(type, block, damage);
      if (packet === undefined) return;
      this.#time = packet.time;
      emit(packet);
    }
  }

  #readPacket(
    type: number,
    block: Uint8Array,
    damage: (expected: string, got: string) => void,
  ): CapturePacket | undefined {
    const view = viewOf(block);
    const uint32 = (offset: number) => view.getUint32(offset, this.#littleEndian);
    const simple = type === BLOCK.simplePacket;
    // The obsolete block has a 16-bit number and a count of drops where the enhanced one has a 32-bit number.
    const id = simple ? 0 : type === BLOCK.packet ? view.getUint16(8, this.#littleEndian) : uint32(8);
    const from = this.#interfaces[id];
    if (from === undefined) {
      damage(`a packet of one of the section's ${this.#interfaces.length} interfaces`, `interface ${id}`);
      return undefined;
    }
    const start = simple ? 12 : 28;
    const originalLength = uint32(simple ? 8 : 24);
    const captured = simple ? Math.min(originalLength, from.snapLength || originalLength) : uint32(20);
    const room = block.length - start - 4;
    if (captured > room) {
      damage(`a packet of at most the ${room} octets of its block`, `${captured}`);
      return undefined;
    }
    return {
      time: simple ? this.#time : timeOf(from, uint32(12), uint32(16)),
      linkType: from.linkType,
      data: block.subarray(start, start + captured),
      originalLength,
    };
  }

  #readInterface(block: Uint8Array): CaptureInterface {
    const view = viewOf(block);
    let ticksPerSecond = 1_000_000n;
    let offsetSeconds = 0n;
    const end = block.length - 4;
    for (let offset = 16; offset + 4 <= end;) {
      const code = view.getUint16(offset, this.#littleEndian);
      const length = view.getUint16(offset + 2, this.#littleEndian);
      const value = offset + 4;
      if (code === OPTION_END || value + length > end) break;
      if (code === OPTION_TSRESOL && length === 1) {
        const resolution = view.getUint8(value);
        ticksPerSecond = resolution & 0x80 ? 2n ** BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
      } else if (code === OPTION_TSOFFSET && length === 8) {
        offsetSeconds = view.getBigInt64(value, this.#littleEndian);
      }
      offset = value + Math.ceil(length / 4) * 4;
    }
    return {
      linkType: view.getUint16(8, this.#littleEndian),
      snapLength: view.getUint32(12, this.#littleEndian),
      ticksPerSecond,
      offsetSeconds,
    };
  }
}

/** Seconds since the epoch, to the microsecond. */
function timeOf(from: CaptureInterface, high: number, low: number): number {
  const { ticksPerSecond, offsetSeconds } = from;
  if (ticksPerSecond === 1_000_000n) {
    return (high * 2 ** 32 + low + Number(offsetSeconds) * 1e6) / 1e6;
  }
  const ticks = BigInt(high) << 32n | BigInt(low);
  const microseconds = (ticks * 1_000_000n + ticksPerSecond / 2n) / ticksPerSecond;
  return Number(microseconds + offsetSeconds * 1_000_000n) / 1e6;
}

const BLOCK_HEADER_LENGTH = 8;
const SHORTEST_BLOCK = 12;
/** A whole packet with its options, or the options of a section or interface. */
const MAX_BLOCK_LENGTH = MAX_CAPTURED_LENGTH + 65536;
const OPTION_END = 0;
const OPTION_TSRESOL = 9;
const OPTION_TSOFFSET = 14;

/** The blocks that are read, with the lengths of their fixed parts. */
const SHORTEST_BLOCKS: ReadonlyMap<number, number> = new Map([
  [BLOCK.sectionHeader, 28],
  [BLOCK.interface, 20],
  [BLOCK.packet, 32],
  [BLOCK.simplePacket, 16],
  [BLOCK.enhancedPacket, 32],
]);

function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
}
