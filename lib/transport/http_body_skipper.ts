/**
 * Passes over the body of an HTTP/1 response, to use its connection again (RFC 9112, sections 6 and 7). What it cannot find
 * the end of, or finds too long, it gives up: the connection then serves no more.
 */

import { fieldTokens, fieldValues, type HttpResponseHead } from "./http_response_head.ts";

/** Octets of a body, with its chunk lines and trailers, that are passed over. */
export const MAX_SKIPPED_BODY = 65536;

/** Where a skipper stands: `done` with the octets behind the body, or `given up`. */
export type SkipProgress = { readonly done: true; readonly rest: Uint8Array } | "more" | "given up";

const LF = 0x0a;
/** A chunk line or trailer field that is longer is nothing anybody sends. */
const MAX_LINE = 1024;

/** What is read next. `line` and `trailer` end with a line end, the others after `#left` octets. */
type Mode = "counted" | "line" | "data" | "data end" | "trailer";

/** Passes over one body. */
export class HttpBodySkipper {
  #mode: Mode;
  /** Octets until the next mode. */
  #left: number;
  #line = "";
  #budget: number;

  /** Begins behind the head of a response whose body has an end that can be found. */
  private constructor(mode: Mode, left: number, budget: number) {
    this.#mode = mode;
    this.#left = left;
    this.#budget = budget;
  }

  /**
   * A skipper for the body behind this head; undefined when the connection will not outlive it: the end of the connection
   * ends the body, or the peer has said that it closes.
   */
  static for(head: HttpResponseHead, maxLength: number = MAX_SKIPPED_BODY): HttpBodySkipper | undefined {
    if (!isKept(head)) return undefined;
    const codings = fieldValues(head, "transfer-encoding");
    const lengths = fieldValues(head, "content-length");
    if (codings.length > 0) {
      // Section 6.1: together with a Content-Length it may be an attack, and the connection is not to be trusted.
      const chunked = codings.join().trim().toLowerCase() === "chunked" && lengths.length === 0;
      return chunked ? new HttpBodySkipper("line", 0, maxLength) : undefined;
    }
    const [length = ""] = lengths;
    if (lengths.length !== 1 || !/^\d{1,9}$/.test(length) || Number(length) > maxLength) return undefined;
    return new HttpBodySkipper("counted", Number(length), maxLength);
  }

  /** Takes any cut of the input. */
  handle(chunk: Uint8Array): SkipProgress {
    let offset = 0;
    for (;;) {
      if (this.#mode === "counted" && this.#left === 0) return { done: true, rest: chunk.subarray(offset) };
      if (offset >= chunk.byteLength) return "more";
      if (this.#budget <= 0) return "given up";
      if (this.#mode === "counted" || this.#mode === "data") {
        const step = Math.min(this.#left, chunk.byteLength - offset);
        offset += step;
        this.#left -= step;
        this.#budget -= step;
        if (this.#mode === "data" && this.#left === 0) this.#mode = "data end";
        continue;
      }
      const octet = chunk[offset++]!;
      this.#budget--;
      if (octet !== LF) {
        this.#line += String.fromCharCode(octet);
        if (this.#line.length > MAX_LINE) return "given up";
        continue;
      }
      const line = this.#line.replace(/\r$/, "");
      this.#line = "";
      if (!this.#handleLine(line)) return "given up";
    }
  }

  /** Takes a line without its end; false when it does not belong there. */
  #handleLine(line: string): boolean {
    switch (this.#mode) {
      case "line": {
        const size = /^([0-9a-f]{1,6})[ \t]*(?:;.*)?$/i.exec(line);
        if (size === null) return false;
        this.#left = parseInt(size[1]!, 16);
        this.#mode = this.#left === 0 ? "trailer" : "data";
        return true;
      }
      case "data end":
        this.#mode = "line";
        return line === "";
      default:
        // The empty line behind the trailer section ends the body: nothing is left of it.
        if (line === "") this.#mode = "counted";
        return true;
    }
  }
}

/** RFC 9112, section 9.3. `Proxy-Connection` is what old proxies say in place of `Connection`. */
function isKept(head: HttpResponseHead): boolean {
  const options = [...fieldTokens(head, "connection"), ...fieldTokens(head, "proxy-connection")];
  if (options.includes("close")) return false;
  return head.minorVersion === 1 || options.includes("keep-alive");
}
