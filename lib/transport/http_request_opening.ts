/**
 * Whether octets can be the head of an HTTP/1 request (RFC 9112, section 3), told at the first one that cannot: a client that speaks
 * another protocol, or garbage, is then answered at once and not when its time is over.
 *
 * ```text
 * method ── SP ──▶ target ── SP ──▶ version ── CR LF ──▶ fields, to the end
 *  letters          visible          HTTP/1.0, HTTP/1.1    no controls but TAB and CR LF
 * ```
 */

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SP = 0x20;
const DEL = 0x7f;

/** What follows the target, up to the digit of the minor version. */
const VERSION = Array.from("HTTP/1.", (each) => each.charCodeAt(0));

/** Looks at a head, octet by octet. */
export class HttpRequestOpening {
  #place: "method" | "target" | "version" | "fields" = "method";
  /** Octets of the place so far. */
  #count = 0;
  #afterCr = false;

  /** Takes the next octets; false at the first that no request has. */
  handle(octets: Uint8Array): boolean {
    for (const octet of octets) if (!this.#take(octet)) return false;
    return true;
  }

  #take(octet: number): boolean {
    switch (this.#place) {
      case "method":
        return this.#word(octet, isLetter(octet), "target");
      case "target":
        return this.#word(octet, octet > SP && octet < DEL, "version");
      case "version":
        return this.#version(octet);
      case "fields":
        return this.#field(octet);
    }
  }

  /** A word of one octet or more, and the space behind it. */
  #word(octet: number, belongs: boolean, next: "target" | "version"): boolean {
    if (belongs) this.#count++;
    else if (octet !== SP || this.#count === 0) return false;
    else this.#enter(next);
    return true;
  }

  #version(octet: number): boolean {
    const place = this.#count++;
    if (place < VERSION.length) return octet === VERSION[place];
    if (place === VERSION.length) return octet === 0x30 || octet === 0x31;
    if (place === VERSION.length + 1) return octet === CR;
    this.#enter("fields");
    return octet === LF;
  }

  /** RFC 9110, section 5.5. A line ends with both octets (RFC 9112, section 2.2, lets a server insist). */
  #field(octet: number): boolean {
    if (this.#afterCr !== (octet === LF)) return false;
    this.#afterCr = octet === CR;
    return octet === CR || octet === LF || octet === TAB || (octet >= SP && octet !== DEL);
  }

  #enter(place: "target" | "version" | "fields"): void {
    this.#place = place;
    this.#count = 0;
  }
}

function isLetter(octet: number): boolean {
  const upper = octet & ~0x20;
  return upper >= 0x41 && upper <= 0x5a;
}
