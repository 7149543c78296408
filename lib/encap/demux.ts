/** Tells IKE from ESP by the non-ESP marker (RFC 9329, section 3). */

import { checkOctets, messagesOf } from "./_check.ts";
import { hasNonEspMarker, NON_ESP_MARKER_LENGTH } from "./constants.ts";
import type { MessageChunk } from "./transducer.ts";

/** What a {@linkcode Demux} has sorted. */
export interface DemuxCounters {
  /** IKE messages. */
  ike: number;
  /** ESP packets. */
  esp: number;
  /** Markers with no IKE message behind them, dropped. */
  emptyIke: number;
  /** ESP packets dropped, oldest first, because more waited than `maxEspQueue`. */
  espDropped: number;
}

/** Options of a {@linkcode Demux}. */
export interface DemuxOptions {
  /**
   * Octets of ESP packets, and 64 more for each, that may wait for a slow reader; past it the oldest are dropped and
   * counted. Default 1 MiB.
   */
  readonly maxEspQueue?: number;
  /** Octets of IKE messages, and 64 more for each, that may wait before the whole stream is held back. Default 256 KiB. */
  readonly maxIkeQueue?: number;
}

/** Where a demux puts messages of one kind: a queue, or an array. */
export interface DemuxOutput {
  /** Appends a message. */
  push(message: Uint8Array): unknown;
}

/** Where a demux puts messages. */
export interface DemuxOutputs {
  /** For IKE messages, without their marker. */
  readonly ike: DemuxOutput;
  /** For ESP packets. */
  readonly esp: DemuxOutput;
}

/** Sorts messages. Order within a kind is kept. */
export class Demux {
  /** What was sorted so far. */
  readonly counters: DemuxCounters = { ike: 0, esp: 0, emptyIke: 0, espDropped: 0 };

  /** Sorts one chunk. */
  handle(chunk: MessageChunk, outputs: DemuxOutputs): void {
    for (const message of messagesOf(chunk)) {
      checkOctets(message, "message");
      if (!hasNonEspMarker(message)) {
        this.counters.esp++;
        outputs.esp.push(message);
      } else if (message.byteLength > NON_ESP_MARKER_LENGTH) {
        this.counters.ike++;
        outputs.ike.push(message.subarray(NON_ESP_MARKER_LENGTH));
      } else {
        this.counters.emptyIke++;
      }
    }
  }
}
