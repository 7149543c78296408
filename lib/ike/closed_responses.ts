/**
 * The last response of SAs that are closed (RFC 7296, section 2.1): who asked for the end of an SA and has not got the answer asks
 * again, and is told the same octets, though the keys are gone. Nothing else of such an SA is kept, and the response not for long.
 */

import { toHex } from "../bytes/mod.ts";
import type { IkeServices } from "./services.ts";
import type { SetTimer, TimerOwner } from "./timers.ts";

/** What an SA has answered last. */
export interface LastResponse {
  /** The request that ended the SA, as it came; of a fragmented one the fragment that made it whole. */
  readonly request: Uint8Array;
  /** As sent. */
  readonly response: readonly Uint8Array<ArrayBuffer>[];
}

/** What they have of the engine. */
export type ClosedResponsesServices = Pick<IkeServices, "crypto" | "limits" | "timers" | "now">;

/** A response that is kept. */
interface Kept {
  /** Without keys, a repetition is told by its octets alone. */
  readonly digest: string;
  readonly response: readonly Uint8Array<ArrayBuffer>[];
  readonly until: number;
}

/** The last responses of an engine's closed SAs, the oldest first: all have the same time, so one timer is enough. */
export class ClosedResponses implements TimerOwner {
  /** See `Timers`. */
  firstTimer: SetTimer | null = null;
  readonly #services: ClosedResponsesServices;
  /** By the SPI that was ours. */
  readonly #kept: Map<string, Kept> = new Map();

  /** Takes the engine's parts. */
  constructor(services: ClosedResponsesServices) {
    this.#services = services;
  }

  /** How many there are. */
  get size(): number {
    return this.#kept.size;
  }

  /** An SA is closed, and this was its last word. */
  keep(localSpi: Uint8Array, { request, response }: LastResponse): void {
    const { limits, crypto, now } = this.#services;
    if (limits.max_closed_responses === 0) return;
    if (this.#kept.size >= limits.max_closed_responses) this.#dropOldest();
    const digest = toHex(crypto.sha1(request));
    this.#kept.set(toHex(localSpi), { digest, response, until: now + limits.closed_response_time });
    this.#setTimer();
  }

  /** The response to a request that has come again; undefined for any other octets. */
  find(localSpi: Uint8Array, octets: Uint8Array): LastResponse["response"] | undefined {
    const kept = this.#kept.get(toHex(localSpi));
    if (kept === undefined || kept.digest !== toHex(this.#services.crypto.sha1(octets))) return undefined;
    return kept.response;
  }

  /** The time of the oldest is over, and perhaps that of others. */
  handle(): void {
    for (const [spi, { until }] of this.#kept) {
      if (until > this.#services.now) break;
      this.#kept.delete(spi);
    }
    this.#setTimer();
  }

  #dropOldest(): void {
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined) this.#kept.delete(oldest);
  }

  #setTimer(): void {
    const [oldest] = this.#kept.values();
    if (oldest !== undefined) this.#services.timers.set(this, "closed_response", oldest.until);
  }
}
