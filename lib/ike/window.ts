/**
 * Message IDs and windows (RFC 7296, sections 2.1 to 2.3), once for each direction. An end numbers its own requests; a
 * response bears the number of its request. Responses are kept as octets, to be sent again as they were.
 */

/** A request of ours that awaits its response. */
export interface OutstandingRequest {
  /** Its Message ID. */
  readonly messageId: number;
  /** As sent: one message, or its fragments. Retransmissions are "bitwise identical" (section 2.1). */
  readonly octets: readonly Uint8Array<ArrayBuffer>[];
  /** How often it has been sent on an unreliable path; 0 on a reliable one. */
  sends: number;
}

/** The last Message ID: what comes after would begin anew (section 2.2). */
const LAST_MESSAGE_ID = 0xffffffff;

/** Our requests. */
export class RequestWindow {
  /** The oldest first. */
  #outstanding: readonly OutstandingRequest[] = [];
  #next: number;
  #size = 1;

  /** Takes the first Message ID. */
  constructor(first = 0) {
    this.#next = first;
  }

  /** The Message ID of the next request. */
  get next(): number {
    return this.#next;
  }

  /** How many requests may be without a response. */
  get size(): number {
    return this.#size;
  }

  /** The peer announced its window (SET_WINDOW_SIZE), which can only grow (section 2.3). */
  grow(size: number): void {
    this.#size = Math.max(this.#size, size);
  }

  /** Whether another request may be sent: all up to `next - size` have been answered. */
  get open(): boolean {
    if (this.#next > LAST_MESSAGE_ID) return false;
    const oldest = this.oldest;
    return oldest === undefined || this.#next < oldest.messageId + this.#size;
  }

  /** Whether Message IDs run out: the IKE SA must be rekeyed or closed (section 2.2). */
  get nearlyExhausted(): boolean {
    return this.#next > LAST_MESSAGE_ID - 1000;
  }

  /** The oldest request without a response. */
  get oldest(): OutstandingRequest | undefined {
    return this.#outstanding[0];
  }

  /** Every request without a response, the oldest first. */
  outstanding(): IterableIterator<OutstandingRequest> {
    return this.#outstanding.values();
  }

  /** How many requests are without a response. */
  get pending(): number {
    return this.#outstanding.length;
  }

  /** A request is sent under the next Message ID. */
  send(octets: readonly Uint8Array<ArrayBuffer>[]): OutstandingRequest {
    const request: OutstandingRequest = { messageId: this.#next, octets, sends: 0 };
    this.#outstanding = [...this.#outstanding, request];
    this.#next++;
    return request;
  }

  /** Whether a request awaits the response of that Message ID. */
  awaits(messageId: number): boolean {
    return this.#outstanding.some((request) => request.messageId === messageId);
  }

  /** A response has come and was authentic. */
  acknowledge(messageId: number): void {
    this.#outstanding = this.#outstanding.filter((request) => request.messageId !== messageId);
  }

  /** IKE_SA_INIT is sent anew, again with Message ID 0 (section 2.2). */
  restart(): void {
    this.#outstanding = [];
    this.#next = 0;
  }

  /** Nothing is awaited any more. */
  clear(): void {
    this.#outstanding = [];
  }
}

/** What to do with a request of the peer, by its Message ID. */
export type RequestVerdict =
  /** It was not seen before and is inside the window. */
  | "new"
  /** It was answered, and the response is still there. */
  | "answered"
  /** It is being worked on. */
  | "in_progress"
  /** It was answered long ago, or lies beyond the window. */
  | "outside";

/** An answered request of the peer. */
export interface CachedResponse {
  /** An unprotected request as it came, to recognise a retransmission; null for one whose ICV tells that it is the peer's. */
  readonly request: Uint8Array | null;
  /** As sent. */
  readonly response: readonly Uint8Array<ArrayBuffer>[];
}

/** The peer's requests. */
export class ResponseWindow {
  readonly #size: number;
  readonly #cached: Map<number, CachedResponse | null> = new Map();
  #first: number;

  /** Takes the Message ID to be expected first, and the size that was announced to the peer. */
  constructor(first = 0, size = 1) {
    this.#first = first;
    this.#size = size;
  }

  /** The lowest Message ID that has not been answered. */
  get next(): number {
    return this.#first;
  }

  /** How a request's Message ID stands to the window. */
  verdict(messageId: number): RequestVerdict {
    const cached = this.#cached.get(messageId);
    if (cached === null) return "in_progress";
    if (cached !== undefined) return "answered";
    return messageId >= this.#first && messageId < this.#first + this.#size ? "new" : "outside";
  }

  /** A request is authentic and is worked on; its response may come later. */
  begin(messageId: number): void {
    this.#cached.set(messageId, null);
  }

  /** The request is refused without a response, as if it had not come. */
  abandon(messageId: number): void {
    if (this.#cached.get(messageId) === null) this.#cached.delete(messageId);
  }

  /** A request was answered; responses that the peer cannot ask for any more are forgotten (section 2.1). */
  answer(messageId: number, cached: CachedResponse): void {
    this.#cached.set(messageId, cached);
    while (this.#cached.get(this.#first) != null) this.#first++;
    for (const id of this.#cached.keys()) {
      if (id < this.#first - this.#size) this.#cached.delete(id);
    }
  }

  /** The response of a Message ID. */
  response(messageId: number): CachedResponse | undefined {
    return this.#cached.get(messageId) ?? undefined;
  }

  /** Forgets what was answered, not what was counted. */
  clear(): void {
    this.#cached.clear();
  }
}
