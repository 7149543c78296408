/**
 * The classic capture file (draft-ietf-opsawg-pcap): a header of 24 octets, then records. Either byte order, times in
 * microseconds or nanoseconds.
 */

import { InspectError } from "../errors.ts";
import type { OctetFeed } from "./_octet_feed.ts";
import { type EmitItem, recordError } from "./_items.ts";
import { MAX_CAPTURED_LENGTH } from "./capture.ts";

/** Reads the records behind one another out of a feed. */
export class PcapReader {
  #littleEndian = false;
  #ticksPerMicrosecond = 1;
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
    while (!this.#stopped) {
      const header = feed.peek(RECORD_HEADER_LENGTH);
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
      const record = feed.peek(RECORD_HEADER_LENGTH + captured);
      if (record === undefined) return;
      const seconds = view.getUint32(0, this.#littleEndian);
      const ticks = view.getUint32(4, this.#littleEndian);
      this.#time = (seconds * 1e6 + Math.round(ticks / this.#ticksPerMicrosecond)) / 1e6;
      emit({
        time: this.#time,
        linkType: this.#linkType,
        data: record.subarray(RECORD_HEADER_LENGTH),
        originalLength: view.getUint32(12, this.#littleEndian),
      });
      feed.skip(RECORD_HEADER_LENGTH + captured);
    }
  }

  #readHeader(header: Uint8Array): void {
    const view = viewOf(header);
    this.#littleEndian = PCAP_MAGICS.has(view.getUint32(0, true));
    this.#ticksPerMicrosecond = PCAP_MAGICS.get(view.getUint32(0, this.#littleEndian))!;
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

/** Magic numbers in the byte order of the file, and how many ticks of their clocks make a microsecond. */
export const PCAP_MAGICS: ReadonlyMap<number, number> = new Map([[0xa1b2c3d4, 1], [0xa1b23c4d, 1000]]);

const FILE_HEADER_LENGTH = 24;
const RECORD_HEADER_LENGTH = 16;

function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
}
