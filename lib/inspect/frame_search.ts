/**
 * Finds where messages begin in the middle of a stream: where a capture begins late, behind a hole, behind a wrong length.
 *
 * Nothing in RFC 9329 marks the start of a message, so it goes by evidence, each piece of which other octets give less
 * than once in 2^32 times, or in the weakest case (4) once in 2^16 segments:
 *
 * 1. a length, the non-ESP marker and an IKE header that fit each other;
 * 2. the SPI of an ESP packet seen before in this direction, with a sequence number shortly behind that one's;
 * 3. two lengths, one where the other points, with the same SPI and sequence numbers shortly behind one another behind
 *    them;
 * 4. lengths that lead from the start of a segment, or from right behind a wrong length, to the end of the segment by
 *    messages that may be IKE, ESP or keepalives: most peers write whole messages.
 *
 * A packet that leads to the found place from the start of a segment, or has a known SPI, is taken along.
 */

import { hasNonEspMarker, LENGTH_FIELD_LENGTH, NAT_KEEPALIVE } from "../encap/constants.ts";
import type { Arrival } from "./_arrival.ts";
import { looksLikeMarkedIke, MARKED_HEADER_LENGTH, mayBeEsp } from "./recognise.ts";

/** The longest ESP packet of which two in a row are evidence: a jumbo frame. */
export const LONGEST_PAIRED_ESP = 9216;

/** Octets that are searched before a direction is given up. */
export const MAX_SEARCH_OCTETS: number = 4 * 1024 * 1024;

/** Octets as they arrived. */
export interface ArrivedOctets {
  /** The octets. */
  readonly octets: Uint8Array;
  /** When they came. */
  readonly arrival: Arrival;
}

/** The last sequence number by SPI of the ESP packets of one direction. */
export type KnownSpis = ReadonlyMap<number, number>;

/** A packet that may begin somewhere and end where the map of these has it. */
interface Candidate {
  readonly start: number;
  readonly spi: number;
  readonly seq: number;
  /** Whether it is taken along when a message begins where it ends. */
  readonly likely: boolean;
}

/** Searches one direction from one point on. */
export class FrameSearch {
  readonly #knownSpis: KnownSpis;
  /** The last octets; the first one of them has the place `#base`. */
  #window: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #length = 0;
  #base = 0;
  /** Where segments begin, as far as the window reaches. */
  #starts: { readonly place: number; readonly arrival: Arrival }[] = [];
  /** Every place before this one has been looked at. */
  #scanned = 0;
  readonly #candidatesByEnd: Map<number, Candidate[]> = new Map();

  /** Searches with the help of what is known about ESP so far. */
  constructor(knownSpis: KnownSpis) {
    this.#knownSpis = knownSpis;
  }

  /** Octets that are held, candidates included. */
  get heldOctets(): number {
    return this.#window.length + CANDIDATE_OCTETS * this.#candidatesByEnd.size;
  }

  /** Whether so much was searched in vain that there is no point in going on. */
  get exhausted(): boolean {
    return this.#base + this.#length > MAX_SEARCH_OCTETS;
  }

  /** Takes the next segment; gives the octets from the first message on, once one is found. */
  handle(segment: Uint8Array, arrival: Arrival): ArrivedOctets[] | undefined {
    const start = this.#append(segment, arrival);
    const place = Math.min(this.#scan(), this.#isWhole(start) ? start : Infinity);
    if (place < Infinity) return this.#from(place);
    this.#trim();
    return undefined;
  }

  /** What follows has no connection to what came: the octets between are missing. */
  handleGap(): void {
    this.#base += this.#length;
    this.#length = 0;
    this.#scanned = this.#base;
    this.#starts = [];
    this.#candidatesByEnd.clear();
  }

  /** Looks at every place behind which enough octets are there to tell what may begin; Infinity when it finds nothing. */
  #scan(): number {
    const end = this.#base + this.#length - LENGTH_FIELD_LENGTH - MARKED_HEADER_LENGTH;
    for (; this.#scanned <= end; this.#scanned++) {
      const place = this.#scanned;
      const found = this.#look(place);
      if (found !== undefined) return this.#takeAlong(found);
      this.#candidatesByEnd.delete(place - LONGEST_CANDIDATE);
    }
    return Infinity;
  }

