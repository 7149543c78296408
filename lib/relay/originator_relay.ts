/**
 * The relay beside an initiator's daemon: hears its datagrams, and opens an RFC 9329 stream for each UDP peer.
 */

import { IketcpError, TransportError } from "../errors.ts";
import { formatAddress } from "../transport/address.ts";
import type { Connection, DatagramEndpoint, TransportAddress } from "../transport/types.ts";
import { Backoff } from "./backoff.ts";
import { type RelayCounters, zeroCounters } from "./counters.ts";
import { isCarried, lacksMarker } from "./datagrams.ts";
import type { OnRelayEvent } from "./events.ts";
import { type RelayLimits, relayLimits } from "./limits.ts";
import { OutgoingQueue } from "./outgoing_queue.ts";
import { StreamLeg } from "./stream_leg.ts";

/** Opens the stream towards the responder. */
export type Dial = (
  options: { readonly signal: AbortSignal; readonly timeout: number },
) => Promise<Connection>;

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
  /** What has crossed so far. */
  readonly counters: Readonly<RelayCounters>;
  /** Resolves when the endpoint has ended and all streams are gone. */
  readonly closed: Promise<void>;

  readonly #options: OriginatorRelayOptions;
  readonly #limits: RelayLimits;
  readonly #counters = zeroCounters();
  readonly #peers = new Map<string, Peer>();
  readonly #sweep: ReturnType<typeof setInterval>;
  #closing = false;

  /** Begins to hear. */
  constructor(options: OriginatorRelayOptions) {
    this.#options = options;
    this.#limits = relayLimits(options.limits);
    this.counters = this.#counters;
    this.#sweep = setInterval(
      () => this.#forgetIdle(),
      Math.max(10, this.#limits.peer_idle_time / SWEEPS_PER_IDLE_TIME),
    );
    this.closed = this.#receive();
    this.closed.catch(() => {}); // whoever cares listens
  }

  /** Stops hearing, sends what waits, ends all streams. */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    this.#closing = true;
    const peers = [...this.#peers.values()];
    this.#peers.clear();
    this.#counters.peers = 0;
    await Promise.all(peers.map((peer) => peer.close()));
    await this.#options.endpoint.close();
    await this.closed.catch(() => {});
  }

  async #receive(): Promise<void> {
    try {
      for await (const datagrams of this.#options.endpoint.readable) {
        const touched = new Set<Peer>();
        for (const { data, from } of datagrams) {
          const peer = this.#peerOf(from, data);
          if (peer === undefined) continue;
          peer.handleDatagram(data);
          touched.add(peer);
        }
        for (const peer of touched) peer.flush();
      }
    } finally {
      clearInterval(this.#sweep);
    }
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
    this.#counters.peers = this.#peers.size;
    return peer;
  }

  #forgetIdle(): void {
    const before = Date.now() - this.#limits.peer_idle_time;
    for (const [key, peer] of this.#peers) {
      if (peer.lastActive > before) continue;
      this.#peers.delete(key);
      this.#counters.peers = this.#peers.size;
      this.#options.onEvent?.({ event: "peer_forgotten", client: peer.address });
      peer.close();
    }
  }
}

/** How exactly idle peers are found: within this fraction of their time. */
const SWEEPS_PER_IDLE_TIME = 8;

/** A stream that lived this long is taken for a good one, in milliseconds: the next attempt then comes without a delay. */
const GOOD_STREAM = 5000;

/**
 * One UDP peer and its stream.
 *
 * A stream that answered and is lost is opened anew at once, so that it stands when the daemon next sends; after a failure,
 * or a stream on which nothing came back, with growing delays, and only while something waits to be sent.
 */
class Peer {
  readonly address: TransportAddress;
  /** When a datagram last came from the peer or a message for it. */
  lastActive: number = Date.now();

