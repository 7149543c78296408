/**
 * The UDP sockets towards the local daemon, one a client. A daemon sends to the port from which it last heard a client, so
 * the socket outlives the client's stream for a while, and a new stream of the same client goes on with it: it is known by an
 * SPI that was last seen there.
 */

import type { DatagramEndpoint } from "../transport/types.ts";
import type { RelayCounters } from "./counters.ts";
import { type SpiKey, spiKeyOf } from "./datagrams.ts";
import type { RelayLimits } from "./limits.ts";
import { sourceKey } from "../transport/source_key.ts";

/** SPIs remembered for one client: more than a daemon with many CHILD_SAs uses between two reconnects. */
const MOST_SPIS = 256;

/** Takes datagrams of the daemon. */
export type Deliver = (datagrams: Uint8Array[]) => void;

/** One UDP socket and what is known of its client. */
export interface ClientSocket {
  /** The socket itself. */
  readonly endpoint: DatagramEndpoint;
  /** The IP address of the client that it was opened for. */
  readonly source: string;
  /** The stream that it serves; `undefined` when there is none any more. */
  deliver: Deliver | undefined;
  /** SPIs last seen from this client, oldest first. */
  readonly spis: Set<NonNullable<SpiKey>>;
  /** The SPI of the last message, which mostly is that of the next. */
  lastSpi: SpiKey;
  /** Asked first when the stream ends. */
  claimant: Claimant | undefined;
  /** Runs while the socket waits for its client. */
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** Offered a socket whose stream has ended; says whether it takes it. */
export type Claimant = (socket: ClientSocket) => boolean;

/** What {@linkcode ClientSockets} needs. */
export interface ClientSocketsOptions {
  /** Opens a socket that hears only the daemon. */
  readonly open: () => Promise<DatagramEndpoint>;
  /** How many are kept, of all clients and of one address, and for how long. */
  readonly limits: Pick<RelayLimits, "max_kept_sockets" | "max_connections_per_source" | "kept_socket_time">;
  /** Where to count datagrams that came when no stream was there. */
  readonly counters: Pick<RelayCounters, "datagramsDropped">;
}

/** All UDP sockets of a responder's relay. */
export class ClientSockets {
  readonly #options: ClientSocketsOptions;
  readonly #bySpi = new Map<NonNullable<SpiKey>, ClientSocket>();
  readonly #live = new Set<ClientSocket>();
  /** Sockets that wait for their client, longest first. */
  readonly #kept = new Set<ClientSocket>();
  /** What sockets that are closed now have counted. */
  #unsent = 0;
  #unread = 0;

  /** Starts with none. */
  constructor(options: ClientSocketsOptions) {
    this.#options = options;
  }

  /** Datagrams that the system did not send. */
  get unsent(): number {
    return this.#sum(unsentBy, this.#unsent);
  }

  /** Datagrams of the daemon that were dropped before anybody read them. */
  get unread(): number {
    return this.#sum(unreadBy, this.#unread);
  }

  /** Opens a socket for a client that is not known. */
  async open(source: string, deliver: Deliver): Promise<ClientSocket> {
    const endpoint = await this.#options.open();
    const socket: ClientSocket = {
      endpoint,
      source,
      deliver,
      spis: new Set(),
      lastSpi: undefined,
      claimant: undefined,
      timer: undefined,
    };
    this.#live.add(socket);
    this.#pump(socket);
    return socket;
  }

