/**
 * A connection whose octets are RFC 9329: IKE messages and ESP packets on streams, joined to the connection directly rather
 * than by pipes. The same duties as `EncapsulationStream`, for those who have a whole connection in hand.
 *
 * Not part of the entry point `iketcp/encap`, which browsers load for the stages alone; `iketcp` has it.
 */

import { TransportError } from "../errors.ts";
import type { EndListener } from "./_fan.ts";
import { Inlet } from "./_inlet.ts";
import { Split } from "./_split.ts";
import { hasNonEspMarker } from "./constants.ts";
import type { EncapsulationCounters, EncapsulationOptions, MessageDuplex } from "./encapsulation_stream.ts";
import { type ByteConnection, MessageLink } from "./message_link.ts";
import { checkEsp, markIke } from "./mux.ts";
import { Chain, type MessageChunk } from "./transducer.ts";

/** Options of an {@linkcode EncapsulatedConnection}. */
export interface EncapsulatedConnectionOptions extends EncapsulationOptions {
  /**
   * Takes the ESP packets of each read, in place of `esp.readable`, which is then empty. They are views of a read buffer and
   * valid only until it returns: that spares new memory for each read, which on a fast path costs as much as the reading.
   * Reading goes on when the promise that it may return has resolved. Must not throw.
   */
  readonly onEsp?: (packets: Uint8Array[]) => void | Promise<void>;
}

/**
 * IKE messages and ESP packets over one connection, which belongs to it from then on.
 *
 * - An end of the connection ends both readables; closing both writables ends our direction; when both directions have ended,
 *   the connection is closed.
 * - A fault in either direction (a wrong prefix, a Length of 0, a broken socket) ends both: readers get everything that came
 *   before it, then the error; the connection is reset at once, whatever write is under way.
 * - No chunk that was written is ever changed, unless the `framer` of the options does.
 *
 * @example Two ends of one connection
 * ```ts
 * import { EncapsulatedConnection } from "iketcp";
 * import { memoryPair } from "iketcp/transport";
 * import { strictEqual } from "node:assert";
 *
 * const [near, far] = memoryPair();
 * const originator = new EncapsulatedConnection(near, { role: "originator" });
 * const responder = new EncapsulatedConnection(far, { role: "responder" });
 *
 * originator.ike.writable.getWriter().write(new Uint8Array([1, 2, 3]));
 * const { value } = await responder.ike.readable.getReader().read();
 * strictEqual(value![0]!.byteLength, 3);
 * await Promise.all([originator.close(), responder.close()]);
 * ```
 */
export class EncapsulatedConnection {
  /** IKE messages, without their markers. */
  readonly ike: MessageDuplex;
  /** ESP packets. */
  readonly esp: MessageDuplex;
  /** Resolves when both directions have ended and the connection is released; rejects with the fault that ended them. */
  readonly closed: Promise<void>;

  readonly #link: MessageLink;
  readonly #inbound: Inbound;
  readonly #inputs: readonly Input[];
  #settle!: { resolve(): void; reject(reason: unknown): void };
  /** Directions that have not ended, and writables that have not closed. */
  #directions = 2;
  #openInputs = 2;

