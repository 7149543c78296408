/**
 * Puts the segments of one direction of a TCP connection in order, as its receiver did: retransmissions, overlaps, segments
 * out of order, sequence numbers that wrap. Unlike a receiver it may never get some octets, because the capture missed
 * them: such a gap is told when the peer has acknowledged what is missing, or too much waits behind it, or at the end.
 */

import { type Arrival, later } from "./_arrival.ts";

/** Octets that may wait behind a gap in one direction: more than receivers keep out of order. */
export const MAX_PENDING_OCTETS: number = 1024 * 1024;

/** Segments that may wait behind a gap in one direction. */
export const MAX_PENDING_SEGMENTS = 4096;

/**
 * Segments of the connection that must follow the acknowledgment of missing octets before they are given up: captures of
 * busy machines do not hold all packets in the order in which they crossed the wire.
 */
export const GAP_PATIENCE = 64;

/**
 * How far in front of or behind what comes next a segment may lie, more than windows are. A single segment farther off is
 * damaged or forged and dropped; when a second one continues it, the capture has missed that much, or a new connection.
 */
export const MAX_JUMP: number = 8 * 1024 * 1024;

/** Takes the octets of a direction in order. */
export interface TcpOctetSink {
  /** The next octets. `arrival` is the last of all packets that were needed so far. */
  handleData(octets: Uint8Array, arrival: Arrival): void;
  /** The next `length` octets are not in the capture; 0 when nobody can say how many. */
  handleGap(length: number, arrival: Arrival): void;
}

/** Octets that wait behind a gap. */
interface PendingPiece {
  /** Place in the stream. */
  readonly position: number;
  readonly octets: Uint8Array;
  /** Octets behind these that the capture cut off. */
  readonly cut: number;
  readonly arrival: Arrival;
}

/** A segment farther off than {@linkcode MAX_JUMP}. */
interface StraySegment {
  readonly seq: number;
  readonly octets: Uint8Array;
  readonly length: number;
}

/** One direction of one connection. Begins at its SYN, or at the first data where the capture begins later. */
export class TcpReassembler {
  readonly #sink: TcpOctetSink;
  /** Sequence number of the octet at `#position`; nothing has been seen while undefined. */
  #next: number | undefined;
  /** Sequence number of the first data that was seen. */
  #first: number | undefined;
  /** Octets given out or given up so far. Places in the stream are counted from its start: they do not wrap. */
  #position = 0;
  #arrival: Arrival = NEVER;
  /** In order, without overlaps, all behind `#position`. */
  #pending: PendingPiece[] = [];
  #pendingOctets = 0;
  /** Segments to wait for before the gap is given up; undefined while nobody has acknowledged it. */
  #patience: number | undefined;
  #finPosition = Infinity;
  #stray: StraySegment | undefined;

  /** Gives octets to `sink`. */
  constructor(sink: TcpOctetSink) {
    this.#sink = sink;
  }

  /** Octets that are held. */
  get heldOctets(): number {
    return this.#pendingOctets + (this.#stray?.octets.length ?? 0);
  }

  /** While a gap is open: nothing that is still to come arrived before this packet. */
  get pendingSince(): Arrival | undefined {
    return this.#pending.length === 0 ? undefined : later(this.#arrival, this.#pending[0]!.arrival);
  }

  /** Whether any octet or gap was given out. */
  get started(): boolean {
    return this.#position > 0;
  }

  /** Whether everything before FIN was given out. */
  get finished(): boolean {
    return this.#position >= this.#finPosition;
  }