  /** Where messages begin, if the octets here are evidence; files what may become evidence. */
  #look(place: number): number | undefined {
    const offset = place - this.#base;
    const length = this.#uint16(offset) - LENGTH_FIELD_LENGTH;
    const message = this.#window.subarray(
      offset + LENGTH_FIELD_LENGTH,
      offset + LENGTH_FIELD_LENGTH + MARKED_HEADER_LENGTH,
    );
    if (looksLikeMarkedIke(message, length)) return place;
    const spi = this.#uint32(offset + 2);
    if (!mayBeEsp(spi, length)) return undefined;
    const seq = this.#uint32(offset + 6);
    const known = this.#knownSpis.get(spi);
    if (known !== undefined && followsShortly(seq, known, MAX_SEQ_STEP_TO_KNOWN)) return place;
    for (const candidate of this.#candidatesByEnd.get(place) ?? []) {
      if (candidate.spi === spi && followsShortly(seq, candidate.seq, MAX_SEQ_STEP_IN_PAIR)) {
        return candidate.start;
      }
    }
    if (length > LONGEST_PAIRED_ESP) return undefined;
    const candidate = { start: place, spi, seq, likely: known !== undefined || this.#isSegmentStart(place) };
    const end = place + LENGTH_FIELD_LENGTH + length;
    const others = this.#candidatesByEnd.get(end);
    if (others === undefined) this.#candidatesByEnd.set(end, [candidate]);
    else others.push(candidate);
    return undefined;
  }

  /** Goes back over packets that lead to the place. */
  #takeAlong(place: number): number {
    for (;;) {
      const before = this.#candidatesByEnd.get(place)?.find(({ likely }) => likely);
      if (before === undefined) return place;
      place = before.start;
    }
  }

  /** Whether the octets from a place on are whole messages, at least one of them more than empty. */
  #isWhole(place: number): boolean {
    let offset = place - this.#base;
    let evidence = false;
    while (offset < this.#length) {
      if (this.#length - offset < LENGTH_FIELD_LENGTH) return false;
      const end = offset + this.#uint16(offset);
      if (end > this.#length || end < offset + LENGTH_FIELD_LENGTH) return false;
      const message = this.#window.subarray(offset + LENGTH_FIELD_LENGTH, end);
      if (message.length > 0) {
        if (!mayBeMessage(message)) return false;
        evidence = true;
      }
      offset = end;
    }
    return evidence;
  }

  #isSegmentStart(place: number): boolean {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle]!.place < place) low = middle + 1;
      else high = middle;
    }
    return this.#starts[low]?.place === place;
  }

  /** The octets from a place on, by the segments that brought them. */
  #from(place: number): ArrivedOctets[] {
    const pieces: ArrivedOctets[] = [];
    this.#starts.forEach(({ place: start, arrival }, i) => {
      const end = this.#starts[i + 1]?.place ?? this.#base + this.#length;
      if (end <= place) return;
      // The window is not written again: the search is over.
      const octets = this.#window.subarray(Math.max(start, place) - this.#base, end - this.#base);
      pieces.push({ octets, arrival });
    });
    return pieces;
  }

  /** Adds a segment to the window; gives its place. */
  #append(segment: Uint8Array, arrival: Arrival): number {
    const length = this.#length + segment.length;
    if (length > this.#window.length) {
      const grown = new Uint8Array(2 * length);
      grown.set(this.#window.subarray(0, this.#length));
      this.#window = grown;
    }
    this.#window.set(segment, this.#length);
    this.#length = length;
    const place = this.#base + length - segment.length;
    this.#starts.push({ place, arrival });
    return place;
  }

  /** Lets go of octets that no message to be found can begin with, a good many at a time. */
  #trim(): void {
    // Candidates that end up to LONGEST_CANDIDATE in front of what is looked at are still known, and begin as much earlier.
    const surplus = this.#scanned - 2 * LONGEST_CANDIDATE - this.#base;
    if (surplus < LONGEST_CANDIDATE) return;
    this.#window.copyWithin(0, surplus, this.#length);
    this.#length -= surplus;
    this.#base += surplus;
    const behind = this.#starts.findIndex(({ place }) => place > this.#base);
    this.#starts.splice(0, Math.max(0, (behind < 0 ? this.#starts.length : behind) - 1));
  }

  #uint16(offset: number): number {
    return this.#window[offset]! << 8 | this.#window[offset + 1]!;
  }

  #uint32(offset: number): number {
    return this.#uint16(offset) * 0x10000 + this.#uint16(offset + 2);
  }
}

function mayBeMessage(message: Uint8Array): boolean {
  if (message.length === 1) return message[0] === NAT_KEEPALIVE;
  if (message.length < 4) return false;
  if (hasNonEspMarker(message)) return looksLikeMarkedIke(message, message.length);
  const spi = new DataView(message.buffer, message.byteOffset, 4).getUint32(0);
  return mayBeEsp(spi, message.length);
}

function followsShortly(seq: number, before: number, most: number): boolean {
  const step = (seq - before) >>> 0;
  return step >= 1 && step <= most;
}

const LONGEST_CANDIDATE = LONGEST_PAIRED_ESP + LENGTH_FIELD_LENGTH;
/** What a candidate takes in memory, roughly. */
const CANDIDATE_OCTETS = 128;
const MAX_SEQ_STEP_TO_KNOWN = 65536;
const MAX_SEQ_STEP_IN_PAIR = 1024;
