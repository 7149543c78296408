/**
 * The UDP sockets towards the local daemon, one a client. A daemon sends to the port from which it last heard a client, so
 * the socket outlives the client's stream for a while, and a new stream of the same client goes on with it: it is known by an
 * SPI that was last seen there.
 */

import type { DatagramEndpoint } from "../transport/types.ts";
import { type SpiKey, spiKeyOf } from "./datagrams.ts";
import type { RelayLimits } from "./limits.ts";

/** SPIs remembered for one client: more than a daemon with many CHILD_SAs uses between two reconnects. */
const MOST_SPIS = 256;

/** One UDP socket and what is known of its client. */
export interface ClientSocket {
  /** The socket itself. */
  readonly endpoint: DatagramEndpoint;
  /** Takes datagrams of the daemon; `undefined` once the stream has ended. */
  deliver: ((datagrams: Uint8Array[]) => void) | undefined;
  /** SPIs last seen from this client, oldest first. */
  readonly spis: Set<NonNullable<SpiKey>>;
  /** The SPI of the last message, which mostly is that of the next. */
  lastSpi: SpiKey;
  /** Runs while the socket waits for its client. */
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** What {@linkcode ClientSockets} needs. */
export interface ClientSocketsOptions {
  /** Opens a socket that hears only the daemon. */
  readonly open: () => Promise<DatagramEndpoint>;
  /** How many ended ones are kept, and for how long. */
  readonly limits: Pick<RelayLimits, "max_kept_sockets" | "kept_socket_time">;
  /** Takes datagrams that came when no stream was there. */
  readonly onUndeliverable: (datagrams: number) => void;
}

/** All UDP sockets of a responder's relay. */
export class ClientSockets {
  readonly #options: ClientSocketsOptions;
  readonly #bySpi = new Map<NonNullable<SpiKey>, ClientSocket>();
  readonly #live = new Set<ClientSocket>();
  /** Sockets whose stream has ended, longest ago first. */
  readonly #kept = new Set<ClientSocket>();

  /** Starts with none. */
  constructor(options: ClientSocketsOptions) {
    this.#options = options;
  }

  /** Opens a socket for a client that is not known. */
  async open(deliver: (datagrams: Uint8Array[]) => void): Promise<ClientSocket> {
    const endpoint = await this.#options.open();
    const socket: ClientSocket = { endpoint, deliver, spis: new Set(), lastSpi: undefined, timer: undefined };
    this.#live.add(socket);
    this.#pump(socket);
    return socket;
  }

  /** The socket of an ended stream where the message's SPI was last seen; it then belongs to the caller. */
  adopt(message: Uint8Array, deliver: (datagrams: Uint8Array[]) => void): ClientSocket | undefined {
    const key = spiKeyOf(message);
    const socket = key === undefined ? undefined : this.#bySpi.get(key);
    if (socket === undefined || !this.#kept.delete(socket)) return undefined;
    clearTimeout(socket.timer);
    socket.deliver = deliver;
    this.#live.add(socket);
    return socket;
  }

  /** Remembers the SPIs of messages that a client sends. */
  note(socket: ClientSocket, messages: readonly Uint8Array[]): void {
    for (const message of messages) {
      const key = spiKeyOf(message);
      if (key === undefined || (key === socket.lastSpi && this.#bySpi.get(key) === socket)) continue;
      socket.lastSpi = key;
      this.#bySpi.get(key)?.spis.delete(key);
      this.#bySpi.set(key, socket);
      socket.spis.add(key);
      if (socket.spis.size > MOST_SPIS) this.#forget(socket.spis.values().next().value!, socket);
    }
  }

  /** Keeps the socket of an ended stream for its client; the one that has waited longest makes room. */
  keep(socket: ClientSocket): void {
    socket.deliver = undefined;
    if (!this.#live.delete(socket)) return;
    if (socket.spis.size === 0) return this.close(socket);
    const { max_kept_sockets, kept_socket_time } = this.#options.limits;
    this.#kept.add(socket);
    socket.timer = setTimeout(() => this.close(socket), kept_socket_time);
    if (this.#kept.size > max_kept_sockets) this.close(this.#kept.values().next().value!);
  }

  /** Closes one socket for good. */
  close(socket: ClientSocket): void {
    clearTimeout(socket.timer);
    for (const key of socket.spis) this.#forget(key, socket);
    this.#live.delete(socket);
    this.#kept.delete(socket);
    socket.endpoint.close().catch(() => {});
  }

  /** Closes all. */
  closeAll(): void {
    for (const socket of [...this.#live, ...this.#kept]) this.close(socket);
  }

  async #pump(socket: ClientSocket): Promise<void> {
    try {
      for await (const datagrams of socket.endpoint.readable) {
        if (socket.deliver === undefined) this.#options.onUndeliverable(datagrams.length);
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
}
