/**
 * The head of an HTTP/1 request (RFC 9112, sections 2 to 5) as a server reads it that has nothing to do with bodies: start
 * line and fields up to the empty line, out of octets that come in any cut, and whatever follows them, which already belongs
 * to the protocol that the client switches to. What is wrong is a result and not an error, since it is answered.
 */

import { HttpRequestOpening } from "./http_request_opening.ts";
import { MAX_HTTP_HEAD } from "./http_response_head.ts";

/** The head of a request. */
export interface HttpRequestHead {
  /** The method, such as `GET`. */
  readonly method: string;
  /** What it is for: a path, or a whole URL. */
  readonly target: string;
  /** The minor version: 0 or 1. */
  readonly minorVersion: 0 | 1;
  /** The fields by their names in lower case; those that came several times are joined with `, ` (RFC 9110, section 5.3). */
  readonly fields: ReadonlyMap<string, string>;
}

/** What became of the octets so far. */
export type HttpRequestResult =
  | { readonly state: "incomplete" }
  | { readonly state: "complete"; readonly head: HttpRequestHead; readonly rest: Uint8Array }
  /** Not HTTP, told at the first octet that no request has; nothing more is to be read. */
  | { readonly state: "malformed" }
  /** Longer than the limit; likewise. */
  | { readonly state: "too long" };

/** Section 3; methods are tokens, and all that there are are letters. */
const REQUEST_LINE = /^([A-Za-z]+) (\S+) HTTP\/1\.([01])$/;

/** RFC 9110, section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * Collects octets until the head is there.
 *
 * @example
 * ```ts
 * import { HttpRequestHeadReader } from "iketcp/transport";
 * import { strictEqual } from "node:assert";
 *
 * const reader = new HttpRequestHeadReader();
 * const octets = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\nrest");
 * const result = reader.handle(octets);
 * strictEqual(result.state === "complete" && result.head.fields.get("host"), "x");
 * ```
 */
export class HttpRequestHeadReader {
  readonly #limit: number;
  readonly #opening = new HttpRequestOpening();
  /** What came so far, in a buffer that doubles: one octet at a time costs no more than all at once. */
  #buffer: Uint8Array = new Uint8Array(1024);
  #length = 0;

  /** Makes a reader; `limit` is the longest head, default {@linkcode MAX_HTTP_HEAD}. */
  constructor(limit: number = MAX_HTTP_HEAD) {
    this.#limit = limit;
  }

  /** Takes a chunk. What follows the head is a copy. */
  handle(chunk: Uint8Array): HttpRequestResult {
    const before = this.#length;
    this.#append(chunk);
    const octets = this.#buffer.subarray(0, this.#length);
    const end = findEnd(octets, Math.max(0, before - 3));
    if (!this.#opening.handle(octets.subarray(before, end < 0 ? undefined : end))) {
      return { state: "malformed" };
    }
    if (end > this.#limit || (end < 0 && octets.byteLength >= this.#limit)) return { state: "too long" };
    if (end < 0) return { state: "incomplete" };
    const head = parseHead(octets.subarray(0, end));
    return head === undefined ? { state: "malformed" } : { state: "complete", head, rest: octets.slice(end) };
  }

  #append(chunk: Uint8Array): void {
    const length = this.#length + chunk.byteLength;
    if (length > this.#buffer.byteLength) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#buffer.byteLength));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = length;
  }
}

/** Index after CR LF CR LF; negative when it is not there. */
function findEnd(octets: Uint8Array, from: number): number {
  for (let i = octets.indexOf(0x0a, from); i >= 0; i = octets.indexOf(0x0a, i + 1)) {
    if (i >= 3 && octets[i - 1] === 0x0d && octets[i - 2] === 0x0a && octets[i - 3] === 0x0d) return i + 1;
  }
  return -1;
}

function parseHead(octets: Uint8Array): HttpRequestHead | undefined {
  const [requestLine = "", ...lines] = latin1(octets.subarray(0, octets.byteLength - 4)).split("\r\n");
  const [, method, target = "", minor] = REQUEST_LINE.exec(requestLine) ?? [];
  if (method === undefined) return undefined;
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
    // A line that begins with a space continued the one before; section 5.2 lets it be refused.
    if (!TOKEN.test(name) || /[\r\n\0]/.test(value)) return undefined;
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return { method, target, minorVersion: minor === "0" ? 0 : 1, fields };
}

function latin1(octets: Uint8Array): string {
  let text = "";
  for (const octet of octets) text += String.fromCharCode(octet);
  return text;
}
