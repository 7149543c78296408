/**
 * The whole of RFC 9329, sections 3 and 4, over one connection, without a stream of its own: messages by function call in
 * both directions. It drives the cores in the turn in which octets come, in the connection's own read buffer where the
 * messages are wanted for no longer, and frames into slabs that are used again.
 *
 * `EncapsulatedConnection` has streams over it; a relay does without.
 */

import { Deframer, type DeframerCounters } from "./deframer.ts";
import type { EncapsulationRole } from "./encapsulation_stream.ts";
import type { Framer, FramerCounters } from "./framer.ts";
import { KeepaliveFilter, type KeepaliveFilterCounters } from "./keepalive_filter.ts";
import { PrefixReader } from "./prefix_reader.ts";
import { PrefixRefuser } from "./prefix_refuser.ts";
import { PrefixWriter } from "./prefix_writer.ts";
import { returnSlab, SlabFramer } from "./slab_framer.ts";
import type { MessageChunk } from "./transducer.ts";

/** What takes the octets of a {@linkcode ByteConnection}; see `Receiver` of `iketcp/transport`. */
export interface ByteReceiver {
  /** Octets need to be valid only until `handleOctets` returns. */
  readonly borrows: boolean;
  /** Takes a chunk; a promise holds the connection back. */
  handleOctets(octets: Uint8Array): void | Promise<void>;
  /** The peer has ended its direction. */
  handleEnd(): void;
  /** The connection broke. */
  handleError(error: Error): void;
}

/** What is needed of a connection: a `Connection` of `iketcp/transport`, or any pair of streams with these two verbs. */
export interface ByteConnection {
  /** What the peer sends. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What goes to the peer. A chunk may be used again once its write has settled. */
  readonly writable: WritableStream<Uint8Array>;
  /** Settles when both directions have ended. */
  readonly closed: Promise<void>;
  /** Closes both directions. */
  close(reason?: unknown): Promise<void>;
  /** Hands what comes to a receiver in the place of `readable`, where the connection can. */
  receive?(receiver: ByteReceiver): void;
  /** Writes without a stream, one chunk after the other, where the connection can. */
  transmit?(chunk: Uint8Array): void | Promise<void>;
}

/** Options of a {@linkcode MessageLink}. */
export interface MessageLinkOptions {
  /** Which end this is. */
  readonly role: EncapsulationRole;
  /** The longest message that is accepted; a longer one is fatal. Default and most: 65533. */
  readonly maxAcceptLength?: number;
  /** The longest message that may be sent. Default and most: 65533. */
  readonly maxSendLength?: number;
  /**
   * Takes the messages of one read, never empty, keepalives and runts left out. Reading goes on when the promise that it may
   * return has resolved.
   */
  readonly onMessages: (messages: Uint8Array[]) => void | Promise<void>;
  /** Messages are used only until `onMessages` returns: they may then lie in a read buffer. Default: false. */
  readonly borrows?: boolean;
  /** What frames, instead of a framer of `maxSendLength` that uses its memory again; see `EncapsulationOptions`. */
  readonly framer?: Framer;
  /** Sees octets as they come, until it gives false. What it throws is a fault of the peer. */
  readonly inspect?: (octets: Uint8Array) => boolean;
  /** Called after each read, before its messages are delivered, for whoever looks at `counters`. */
  readonly onRead?: () => void;
  /** The peer has ended its direction in order, or this end has closed the connection. */
  readonly onEnd: () => void;
  /** The connection broke, or the peer broke the rules: the first reason, behind everything that came before it. */
  readonly onFault: (reason: unknown) => void;
}

/** What a {@linkcode MessageLink} has received and sent. */
export interface MessageLinkCounters {
  /** Of the bytes that came in. */
  readonly deframed: DeframerCounters;
  /** Of the messages that came in. */
  readonly filtered: KeepaliveFilterCounters;
  /** Of the messages that went out. */
  readonly sent: FramerCounters;
}

/** Messages over a connection, which belongs to it from now on. */
export class MessageLink implements ByteReceiver {
  /** As the options say. */
  readonly borrows: boolean;

