/**
 * The relay beside an initiator's daemon: hears its datagrams, and opens an RFC 9329 stream for each UDP peer.
 */

import { IketcpError, RelayError, TransportError } from "../errors.ts";
import { formatAddress, type TransportAddress } from "../transport/address.ts";
import type { Connection, Datagram, DatagramEndpoint } from "../transport/types.ts";
import { Backoff } from "./backoff.ts";
import { type RelayCounters, zeroCounters } from "./counters.ts";
import { isCarried, lacksMarker } from "./datagrams.ts";
import type { OnRelayEvent } from "./events.ts";
import { startIdleSweep } from "./idle_sweep.ts";
import { type RelayLimits, relayLimits } from "./limits.ts";
import { OutgoingQueue } from "./outgoing_queue.ts";
import { sendAll } from "./send_all.ts";
import { StreamLeg } from "./stream_leg.ts";
import { UnansweredRequests } from "./unanswered_requests.ts";

/** How a stream is to be opened. */
export interface DialOptions {
  /** Aborts when nobody wants the stream any more. */
  readonly signal: AbortSignal;
  /** Milliseconds that opening it may take. */
  readonly timeout: number;
  /** How many streams in a row were opened and never answered: whoever has another way may take it (RFC 9329, section 8). */
  readonly unanswered: number;
}

/** Opens the stream towards the responder. */
export type Dial = (options: DialOptions) => Promise<Connection>;

/** What an {@linkcode OriginatorRelay} needs. */
export interface OriginatorRelayOptions {
  /** Where the daemon's datagrams arrive; the relay owns it from now on. */
  readonly endpoint: DatagramEndpoint;
  /** Opens a stream; called anew for every reconnect. */
  readonly dial: Dial;
  /** Limits that differ from their defaults. */
  readonly limits?: Partial<RelayLimits>;
  /** Takes events. */
  readonly onEvent?: OnRelayEvent;
}

/**
 * Datagrams to streams. Transparent: one datagram is one message, in both directions; nothing is decrypted. A daemon's
 * unrelated IKE SAs share the stream of its address and port, since its datagrams cannot be told apart once encrypted.
 *
 * @example
 * ```ts
 * import { OriginatorRelay } from "iketcp/relay";
 * import { connectTcp, openUdp } from "iketcp/runtime";
 *
 * const relay = new OriginatorRelay({
 *   endpoint: await openUdp({ local: { hostname: "127.0.0.1", port: 0 } }),
 *   dial: (options) => connectTcp({ hostname: "gw.example", port: 4500 }, options),
 * });
 * await relay.close();
 * ```
 */
export class OriginatorRelay {
  /** Resolves when the endpoint has ended and all streams are gone. */
  readonly closed: Promise<void>;

  readonly #options: OriginatorRelayOptions;
  readonly #limits: RelayLimits;
  readonly #counters = zeroCounters();
  readonly #peers = new Map<string, Peer>();
  /** Peers that were let go and whose streams still end. */
  readonly #leaving = new Set<Promise<void>>();
  readonly #sweep: ReturnType<typeof setInterval>;
  #closing = false;

  /** Begins to hear. */
  constructor(options: OriginatorRelayOptions) {
    this.#options = options;
    this.#limits = relayLimits(options.limits);
    this.#sweep = startIdleSweep(this.#limits.peer_idle_time, (before) => this.#forgetIdle(before));
    this.closed = this.#receive();
    this.closed.catch(() => {}); // whoever cares listens
  }

  /** What has crossed so far. */
  get counters(): Readonly<RelayCounters> {
    const { counters: udp } = this.#options.endpoint;
    return {
      ...this.#counters,
      peers: this.#peers.size,
      datagramsDropped: this.#counters.datagramsDropped + udp.receiveDropped,
      datagramsUnsent: udp.sendDropped + udp.sendFailed,
    };
  }

  /** Stops hearing, sends what waits, ends all streams. */
  async close(): Promise<void> {
    await this.#letAllGo();
    await this.#options.endpoint.close();
    await this.closed.catch(() => {});
  }

  async #receive(): Promise<void> {
    try {
      for await (const datagrams of this.#options.endpoint.readable) this.#handleDatagrams(datagrams);
    } finally {
      await this.#letAllGo();
    }
  }

