/**
 * IKE requests of the local daemon to which nothing has come back. A path can die in silence, and TCP keeps a dead connection
 * for many minutes; but a daemon sends a request again and again until it is answered, and the header that shows it is in
 * clear (RFC 7296, sections 2.1 and 3.1).
 */

import { hasNonEspMarker, NON_ESP_MARKER_LENGTH } from "../encap/mod.ts";

const IKE_HEADER_LENGTH = 28;
/** From SPIs to message ID: all but the length. */
const IDENTITY_LENGTH = 24;
const FLAGS_OFFSET = 19;
const RESPONSE = 0x20;

/** Requests remembered at a time; a daemon has one or few under way for each IKE SA. */
const MOST_REQUESTS = 64;

/** When each request was first sent that has had no answer since. */
export class UnansweredRequests {
  readonly #since: Map<string, number> = new Map();

  /** Notes a datagram of the daemon; gives for how many milliseconds its request has been sent again without an answer. */
  handleDatagram(data: Uint8Array, now: number): number {
    const request = requestOf(data);
    if (request === undefined) return 0;
    const since = this.#since.get(request);
    if (since !== undefined) return now - since;
    if (this.#since.size === MOST_REQUESTS) this.#since.delete(this.#since.keys().next().value!);
    this.#since.set(request, now);
    return 0;
  }

  /** Something has come back: the path works, whatever became of the requests. */
  handleAnswer(): void {
    if (this.#since.size > 0) this.#since.clear();
  }
}

/** What tells an IKE request from others: SPIs, exchange, flags, message ID; a request sent again has the same octets there. */
function requestOf(data: Uint8Array): string | undefined {
  if (data.byteLength < NON_ESP_MARKER_LENGTH + IKE_HEADER_LENGTH || !hasNonEspMarker(data)) return undefined;
  const header = data.subarray(NON_ESP_MARKER_LENGTH, NON_ESP_MARKER_LENGTH + IDENTITY_LENGTH);
  if ((header[FLAGS_OFFSET]! & RESPONSE) !== 0) return undefined;
  return String.fromCharCode(...header);
}
