/** Reads capture files of any format that is known here: it is recognised by its first octets. */

import { toHex } from "../bytes/hex.ts";
import type { Emit, Transducer } from "../encap/transducer.ts";
import { InspectError } from "../errors.ts";
import { OctetFeed } from "./_octet_feed.ts";
import { type EmitItem, recordError } from "./_items.ts";
import type { CaptureItem } from "./capture.ts";
import { PCAP_MAGICS, PcapReader } from "./pcap.ts";
import { BLOCK, PcapngReader } from "./pcapng.ts";

/** What a format's reader does; it leaves in the feed what is not whole yet. */
interface FormatReader {
  readonly stopped: boolean;
  readonly time: number;
  read(feed: OctetFeed, emit: EmitItem): void;
}

/**
 * Bytes of a pcap or pcapng file to its packets: one batch a chunk, views into the chunk where a packet does not straddle
 * two. Holds one record at most. A file that is damaged or cut short gives what comes before and then an item with
 * `ERR_INSPECT_RECORD`; a file that is no capture makes it throw `ERR_INSPECT_FORMAT`.
 */
export class CaptureReader implements Transducer<Uint8Array, CaptureItem[]> {
  readonly #feed: OctetFeed = new OctetFeed();
  #format: FormatReader | undefined;

  /** Whether damage made it impossible to go on: what still comes is not looked at. */
  get stopped(): boolean {
    return this.#format?.stopped ?? false;
  }

  /** Emits the items that a chunk completes. */
  handle(chunk: Uint8Array, emit: Emit<CaptureItem[]>): void {
    if (this.stopped) return;
    const items: CaptureItem[] = [];
    this.#feed.push(chunk);
    this.#format ??= this.#recognise();
    this.#format?.read(this.#feed, (item) => items.push(item));
    if (items.length > 0) emit(items);
  }

  /** Emits the damage of a file that ends inside a record. */
  handleEnd(emit: Emit<CaptureItem[]>): void {
    const { pending, skipping } = this.#feed;
    if (this.#format === undefined) {
      throw formatError(pending === 0 ? "an empty file" : `a file of ${pending} octets`);
    }
    if (this.stopped || pending + skipping === 0) return;
    emit([{
      error: recordError("the file to end behind a record", "the end inside one"),
      time: this.#format.time,
    }]);
  }

  /**
   * The bytes end here because `error` keeps the rest away: emits it as damage, or throws it when not even the format is
   * known.
   */
  handleFailure(error: InspectError, emit: Emit<CaptureItem[]>): void {
    if (this.#format === undefined) throw error;
    emit([{ error, time: this.#format.time }]);
  }

  #recognise(): FormatReader | undefined {
    const magic = this.#feed.peek(4);
    if (magic === undefined) return undefined;
    const view = new DataView(magic.buffer, magic.byteOffset, 4);
    if (PCAP_MAGICS.has(view.getUint32(0, true)) || PCAP_MAGICS.has(view.getUint32(0))) {
      return new PcapReader();
    }
    if (view.getUint32(0) === BLOCK.sectionHeader) return new PcapngReader();
    const hex = toHex(magic, " ");
    const packed = PACKED.find(([opening]) => hex.startsWith(opening));
    throw formatError(
      `one that begins with ${hex}` + (packed === undefined ? "" : `: unpack this ${packed[1]} file first`),
    );
  }
}

/** How packed files begin. */
const PACKED: readonly (readonly [opening: string, format: string])[] = [
  ["1f 8b", "gzip"],
  ["28 b5 2f fd", "Zstandard"],
  ["fd 37 7a 58", "xz"],
  ["42 5a 68", "bzip2"],
];

function formatError(got: string): InspectError {
  return new InspectError(
    "ERR_INSPECT_FORMAT",
    `Cannot read capture: expected a pcap or pcapng file, got ${got}`,
  );
}
