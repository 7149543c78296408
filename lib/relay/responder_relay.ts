/**
 * The relay beside a responder's daemon: accepts RFC 9329 streams, and gives each client a UDP socket towards the daemon.
 */

import { hasNonEspMarker } from "../encap/mod.ts";
import { RelayError, TransportError } from "../errors.ts";
import type { Connection, DatagramEndpoint, Listener } from "../transport/types.ts";
import { type ClientSocket, ClientSockets, type Deliver } from "./client_sockets.ts";
import { type RelayCounters, zeroCounters } from "./counters.ts";
import { isCarried } from "./datagrams.ts";
import type { OnRelayEvent } from "./events.ts";
import { startIdleSweep } from "./idle_sweep.ts";
import { type RelayLimits, relayLimits } from "./limits.ts";
import { OutgoingQueue } from "./outgoing_queue.ts";
import { sendAll } from "./send_all.ts";
import { sourceKey } from "../transport/source_key.ts";
import { StreamLeg } from "./stream_leg.ts";

/** What a {@linkcode ResponderRelay} needs. */
export interface ResponderRelayOptions {
  /** Where clients connect; the relay owns it from now on. */
  readonly listener: Listener;
  /** Opens a UDP socket that hears only the daemon and sends to it without an address. */
  readonly openEndpoint: () => Promise<DatagramEndpoint>;
  /** Limits that differ from their defaults. */
  readonly limits?: Partial<RelayLimits>;
  /** Takes events. */
  readonly onEvent?: OnRelayEvent;
}

/**
 * Streams to datagrams. Transparent: one message is one datagram, in both directions; nothing is decrypted.
 *
 * @example A relay between two networks in memory
 * ```ts
 * import { ResponderRelay } from "iketcp/relay";
 * import { listenTcp, openUdp } from "iketcp/runtime";
 *
 * const daemon = await openUdp({ local: { hostname: "127.0.0.1", port: 0 } });
 * const relay = new ResponderRelay({
 *   listener: await listenTcp({ hostname: "127.0.0.1", port: 0 }),
 *   openEndpoint: () => openUdp({ remote: daemon.localAddress }),
 * });
 * await relay.close();
 * await daemon.close();
 * ```
 */
export class ResponderRelay {
  /** Resolves when the listener has ended and all streams are gone; rejects when the listener broke. */
  readonly closed: Promise<void>;

  readonly #options: ResponderRelayOptions;
  readonly #limits: RelayLimits;
  readonly #counters = zeroCounters();
  readonly #sockets: ClientSockets;
  readonly #streams = new Set<ClientStream>();
  readonly #streamsBySource = new Map<string, number>();
  readonly #sweep: ReturnType<typeof setInterval>;
  #halfOpen = 0;
  #closing = false;