  #handleDatagrams(datagrams: readonly Datagram[]): void {
    const touched = new Set<Peer>();
    let sender: TransportAddress | undefined;
    let peer: Peer | undefined;
    for (const { data, from } of datagrams) {
      if (peer === undefined || from !== sender) { // mostly it is the same object
        sender = from;
        peer = this.#peerOf(from, data);
        if (peer === undefined) continue;
        touched.add(peer);
      }
      peer.handleDatagram(data);
    }
    for (const peer of touched) peer.flush();
  }

  #peerOf(address: TransportAddress, data: Uint8Array): Peer | undefined {
    const key = formatAddress(address);
    const known = this.#peers.get(key);
    if (known !== undefined) return known;
    if (this.#closing || !isCarried(data, this.#counters)) return undefined; // a keepalive is no reason to open a stream
    if (this.#peers.size >= this.#limits.max_peers) {
      this.#counters.peersRefused++;
      return undefined;
    }
    const peer = new Peer(address, this.#options, this.#limits, this.#counters);
    this.#peers.set(key, peer);
    return peer;
  }

  #forgetIdle(before: number): void {
    for (const [key, peer] of this.#peers) {
      if (peer.lastActive > before) continue;
      this.#letGo(key, peer);
      this.#options.onEvent?.({ event: "peer_forgotten", client: peer.address });
    }
  }

  async #letAllGo(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#sweep);
    for (const [key, peer] of this.#peers) this.#letGo(key, peer);
    await Promise.all(this.#leaving);
  }

  #letGo(key: string, peer: Peer): void {
    this.#peers.delete(key);
    const leaving = peer.close().finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }
}

/** The longest delay in milliseconds after a stream that answered: resets that come often must not keep a tunnel down. */
const MOST_AFTER_ANSWER = 1000;

/**
 * One UDP peer and its stream.
 *
 * A stream that answered and is lost is opened anew at once, so that it stands when the daemon next sends. After a failure,
 * or a stream that did not live long, the next attempt comes after a growing delay, and where nothing ever came back only
 * when there is something to send.
 */
class Peer {
  readonly address: TransportAddress;
  /** When a datagram last came from the peer or a message for it. */
  lastActive: number = performance.now();

  readonly #options: OriginatorRelayOptions;
  readonly #limits: RelayLimits;
  readonly #counters: RelayCounters;
  readonly #queue: OutgoingQueue;
  readonly #backoff: Backoff;
  readonly #abort = new AbortController();
  readonly #unanswered = new UnansweredRequests();
  #state: "idle" | "opening" | "open" | "waiting" = "idle";
  /** The other end has answered on the last stream: it is to be replaced when it is lost. */
  #answered = false;
  /** Streams in a row that opened and gave no answer. */
  #unansweredStreams = 0;
  #leg: StreamLeg | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #opening: Promise<void> | undefined;
  #toldOfMarker = false;

  constructor(
    address: TransportAddress,
    options: OriginatorRelayOptions,
    limits: RelayLimits,
    counters: RelayCounters,
  ) {
    this.address = address;
    this.#options = options;
    this.#limits = limits;
    this.#counters = counters;
    this.#queue = new OutgoingQueue(this.#openingLimits(), counters);
    this.#backoff = new Backoff(limits.reconnect_delay, limits.max_reconnect_delay);
  }

