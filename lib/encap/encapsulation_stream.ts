/**
 * The whole of RFC 9329, sections 3 and 4, for one end of a connection: bytes on one side, IKE messages and ESP packets on
 * the other.
 */

import { CodedRangeError } from "../errors.ts";
import type { EndListener } from "./_fan.ts";
import { Join } from "./_join.ts";
import { Split } from "./_split.ts";
import { Deframer, type DeframerCounters } from "./deframer.ts";
import type { DemuxCounters, DemuxOptions } from "./demux.ts";
import { Framer, type FramerCounters } from "./framer.ts";
import { KeepaliveFilter, type KeepaliveFilterCounters } from "./keepalive_filter.ts";
import { PrefixReader } from "./prefix_reader.ts";
import { PrefixRefuser } from "./prefix_refuser.ts";
import { PrefixWriter } from "./prefix_writer.ts";
import { Chain, type MessageChunk } from "./transducer.ts";

/** Which end of the TCP connection this is (RFC 9329, section 1.2). */
export type EncapsulationRole =
  /** The end that opened the connection: sends the prefix, and refuses to be sent one. */
  | "originator"
  /** The end that accepted it: demands the prefix, and never sends one. */
  | "responder";

/** Options of an {@linkcode EncapsulationStream}. */
export interface EncapsulationOptions extends DemuxOptions {
  /** Which end this is. */
  readonly role: EncapsulationRole;
  /** The longest message that is accepted, marker included; a longer one is fatal. Default and most: 65533. */
  readonly maxAcceptLength?: number;
  /** The longest message that may be sent, marker included. Default and most: 65533. */
  readonly maxSendLength?: number;
  /**
   * What frames, instead of a {@linkcode Framer} of `maxSendLength`: an `InPlaceFramer` of `iketcp`, where ESP packets are made
   * with room in front (`room: 2` of `iketcp/esp`) and given away, so that none is copied.
   */
  readonly framer?: Framer;
}

/** One kind of message in both directions. */
export interface MessageDuplex {
  /** Batches of received messages. */
  readonly readable: ReadableStream<Uint8Array[]>;
  /** Takes messages, or batches of them, to send. A write settles when its bytes were read by the connection. */
  readonly writable: WritableStream<MessageChunk>;
}

/** What has crossed an {@linkcode EncapsulationStream}. */
export interface EncapsulationCounters {
  /** Of the bytes that came in. */
  readonly received: Readonly<DeframerCounters & KeepaliveFilterCounters & DemuxCounters>;
  /** Of the messages that went out. */
  readonly sent: Readonly<FramerCounters>;
}

/**
 * Bytes on `readable` and `writable`, messages on `ike` and `esp`. It stands where a `TransformStream` would, between the
 * two halves of a connection: `socket.readable.pipeThrough(vpn).pipeTo(socket.writable)`.
 *
 * - An end of the connection ends both readables; closing both writables ends the connection's writable.
 * - A fault in either direction (a wrong prefix, a Length of 0, a broken socket) ends both: readers get everything that came
 *   before it, then the error; the connection is cancelled and aborted. A pipe aborts only when the write under way is done:
 *   where a peer may stop reading for ever, close the connection when `closed` rejects.
 * - Views of received chunks are handed on, not copies, and no chunk is ever changed.
 *
 * @example Two ends of one connection
 * ```ts
 * import { EncapsulationStream } from "iketcp/encap";
 * import { strictEqual } from "node:assert";
 *
 * const originator = new EncapsulationStream({ role: "originator" });
 * const responder = new EncapsulationStream({ role: "responder" });
 * originator.readable.pipeThrough(responder).pipeTo(originator.writable);
 *
 * originator.ike.writable.getWriter().write(new Uint8Array([1, 2, 3]));
 * const { value } = await responder.ike.readable.getReader().read();
 * strictEqual(value![0]!.byteLength, 3);
 * ```
 */
export class EncapsulationStream {
  /** Bytes for the connection. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Takes bytes from the connection. */
  readonly writable: WritableStream<Uint8Array>;
  /** IKE messages, without their markers. */
  readonly ike: MessageDuplex;
  /** ESP packets. */
  readonly esp: MessageDuplex;
  /** Resolves when both directions have ended; rejects with the fault that ended them. */
  readonly closed: Promise<void>;

  readonly #deframer: Deframer;
  readonly #filter = new KeepaliveFilter();
  readonly #framer: Framer;
  #inbound!: Split<Uint8Array, Uint8Array[]>;
  #outbound!: Join<MessageChunk, Uint8Array>;

  /** Makes one end. */
  constructor(options: EncapsulationOptions) {
    const originator = options.role === "originator";
    if (!originator && options.role !== "responder") {
      throw new CodedRangeError(
        "ERR_OPTION_RANGE",
        `Cannot use role: expected originator or responder, got ${options.role}`,
      );
    }
    this.#deframer = new Deframer({ maxMessageLength: options.maxAcceptLength });
    const front = [originator ? new PrefixRefuser() : new PrefixReader(), this.#deframer, this.#filter];
    this.#framer = options.framer ?? new Framer({ maxMessageLength: options.maxSendLength });
    const back = originator ? [this.#framer, new PrefixWriter()] : [this.#framer];

    this.closed = new Promise((resolve, reject) => {
      let directions = 2;
      const listener: EndListener = {
        handleEnd: () => --directions === 0 && resolve(),
        handleFault: (reason) => {
          this.#inbound.fail(reason);
          this.#outbound.fail(reason);
          this.#outbound.error(reason); // the connection must not wait for what could not be sent
          reject(reason);
        },
      };
      this.#inbound = new Split(new Chain(front), options, listener);
      this.#outbound = new Join(new Chain(back), listener);
    });
    this.closed.catch(() => {}); // whoever cares listens

    this.readable = this.#outbound.readable;
    this.writable = this.#inbound.writable;
    this.ike = new Port(this.#inbound.ike, this.#outbound.ike);
    this.esp = new Port(this.#inbound.esp, this.#outbound.esp);
  }

  /** What has crossed so far. */
  get counters(): EncapsulationCounters {
    return {
      received: { ...this.#deframer.counters, ...this.#filter.counters, ...this.#inbound.core.counters },
      sent: { ...this.#framer.counters },
    };
  }
}

/** Has a writable only when somebody asks for it. */
class Port implements MessageDuplex {
  readonly readable: ReadableStream<Uint8Array[]>;
  readonly #input: Pick<MessageDuplex, "writable">;

  constructor(output: Pick<MessageDuplex, "readable">, input: Pick<MessageDuplex, "writable">) {
    this.readable = output.readable;
    this.#input = input;
  }

  get writable(): WritableStream<MessageChunk> {
    return this.#input.writable;
  }
}