  /** Begins to read, and as originator writes the prefix at once. */
  constructor(connection: ByteConnection, options: EncapsulatedConnectionOptions) {
    this.closed = new Promise((resolve, reject) => this.#settle = { resolve, reject });
    this.closed.catch(() => {}); // whoever cares listens
    this.#inbound = new Inbound(options, {
      handleEnd: () => this.#handleDirectionEnd(),
      handleFault: (reason) => this.#link.fail(reason),
    });
    const inputEvents = {
      handleEnd: () => this.#handleInputEnd(),
      handleFault: (reason: unknown) => this.#link.fail(reason),
    };
    const ike = new Input((chunk) => this.#link.send(markIke(chunk)), inputEvents);
    const esp = new Input((chunk) => this.#link.send(checkEsp(chunk)), inputEvents);
    this.#inputs = [ike, esp];
    this.ike = new Port(this.#inbound.ike.readable, ike);
    this.esp = new Port(this.#inbound.esp.readable, esp);
    this.#link = new MessageLink(connection, {
      ...options,
      borrows: options.onEsp !== undefined,
      onMessages: options.onEsp === undefined
        ? (messages) => this.#inbound.deliver(messages)
        : (messages) => this.#sort(messages, options.onEsp!),
      onEnd: () => this.#inbound.handleEnd(),
      onFault: (reason) => this.#handleFault(reason),
    });
    connection.closed.then(() => this.#settle.resolve(), (reason) => this.#settle.reject(reason));
  }

  /** What has crossed so far. */
  get counters(): EncapsulationCounters {
    const { deframed, filtered, sent } = this.#link.counters;
    return { received: { ...deframed, ...filtered, ...this.#inbound.core.counters }, sent: { ...sent } };
  }

  /** Closes both directions: what was written is still delivered, nothing more is read. Resolves also when it was broken. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.#link.fail(closeTimeout()), CLOSE_TIME);
    await Promise.all(this.#inputs.map((input) => input.drain()));
    clearTimeout(timer);
    for (const input of this.#inputs) input.error(closed());
    await this.#link.close();
  }

  /** Gives ESP packets out where they lie, and IKE messages, which wait for a reader, as copies. */
  #sort(
    messages: Uint8Array[],
    onEsp: (packets: Uint8Array[]) => void | Promise<void>,
  ): void | Promise<void> {
    if (!messages.some(hasNonEspMarker)) {
      this.#inbound.core.counters.esp += messages.length;
      return onEsp(messages);
    }
    const ike = messages.filter(hasNonEspMarker);
    const esp = messages.filter((message) => !hasNonEspMarker(message));
    this.#inbound.core.counters.esp += esp.length;
    const taken = [
      this.#inbound.deliver(ike.map((message) => message.slice())),
      esp.length > 0 ? onEsp(esp) : undefined,
    ].filter((pending) => pending !== undefined);
    if (taken.length > 0) return Promise.all(taken).then(() => {});
  }

  #handleInputEnd(): void {
    if (--this.#openInputs > 0) return;
    this.#link.end().then(() => this.#handleDirectionEnd(), (reason) => this.#link.fail(reason));
  }

  #handleDirectionEnd(): void {
    if (--this.#directions === 0) this.#link.close();
  }

  #handleFault(reason: unknown): void {
    this.#settle.reject(reason);
    this.#inbound.fail(reason);
    for (const input of this.#inputs) input.error(reason);
  }
}

/** The two readables, and what waits for their readers. */
class Inbound extends Split<MessageChunk, Uint8Array[]> {
  #resume: (() => void) | undefined;

  constructor(options: EncapsulatedConnectionOptions, listener: EndListener) {
    super(new Chain([]), options, listener);
  }

  /** Takes the messages of one read. A promise says that too much waits for the reader of IKE. */
  deliver(messages: Uint8Array[]): void | Promise<void> {
    this.handle(messages);
    if (this.isFull()) return new Promise((resolve) => this.#resume = resolve);
  }

  override release(): void {
    super.release();
    if (!this.isFull()) this.#resume?.();
  }

  override fail(reason: unknown): void {
    super.fail(reason);
    this.#resume?.();
  }
}

/** One of the writables; a write settles when the connection has taken it. */
class Input extends Inlet<MessageChunk> {
  readonly #send: (chunk: MessageChunk) => Promise<void> | void;
  readonly #listener: EndListener;
  #stream: WritableStream<MessageChunk> | undefined;
  /** Chunks that were written and are not sent yet; those for which the connection has no room yet. */
  #unsent = 0;
  #pending = 0;
  #drained: (() => void) | undefined;
  #over = false;

  constructor(send: (chunk: MessageChunk) => Promise<void> | void, listener: EndListener) {
    super();
    this.#send = send;
    this.#listener = listener;
  }

  override get writable(): WritableStream<MessageChunk> {
    const size = () => {
      this.#unsent++;
      return 1;
    };
    return this.#stream ??= new WritableStream<MessageChunk>(this, { highWaterMark: 1, size });
  }

  override handle(chunk: MessageChunk): void {
    const sent = this.#send(chunk);
    if (sent === undefined) return this.#handleSent();
    this.#pending++;
    sent.then(() => {
      this.#pending--;
      this.#handleSent();
      this.release();
    }, (reason) => this.handleFault(reason));
  }

  override isFull(): boolean {
    return this.#pending > 0;
  }

  override handleEnd(): void {
    this.#listener.handleEnd();
  }

  override handleFault(reason: unknown): void {
    this.#listener.handleFault(reason);
  }

  override error(reason: unknown): void {
    super.error(reason);
    this.#over = true;
    this.#drained?.();
  }

  /** Resolves when everything that was written has been sent, or will never be. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = resolve;
      if (this.#unsent === 0 || this.#over) resolve();
    });
  }

  #handleSent(): void {
    if (--this.#unsent === 0) this.#drained?.();
  }
}

/** Has a writable only when somebody asks for it. */
class Port implements MessageDuplex {
  readonly readable: ReadableStream<Uint8Array[]>;
  readonly #input: Input;

  constructor(readable: ReadableStream<Uint8Array[]>, input: Input) {
    this.readable = readable;
    this.#input = input;
  }

  get writable(): WritableStream<MessageChunk> {
    return this.#input.writable;
  }
}

/** Milliseconds that what was written may take to leave when everything is closed. */
const CLOSE_TIME = 30000;

function closed(): TransportError {
  return new TransportError(
    "ERR_TRANSPORT_CLOSED",
    "Cannot send message: the connection was closed by this end",
  );
}

function closeTimeout(): TransportError {
  return new TransportError(
    "ERR_TRANSPORT_TIMEOUT",
    `Cannot close connection: expected the peer to read within ${CLOSE_TIME / 1000} s`,
  );
}
