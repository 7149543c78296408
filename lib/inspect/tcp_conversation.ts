/** One TCP connection of a capture: both directions, who opened it, and whether it carries RFC 9329. */

import { EncapError } from "../errors.ts";
import { TCP_FLAGS, type TcpSegment } from "../ip/tcp_segment.ts";
import type { Arrival } from "./_arrival.ts";
import { type Continuation, EncapReader, type Opening } from "./encap_reader.ts";
import type { MessageDecryptor } from "./message_decryptor.ts";
import { errorRow, type MessageRow } from "./message_rows.ts";
import { otherSide, type Side } from "./_side.ts";
import { IPSEC_NAT_PORT } from "./recognise.ts";
import { TcpReassembler } from "./tcp_reassembly.ts";

/** Takes the rows of a conversation. */
export type EmitRow = (row: MessageRow, from: Side, arrival: Arrival) => void;

/** One connection. */
export class TcpConversation {
  readonly #emit: EmitRow;
  readonly #keys: MessageDecryptor | undefined;
  readonly #onIpsecPort: boolean;
  readonly #readers: readonly [EncapReader, EncapReader];
  readonly #directions: readonly [TcpReassembler, TcpReassembler];
  /** Sequence numbers of the SYNs. */
  readonly #initial: [number | undefined, number | undefined] = [undefined, undefined];
  /** Who sent the first SYN; unknown when the capture begins later. */
  #originator: Side | undefined;
  #verdict: "undecided" | "encapsulated" | "other";
  /** Whether the originator began with something else: then no message is believed without evidence. */
  #doubtful = false;
  readonly #openings: [Opening | undefined, Opening | undefined] = [undefined, undefined];

  /** A conversation between two ports, whose rows go to `emit`. */
  constructor(ports: readonly [number, number], emit: EmitRow, keys?: MessageDecryptor) {
    this.#emit = emit;
    this.#keys = keys;
    this.#onIpsecPort = ports.includes(IPSEC_NAT_PORT);
    this.#verdict = this.#onIpsecPort ? "encapsulated" : "undecided";
    this.#readers = [this.#reader(0), this.#reader(1)];
    this.#directions = [new TcpReassembler(this.#readers[0]), new TcpReassembler(this.#readers[1])];
  }

  /** Both directions, for their open gaps. */
  get directions(): readonly TcpReassembler[] {
    return this.#directions;
  }

  /** Octets that are held. */
  get heldOctets(): number {
    const [one, other] = this.#directions;
    return one.heldOctets + other.heldOctets + this.#readers[0].heldOctets + this.#readers[1].heldOctets;
  }

  /** Whether a segment opens another connection between the same ports. */
  isReopenedBy(segment: TcpSegment, side: Side): boolean {
    if ((segment.flags & TCP_FLAGS["syn"]!) === 0 || segment.seq === this.#initial[side]) return false;
    if (this.#initial[side] === undefined) {
      // The answer to a SYN that was seen, or a SYN that the capture has behind the data.
      if ((segment.flags & TCP_FLAGS["ack"]!) !== 0 && this.#initial[otherSide(side)] !== undefined) {
        return false;
      }
      if (this.#directions[side]!.beganBehind(segment.seq)) return false;
    }
    return this.#initial[0] !== undefined || this.#initial[1] !== undefined ||
      this.#directions.some((direction) => direction.started || direction.pendingSince !== undefined);
  }

  /** Takes a segment that `side` sent. */
  handle(segment: TcpSegment, side: Side, arrival: Arrival): void {
    if (this.#verdict === "other") return;
    const { flags, seq, ack, data, dataLength } = segment;
    const sender = this.#directions[side]!;
    const receiver = this.#directions[otherSide(side)]!;
    const isSyn = (flags & TCP_FLAGS["syn"]!) !== 0;
    const isAck = (flags & TCP_FLAGS["ack"]!) !== 0;
    if (isSyn) {
      this.#handleSyn(side, seq);
      // The answer tells the number of the SYN that it answers, which the capture may have later or not at all.
      if (isAck) this.#handleSyn(otherSide(side), (ack - 1) >>> 0);
      this.#originator ??= isAck ? otherSide(side) : side;
    }
    if ((flags & TCP_FLAGS["rst"]!) !== 0) {
      // A forged reset is not at the place where the stream is.
      if (sender.expects(seq)) this.#end(side, arrival);
      return;
    }
    const first = isSyn ? (seq + 1) >>> 0 : seq;
    sender.handleData(first, data, dataLength, arrival);
    if ((flags & TCP_FLAGS["fin"]!) !== 0) sender.handleFin((first + dataLength) >>> 0);
    if (isAck) receiver.handleAck(ack);
    sender.handleTick();
    receiver.handleTick();
    if (sender.finished) this.#readers[side]!.handleEnd(arrival);
  }

  /** The conversation is over, or is not looked at any longer. */
  handleEnd(): void {
    for (const direction of this.#directions) direction.handleEnd();
  }

  #handleSyn(side: Side, seq: number): void {
    if (this.#initial[side] !== undefined) return;
    this.#initial[side] = seq;
    this.#directions[side]!.handleSyn(seq);
  }

  #end(side: Side, arrival: Arrival): void {
    this.#directions[side]!.handleEnd();
    this.#readers[side]!.handleEnd(arrival);
  }

  #reader(side: Side): EncapReader {
    return new EncapReader({
      keys: this.#keys,
      handleOpening: (opening, error, arrival) => this.#handleOpening(side, opening, error, arrival),
      handleRow: (row, arrival) => this.#emit(row, side, arrival),
    });
  }

  #handleOpening(
    side: Side,
    opening: Opening,
    error: EncapError | undefined,
    arrival: Arrival,
  ): Continuation {
    this.#openings[side] = opening;
    if (this.#verdict === "other") return "ignore";
    if (opening === "prefix" && this.#originator !== otherSide(side)) {
      return this.#acceptPrefix(side, arrival);
    }
    if (this.#originator === side) return this.#refuseOriginator(side, error, arrival);
    if (this.#verdict === "undecided") {
      // Both ends have spoken and neither sent the prefix.
      if (this.#openings[otherSide(side)] !== undefined) this.#dismiss(arrival);
      return this.#verdict === "undecided" ? "wait" : "ignore";
    }
    if (opening === "prefix") {
      const message = "Cannot read stream: expected messages from the responder, got the prefix IKETCP";
      this.#emit(errorRow(new EncapError("ERR_ENCAP_PREFIX_ECHO", message)), side, arrival);
    }
    return this.#originator !== undefined && opening !== "gap" && !this.#doubtful ? "messages" : "search";
  }

  #acceptPrefix(side: Side, arrival: Arrival): Continuation {
    this.#originator = side;
    this.#verdict = "encapsulated";
    this.#emit({ kind: "prefix", length: 6 }, side, arrival);
    // The other end's octets come behind these in time, and are told behind them.
    this.#readers[otherSide(side)]!.handleDecision(arrival);
    return "messages";
  }

  /** The end that opened the connection did not send the prefix (RFC 9329, section 4). */
  #refuseOriginator(side: Side, error: EncapError | undefined, arrival: Arrival): Continuation {
    if (!this.#onIpsecPort) {
      this.#dismiss(arrival);
      return "ignore";
    }
    if (error !== undefined) {
      this.#doubtful = true;
      this.#emit(errorRow(error), side, arrival);
      this.#readers[otherSide(side)]!.handleDoubt();
    }
    return "search";
  }

  #dismiss(arrival: Arrival): void {
    this.#verdict = "other";
    for (const reader of this.#readers) reader.handleDecision(arrival);
  }
}