  /** Begins to accept. */
  constructor(options: ResponderRelayOptions) {
    this.#options = options;
    this.#limits = relayLimits(options.limits);
    this.#sockets = new ClientSockets({
      open: options.openEndpoint,
      limits: this.#limits,
      counters: this.#counters,
    });
    this.#sweep = startIdleSweep(this.#limits.stream_idle_time, (before) => this.#closeIdle(before));
    this.closed = this.#accept();
    this.closed.catch(() => {}); // whoever cares listens
  }

  /** What has crossed so far. */
  get counters(): Readonly<RelayCounters> {
    return {
      ...this.#counters,
      streams: this.#streams.size,
      datagramsDropped: this.#counters.datagramsDropped + this.#sockets.unread,
      datagramsUnsent: this.#sockets.unsent,
    };
  }

  /** Stops accepting, sends what waits, ends all streams. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#options.listener.close();
    await Promise.all([...this.#streams].map((stream) => stream.close()));
    await this.closed.catch(() => {});
    await this.#sockets.closeAll();
  }

  async #accept(): Promise<void> {
    try {
      for await (const connection of this.#options.listener.connections) {
        const limit = this.#limitReached(connection);
        if (limit === undefined && !this.#closing) this.#start(connection);
        else this.#refuse(connection, limit);
      }
      await Promise.all([...this.#streams].map((stream) => stream.leg.ended));
    } finally {
      clearInterval(this.#sweep);
    }
  }

  #limitReached(connection: Connection): keyof RelayLimits | undefined {
    const ofSource = this.#streamsBySource.get(sourceKey(connection.remoteAddress.hostname)) ?? 0;
    if (this.#streams.size >= this.#limits.max_connections) return "max_connections";
    if (this.#halfOpen >= this.#limits.max_half_open) return "max_half_open";
    if (ofSource >= this.#limits.max_connections_per_source) return "max_connections_per_source";
    return undefined;
  }

  #refuse(connection: Connection, limit: keyof RelayLimits | undefined): void {
    const reason = limit === undefined
      ? new TransportError("ERR_TRANSPORT_CLOSED", "Cannot accept stream: the relay is closing")
      : new RelayError("ERR_RELAY_LIMIT", `Cannot accept stream: limit ${limit} is reached`);
    connection.writable.abort(reason).catch(() => {});
    if (limit === undefined) return;
    this.#counters.streamsRefused++;
    this.#options.onEvent?.({ event: "stream_refused", client: connection.remoteAddress, limit });
  }

  #start(connection: Connection): void {
    const { onEvent } = this.#options;
    const { remoteAddress: client, localAddress: local } = connection;
    const source = sourceKey(client.hostname);
    this.#streamsBySource.set(source, 1 + (this.#streamsBySource.get(source) ?? 0));
    this.#halfOpen++;
    this.#counters.streamsOpened++;
    const stream = new ClientStream({
      connection,
      limits: this.#limits,
      sockets: this.#sockets,
      counters: this.#counters,
      onFirstMessage: () => this.#halfOpen--,
      onAdopt: (socket) => {
        this.#counters.socketsAdopted++;
        onEvent?.({ event: "socket_adopted", client, local: socket.endpoint.localAddress });
      },
    });
    this.#streams.add(stream);
    onEvent?.({ event: "stream_opened", client, local, remote: client });

    stream.leg.ended.then((error) => {
      this.#streams.delete(stream);
      if (stream.halfOpen) this.#halfOpen--;
      const left = this.#streamsBySource.get(source)! - 1;
      if (left > 0) this.#streamsBySource.set(source, left);
      else this.#streamsBySource.delete(source);
      if (error !== undefined && !error.code.startsWith("ERR_TRANSPORT")) this.#counters.streamsFaulty++;
      stream.release();
      onEvent?.({ event: "stream_ended", client, error });
    });
  }

  /** A client that has gone without a word must not hold a connection and a UDP socket for ever. */
  #closeIdle(before: number): void {
    for (const stream of this.#streams) if (stream.lastActive <= before) stream.close();
  }
}

/** Milliseconds after the end of a client's direction for which answers of the daemon are still sent to it. */
const ANSWER_TIME = 200;

interface ClientStreamOptions {
  readonly connection: Connection;
  readonly limits: RelayLimits;
  readonly sockets: ClientSockets;
  readonly counters: RelayCounters;
  readonly onFirstMessage: () => void;
  readonly onAdopt: (socket: ClientSocket) => void;
}

/** One accepted stream and the socket of its client. */
class ClientStream {
  readonly leg: StreamLeg;
  /** Whether no message has come yet. */
  halfOpen = true;
  /** When a message last came from either side. */
  lastActive: number = performance.now();

  readonly #options: ClientStreamOptions;
  readonly #queue: OutgoingQueue;
  readonly #timers: readonly ReturnType<typeof setTimeout>[];
  #socket: ClientSocket | undefined;
  /** The socket of another stream that seems to be this client's last one. */
  #claimed: ClientSocket | undefined;
  /** Kinds whose first message has not come yet: either may tell whose stream this is. */
  readonly #unseen = new Set<"ike" | "esp">(["ike", "esp"]);