  /** Whether the stream that was seen began behind this SYN, be it that the capture has the SYN late. */
  beganBehind(seq: number): boolean {
    if (this.#first === undefined) return false;
    const distance = (this.#first - seq - 1) | 0;
    return distance >= 0 && distance < MAX_LATE_SYN;
  }

  /** Whether `seq` is the number that comes next. */
  expects(seq: number): boolean {
    return this.#next === seq;
  }

  /** The stream begins behind this number. */
  handleSyn(seq: number): void {
    if (this.#position === 0 && this.#pending.length === 0) this.#next = (seq + 1) >>> 0;
  }

  /** Takes the data of a segment; `length` octets of it were on the wire, of which the capture has `octets`. */
  handleData(seq: number, octets: Uint8Array, length: number, arrival: Arrival): void {
    if (length === 0) return;
    this.#next ??= seq;
    this.#first ??= seq;
    let position = this.#positionOf(seq);
    if (Math.abs(position - this.#position) > MAX_JUMP) {
      if (!this.#jumpTo(seq, octets, length, arrival)) return;
      position = this.#position;
    }
    if (position + length > this.#finPosition) this.#finPosition = Infinity; // that FIN was none of this stream
    if (position + length <= this.#position) return;
    if (this.#pending.length === 0 && position <= this.#position) {
      const known = octets.subarray(this.#position - position);
      this.#give(known, position + length - this.#position - known.length, arrival);
      return;
    }
    this.#insert(position, octets, length, arrival);
    this.#drain();
    while (this.#pendingOctets > MAX_PENDING_OCTETS || this.#pending.length > MAX_PENDING_SEGMENTS) {
      this.skipGap();
    }
  }

  /** The stream ends before this number. */
  handleFin(seq: number): void {
    this.#next ??= seq;
    const position = this.#positionOf(seq);
    if (position >= this.#position) this.#finPosition = position;
  }

  /** The peer has received everything before this number. */
  handleAck(ack: number): void {
    if (this.#pending.length === 0 || this.#patience !== undefined) return;
    if (this.#positionOf(ack) >= this.#pending[0]!.position) this.#patience = GAP_PATIENCE;
  }

  /** Another segment of the connection has passed, in either direction. */
  handleTick(): void {
    if (this.#patience !== undefined && --this.#patience <= 0) this.skipGap();
  }

  /** Gives up the first gap and gives out what follows it. */
  skipGap(): void {
    const first = this.#pending[0];
    if (first === undefined) return;
    this.#advanceOver(first.position - this.#position, first.arrival);
    this.#drain();
  }

  /** Nothing more comes: gives up every gap. */
  handleEnd(): void {
    this.#stray = undefined;
    while (this.#pending.length > 0) this.skipGap();
  }

  /** Places are at most half the number space away, so that the sign of the difference tells before from after. */
  #positionOf(seq: number): number {
    return this.#position + ((seq - this.#next!) | 0);
  }

  /** Whether a far segment continues the one before it, and so is where the stream now is. */
  #jumpTo(seq: number, octets: Uint8Array, length: number, arrival: Arrival): boolean {
    const stray = this.#stray;
    if (stray === undefined || seq !== (stray.seq + stray.length) >>> 0) {
      this.#stray = { seq, octets: octets.slice(), length };
      return false;
    }
    // What is known now is told now: the order of rows reckons with gaps, but not with this.
    this.handleEnd();
    this.#finPosition = Infinity;
    this.#advanceOver(Math.max(0, this.#positionOf(stray.seq) - this.#position), arrival);
    this.#next = stray.seq;
    this.#give(stray.octets, stray.length - stray.octets.length, arrival);
    return true;
  }

  #give(octets: Uint8Array, cut: number, arrival: Arrival): void {
    this.#arrival = later(this.#arrival, arrival);
    this.#position += octets.length;
    this.#next = (this.#next! + octets.length) >>> 0;
    if (octets.length > 0) this.#sink.handleData(octets, this.#arrival);
    if (cut > 0) this.#advanceOver(cut, arrival);
  }

  #advanceOver(length: number, arrival: Arrival): void {
    this.#arrival = later(this.#arrival, arrival);
    this.#position += length;
    this.#next = (this.#next! + length) >>> 0;
    this.#sink.handleGap(length, this.#arrival);
  }

  /** Files what of the segment is new, in as many pieces as the octets already there leave: the first copy wins. */
  #insert(position: number, octets: Uint8Array, length: number, arrival: Arrival): void {
    const end = position + length;
    let at = Math.max(position, this.#position);
    let index = this.#indexBehind(at);
    while (at < end) {
      const next = this.#pending[index];
      if (next !== undefined && next.position <= at) {
        at = endOf(next);
        index++;
        continue;
      }
      const pieceEnd = Math.min(end, next?.position ?? Infinity);
      // A copy: the capture's chunk would stay in memory for the sake of a view.
      const piece = octets.slice(at - position, pieceEnd - position);
      this.#pending.splice(index, 0, {
        position: at,
        octets: piece,
        cut: pieceEnd - at - piece.length,
        arrival,
      });
      this.#pendingOctets += piece.length;
      at = pieceEnd;
      index++;
    }
  }

  /** The first piece that ends behind a place. */
  #indexBehind(position: number): number {
    let low = 0;
    let high = this.#pending.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (endOf(this.#pending[middle]!) <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #drain(): void {
    let count = 0;
    for (; count < this.#pending.length && this.#pending[count]!.position === this.#position; count++) {
      const { octets, cut, arrival } = this.#pending[count]!;
      this.#pendingOctets -= octets.length;
      this.#give(octets, cut, arrival);
    }
    if (count === 0) return;
    this.#pending.splice(0, count);
    this.#patience = undefined; // of the next gap nothing is known yet
  }
}

/** Octets that may be seen before the SYN that they belong to. */
const MAX_LATE_SYN = 65536;

/** Before every packet. */
const NEVER: Arrival = { number: -1, time: 0 };

function endOf(piece: PendingPiece): number {
  return piece.position + piece.octets.length + piece.cut;
}
