/**
 * The classic capture file (draft-ietf-opsawg-pcap): a header of 24 octets, then records. Either byte order, times in
 * microseconds or nanoseconds, and the variant of old Linux kernels with 8 more octets a record.
 */

import { InspectError } from "../errors.ts";
import type { OctetFeed } from "./_octet_feed.ts";
import { type EmitItem, recordError } from "./_items.ts";
import { MAX_CAPTURED_LENGTH } from "./capture.ts";

/** Reads the records behind one another out of a feed. */
export class PcapReader {
  #littleEndian = false;
  #variant: PcapVariant = { ticksPerMicrosecond: 1, recordHeaderLength: 16 };
  #linkType = 0;
  #inHeader = true;
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

  /** Emits every packet whose record the feed has whole. */
  read(feed: OctetFeed, emit: EmitItem): void {
    if (this.#inHeader) {
      const header = feed.peek(FILE_HEADER_LENGTH);
      if (header === undefined) return;
      this.#readHeader(header);
      feed.skip(FILE_HEADER_LENGTH);
    }
    const { ticksPerMicrosecond, recordHeaderLength } = this.#variant;
    while (!this.#stopped) {
      const header = feed.peek(recordHeaderLength);
      if (header === undefined) return;
      const view = viewOf(header);
      const captured = view.getUint32(8, this.#littleEndian);
      if (captured > MAX_CAPTURED_LENGTH) {
        // Nothing marks the start of a record: where the next one begins is lost with the length.
        this.#stopped = true;
        emit({
          error: recordError(`a packet of at most ${MAX_CAPTURED_LENGTH} octets`, `${captured}`),
          time: this.#time,
        });
        return;
      }
      const record = feed.peek(recordHeaderLength + captured);
      if (record === undefined) return;
      const seconds = view.getUint32(0, this.#littleEndian);
      const ticks = view.getUint32(4, this.#littleEndian);
      this.#time = (seconds * 1e6 + Math.round(ticks / ticksPerMicrosecond)) / 1e6;
      emit({
        time: this.#time,
        linkType: this.#linkType,
        data: record.subarray(recordHeaderLength),
        originalLength: view.getUint32(12, this.#littleEndian),
      });
      feed.skip(recordHeaderLength + captured);
    }
  }

  #readHeader(header: Uint8Array): void {
    const view = viewOf(header);
    this.#littleEndian = PCAP_MAGICS.has(view.getUint32(0, true));
    this.#variant = PCAP_MAGICS.get(view.getUint32(0, this.#littleEndian))!;
    const major = view.getUint16(4, this.#littleEndian);
    if (major !== 2) {
      throw new InspectError(
        "ERR_INSPECT_FORMAT",
        `Cannot read capture: expected pcap version 2, got ${major}`,
      );
    }
    // The upper half says how long the frame check sequence is, which the lengths inside a packet tell as well.
    this.#linkType = view.getUint32(20, this.#littleEndian) & 0xffff;
    this.#inHeader = false;
  }
}

/** How files of one magic number differ. */
export interface PcapVariant {
  /** Units of the time's second field in a microsecond. */
  readonly ticksPerMicrosecond: number;
  /** Octets in front of each packet. */
  readonly recordHeaderLength: number;
}

/** Magic numbers, as the byte order of the file has them. */
export const PCAP_MAGICS: ReadonlyMap<number, PcapVariant> = new Map([
  [0xa1b2c3d4, { ticksPerMicrosecond: 1, recordHeaderLength: 16 }],
  [0xa1b23c4d, { ticksPerMicrosecond: 1000, recordHeaderLength: 16 }],
  [0xa1b2cd34, { ticksPerMicrosecond: 1, recordHeaderLength: 24 }],
]);

const FILE_HEADER_LENGTH = 24;

function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
}