  /** Takes one datagram of the daemon; `flush` sends it on. */
  handleDatagram(data: Uint8Array): void {
    if (!isCarried(data, this.#counters)) return;
    if (!this.#toldOfMarker && lacksMarker(data)) {
      this.#toldOfMarker = true;
      this.#options.onEvent?.({ event: "marker_missing", client: this.address });
    }
    if (this.#state === "open") this.#watch(data);
    this.#queue.push(data);
  }

  /** Sends what waits, opening a stream where there is none. */
  flush(): void {
    this.lastActive = performance.now();
    if (this.#state === "open") this.#leg!.flush();
    else if (this.#state === "idle") this.#openIfWanted();
  }

  /** Sends what waits, ends the stream and opens no other. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#abort.abort(
      new TransportError("ERR_TRANSPORT_CLOSED", "Cannot open stream: the relay has let go of its peer"),
    );
    await this.#opening;
    await this.#leg?.close();
    this.#queue.clear();
  }

  #openIfWanted(): void {
    if (this.#answered || this.#queue.length > 0) this.#opening = this.#open();
    else this.#state = "idle"; // the daemon's next datagram opens it
  }

  async #open(): Promise<void> {
    const { signal } = this.#abort;
    this.#state = "opening";
    let connection: Connection;
    try {
      connection = await this.#options.dial({
        signal,
        timeout: this.#limits.connect_timeout,
        unanswered: this.#unansweredStreams,
      });
    } catch (error) {
      if (!signal.aborted) this.#handleFailure(error);
      return;
    }
    if (signal.aborted) await connection.close();
    else this.#begin(connection);
  }

  #begin(connection: Connection): void {
    const { localAddress: local, remoteAddress: remote } = connection;
    const began = performance.now();
    this.#state = "open";
    this.#answered = false;
    this.#counters.streamsOpened++;
    this.#counters.streams++;
    this.#queue.limit({ maxMessages: Infinity, maxOctets: this.#limits.max_queue });
    this.#options.onEvent?.({ event: "stream_opened", client: this.address, local, remote });
    const leg = new StreamLeg({
      connection,
      role: "originator",
      queue: this.#queue,
      onMessages: (messages) => this.#handleMessages(messages),
      maxMessageLength: this.#limits.max_message_length,
      stalledWriteTime: this.#limits.stalled_write_time,
      closeTimeout: this.#limits.close_timeout,
      counters: this.#counters,
    });
    this.#leg = leg;
    leg.ended.then((error) => this.#handleEnd(error, performance.now() - began));
  }

  /** Gives up a stream on which nothing comes back; the request goes out again on the next one. */
  #watch(data: Uint8Array): void {
    const { unanswered_request_time: most } = this.#limits;
    if (this.#unanswered.handleDatagram(data, performance.now()) < most) return;
    this.#unanswered.handleAnswer();
    this.#leg!.fail(
      new RelayError(
        "ERR_RELAY_UNANSWERED",
        `Cannot go on with stream: expected an answer to the daemon's IKE request within ${most} ms`,
      ),
    );
  }

  /** A promise holds the other end back while the daemon's socket has no room. */
  #handleMessages(messages: readonly Uint8Array[]): void | Promise<void> {
    this.#answered = true;
    this.#unanswered.handleAnswer();
    this.lastActive = performance.now();
    return sendAll(this.#options.endpoint, messages, this.address);
  }

  #handleEnd(error: IketcpError | undefined, lived: number): void {
    this.#leg = undefined;
    this.#unansweredStreams = this.#answered ? 0 : this.#unansweredStreams + 1;
    this.#unanswered.handleAnswer(); // on the next stream time begins anew
    this.#counters.streams--;
    if (error !== undefined && !error.code.startsWith("ERR_TRANSPORT")) this.#counters.streamsFaulty++;
    this.#queue.limit(this.#openingLimits());
    this.#options.onEvent?.({ event: "stream_ended", client: this.address, error });
    const stable = lived >= this.#limits.stable_stream_time;
    if (stable) this.#backoff.reset();
    const delay = stable ? 0 : this.#backoff.next();
    this.#wait(this.#answered ? Math.min(delay, MOST_AFTER_ANSWER) : delay);
  }

  #handleFailure(reason: unknown): void {
    const error = reason instanceof IketcpError ? reason : new TransportError(
      "ERR_TRANSPORT_FAILED",
      `Cannot open stream: ${reason instanceof Error ? reason.message : reason}`,
      { cause: reason },
    );
    const retryIn = this.#backoff.next();
    this.#counters.streamsFailed++;
    this.#options.onEvent?.({ event: "stream_failed", client: this.address, error, retryIn });
    this.#wait(retryIn);
  }

  #wait(delay: number): void {
    if (this.#abort.signal.aborted) return;
    this.#state = "waiting";
    this.#timer = setTimeout(() => this.#openIfWanted(), delay);
  }

  #openingLimits(): { maxMessages: number; maxOctets: number } {
    return { maxMessages: this.#limits.max_opening_datagrams, maxOctets: this.#limits.max_opening_octets };
  }
}
