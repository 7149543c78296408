/** Tells IKE from ESP by the non-ESP marker (RFC 9329, section 3). */

import { checkOctets } from "./_check.ts";
import { hasNonEspMarker, NON_ESP_MARKER_LENGTH } from "./constants.ts";
import type { MessageQueue } from "./message_queue.ts";
import type { MessageChunk } from "./transducer.ts";

/** What a {@linkcode Demux} has sorted. */
export interface DemuxCounters {
  /** IKE messages. */
  ike: number;
  /** ESP packets. */
  esp: number;
  /** Markers with no IKE message behind them, dropped. */
  empty: number;
  /** ESP packets dropped, oldest first, because more waited than `maxEspQueue`. */
  espDropped: number;
  /** Messages dropped because nobody reads their kind any more. */
  unread: number;
}

/** Options of a {@linkcode Demux}. */
export interface DemuxOptions {
  /** Octets of ESP packets that may wait for their reader; past it the oldest are dropped and counted. Default 1 MiB. */
  readonly maxEspQueue?: number;
  /** Octets of IKE messages that may wait for their reader before the whole stream is held back. Default 256 KiB. */
  readonly maxIkeQueue?: number;
}

/** Where a demux puts messages; `undefined` for a kind that nobody reads. */
export interface DemuxOutputs {
  /** IKE messages without their marker. */
  readonly ike: MessageQueue | undefined;
  /** ESP packets. */
  readonly esp: MessageQueue | undefined;
}

/** Sorts messages into two queues. Order within a kind is kept. */
export class Demux {
  /** What was sorted so far. */
  readonly counters: DemuxCounters = { ike: 0, esp: 0, empty: 0, espDropped: 0, unread: 0 };
  readonly #maxEspQueue: number;

  /** Makes a demux that keeps the ESP queue within `maxEspQueue`. */
  constructor(maxEspQueue: number) {
    this.#maxEspQueue = maxEspQueue;
  }

  /** Sorts one chunk. */
  handle(chunk: MessageChunk, outputs: DemuxOutputs): void {
    if (Array.isArray(chunk)) { for (const message of chunk) this.#sort(message, outputs); }
    else this.#sort(chunk, outputs);
    const { esp } = outputs;
    while (esp !== undefined && esp.weight > this.#maxEspQueue) {
      esp.shift();
      this.counters.espDropped++;
    }
  }

  #sort(message: Uint8Array, outputs: DemuxOutputs): void {
    checkOctets(message, "Demux");
    const ike = hasNonEspMarker(message);
    if (ike && message.byteLength === NON_ESP_MARKER_LENGTH) {
      this.counters.empty++;
      return;
    }
    const queue = ike ? outputs.ike : outputs.esp;
    if (queue === undefined) {
      this.counters.unread++;
      return;
    }
    if (ike) this.counters.ike++;
    else this.counters.esp++;
    queue.push(ike ? message.subarray(NON_ESP_MARKER_LENGTH) : message);
  }
}
