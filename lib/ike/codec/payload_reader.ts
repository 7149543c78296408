/** Reads the fields of a payload's body one behind the other, and knows what to say when there are too few octets. */

import { viewOf } from "../../bytes/mod.ts";
import { IkeError } from "../../errors.ts";
import type { IkeCodecLimits } from "./limits.ts";
import { NOTIFY } from "./notify_types.ts";

const NO_OCTETS = new Uint8Array(0);

/**
 * A place in a payload's body that moves on with what is read. Whatever is not there, or not as it must be, is an
 * `ERR_IKE_PAYLOAD` with the payload and the offset, to be answered with INVALID_SYNTAX (RFC 7296, section 2.21).
 */
export class PayloadReader {
  /** The payload in the notation of RFC 7296. */
  readonly payload: string;
  /** How much it may hold. */
  readonly limits: IkeCodecLimits;
  readonly #octets: Uint8Array;
  readonly #end: number;
  readonly #base: number;
  #position: number;

  /** Reads octets from `start` to `end`; `base` is what makes a place in them an offset in the message. */
  constructor(
    payload: string,
    octets: Uint8Array,
    { start, end, base }: { readonly start: number; readonly end: number; readonly base: number },
    limits: IkeCodecLimits,
  ) {
    this.payload = payload;
    this.limits = limits;
    this.#octets = octets;
    this.#position = start;
    this.#end = end;
    this.#base = base;
  }

  /** Where the next octet lies in the message. */
  get offset(): number {
    return this.#base + this.#position;
  }

  /** Octets that are left. */
  get left(): number {
    return this.#end - this.#position;
  }

  /** An integer of 8 bits. */
  uint8(field: string): number {
    this.#need(1, field);
    return this.#octets[this.#position++]!;
  }

  /** An integer of 16 bits. */
  uint16(field: string): number {
    this.#need(2, field);
    const high = this.#octets[this.#position++]!;
    return high << 8 | this.#octets[this.#position++]!;
  }

  /** So many octets, as a view. */
  bytes(count: number, field: string): Uint8Array {
    this.#need(count, field);
    // Most SPIs of notifies and proposals are empty.
    if (count === 0) return NO_OCTETS;
    const start = this.#position;
    this.#position += count;
    return viewOf(this.#octets, start, this.#position);
  }

  /** Passes over fields that are reserved: "MUST be ignored on receipt". */
  skip(count: number, field: string): void {
    this.#need(count, field);
    this.#position += count;
  }

  /** All octets that are left, as a view. */
  rest(): Uint8Array {
    const start = this.#position;
    if (start === this.#end) return NO_OCTETS;
    this.#position = this.#end;
    return viewOf(this.#octets, start, this.#position);
  }

  /** A reader for a substructure of so many octets, which this one passes over. */
  part(count: number, field: string): PayloadReader {
    const start = this.#position;
    this.skip(count, field);
    const range = { start, end: this.#position, base: this.#base };
    return new PayloadReader(this.payload, this.#octets, range, this.limits);
  }

  /** Throws unless everything was read. */
  end(last: string): void {
    if (this.left > 0) this.fail(`${last} to end the payload`, `${this.left} octets more`);
  }

  /** Throws that something else was expected, at the next octet or where told. */
  fail(expected: string, got: string | number, offset: number = this.offset): never {
    throw new IkeError(
      "ERR_IKE_PAYLOAD",
      `Cannot read ${this.payload} payload at offset ${offset}: expected ${expected}, got ${got}`,
      { payload: this.payload, offset, notify: NOTIFY.invalidSyntax },
    );
  }

  /** Throws unless a count is within its limit. */
  checkCount(limit: keyof IkeCodecLimits, count: number): void {
    if (count <= this.limits[limit]) return;
    throw new IkeError(
      "ERR_IKE_LIMIT",
      `Cannot read ${this.payload} payload at offset ${this.offset}: expected at most ${this.limits[limit]} ${
        limit.replace("_", " ")
      }, got ${count}`,
      { payload: this.payload, offset: this.offset, notify: NOTIFY.invalidSyntax },
    );
  }

  #need(count: number, field: string): void {
    if (this.left < count) this.fail(`${count} octets of ${field}`, this.left);
  }
}