  readonly #connection: ByteConnection;
  readonly #options: MessageLinkOptions;
  readonly #prefix: PrefixReader | PrefixRefuser;
  readonly #deframer: Deframer;
  readonly #filter = new KeepaliveFilter();
  readonly #framer: Framer;
  /** For connections that have only streams. */
  readonly #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  /** Pending while the connection has no room. */
  #sending: Promise<void> | undefined;
  #messages: Uint8Array[] = NONE;
  // The way of a chunk through the cores, made once.
  readonly #deframe = (octets: Uint8Array): void => this.#deframer.handle(octets, this.#keep);
  readonly #keep = (messages: Uint8Array[]): void => this.#filter.handle(messages, this.#gather);
  readonly #gather = (messages: Uint8Array[]): void => {
    this.#messages = messages; // a chunk completes at most one batch
  };
  #ending = false;
  #inboundEnded = false;
  #inspect: MessageLinkOptions["inspect"];
  #failed = false;

  /** Begins to read, and as originator writes the prefix at once. */
  constructor(connection: ByteConnection, options: MessageLinkOptions) {
    const { role, maxAcceptLength, maxSendLength: maxMessageLength } = options;
    this.#connection = connection;
    this.#options = options;
    this.borrows = options.borrows ?? false;
    this.#inspect = options.inspect;
    this.#prefix = role === "responder" ? new PrefixReader() : new PrefixRefuser();
    this.#deframer = new Deframer({ maxMessageLength: maxAcceptLength });
    this.#framer = options.framer ?? new SlabFramer({ maxMessageLength });
    if (connection.transmit === undefined) this.#writer = connection.writable.getWriter();
    // While we read, the connection tells its end behind what came before; what it says of our own end is no news.
    const handleEnd = (error: unknown) => this.#inboundEnded && !this.#ending && this.fail(error);
    (this.#writer ?? connection).closed.catch(handleEnd);
    if (role === "originator") {
      new PrefixWriter().handleStart((prefix) => void this.#write(prefix)?.catch(() => {}));
    }
    if (connection.receive !== undefined) connection.receive(this);
    else this.#pump(this.#reader = connection.readable.getReader());
  }

  /** Whether the prefix has been read, or need not be. */
  get prefixComplete(): boolean {
    return this.#prefix instanceof PrefixRefuser || this.#prefix.complete;
  }

  /** What the cores have counted; whoever moves a counter elsewhere may set it back to 0. */
  get counters(): MessageLinkCounters {
    return {
      deframed: this.#deframer.counters,
      filtered: this.#filter.counters,
      sent: this.#framer.counters,
    };
  }

  /**
   * Sends a message, or several as one chunk. Resolves when the connection has room again and the messages are of no more use;
   * rejects when the connection is broken, which `onFault` tells too. Throws where a message cannot be sent.
   */
  send(messages: MessageChunk): Promise<void> | void {
    let bytes: Uint8Array | undefined;
    this.#framer.handle(messages, (chunk) => bytes = chunk);
    const written = bytes && this.#write(bytes);
    const slab = (this.#framer as Partial<SlabFramer>).takeSlab?.();
    if (slab === undefined) return written;
    if (written === undefined) returnSlab(slab);
    // After a failure the slab may still be on its way out of somewhere.
    else written.then(() => returnSlab(slab), () => {});
    return written;
  }

  /** Ends this direction behind everything that was sent. */
  async end(): Promise<void> {
    this.#ending = true;
    await this.#sending;
    await (this.#writer ?? this.#connection.writable).close();
  }

  /** Closes both directions: what was sent is still delivered. */
  async close(): Promise<void> {
    this.#ending = true;
    await this.#connection.close();
  }

  /** Breaks the connection: the peer sees a reset. The first reason is told to `onFault`. */
  fail(reason: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#reader?.cancel(reason).catch(() => {});
    (this.#writer ?? this.#connection.writable).abort(reason).catch(() => {});
    this.#options.onFault(reason);
  }

  /** Called by the connection. */
  handleOctets(octets: Uint8Array): void | Promise<void> {
    if (this.#failed) return;
    return this.#run(() => {
      if (this.#inspect?.(octets) === false) this.#inspect = undefined;
      this.#prefix.handle(octets, this.#deframe);
    });
  }

  /** Called by the connection. */
  handleEnd(): void {
    if (this.#failed) return;
    this.#run(() => {
      this.#prefix.handleEnd();
      this.#deframer.handleEnd();
    });
    if (this.#failed) return;
    this.#inboundEnded = true;
    this.#options.onEnd();
  }

  /** Called by the connection. */
  handleError(error: Error): void {
    this.fail(error);
  }

  /** Delivers what a step of the cores completed, and then its fault. */
  #run(step: () => void): void | Promise<void> {
    let fault: { readonly reason: unknown } | undefined;
    try {
      step();
    } catch (reason) {
      fault = { reason };
    }
    const messages = this.#messages;
    this.#messages = NONE;
    this.#options.onRead?.();
    const delivered = messages.length > 0 ? this.#options.onMessages(messages) : undefined;
    if (fault === undefined) return delivered;
    if (delivered === undefined) this.fail(fault.reason);
    else return delivered.then(() => this.fail(fault.reason));
  }

  /** Writes behind what is being written. */
  #write(bytes: Uint8Array): Promise<void> | void {
    if (this.#writer !== undefined) return this.#writer.write(bytes);
    if (this.#sending !== undefined) {
      return this.#hold(this.#sending.then(() => this.#connection.transmit!(bytes)));
    }
    try {
      const written = this.#connection.transmit!(bytes);
      if (written !== undefined) return this.#hold(written);
    } catch (error) {
      return Promise.reject(error); // a broken connection is told in one way
    }
  }

  /** Remembers the last write that is under way. */
  #hold(written: Promise<void>): Promise<void> {
    const settle = () => {
      if (this.#sending === written) this.#sending = undefined;
    };
    written.then(settle, settle);
    return this.#sending = written;
  }

  /** For connections that have only streams. */
  async #pump(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return this.handleEnd();
        await this.handleOctets(value);
      }
    } catch (error) {
      this.handleError(error as Error);
    }
  }
}

const NONE: Uint8Array[] = [];
