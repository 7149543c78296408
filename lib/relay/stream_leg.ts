/**
 * One connection as an RFC 9329 stream of whole messages: the leg that both kinds of relay share. It puts a queue, a time to
 * close and counters on a `MessageLink`, so that a stream costs no more than its connection.
 */

import type { EncapsulationRole } from "../encap/mod.ts";
import { MessageLink } from "../encap/message_link.ts";
import { EncapError, IketcpError, RelayError, TransportError } from "../errors.ts";
import type { Connection } from "../transport/types.ts";
import type { RelayCounters } from "./counters.ts";
import { answerInspector, hintOfOpening } from "./opening_hint.ts";
import type { OutgoingQueue } from "./outgoing_queue.ts";

/** What a leg needs. */
export interface StreamLegOptions {
  /** The opened connection; the leg owns it from now on. */
  readonly connection: Connection;
  /** Which end of the connection this is. */
  readonly role: EncapsulationRole;
  /** Where messages for the stream wait; `flush` sends them. */
  readonly queue: OutgoingQueue;
  /** Takes the messages of one read, never empty; reading goes on when the promise that it may return has settled. */
  readonly onMessages: (messages: Uint8Array[]) => void | Promise<void>;
  /** Told when the peer has ended its direction in order; gives the milliseconds for which messages are still sent to it. */
  readonly onPeerEnd?: () => number;
  /** The longest message that is accepted. */
  readonly maxMessageLength: number;
  /** Milliseconds for which the connection may take nothing of what waits for it. */
  readonly stalledWriteTime: number;
  /** Milliseconds that the last messages may take to leave. */
  readonly closeTimeout: number;
  /** Where to count. */
  readonly counters: RelayCounters;
}

/** A stream of messages over a connection, until either breaks. */
export class StreamLeg {
  /** The connection below. */
  readonly connection: Connection;
  /** Settles when the connection is released: with the error that ended it, or nothing when the peer closed in order. */
  readonly ended: Promise<IketcpError | undefined>;

  readonly #options: StreamLegOptions;
  readonly #link: MessageLink;
  /** Pending while the queue is being sent. */
  #written: Promise<void> | undefined;
  #closing = false;
  #failure: IketcpError | undefined;

  /** Begins to read at once, and as originator writes the prefix at once. */
  constructor(options: StreamLegOptions) {
    const { connection, role, maxMessageLength } = options;
    this.#options = options;
    this.connection = connection;
    let done!: () => void;
    const over = new Promise<void>((resolve) => done = resolve);
    this.#link = new MessageLink(connection, {
      role,
      maxAcceptLength: maxMessageLength,
      inspect: role === "originator" ? answerInspector() : undefined,
      onRead: () => this.#count(),
      onMessages: (messages) => this.#deliver(messages),
      onEnd: () => {
        done();
        this.#handlePeerEnd();
      },
      onFault: (reason) => {
        this.#failure ??= asIketcpError(reason);
        done();
      },
    });
    const closed = connection.closed.catch((error) => void (this.#failure ??= asIketcpError(error)));
    this.ended = Promise.all([closed, over]).then(() => this.#failure);
    this.flush();
  }

  /** Whether the prefix has been read, or need not be. */
  get prefixComplete(): boolean {
    return this.#link.prefixComplete;
  }

  /** Sends what waits in the queue; what has come while that is going on already goes behind it. */
  flush(): void {
    const { queue } = this.#options;
    if (this.#written !== undefined) queue.settle();
    else if (queue.length > 0) this.#written = this.#write();
  }

  /** Breaks the connection: the peer sees a reset, the first reason becomes the outcome. */
  fail(reason: unknown): void {
    this.#link.fail(reason);
  }

  /** Ends in order: what waits is still sent, unless that takes longer than `closeTimeout`. Settles as `ended` does. */
  async close(): Promise<void> {
    await this.#finish();
    await this.ended;
  }

  /** The peer sends no more; answers to its last messages may still be on their way. */
  async #handlePeerEnd(): Promise<void> {
    if (this.#closing) return;
    await this.#linger(this.#options.onPeerEnd?.() ?? 0);
    await this.#finish();
  }

  /** Waits, unless the connection ends before. */
  async #linger(milliseconds: number): Promise<void> {
    if (milliseconds === 0) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const over = new Promise<void>((resolve) => timer = setTimeout(resolve, milliseconds));
    await Promise.race([over, this.connection.closed.catch(() => {})]);
    clearTimeout(timer);
  }

  async #finish(): Promise<void> {
    const { closeTimeout } = this.#options;
    this.#closing = true;
    const timer = setTimeout(() => {
      this.fail(
        new RelayError(
          "ERR_RELAY_CLOSE_TIMEOUT",
          `Cannot end stream: expected the peer to read within ${closeTimeout} ms`,
        ),
      );
    }, closeTimeout);
    try {
      await this.#written;
      await this.#link.close();
    } finally {
      clearTimeout(timer);
    }
  }

  #deliver(messages: Uint8Array[]): void | Promise<void> {
    const { counters, onMessages } = this.#options;
    counters.messagesFromStream += messages.length;
    for (const message of messages) counters.octetsFromStream += message.byteLength;
    return onMessages(messages);
  }

  async #write(): Promise<void> {
    const { queue, counters } = this.#options;
    try {
      while (queue.length > 0 && this.#failure === undefined) {
        const messages = queue.take(MOST_WRITTEN);
        counters.messagesToStream += messages.length;
        for (const message of messages) counters.octetsToStream += message.byteLength;
        await this.#taken(this.#link.send(messages));
      }
    } catch (error) {
      this.fail(error);
    }
    this.#written = undefined;
  }

  /**
   * Waits for a write, but not for ever: TCP keeps a dead connection for a quarter of an hour, and where nothing but ESP is
   * sent no request tells that no answer comes.
   */
  async #taken(written: void | Promise<void>): Promise<void> {
    if (written === undefined) return;
    const { stalledWriteTime } = this.#options;
    const timer = setTimeout(() => {
      this.fail(
        new RelayError(
          "ERR_RELAY_STALLED",
          `Cannot go on with stream: expected the peer to take something within ${stalledWriteTime} ms`,
        ),
      );
    }, stalledWriteTime);
    try {
      await written;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Moves what the cores have counted to the relay's counters. */
  #count(): void {
    const { deframed, filtered } = this.#link.counters;
    move(deframed, this.#options.counters);
    move(filtered, this.#options.counters);
  }
}

/**
 * Octets handed to the connection at a time. Few, because an IKE message cannot overtake them any more, and because they
 * wait beside what the queue may hold.
 */
const MOST_WRITTEN = 65536;

const MOVED = ["keepalives", "runts", "empty", "partial"] as const;

function move(from: { [name in typeof MOVED[number]]?: number }, to: RelayCounters): void {
  for (const name of MOVED) {
    if (from[name]) {
      to[name] += from[name];
      from[name] = 0;
    }
  }
}

function asIketcpError(reason: unknown): IketcpError {
  if (reason instanceof EncapError && reason.code === "ERR_ENCAP_PREFIX") {
    const hint = hintOfOpening(reason.octets);
    return hint === "" ? reason : new EncapError(reason.code, reason.message + hint, reason.octets);
  }
  if (reason instanceof IketcpError) return reason;
  return new TransportError(
    "ERR_TRANSPORT_FAILED",
    `Cannot go on with stream: ${reason instanceof Error ? reason.message : reason}`,
    { cause: reason },
  );
}
