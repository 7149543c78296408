/**
 * The whole of RFC 9329, sections 3 and 4, for one end of a connection: bytes on one side, IKE messages and ESP packets on
 * the other.
 */

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
 *   before it, then the error; the connection is cancelled and aborted.
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
  /** What has crossed so far. */
  readonly counters: EncapsulationCounters;

  /** Makes one end. */
  constructor(options: EncapsulationOptions) {
    const originator = options.role === "originator";
    const deframer = new Deframer({ maxMessageLength: options.maxAcceptLength });
    const filter = new KeepaliveFilter();
    const framer = new Framer({ maxMessageLength: options.maxSendLength });

    const opening = originator ? new PrefixRefuser() : new PrefixReader();
    const inbound = new Split<Uint8Array, Uint8Array[]>(new Chain([opening, deframer, filter]), options);
    const outbound = new Join<MessageChunk, Uint8Array>(
      new Chain(originator ? [framer, new PrefixWriter()] : [framer]),
    );

    this.writable = inbound.writable;
    this.readable = outbound.readable;
    this.ike = { readable: inbound.ike, writable: outbound.ike };
    this.esp = { readable: inbound.esp, writable: outbound.esp };
    this.counters = {
      get received() {
        return { ...deframer.counters, ...filter.counters, ...inbound.core.counters };
      },
      sent: framer.counters,
    };

    inbound.ended.catch((reason) => outbound.fail(reason));
    outbound.ended.catch((reason) => inbound.fail(reason));
    this.closed = Promise.all([inbound.ended, outbound.ended]).then(() => {});
    this.closed.catch(() => {}); // whoever cares listens
  }
}