  /**
   * The kept socket where the message's SPI was last seen; it then belongs to the caller. A client may come back from another
   * address (RFC 9329, section 6.1), so the address does not count.
   */
  adopt(message: Uint8Array, deliver: Deliver): ClientSocket | undefined {
    const key = spiKeyOf(message);
    const socket = key === undefined ? undefined : this.#bySpi.get(key);
    if (socket === undefined) return undefined;
    if (!this.#kept.delete(socket)) return undefined;
    clearTimeout(socket.timer);
    socket.deliver = deliver;
    this.#live.add(socket);
    return socket;
  }

  /**
   * Asks for the socket of a living stream where the message's SPI was last seen, for the moment when that stream ends. A
   * client may be back before this end learns that its last stream is dead: only the first answer into that one tells.
   */
  claim(message: Uint8Array, claimant: Claimant): ClientSocket | undefined {
    const key = spiKeyOf(message);
    const socket = key === undefined ? undefined : this.#bySpi.get(key);
    if (socket === undefined || !this.#live.has(socket)) return undefined;
    socket.claimant = claimant;
    return socket;
  }

  /** Goes on with one socket of a client in the place of another, which is closed. */
  replace(before: ClientSocket, socket: ClientSocket): void {
    for (const key of before.spis) {
      this.#bySpi.set(key, socket);
      socket.spis.add(key);
    }
    before.spis.clear();
    socket.claimant = before.claimant;
    this.close(before);
  }

  /** Remembers the SPIs of messages that a client sends; not those of another address, which a stranger could repeat. */
  note(socket: ClientSocket, messages: readonly Uint8Array[]): void {
    for (const message of messages) {
      const key = spiKeyOf(message);
      if (key === undefined || (key === socket.lastSpi && this.#bySpi.get(key) === socket)) continue;
      const owner = this.#bySpi.get(key);
      if (owner !== undefined && owner.source !== socket.source) continue;
      socket.lastSpi = key;
      owner?.spis.delete(key);
      this.#bySpi.set(key, socket);
      socket.spis.add(key);
      if (socket.spis.size > MOST_SPIS) this.#forget(first(socket.spis)!, socket);
    }
  }

  /**
   * Keeps the socket of a client that sends no more. The one that has waited longest makes room: one of the same address
   * where that has its share already, so that no address can make others lose theirs. Where nothing would tell that the
   * client is back, the socket goes with its stream. A client that is back already goes on with it.
   */
  keep(socket: ClientSocket): void {
    if (!this.#live.has(socket)) return;
    const { claimant } = socket;
    socket.claimant = undefined;
    if (claimant?.(socket)) return;
    if (socket.spis.size === 0) {
      if (socket.deliver === undefined) this.close(socket);
      return;
    }
    const { max_kept_sockets, max_connections_per_source, kept_socket_time } = this.#options.limits;
    this.#live.delete(socket);
    this.#kept.add(socket);
    socket.timer = setTimeout(() => this.close(socket), kept_socket_time);
    const source = sourceKey(socket.source);
    const ofSource = [...this.#kept].filter((other) => sourceKey(other.source) === source);
    if (ofSource.length > max_connections_per_source) this.close(ofSource[0]!);
    else if (this.#kept.size > max_kept_sockets) this.close(first(this.#kept)!);
  }

  /** Closes one socket for good. */
  close(socket: ClientSocket): Promise<void> {
    clearTimeout(socket.timer);
    for (const key of socket.spis) this.#forget(key, socket);
    if (this.#live.delete(socket) || this.#kept.delete(socket)) {
      this.#unsent += unsentBy(socket);
      this.#unread += unreadBy(socket);
    }
    return socket.endpoint.close().catch(() => {});
  }

  /** Closes all. */
  async closeAll(): Promise<void> {
    await Promise.all([...this.#live, ...this.#kept].map((socket) => this.close(socket)));
  }

  async #pump(socket: ClientSocket): Promise<void> {
    try {
      for await (const datagrams of socket.endpoint.readable) {
        if (socket.deliver === undefined) this.#options.counters.datagramsDropped += datagrams.length;
        else socket.deliver(datagrams.map((datagram) => datagram.data));
      }
    } catch {
      // The socket broke; its stream goes on without answers until it ends, as behind a network that lost them.
    }
  }

  #forget(key: NonNullable<SpiKey>, socket: ClientSocket): void {
    socket.spis.delete(key);
    if (this.#bySpi.get(key) === socket) this.#bySpi.delete(key);
  }

  #sum(count: (socket: ClientSocket) => number, sum: number): number {
    for (const sockets of [this.#live, this.#kept]) for (const socket of sockets) sum += count(socket);
    return sum;
  }
}

function unsentBy({ endpoint: { counters } }: ClientSocket): number {
  return counters.sendDropped + counters.sendFailed;
}

function unreadBy({ endpoint: { counters } }: ClientSocket): number {
  return counters.receiveDropped;
}

function first<T>(values: Set<T>): T | undefined {
  return values.values().next().value;
}
