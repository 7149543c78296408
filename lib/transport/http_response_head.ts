/**
 * The head of an HTTP/1 response, octet by octet (RFC 9112, sections 2 to 5): for what opens a stream with a request and has
 * to know exactly where the stream begins. Bodies do not belong here.
 */

import { TransportError } from "../errors.ts";

/** Octets that the heads of one answer may have, interim ones included. */
export const MAX_HTTP_HEAD = 16384;

/** The head of a response. */
export interface HttpResponseHead {
  /** The minor version: 0 or 1. */
  readonly minorVersion: 0 | 1;
  /** The status, 100 to 999. */
  readonly status: number;
  /** The reason phrase, without what is not printable, cut after 100 characters: it goes into error messages. */
  readonly reason: string;
  /** The fields in order, with names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** A head that is complete, and the octets that came behind it. */
export interface HttpResponseStart {
  /** The head. */
  readonly head: HttpResponseHead;
  /** What followed in the same chunk: a view of it. */
  readonly rest: Uint8Array;
}

/** What every response begins with. What begins otherwise is refused at the first octet that differs. */
const OPENING = Array.from("HTTP/1.", (each) => each.charCodeAt(0));

const CR = 0x0d;
const LF = 0x0a;

/**
 * Reads heads, one after the other; their limit is one for all of them, so that interim responses are not endless.
 *
 * @example
 * ```ts
 * import { HttpResponseHeadReader } from "iketcp/transport";
 * import { strictEqual } from "node:assert";
 *
 * const octets = new TextEncoder().encode("HTTP/1.1 200 Connection established\r\n\r\nIKE");
 * const { head, rest } = new HttpResponseHeadReader().handle(octets)!;
 * strictEqual(head.status, 200);
 * strictEqual(rest.length, 3);
 * ```
 */
export class HttpResponseHeadReader {
  readonly #maxLength: number;
  readonly #octets: Uint8Array;
  #length = 0;
  /** Where the line that is read began. */
  #lineStart = 0;
  /** Octets of heads that are done. */
  #before = 0;

  /** Makes a reader of heads that have no more octets than `maxLength` together. */
  constructor(maxLength: number = MAX_HTTP_HEAD) {
    this.#maxLength = maxLength;
    this.#octets = new Uint8Array(maxLength);
  }

  /** Takes any cut of the input; gives the head that it completes. Throws `ERR_TRANSPORT_HTTP` for what is none. */
  handle(chunk: Uint8Array): HttpResponseStart | undefined {
    for (let offset = 0; offset < chunk.byteLength; offset++) {
      if (this.#before + this.#length >= this.#maxLength) {
        throw refusal(`a head of at most ${this.#maxLength} octets`, "more");
      }
      const octet = chunk[offset]!;
      if (this.#length < OPENING.length && octet !== OPENING[this.#length]) {
        throw refusal("an HTTP/1 response", "something else");
      }
      this.#octets[this.#length++] = octet;
      if (octet === LF && this.#handleLineEnd()) {
        const head = parseHead(this.#octets.subarray(0, this.#length));
        this.#before += this.#length;
        this.#length = this.#lineStart = 0;
        return { head, rest: chunk.subarray(offset + 1) };
      }
    }
    return undefined;
  }

  /** The connection ended: throws, and says after how much. */
  handleEnd(): never {
    throw refusal("an HTTP/1 response", this.#length === 0 ? "the end" : "the end inside its head");
  }

  /** Whether nothing has been read of the head that is awaited. */
  get idle(): boolean {
    return this.#length === 0;
  }

  /** Whether the line that ends here is empty, which ends the head. RFC 9112, section 2.2: a lone LF ends a line too. */
  #handleLineEnd(): boolean {
    const length = this.#length - 1 - this.#lineStart;
    const empty = length === 0 || (length === 1 && this.#octets[this.#lineStart] === CR);
    this.#lineStart = this.#length;
    return empty;
  }
}

/** All values of a field, in order. */
export function fieldValues(head: HttpResponseHead, name: string): string[] {
  return head.fields.filter(([each]) => each === name).map(([, value]) => value);
}

/** The tokens of a field that is a list, in lower case. */
export function fieldTokens(head: HttpResponseHead, name: string): string[] {
  return fieldValues(head, name).join(",").split(",").map((token) => token.trim().toLowerCase());
}

function parseHead(octets: Uint8Array): HttpResponseHead {
  const text = new TextDecoder("latin1").decode(octets);
  // Section 5.2: a line that begins with white space goes on where the last one ended.
  const [statusLine = "", ...lines] = text.trimEnd().replace(/\r?\n[ \t]+/g, " ").split(/\r?\n/);
  const match = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/.exec(statusLine);
  if (match === null) throw refusal("a status line of HTTP/1.0 or HTTP/1.1", printable(statusLine));
  return {
    minorVersion: match[1] === "0" ? 0 : 1,
    status: Number(match[2]),
    reason: printable(match[3] ?? ""),
    fields: lines.map((line) => {
      const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)$/.exec(line);
      if (field === null) throw refusal("header fields NAME: VALUE", printable(line));
      return [field[1]!.toLowerCase(), field[2]!.trim()] as const;
    }),
  };
}

/** What a peer wrote, as it may stand in an error message. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "").trim().slice(0, 100);
}

function refusal(expected: string, actual: string): TransportError {
  return new TransportError(
    "ERR_TRANSPORT_HTTP",
    `Cannot read HTTP response: expected ${expected}, got ${actual}`,
  );
}