  readonly #options: OriginatorRelayOptions;
  readonly #limits: RelayLimits;
  readonly #counters: RelayCounters;
  readonly #queue: OutgoingQueue;
  readonly #backoff: Backoff;
  readonly #abort = new AbortController();
  #state: "idle" | "opening" | "open" | "waiting" = "idle";
  #leg: StreamLeg | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #opening: Promise<void> | undefined;
  #dropped = 0;
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
    this.#queue = new OutgoingQueue(this.#openingLimits());
    this.#backoff = new Backoff(limits.reconnect_delay, limits.max_reconnect_delay);
  }

  /** Takes one datagram of the daemon; `flush` sends it on. */
  handleDatagram(data: Uint8Array): void {
    this.lastActive = Date.now();
    if (!isCarried(data, this.#counters)) return;
    if (!this.#toldOfMarker && lacksMarker(data)) {
      this.#toldOfMarker = true;
      this.#options.onEvent?.({ event: "marker_missing", client: this.address });
    }
    this.#queue.push(data);
  }

  /** Sends what waits, opening a stream where there is none. */
  flush(): void {
    this.#counters.datagramsDropped += this.#queue.dropped - this.#dropped;
    this.#dropped = this.#queue.dropped;
    if (this.#queue.length === 0) return;
    if (this.#state === "open") this.#leg!.flush();
    else if (this.#state === "idle") this.#open();
  }

  /** Ends the stream and opens no other. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#abort.abort(
      new TransportError("ERR_TRANSPORT_CLOSED", "Cannot open stream: the relay has let go of its peer"),
    );
    await this.#opening;
    await this.#leg?.close();
  }

  #open(): void {
    this.#state = "opening";
    this.#opening = this.#options.dial({ signal: this.#abort.signal, timeout: this.#limits.connect_timeout })
      .then((connection) => this.#begin(connection), (error) => this.#handleFailure(error));
  }

  #begin(connection: Connection): void {
    const { localAddress: local, remoteAddress: remote } = connection;
    if (this.#abort.signal.aborted) {
      connection.close().catch(() => {});
      return;
    }
    const opened = Date.now();
    let answered = false;
    this.#state = "open";
    this.#counters.streamsOpened++;
    this.#counters.streams++;
    this.#queue.limit({ maxMessages: Infinity, maxOctets: this.#limits.max_queue });
    this.#options.onEvent?.({ event: "stream_opened", client: this.address, local, remote });
    this.#leg = new StreamLeg({
      connection,
      role: "originator",
      queue: this.#queue,
      onMessages: (messages) => {
        answered = true;
        this.lastActive = Date.now();
        for (const message of messages) this.#options.endpoint.send(message, this.address);
      },
      maxMessageLength: this.#limits.max_message_length,
      closeTimeout: this.#limits.close_timeout,
      counters: this.#counters,
    });
    this.#leg.ended.then((error) => {
      this.#leg = undefined;
      this.#state = "idle";
      this.#counters.streams--;
      if (error !== undefined && !error.code.startsWith("ERR_TRANSPORT")) this.#counters.streamsFaulty++;
      this.#queue.limit(this.#openingLimits());
      this.#options.onEvent?.({ event: "stream_ended", client: this.address, error });
      this.#reopen(answered, answered && Date.now() - opened >= GOOD_STREAM);
    });
  }

  #reopen(answered: boolean, good: boolean): void {
    if (this.#abort.signal.aborted) return;
    if (good) this.#backoff.reset();
    if (!answered && this.#queue.length === 0) return; // the daemon's next datagram opens it
    this.#wait(good ? 0 : this.#backoff.next());
  }

  #handleFailure(reason: unknown): void {
    if (this.#abort.signal.aborted) return;
    const error = reason instanceof IketcpError ? reason : new TransportError(
      "ERR_TRANSPORT_FAILED",
      `Cannot open stream: ${reason instanceof Error ? reason.message : reason}`,
      {
        cause: reason,
      },
    );
    const retryIn = this.#backoff.next();
    this.#counters.streamsFailed++;
    this.#options.onEvent?.({ event: "stream_failed", client: this.address, error, retryIn });
    this.#wait(retryIn);
  }

  #wait(delay: number): void {
    this.#state = "waiting";
    this.#timer = setTimeout(() => this.#open(), delay);
  }

  #openingLimits(): { maxMessages: number; maxOctets: number } {
    return { maxMessages: this.#limits.max_opening_datagrams, maxOctets: this.#limits.max_opening_octets };
  }
}
