/**
 * The relay beside a responder's daemon: accepts RFC 9329 streams, and gives each client a UDP socket towards the daemon.
 */

import { hasNonEspMarker } from "../encap/mod.ts";
import { RelayError } from "../errors.ts";
import type { Connection, DatagramEndpoint, Listener } from "../transport/types.ts";
import { type ClientSocket, ClientSockets } from "./client_sockets.ts";
import { type RelayCounters, zeroCounters } from "./counters.ts";
import { isCarried } from "./datagrams.ts";
import type { OnRelayEvent } from "./events.ts";
import { type RelayLimits, relayLimits } from "./limits.ts";
import { OutgoingQueue } from "./outgoing_queue.ts";
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
  /** What has crossed so far. */
  readonly counters: Readonly<RelayCounters>;
  /** Resolves when the listener has ended and all streams are gone; rejects when the listener broke. */
  readonly closed: Promise<void>;

  readonly #options: ResponderRelayOptions;
  readonly #limits: RelayLimits;
  readonly #counters = zeroCounters();
  readonly #sockets: ClientSockets;
  readonly #streams = new Set<ClientStream>();
  readonly #streamsBySource = new Map<string, number>();
  #halfOpen = 0;

  /** Begins to accept. */
  constructor(options: ResponderRelayOptions) {
    this.#options = options;
    this.#limits = relayLimits(options.limits);
    this.counters = this.#counters;
    this.#sockets = new ClientSockets({
      open: options.openEndpoint,
      limits: this.#limits,
      onUndeliverable: (datagrams) => this.#counters.datagramsDropped += datagrams,
    });
    this.closed = this.#accept();
    this.closed.catch(() => {}); // whoever cares listens
  }

  /** Stops accepting, sends what waits, ends all streams. */
  async close(): Promise<void> {
    await this.#options.listener.close();
    await Promise.all([...this.#streams].map((stream) => stream.leg.close()));
    this.#sockets.closeAll();
    await this.closed.catch(() => {});
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#options.listener.connections) {
      const limit = this.#limitReached(connection);
      if (limit === undefined) this.#start(connection);
      else {
        this.#counters.streamsRefused++;
        this.#options.onEvent?.({ event: "stream_refused", client: connection.remoteAddress, limit });
        connection.writable.abort(
          new RelayError("ERR_RELAY_LIMIT", `Cannot accept stream: limit ${limit} is reached`),
        ).catch(() => {});
      }
    }
    await Promise.all([...this.#streams].map((stream) => stream.leg.ended));
  }

  #limitReached(connection: Connection): keyof RelayLimits | undefined {
    const ofSource = this.#streamsBySource.get(connection.remoteAddress.hostname) ?? 0;
    if (this.#streams.size >= this.#limits.max_connections) return "max_connections";
    if (this.#halfOpen >= this.#limits.max_half_open) return "max_half_open";
    if (ofSource >= this.#limits.max_connections_per_source) return "max_connections_per_source";
    return undefined;
  }

  #start(connection: Connection): void {
    const { onEvent } = this.#options;
    const { remoteAddress: client, localAddress: local } = connection;
    this.#streamsBySource.set(client.hostname, 1 + (this.#streamsBySource.get(client.hostname) ?? 0));
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
    this.#counters.streams = this.#streams.size;
    onEvent?.({ event: "stream_opened", client, local, remote: client });

    stream.leg.ended.then((error) => {
      this.#streams.delete(stream);
      this.#counters.streams = this.#streams.size;
      if (stream.halfOpen) this.#halfOpen--;
      const left = this.#streamsBySource.get(client.hostname)! - 1;
      if (left > 0) this.#streamsBySource.set(client.hostname, left);
      else this.#streamsBySource.delete(client.hostname);
      if (error !== undefined && !error.code.startsWith("ERR_TRANSPORT")) this.#counters.streamsFaulty++;
      stream.release();
      onEvent?.({ event: "stream_ended", client, error });
    });
  }
}

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

  readonly #options: ClientStreamOptions;
  readonly #queue: OutgoingQueue;
  #socket: ClientSocket | undefined;
  /** Kinds whose first message has not come yet: either may tell whose stream this is. */
  readonly #unseen = new Set<"ike" | "esp">(["ike", "esp"]);
  #timer: ReturnType<typeof setTimeout>;
  #dropped = 0;

  constructor(options: ClientStreamOptions) {
    const { limits, connection, counters } = options;
    this.#options = options;
    this.#queue = new OutgoingQueue({ maxMessages: Infinity, maxOctets: limits.max_queue });
    this.leg = new StreamLeg({
      connection,
      role: "responder",
      queue: this.#queue,
      onMessages: (messages) => this.#handleMessages(messages),
      maxMessageLength: limits.max_message_length,
      closeTimeout: limits.close_timeout,
      counters,
    });
    this.#timer = setTimeout(() => this.#handlePrefixTimeout(), limits.prefix_timeout);
  }

  /** The stream has ended: the socket waits for its client to come back. */
  release(): void {
    clearTimeout(this.#timer);
    if (this.#socket !== undefined) this.#options.sockets.keep(this.#socket);
  }

  #handlePrefixTimeout(): void {
    const { prefix_timeout, first_message_timeout } = this.#options.limits;
    if (!this.leg.prefixComplete) {
      this.leg.fail(
        new RelayError(
          "ERR_RELAY_PREFIX_TIMEOUT",
          `Cannot wait for stream: expected the prefix within ${prefix_timeout} ms`,
        ),
      );
      return;
    }
    this.#timer = setTimeout(() => {
      this.leg.fail(
        new RelayError(
          "ERR_RELAY_FIRST_MESSAGE_TIMEOUT",
          `Cannot wait for stream: expected a first message within ${first_message_timeout} ms`,
        ),
      );
    }, Math.max(0, first_message_timeout - prefix_timeout));
  }

  #handleMessages(messages: Uint8Array[]): void | Promise<void> {
    if (this.halfOpen) {
      this.halfOpen = false;
      clearTimeout(this.#timer);
      this.#options.onFirstMessage();
    }
    if (this.#unseen.size > 0) this.#recognise(messages);
    if (this.#socket !== undefined) return this.#send(this.#socket, messages);
    return this.#options.sockets.open(this.#deliver).then((socket) => {
      this.#socket = socket;
      this.#send(socket, messages);
    }, (error) => this.leg.fail(error));
  }

  /** Takes over the socket of an ended stream when the first message of a kind carries an SPI last seen there. */
  #recognise(messages: readonly Uint8Array[]): void {
    for (const message of messages) {
      if (!this.#unseen.delete(hasNonEspMarker(message) ? "ike" : "esp")) continue;
      const socket = this.#options.sockets.adopt(message, this.#deliver);
      if (socket === undefined) continue;
      if (this.#socket !== undefined) this.#options.sockets.close(this.#socket);
      this.#socket = socket;
      this.#unseen.clear();
      this.#options.onAdopt(socket);
      return;
    }
  }

  #send(socket: ClientSocket, messages: readonly Uint8Array[]): void {
    this.#options.sockets.note(socket, messages);
    for (const message of messages) socket.endpoint.send(message);
  }

  readonly #deliver = (datagrams: Uint8Array[]): void => {
    const { counters } = this.#options;
    for (const datagram of datagrams) if (isCarried(datagram, counters)) this.#queue.push(datagram);
    counters.datagramsDropped += this.#queue.dropped - this.#dropped;
    this.#dropped = this.#queue.dropped;
    this.leg.flush();
  };
}