  constructor(options: ClientStreamOptions) {
    const { limits, connection, counters } = options;
    this.#options = options;
    this.#queue = new OutgoingQueue({ maxMessages: Infinity, maxOctets: limits.max_queue }, counters);
    this.leg = new StreamLeg({
      connection,
      role: "responder",
      queue: this.#queue,
      onMessages: (messages) => this.#handleMessages(messages),
      onPeerEnd: () => this.#handlePeerEnd(),
      maxMessageLength: limits.max_message_length,
      stalledWriteTime: limits.stalled_write_time,
      closeTimeout: limits.close_timeout,
      counters,
    });
    this.#timers = [
      setTimeout(() => this.#handlePrefixTimeout(), limits.prefix_timeout),
      setTimeout(() => this.#handleFirstMessageTimeout(), limits.first_message_timeout),
    ];
  }

  /** Sends what waits and ends the stream. */
  close(): Promise<void> {
    this.#detach(); // else a daemon that sends without a pause would keep it open
    return this.leg.close();
  }

  /** The stream has ended: the socket waits for its client to come back. */
  release(): void {
    this.#stopTimers();
    if (this.#claimed?.claimant === this.#takeOver) this.#claimed.claimant = undefined;
    this.#detach();
    this.#queue.clear();
  }

  #detach(): void {
    if (this.#socket?.deliver !== this.#deliver) return; // another stream has taken it over
    this.#socket.deliver = undefined;
    this.#options.sockets.keep(this.#socket);
  }

  /** The client sends no more here. It may be back on another stream before the answers to its last messages have come. */
  #handlePeerEnd(): number {
    if (this.#socket === undefined) return 0;
    this.#options.sockets.keep(this.#socket);
    return ANSWER_TIME;
  }

  #handlePrefixTimeout(): void {
    if (this.leg.prefixComplete) return;
    this.leg.fail(
      new RelayError(
        "ERR_RELAY_PREFIX_TIMEOUT",
        `Cannot wait for stream: expected the prefix within ${this.#options.limits.prefix_timeout} ms`,
      ),
    );
  }

  #handleFirstMessageTimeout(): void {
    this.leg.fail(
      new RelayError(
        "ERR_RELAY_FIRST_MESSAGE_TIMEOUT",
        `Cannot wait for stream: expected a message within ${this.#options.limits.first_message_timeout} ms`,
      ),
    );
  }

  #stopTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #handleMessages(messages: Uint8Array[]): void | Promise<void> {
    this.lastActive = performance.now();
    if (this.halfOpen) {
      this.halfOpen = false;
      this.#stopTimers();
      this.#options.onFirstMessage();
    }
    if (this.#unseen.size > 0) this.#recognise(messages);
    if (this.#socket !== undefined) return this.#send(this.#socket, messages);
    return this.#options.sockets.open(this.leg.connection.remoteAddress.hostname, this.#deliver)
      .then((socket) => {
        this.#socket = socket;
        return this.#send(socket, messages);
      }, (error) => this.leg.fail(error));
  }

  /** Takes over the socket of an ended stream when the first message of a kind carries an SPI last seen there. */
  #recognise(messages: readonly Uint8Array[]): void {
    for (const message of messages) {
      if (!this.#unseen.delete(hasNonEspMarker(message) ? "ike" : "esp")) continue;
      const socket = this.#options.sockets.adopt(message, this.#deliver);
      if (socket === undefined) {
        this.#claimed ??= this.#options.sockets.claim(message, this.#takeOver);
        continue;
      }
      if (this.#socket !== undefined) this.#options.sockets.close(this.#socket);
      this.#socket = socket;
      this.#unseen.clear();
      this.#options.onAdopt(socket);
      return;
    }
  }

  /**
   * The stream that held the client's socket turns out to have ended. The daemon still sends there unless it has had an
   * IKE message by the new one, which then stays.
   */
  readonly #takeOver = (socket: ClientSocket): boolean => {
    if (this.#socket === undefined || !this.#unseen.has("ike")) return false;
    this.#options.sockets.replace(this.#socket, socket);
    socket.deliver = this.#deliver;
    this.#socket = socket;
    this.#unseen.clear();
    this.#options.onAdopt(socket);
    return true;
  };

  /** A promise holds the client back: what it sends faster than the socket takes it is to wait in its own stream. */
  #send(socket: ClientSocket, messages: readonly Uint8Array[]): void | Promise<void> {
    this.#options.sockets.note(socket, messages);
    return sendAll(socket.endpoint, messages);
  }

  readonly #deliver: Deliver = (datagrams) => {
    this.lastActive = performance.now();
    for (const datagram of datagrams) {
      if (isCarried(datagram, this.#options.counters)) this.#queue.push(datagram);
    }
    this.leg.flush();
  };
}
