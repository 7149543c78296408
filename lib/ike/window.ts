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
  /** How often it has been sent on its path. */
  sends: number;
  /** On a stream that has taken the place of a broken one: until when its response is waited for, and it is sent again. */
  until?: number;
}

/** The last Message ID: what comes after would begin anew (section 2.2). */
const LAST_MESSAGE_ID = 0xffffffff;

/** One for all windows: most SAs are idle most of the time. */
const NO_REQUESTS: readonly OutstandingRequest[] = [];

/** Our requests. */
export class RequestWindow {
  /** The oldest first. */
  #outstanding: readonly OutstandingRequest[] = NO_REQUESTS;
  #next: number;
  readonly #last: number;
  #size = 1;

  /** Takes the first Message ID, and the last: what came after `0xffffffff` would begin anew (section 2.2). */
  constructor(first = 0, last: number = LAST_MESSAGE_ID) {
    this.#next = first;
    this.#last = Math.min(last, LAST_MESSAGE_ID);
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
    if (this.isExhausted) return false;
    const oldest = this.oldest;
    return oldest === undefined || this.#next < oldest.messageId + this.#size;
  }

  /** Whether Message IDs have run out: the IKE SA must be closed (section 2.2). */
  get isExhausted(): boolean {
    return this.#next > this.#last;
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
    const rest = this.#outstanding.filter((request) => request.messageId !== messageId);
    this.#outstanding = rest.length === 0 ? NO_REQUESTS : rest;
  }

  /** IKE_SA_INIT is sent anew, again with Message ID 0 (section 2.2). */
  restart(): void {
    this.#outstanding = NO_REQUESTS;
    this.#next = 0;
  }

  /** Nothing is awaited any more. */
  clear(): void {
    this.#outstanding = NO_REQUESTS;
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
  /** What a repetition is recognised by: an unprotected request as it came, or the end of a protected one's ICV. */
  readonly request: Uint8Array | number;
  /** As sent. */
  readonly response: readonly Uint8Array<ArrayBuffer>[];
}

/** A request of the peer that is being worked on, or was answered. */
interface KnownRequest {
  readonly messageId: number;
  /** Null until it is answered. */
  readonly answer: CachedResponse | null;
}

const NOT_KNOWN: readonly KnownRequest[] = [];

/** The peer's requests. */
export class ResponseWindow {
  #size: number;
  /** As many as the window is wide: one or two as a rule, for which a map would take ten times the memory. */
  #known: readonly KnownRequest[] = NOT_KNOWN;
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

  /** How many requests of the peer may be under way. */
  get size(): number {
    return this.#size;
  }

  /** The peer is told of a larger window; it never gets smaller (section 2.3). */
  grow(size: number): void {
    this.#size = Math.max(this.#size, size);
  }

  /** How a request's Message ID stands to the window. */
  verdict(messageId: number): RequestVerdict {
    const known = this.#find(messageId);
    if (known !== undefined) return known.answer === null ? "in_progress" : "answered";
    return messageId >= this.#first && messageId < this.#first + this.#size ? "new" : "outside";
  }

  /** A request is authentic and is worked on; its response may come later. */
  begin(messageId: number): void {
    this.#known = [...this.#known, { messageId, answer: null }];
  }

  /** The request is refused without a response, as if it had not come. */
  abandon(messageId: number): void {
    this.#known = this.#known.filter((known) => known.messageId !== messageId || known.answer !== null);
  }

  /** A request was answered; responses that the peer cannot ask for any more are forgotten (section 2.1). */
  answer(messageId: number, answer: CachedResponse): void {
    const others = this.#known.filter((known) => known.messageId !== messageId);
    this.#known = [...others, { messageId, answer }];
    while (this.response(this.#first) !== undefined) this.#first++;
    const oldest = this.#first - this.#size;
    if (others.length > 0) this.#known = this.#known.filter((known) => known.messageId >= oldest);
  }

  /** The response of a Message ID. */
  response(messageId: number): CachedResponse | undefined {
    return this.#find(messageId)?.answer ?? undefined;
  }

  /** Forgets what was answered, not what was counted. */
  clear(): void {
    this.#known = NOT_KNOWN;
  }

  #find(messageId: number): KnownRequest | undefined {
    return this.#known.find((known) => known.messageId === messageId);
  }
}
