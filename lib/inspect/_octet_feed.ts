/** Octets that come in chunks of any cut, taken out by length. */

/**
 * Gives the next octets as views into the chunk that holds them; only what straddles chunks is copied, into memory that
 * grows with what has arrived and is never used again.
 */
export class OctetFeed {
  /** Octets copied so far: at most three times those of what straddles chunks, since room doubles. */
  octetsCopied = 0;
  #chunk: Uint8Array = NOTHING;
  #offset = 0;
  /** Octets in front of those left in `#chunk`; at most as many as {@linkcode peek} was asked for. */
  #kept: Uint8Array<ArrayBuffer> = NOTHING;
  #filled = 0;
  #toSkip = 0;

  /** Octets that were asked for and wait for the rest. */
  get pending(): number {
    return this.#filled;
  }

  /** Octets still to be passed over. */
  get skipping(): number {
    return this.#toSkip;
  }

  /** Takes the next chunk; the one before must have been used up, as it is once `peek` has given nothing. */
  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#offset = 0;
    this.#pass();
  }

  /** The next `length` octets, or nothing until they have come. They stay until they are skipped. */
  peek(length: number): Uint8Array | undefined {
    if (this.#toSkip > 0) return undefined;
    const left = this.#chunk.length - this.#offset;
    if (this.#filled === 0 && left >= length) {
      return this.#chunk.subarray(this.#offset, this.#offset + length);
    }
    if (this.#filled < length) this.#keep(Math.min(length - this.#filled, left), length);
    return this.#filled >= length ? this.#kept.subarray(0, length) : undefined;
  }

  /** Passes over the next octets, now or when they come. */
  skip(length: number): void {
    if (length < this.#filled) {
      this.#kept = this.#kept.slice(length, this.#filled);
      this.#filled -= length;
      return;
    }
    this.#toSkip = length - this.#filled;
    this.#kept = NOTHING;
    this.#filled = 0;
    this.#pass();
  }

  #pass(): void {
    const passed = Math.min(this.#toSkip, this.#chunk.length - this.#offset);
    this.#offset += passed;
    this.#toSkip -= passed;
  }

  #keep(count: number, wanted: number): void {
    const filled = this.#filled + count;
    if (filled > this.#kept.length) {
      const grown = new Uint8Array(Math.max(filled, Math.min(wanted, 2 * filled)));
      grown.set(this.#kept.subarray(0, this.#filled));
      this.octetsCopied += this.#filled;
      this.#kept = grown;
    }
    this.#kept.set(this.#chunk.subarray(this.#offset, this.#offset + count), this.#filled);
    this.octetsCopied += count;
    this.#offset += count;
    this.#filled = filled;
  }
}

const NOTHING = new Uint8Array(0);
