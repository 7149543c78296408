/** What a capture file holds, whatever its format. */

import type { InspectError } from "../errors.ts";

/** One packet of a capture. */
export interface CapturePacket {
  /** Seconds since the epoch, to the microsecond; 0 where the file has no time. */
  readonly time: number;
  /** The link layer it begins with, a `LINKTYPE_` number. */
  readonly linkType: number;
  /** The captured octets. */
  readonly data: Uint8Array;
  /** Octets that the packet had on the wire; more than `data` has when the capture cut it. */
  readonly originalLength: number;
}

/** A place where a capture file is damaged. */
export interface CaptureDamage {
  /** What is wrong there. */
  readonly error: InspectError;
  /** The time of the packet before it; 0 where there was none. */
  readonly time: number;
}

/** What reading a capture gives, in the order of the file. */
export type CaptureItem = CapturePacket | CaptureDamage;

/** Captured octets that one packet may have; a file that announces more is damaged. Twice what the largest offloaded segments need. */
export const MAX_CAPTURED_LENGTH: number = 1024 * 1024;
