/**
 * Reads one direction of a captured TCP conversation as RFC 9329 wants it: the prefix first, where this end is the one to
 * send it, then messages. What a live end would close the connection for is told, and then the next message is searched.
 */

import { STREAM_PREFIX } from "../encap/constants.ts";
import { PrefixReader } from "../encap/prefix_reader.ts";
import { EncapError, InspectError } from "../errors.ts";
import { type Arrival, later } from "./_arrival.ts";
import { FrameReader } from "./frame_reader.ts";
import { type ArrivedOctets, FrameSearch } from "./frame_search.ts";
import type { MessageDecryptor } from "./message_decryptor.ts";
import { errorRow, type MessageRow, messageRows } from "./message_rows.ts";
import type { TcpOctetSink } from "./tcp_reassembly.ts";

/** How a direction began. */
export type Opening =
  /** With the whole prefix. */
  | "prefix"
  /** With other octets. */
  | "other"
  /** With octets that the capture lacks. */
  | "gap";

/** How a direction goes on behind its opening. */
export type Continuation =
  /** With messages, from here on. */
  | "messages"
  /** With messages, as soon as one can be found. */
  | "search"
  /** Nobody knows yet whether this is RFC 9329: its octets wait. */
  | "wait"
  /** It is something else. */
  | "ignore";

/** What an {@linkcode EncapReader} asks and tells the conversation that it belongs to. */
export interface EncapReaderOwner {
  /** Opens what is sealed. */
  readonly keys: MessageDecryptor | undefined;
  /** The opening is known; `error` says why it is not the prefix. Answers how to go on; asked again after "wait". */
  handleOpening(opening: Opening, error: EncapError | undefined, arrival: Arrival): Continuation;
  /** A row of this direction. */
  handleRow(row: MessageRow, arrival: Arrival): void;
}

/** Octets that may wait in one direction until it is known whether the conversation is RFC 9329; a direction with more is ignored. */
export const MAX_WAITING_OCTETS = 65536;

/** SPIs that are remembered in one direction. */
export const MAX_KNOWN_SPIS = 64;

/** Octets, and how many are missing in front of them. */
interface WaitingPiece extends ArrivedOctets {
  readonly gap: number | undefined;
}

/** One direction. */
export class EncapReader implements TcpOctetSink {
  readonly #owner: EncapReaderOwner;
  readonly #prefix: PrefixReader = new PrefixReader();
  readonly #frames: FrameReader;
  #search: FrameSearch | undefined;
  #state: "opening" | Continuation = "opening";
  #opening: Opening = "other";
  #openingError: EncapError | undefined;
  /** All octets from the first on, while it is not known how to go on; at most `MAX_WAITING_OCTETS` and a segment. */
  #waiting: WaitingPiece[] = [];
  #waitingOctets = 0;
  /** Whether any message was found: without one, holes say nothing about RFC 9329. */
  #recognised = false;
  /** The last sequence number by SPI, least recently seen first. */
  readonly #knownSpis: Map<number, number> = new Map();

  /** Reads for a conversation. */
  constructor(owner: EncapReaderOwner) {
    this.#owner = owner;
    this.#frames = new FrameReader({
      handleMessage: (message, arrival) => this.#handleMessage(message, arrival),
      handleFault: (error, arrival) => owner.handleRow(errorRow(error), arrival),
    });
  }

  /** Octets that are held. */
  get heldOctets(): number {
    return this.#waitingOctets + this.#frames.heldOctets + (this.#search?.heldOctets ?? 0);
  }

  /** Takes the next octets. */
  handleData(octets: Uint8Array, arrival: Arrival): void {
    if (this.#state === "opening") this.#open(octets, arrival);
    else if (this.#state === "wait") this.#wait(octets, arrival);
    else this.#read([{ octets, arrival }]);
  }

  /** Passes over octets that the capture lacks. */
  handleGap(length: number, arrival: Arrival): void {
    if (this.#state === "wait") {
      this.#wait(NOTHING, arrival, length);
    } else if (this.#state === "opening") {
      this.#stopWaiting();
      const continuation = this.#judge("gap", undefined, arrival);
      if (continuation === "search" || continuation === "messages") this.#tellGap(length, arrival);
    } else if (this.#state === "search") {
      this.#search!.handleGap();
      if (this.#recognised) this.#tellGap(length, arrival);
    } else if (this.#state === "messages") {
      this.#tellGap(length, arrival);
      if (!this.#frames.handleGap(length)) this.#startSearch();
    }
  }

  /** The owner knows more than when it answered that the opening has to wait. */
  handleDecision(arrival: Arrival): void {
    if (this.#state === "wait") this.#judge(this.#opening, this.#openingError, arrival);
  }

  /** Messages cannot be where they seemed to be, since the other end does not speak RFC 9329. */
  handleDoubt(): void {
    if (this.#state === "messages") this.#startSearch();
  }

  /** The sender has ended the stream. */
  handleEnd(arrival: Arrival): void {
    if (this.#state === "opening" && this.#waitingOctets > 0) {
      this.#owner.handleOpening("other", thrownBy(() => this.#prefix.handleEnd()), arrival);
    }
    const error = this.#state === "messages" ? this.#frames.handleEnd() : undefined;
    if (error !== undefined) this.#owner.handleRow(errorRow(error), arrival);
    this.#ignore();
  }

  #open(octets: Uint8Array, arrival: Arrival): void {
    // The prefix may come octet by octet; where it turns out to be none, these octets belong to what follows.
    this.#keepWaiting(octets, arrival);
    const error = thrownBy(() => this.#prefix.handle(octets, () => {}));
    if (error !== undefined) this.#judge("other", error, arrival);
    else if (this.#prefix.complete) this.#judge("prefix", undefined, arrival);
  }

  /** Goes on as the owner says, with all that waited. */
  #judge(opening: Opening, error: EncapError | undefined, arrival: Arrival): Continuation {
    this.#opening = opening;
    this.#openingError = error;
    const continuation = this.#owner.handleOpening(opening, error, arrival);
    this.#state = continuation;
    if (continuation === "wait") return continuation;
    if (continuation === "search") this.#startSearch();
    let toSkip = opening === "prefix" ? STREAM_PREFIX.length : 0;
    for (const piece of this.#stopWaiting()) {
      if (piece.gap !== undefined) this.handleGap(piece.gap, arrival);
      const octets = piece.octets.subarray(toSkip);
      toSkip = Math.max(0, toSkip - piece.octets.length);
      this.#read([{ octets, arrival: later(piece.arrival, arrival) }]);
    }
    return continuation;
  }

  /** Reads messages and searches for them, by turns. */
  #read(pieces: ArrivedOctets[]): void {
    while (pieces.length > 0) {
      const { octets, arrival } = pieces.pop()!;
      if (octets.length === 0) continue;
      if (this.#state === "messages") {
        const lostAt = this.#frames.handle(octets, arrival);
        if (lostAt === undefined) continue;
        this.#startSearch();
        pieces.push({ octets: octets.subarray(lostAt), arrival });
      } else if (this.#state === "search") {
        const found = this.#search!.handle(octets, arrival);
        if (found !== undefined) {
          this.#search = undefined;
          this.#state = "messages";
          // What is found now is told now, though some of it arrived before.
          for (const piece of found.reverse()) {
            pieces.push({ octets: piece.octets, arrival: later(piece.arrival, arrival) });
          }
        } else if (this.#search!.exhausted) {
          this.#ignore();
        }
      }
    }
  }

  #startSearch(): void {
    this.#state = "search";
    this.#search = new FrameSearch(this.#knownSpis);
  }

  #ignore(): void {
    this.#state = "ignore";
    this.#search = undefined;
    this.#stopWaiting();
  }

  #wait(octets: Uint8Array, arrival: Arrival, gap?: number): void {
    this.#keepWaiting(octets, arrival, gap);
    if (this.#waitingOctets > MAX_WAITING_OCTETS) this.#ignore();
  }

  #keepWaiting(octets: Uint8Array, arrival: Arrival, gap?: number): void {
    // A copy: the capture's chunk would stay in memory for the sake of a view.
    this.#waiting.push({ octets: octets.slice(), arrival, gap });
    this.#waitingOctets += Math.max(octets.length, WAITING_PIECE_OCTETS);
  }

  #stopWaiting(): WaitingPiece[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingOctets = 0;
    return waiting;
  }

  #tellGap(length: number, arrival: Arrival): void {
    const missing = length > 0 ? `${length} octets` : "an unknown number of octets";
    const message = `Cannot read stream: expected all of it in the capture, but ${missing} are missing`;
    this.#owner.handleRow(errorRow(new InspectError("ERR_INSPECT_GAP", message)), arrival);
  }

  #handleMessage(message: Uint8Array, arrival: Arrival): void {
    this.#recognised = true;
    for (const row of messageRows(message, { keys: this.#owner.keys })) {
      if (row.esp?.seq !== undefined) this.#remember(parseInt(row.esp.spi, 16), row.esp.seq);
      this.#owner.handleRow(row, arrival);
    }
  }

  #remember(spi: number, seq: number): void {
    this.#knownSpis.delete(spi);
    this.#knownSpis.set(spi, seq);
    if (this.#knownSpis.size > MAX_KNOWN_SPIS) this.#knownSpis.delete(this.#knownSpis.keys().next().value!);
  }
}

const NOTHING = new Uint8Array(0);

/** What a short piece takes in memory, roughly. */
const WAITING_PIECE_OCTETS = 64;

function thrownBy(action: () => void): EncapError | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof EncapError) return error;
    throw error;
  }
}
